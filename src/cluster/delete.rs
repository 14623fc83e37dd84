//! DELETE: one object, or all that are selected.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    call::Call,
    create::to_bytes,
    field_error::FieldError,
    kinds::Role,
    propagation::Propagation,
    query::Query,
    selection::Selection,
    state::{State, Stored},
    status::Refusal,
    terminate,
    write_options::unknown_stage,
};

/// What a client may ask for with a delete.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct DeleteOptions {
    preconditions: Option<Preconditions>,
    dry_run: Option<Vec<String>>,
    #[serde(flatten)]
    propagation: Propagation,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Preconditions {
    uid: Option<String>,
    resource_version: Option<String>,
}

impl DeleteOptions {
    /// Reads the body of a delete. Where it is empty, the query has the options.
    ///
    /// # Errors
    /// 400 where it is none, 422 where it makes no sense.
    pub(super) fn parse(body: &[u8], query: &Query<'_>) -> Result<Self, Refusal> {
        let options = if body.iter().all(u8::is_ascii_whitespace) {
            Self { propagation: query.propagation.clone(), ..Self::default() }
        } else {
            // By way of a map, because a list would pass for a struct too.
            serde_json::from_slice(body)
                .and_then(|fields: Map<String, Value>| {
                    if let Some(other) = fields.get("kind").filter(|kind| *kind != "DeleteOptions" && *kind != "") {
                        return Err(serde::de::Error::custom(format!("they are of the kind {other}")));
                    }
                    Self::deserialize(Value::Object(fields))
                })
                .map_err(|error| Refusal::bad_request(format!("the DeleteOptions provided cannot be read: {error}")))?
        };
        let mut errors: Vec<FieldError> = options.propagation.check().into_iter().collect();
        if let Some(stages) = options.dry_run.as_ref().filter(|stages| stages.iter().any(|stage| stage != "All")) {
            errors.push(unknown_stage(stages));
        }
        if errors.is_empty() { Ok(options) } else { Err(Refusal::invalid_options("DeleteOptions", errors)) }
    }

    /// What the garbage collector asks for: that object and no namesake of it.
    pub(super) fn of_collector(uid: &str, policy: &str) -> Self {
        let preconditions = Some(Preconditions { uid: Some(uid.to_owned()), resource_version: None });
        Self { preconditions, dry_run: None, propagation: Propagation::policy(policy) }
    }

    /// Whether nothing is to be changed.
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run.iter().flatten().any(|stage| stage == "All")
    }
}

/// Deletes an object, or marks it where finalizers or its content hold it. Gives the object that is still there, or a
/// `Status` that says that it is gone.
///
/// # Errors
/// 403 for the namespaces that a cluster cannot be without, 404, 409 where a precondition does not hold.
pub(super) fn delete(
    state: &mut State,
    call: &Call<'_>,
    name: &str,
    options: &DeleteOptions,
) -> Result<Bytes, Refusal> {
    let kind = &call.kind;
    let stored = state.resources.get(call.at).and_then(|resource| resource.get(call.namespace, name));
    let Some(stored) = stored else { return Err(Refusal::not_found(kind, name)) };
    if kind.role == Role::Namespace && matches!(name, "default" | "kube-system" | "kube-public") {
        return Err(Refusal::forbidden(kind, name, "this namespace may not be deleted"));
    }
    check_preconditions(call, name, stored, options)?;
    let finalizers = new_finalizers(stored, options);
    let is_held = finalizers.as_ref().map_or(stored.is_held(), |finalizers| !finalizers.is_empty());
    let held = is_held || terminate::holds_content(state, kind, name);
    // What a namespace still waits for may stand in its spec; it goes when that is gone.
    let waits = held || kind.role == Role::Namespace;
    if stored.is_being_deleted() && waits && finalizers.is_none() {
        return Ok(stored.bytes.clone());
    }
    // A namespace is seen to terminate, even an empty one.
    let marked = held || (kind.role == Role::Namespace && !stored.is_being_deleted());
    if call.dry_run {
        if marked {
            let mut object = stored.value();
            terminate::mark_value(&mut object, kind, call.now, finalizers);
            return Ok(to_bytes(&object));
        }
        return Ok(success(call, name, stored.uid()));
    }
    if marked {
        let bytes = terminate::mark(state, call.at, call.namespace, name, call.now, finalizers);
        terminate::cascade(state, kind, name, call.now);
        return bytes.ok_or_else(|| Refusal::not_found(kind, name));
    }
    let success = success(call, name, stored.uid());
    terminate::remove(state, call.at, call.namespace, name);
    Ok(success)
}

