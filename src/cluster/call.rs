//! What every verb needs to know about the request it serves.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::{apply::tracking::Writer, kinds::Kind, state::State, status::Refusal};

/// One request, as far as all verbs have it in common.
#[derive(Clone, Debug)]
pub(super) struct Call<'a> {
    /// Where the resource is in the state.
    pub at: usize,
    /// Its rules.
    pub kind: Arc<Kind>,
    /// Empty where the object has none.
    pub namespace: &'a str,
    /// The wall time of the request.
    pub now: Timestamp,
    /// Check everything, change nothing.
    pub dry_run: bool,
    /// Refuse unknown fields instead of dropping them.
    pub strict: bool,
    /// Who writes.
    pub writer: Writer<'a>,
}

impl Call<'_> {
    /// The kind that an object says it is must be the one that the URL is about. A built-in kind may leave it out.
    ///
    /// # Errors
    /// 400 where it is another.
    pub(super) fn check_type(&self, object: &mut Value) -> Result<(), Refusal> {
        let kind = &self.kind;
        let Value::Object(fields) = object else {
            return Err(Refusal::bad_request("the object provided is unrecognized (must be of type Object)"));
        };
        let lenient = kind.role != super::kinds::Role::Custom;
        for (field, title, expected) in
            [("kind", "Kind", kind.name.as_str()), ("apiVersion", "apiVersion", kind.api_version())]
        {
            match fields.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()) {
                Some(text) if text == expected => {}
                Some(other) if field == "apiVersion" => {
                    return Err(Refusal::bad_request(format!(
                        "the API version in the data ({other}) does not match the expected API version ({expected})"
                    )));
                }
                Some(other) => {
                    return Err(Refusal::bad_request(format!(
                        "{other} in version {:?} cannot be handled as a {expected}: no kind {other:?} is registered for version {:?}",
                        kind.version,
                        kind.api_version()
                    )));
                }
                None if lenient => {
                    fields.insert(field.to_owned(), expected.into());
                }
                None => return Err(Refusal::bad_request(format!("Object '{title}' is missing in the request's body"))),
            }
        }
        Ok(())
    }

    /// Drops what the schema does not know and fills in its defaults.
    ///
    /// # Errors
    /// 400 for unknown fields where the request is strict.
    pub(super) fn prune(&self, object: &mut Value) -> Result<(), Refusal> {
        let Some(schema) = &self.kind.schema else { return Ok(()) };
        let mut unknown = Vec::new();
        schema.prune(object, self.strict.then_some(&mut unknown));
        refuse_unknown(&unknown)
    }

    /// The namespace that an object is written into must be there, and must not be on its way out.
    ///
    /// # Errors
    /// 404 or 403.
    pub(super) fn check_namespace(&self, state: &State, name: &str) -> Result<(), Refusal> {
        if !self.kind.namespaced {
            return Ok(());
        }
        let Some(namespaces) = state.find("", "namespaces").and_then(|at| state.resources.get(at)) else {
            return Ok(());
        };
        match namespaces.get("", self.namespace) {
            None => Err(Refusal::not_found(&namespaces.kind, self.namespace)),
            Some(namespace) if namespace.is_being_deleted() => {
                Err(Refusal::namespace_terminating(&self.kind, name, self.namespace))
            }
            Some(_) => Ok(()),
        }
    }
}

/// Complains about fields that a strict request may not have.
pub(super) fn refuse_unknown(unknown: &[String]) -> Result<(), Refusal> {
    if unknown.is_empty() {
        return Ok(());
    }
    let named: Vec<String> = unknown.iter().map(|field| format!("unknown field {field:?}")).collect();
    Err(Refusal::bad_request(format!("strict decoding error: {}", named.join(", "))))
}
