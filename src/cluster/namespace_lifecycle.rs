//! How namespaces end: marked, emptied, finalized, gone.
//!
//! On a real cluster the namespace controller does this some time after the delete. Here its part is done at once, by the
//! delete itself and by whoever takes the last object away, so that there is no moment at which somebody has to wait for it.

use std::collections::BTreeMap;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    call::Call,
    create::to_bytes,
    field_error::FieldError,
    meta,
    state::State,
    status::Refusal,
    terminate,
    update::{Origin, check_sent_revision, present},
};

/// The entry in `spec.finalizers` that stands for the content.
pub(super) const CONTENT: &str = "kubernetes";

/// The finalizers of the spec, which hold a namespace as those of the metadata hold any object.
pub(super) fn finalizers(namespace: &Value) -> Vec<&str> {
    namespace["spec"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The spec of a new namespace: what the client sent, and the finalizer that stands for the content.
pub(super) fn new_spec(sent: &Value) -> Value {
    let mut names: Vec<Value> = finalizers(sent).into_iter().map(Value::from).collect();
    if !names.iter().any(|name| name == CONTENT) {
        names.push(CONTENT.into());
    }
    json!({ "finalizers": names })
}

/// PUT of `namespaces/NAME/finalize`: the only way to change the finalizers of the spec.
///
/// # Errors
/// 400, 404 or 409.
pub(super) fn finalize(state: &mut State, call: &Call<'_>, name: &str, mut new: Value) -> Result<Bytes, Refusal> {
    call.check_type(&mut new, Origin::Put)?;
    meta::normalise(&mut new, &call.kind)?;
    let own = meta::text(&new, "name");
    if own != name {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({own}) does not match the name on the URL ({name})"
        )));
    }
    let stored = present(state, call, name)?;
    let sent = meta::text(&new, "resourceVersion");
    if !sent.is_empty() {
        check_sent_revision(&call.kind, name, sent, stored)?;
    }
    let old = stored.value();
    let mut object = old.clone();
    let left = finalizers(&new);
    object["spec"] = if left.is_empty() { json!({}) } else { json!({ "finalizers": left }) };
    let gone = left.is_empty() && meta::is_being_deleted(&object) && meta::finalizers(&object).next().is_none();
    if call.dry_run || object == old && !gone {
        return Ok(to_bytes(&object));
    }
    let bytes = state.replace(call.at, "", name, object).ok_or_else(|| Refusal::not_found(&call.kind, name))?;
    if gone {
        terminate::remove(state, call.at, "", name);
    }
    Ok(bytes)
}

/// What is said in the status of a namespace that is on its way out and has content that stays for now.
pub(super) fn note_content(state: &mut State, name: &str, now: Timestamp) {
    let Some(at) = state.find("", "namespaces") else { return };
    let mut remaining: BTreeMap<String, usize> = BTreeMap::new();
    let mut held: BTreeMap<String, usize> = BTreeMap::new();
    for resource in state.resources.iter().filter(|resource| resource.kind.namespaced) {
        for (_, _, stored) in resource.iter(Some(name)) {
            *remaining.entry(resource.kind.resource().to_owned()).or_default() += 1;
            let metadata = Value::Object(Map::from_iter([(
                "metadata".to_owned(),
                Value::Object(stored.layout.metadata(&stored.bytes)),
            )]));
            for finalizer in meta::finalizers(&metadata) {
                *held.entry(finalizer.to_owned()).or_default() += 1;
            }
        }
    }
    let stored = state.resources.get(at).and_then(|resource| resource.get("", name));
    let Some(mut namespace) = stored.filter(|stored| stored.is_being_deleted()).map(super::state::Stored::value) else {
        return;
    };
    let list = |counts: &BTreeMap<String, usize>, verb: &str| -> String {
        let each: Vec<String> =
            counts.iter().map(|(what, count)| format!("{what} {verb} {count} resource instances")).collect();
        each.join(", ")
    };
    let condition = |kind: &str, bad: bool, reason: &str, message: String| {
        let status = if bad { "True" } else { "False" };
        json!({"type": kind, "status": status, "lastTransitionTime": meta::time(now), "reason": reason, "message": message})
    };
    let content = if remaining.is_empty() {
        condition("NamespaceContentRemaining", false, "ContentRemoved", "All content successfully removed".to_owned())
    } else {
        let message = format!("Some resources are remaining: {}", list(&remaining, "has"));
        condition("NamespaceContentRemaining", true, "SomeResourcesRemain", message)
    };
    let finalizers = if held.is_empty() {
        let message = "All content-preserving finalizers finished".to_owned();
        condition("NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers", message)
    } else {
        let message = format!("Some content in the namespace has finalizers remaining: {}", list(&held, "in"));
        condition("NamespaceFinalizersRemaining", true, "SomeFinalizersRemain", message)
    };
    let fine = |kind: &str, reason: &str, message: &str| condition(kind, false, reason, message.to_owned());
    namespace["status"] = json!({"phase": "Terminating", "conditions": [
        fine("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
        fine("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
        fine("NamespaceDeletionContentFailure", "ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
        content,
        finalizers,
    ]});
    state.replace(at, "", name, namespace);
}

/// Takes the finalizer off that stands for the content, once there is none. Says whether the namespace is to go.
pub(super) fn settle(state: &mut State, at: usize, name: &str) -> bool {
    let stored = state.resources.get(at).and_then(|resource| resource.get("", name));
    let Some(mut namespace) = stored.map(super::state::Stored::value) else { return false };
    let left: Vec<String> =
        finalizers(&namespace).into_iter().filter(|name| *name != CONTENT).map(str::to_owned).collect();
    if left.is_empty() {
        return true;
    }
    if finalizers(&namespace).len() > left.len() {
        namespace["spec"] = json!({ "finalizers": left });
        state.replace(at, "", name, namespace);
    }
    false
}
/// The phase of a namespace says whether it is on its way out, and nobody can have it say otherwise.
pub(super) fn check_phase(status: Option<&Value>, is_being_deleted: bool) -> Option<FieldError> {
    let phase = status.and_then(|status| status["phase"].as_str()).unwrap_or_default();
    let (expected, when) = if is_being_deleted { ("Terminating", "not empty") } else { ("Active", "empty") };
    let rule = format!("may only be '{expected}' if `deletionTimestamp` is {when}");
    (phase != expected).then(|| FieldError::invalid_text("status.Phase", phase, &rule))
}