/// The finalizers that stand for what is to become of the dependents, where that changes something.
fn new_finalizers(stored: &Stored, options: &DeleteOptions) -> Option<Vec<String>> {
    if options.propagation.is_silent() {
        return None;
    }
    let metadata = stored.layout.metadata(&stored.bytes);
    let list = metadata.get("finalizers").and_then(Value::as_array);
    let present: Vec<String> = list.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect();
    let finalizers = options.propagation.finalizers(&present);
    (finalizers != present).then_some(finalizers)
}

/// Deletes what is selected and gives what that was.
///
/// # Errors
/// Those of the first delete that fails.
pub(super) fn delete_collection(
    state: &mut State,
    call: &Call<'_>,
    selection: &Selection,
    options: &DeleteOptions,
) -> Result<Vec<Bytes>, Refusal> {
    let Some(resource) = state.resources.get(call.at) else { return Ok(Vec::new()) };
    let id = resource.id;
    let doomed: Vec<_> = resource
        .iter(selection.namespace.as_deref())
        .filter(|(namespace, name, stored)| {
            selection.covers(namespace, name) && selection.picks(&stored.labels, || stored.bytes.clone())
        })
        .map(|(namespace, name, stored)| (namespace.clone(), name.clone(), stored.bytes.clone()))
        .collect();
    let mut deleted = Vec::with_capacity(doomed.len());
    for (namespace, name, bytes) in doomed {
        let Some(at) = state.resources.iter().position(|resource| resource.id == id) else { break };
        let call = Call { at, namespace: &namespace, ..call.clone() };
        match delete(state, &call, &name, options) {
            Ok(_) => deleted.push(bytes),
            // Gone with something that went before it.
            Err(refusal) if refusal.code() == 404 => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(deleted)
}

fn check_preconditions(call: &Call<'_>, name: &str, stored: &Stored, options: &DeleteOptions) -> Result<(), Refusal> {
    let Some(preconditions) = &options.preconditions else { return Ok(()) };
    let own = stored.uid();
    if let Some(uid) = preconditions.uid.as_deref().filter(|uid| *uid != own) {
        let why = format!(
            "the UID in the precondition ({uid}) does not match the UID in record ({own}). The object might have been \
             deleted and then recreated"
        );
        return Err(Refusal::precondition(&call.kind, name, &why));
    }
    let own = stored.revision();
    if let Some(revision) = preconditions.resource_version.as_deref().filter(|revision| *revision != own) {
        let why = format!(
            "the ResourceVersion in the precondition ({revision}) does not match the ResourceVersion in record ({own}). \
             The object might have been modified"
        );
        return Err(Refusal::precondition(&call.kind, name, &why));
    }
    Ok(())
}

/// What the real server answers when an object is gone at once.
fn success(call: &Call<'_>, name: &str, uid: &str) -> Bytes {
    let kind = &call.kind;
    let details = Details { group: &kind.group, kind: &kind.plural, name, uid };
    let success = Success { api_version: "v1", details, kind: "Status", metadata: Map::new(), status: "Success" };
    // Texts: this cannot fail.
    serde_json::to_vec(&success).unwrap_or_default().into()
}

/// A `Status` that tells of a success.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Success<'a> {
    api_version: &'a str,
    details: Details<'a>,
    kind: &'a str,
    metadata: Map<String, Value>,
    status: &'a str,
}

/// What it is about.
#[derive(Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'a str,
    kind: &'a str,
    name: &'a str,
    uid: &'a str,
}
