//! What every verb needs to know about the request it serves.

use std::{cell::RefCell, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    apply::tracking::Writer,
    built_in,
    field_error::FieldError,
    kinds::{Kind, Role},
    meta,
    state::State,
    status::Refusal,
    update::Origin,
};

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
    /// Where complaints go that do not stop the request; nowhere where nobody wants them.
    pub warnings: Option<&'a RefCell<Vec<String>>>,
    /// Who writes.
    pub writer: Writer<'a>,
}

impl Call<'_> {
    /// The kind that an object says it is must be the one that the URL is about. A built-in kind may leave it out.
    ///
    /// # Errors
    /// 400 where it is another, but 422 for a custom object of another kind, and for one that was patched into another
    /// version: such objects are read before it is known what they are.
    pub(super) fn check_type(&self, object: &mut Value, origin: Origin) -> Result<(), Refusal> {
        let kind = &self.kind;
        if kind.role == Role::Custom {
            self.check_custom_type(object, origin)?;
        }
        let Value::Object(fields) = object else {
            return Err(Refusal::bad_request("the object provided is unrecognized (must be of type Object)"));
        };
        let lenient = kind.role != Role::Custom;
        for (field, title, expected) in
            [("apiVersion", "apiVersion", kind.api_version()), ("kind", "Kind", kind.name.as_str())]
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

    /// The same as far as only custom objects differ.
    fn check_custom_type(&self, object: &Value, origin: Origin) -> Result<(), Refusal> {
        let kind = &self.kind;
        let sent = |field: &str| object.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (Some(name), Some(version)) = (sent("kind"), sent("apiVersion")) else { return Ok(()) };
        let mut errors = Vec::new();
        for (field, sent, expected) in [("kind", name, kind.name.as_str()), ("apiVersion", version, kind.api_version())]
        {
            if sent != expected {
                errors.push(FieldError::invalid_text(field, sent, &format!("must be {expected}")));
            }
        }
        // A whole body of another version is refused for that alone.
        if errors.is_empty() || (origin != Origin::Patch && version != kind.api_version()) {
            return Ok(());
        }
        Err(Refusal::other_type(kind, name, meta::text(object, "name"), errors))
    }

    /// Drops what the schema does not know and fills in its defaults.
    ///
    /// # Errors
    /// 400 for unknown fields where the request is strict, and where a kind of Kubernetes' own cannot hold a value.
    pub(super) fn prune(&self, object: &mut Value) -> Result<(), Refusal> {
        let mut unknown = Vec::new();
        let noted = self.notes_unknown().then_some(&mut unknown);
        match &self.kind.schema {
            Some(schema) => schema.prune(object, noted),
            None => built_in::decode(&self.kind, object, noted)?,
        }
        self.report_unknown(&unknown)
    }

    /// Whether somebody wants to hear of fields that are dropped: gathering them costs more than dropping them.
    pub(super) fn notes_unknown(&self) -> bool {
        self.strict || self.warnings.is_some()
    }

    /// Says which fields were unknown.
    ///
    /// # Errors
    /// 400 where the request is strict.
    pub(super) fn report_unknown(&self, unknown: &[String]) -> Result<(), Refusal> {
        self.report(unknown.iter().map(|field| format!("unknown field {field:?}")).collect())
    }

    /// Warns of complaints about fields, or refuses the request where it is strict.
    ///
    /// # Errors
    /// 400 with all of them.
    pub(super) fn report(&self, complaints: Vec<String>) -> Result<(), Refusal> {
        if complaints.is_empty() {
            return Ok(());
        }
        if self.strict {
            return Err(Refusal::bad_request(format!("strict decoding error: {}", complaints.join(", "))));
        }
        if let Some(warnings) = self.warnings {
            warnings.borrow_mut().extend(complaints);
        }
        Ok(())
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
