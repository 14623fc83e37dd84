//! Things that go when what they hold has gone: namespaces with their objects, definitions with their instances.

use std::sync::Arc;

use bytes::Bytes;
use compact_str::CompactString;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    kinds::{Kind, Role},
    meta, namespace_lifecycle,
    state::State,
};

/// Whether a namespace or a definition of that name still has something that must go first.
pub(super) fn holds_content(state: &State, kind: &Kind, name: &str) -> bool {
    match kind.role {
        Role::Namespace => state.resources.iter().any(|resource| resource.objects.contains_key(name)),
        Role::Definition => {
            defined_by(state, name).is_some_and(|at| state.resources.get(at).is_some_and(|resource| resource.count > 0))
        }
        Role::Plain | Role::Custom | Role::Secret => false,
    }
}

/// Where the resource is that the definition of that name defines.
fn defined_by(state: &State, name: &str) -> Option<usize> {
    let (plural, group) = name.split_once('.')?;
    state
        .find(group, plural)
        .filter(|at| state.resources.get(*at).is_some_and(|resource| resource.kind.role == Role::Custom))
}

/// Takes an object away, and after it the namespace or the definition that was only waiting for that.
pub(super) fn remove(state: &mut State, at: usize, namespace: &str, name: &str) {
    if state.remove(at, namespace, name).is_none() {
        return;
    }
    let Some(kind) = state.resources.get(at).map(|resource| resource.kind.clone()) else { return };
    if !namespace.is_empty() {
        settle_namespace(state, namespace);
    }
    match kind.role {
        Role::Custom => settle_definition(state, &kind),
        // A definition without instances takes its kind with it.
        Role::Definition => {
            if let Some(id) = defined_by(state, name).and_then(|at| state.resources.get(at)).map(|resource| resource.id)
            {
                state.uninstall(id);
            }
        }
        Role::Plain | Role::Secret | Role::Namespace => {}
    }
}

/// Marks an object as being deleted.
/// `finalizers` are those that it has from now on, where they change.
pub(super) fn mark(
    state: &mut State,
    at: usize,
    namespace: &str,
    name: &str,
    now: Timestamp,
    finalizers: Option<Vec<String>>,
) -> Option<Bytes> {
    let resource = state.resources.get(at)?;
    let kind = resource.kind.clone();
    let stored = resource.get(namespace, name)?;
    if kind.role == Role::Namespace {
        let mut object = stored.value();
        mark_value(&mut object, &kind, now, finalizers);
        return state.replace(at, namespace, name, object);
    }
    // Only its metadata says that an object is on its way out: the rest is not read for that.
    let metadata = Value::Object(stored.layout.metadata(&stored.bytes));
    let mut object = Value::Object(Map::from_iter([("metadata".to_owned(), metadata)]));
    mark_value(&mut object, &kind, now, finalizers);
    let metadata = std::mem::take(meta::of_mut(&mut object));
    state.replace_metadata(at, namespace, name, metadata)
}

/// What being deleted looks like.
pub(super) fn mark_value(object: &mut Value, kind: &Kind, now: Timestamp, finalizers: Option<Vec<String>>) {
    let metadata = meta::of_mut(object);
    match finalizers {
        Some(finalizers) if finalizers.is_empty() => {
            metadata.remove("finalizers");
        }
        Some(finalizers) => meta::set(metadata, "finalizers", finalizers.into()),
        None => {}
    }
    if metadata.contains_key("deletionTimestamp") {
        return;
    }
    meta::set(metadata, "deletionTimestamp", meta::time(now));
    // The real server writes the end of a namespace without going through its general rule for deletions.
    if kind.role != Role::Namespace {
        meta::set(metadata, "deletionGracePeriodSeconds", 0.into());
    }
    if kind.generation {
        // The real server counts this as a change of what is wanted.
        meta::bump_generation(object);
    }
    if kind.role == Role::Namespace {
        object["status"] = serde_json::json!({"phase": "Terminating"});
    }
}

/// Deletes what a namespace or a definition holds, and then itself where that leaves nothing.
pub(super) fn cascade(state: &mut State, kind: &Kind, name: &str, now: Timestamp) {
    let mut doomed: Vec<(u64, Arc<str>, CompactString)> = Vec::new();
    match kind.role {
        Role::Namespace => {
            for resource in state.resources.iter().filter(|resource| resource.kind.namespaced) {
                doomed.extend(
                    resource.iter(Some(name)).map(|(space, name, _)| (resource.id, space.clone(), name.clone())),
                );
            }
        }
        Role::Definition => {
            if let Some(resource) = defined_by(state, name).and_then(|at| state.resources.get(at)) {
                doomed.extend(resource.iter(None).map(|(space, name, _)| (resource.id, space.clone(), name.clone())));
            }
        }
        Role::Plain | Role::Custom | Role::Secret => return,
    }
    for (id, namespace, name) in doomed {
        // By number: the end of the last instance may have taken a kind away in the meantime.
        let Some(at) = state.resources.iter().position(|resource| resource.id == id) else { continue };
        let Some(stored) = state.resources.get(at).and_then(|resource| resource.get(&namespace, &name)) else {
            continue;
        };
        if !stored.is_held() {
            remove(state, at, &namespace, &name);
        } else if !stored.is_being_deleted() {
            mark(state, at, &namespace, &name, now, None);
        }
    }
    match kind.role {
        Role::Namespace => {
            settle_namespace(state, name);
            if holds_content(state, kind, name) {
                namespace_lifecycle::note_content(state, name, now);
            }
        }
        _ => {
            if let Some(kind) = defined_by(state, name).and_then(|at| state.resources.get(at)).map(|r| r.kind.clone()) {
                settle_definition(state, &kind);
            }
        }
    }
}

/// Removes a namespace that is being deleted and has nothing left in it.
fn settle_namespace(state: &mut State, name: &str) {
    settle(state, "", "namespaces", name);
}

/// Removes the definition of a kind that is being deleted and has no instances left.
fn settle_definition(state: &mut State, kind: &Kind) {
    settle(state, "apiextensions.k8s.io", "customresourcedefinitions", kind.resource());
}

fn settle(state: &mut State, group: &str, plural: &str, name: &str) {
    let Some(at) = state.find(group, plural) else { return };
    let Some(resource) = state.resources.get(at) else { return };
    let going = resource.get("", name).is_some_and(|stored| stored.is_being_deleted() && !stored.is_held());
    let role = resource.kind.role;
    if !going || holds_content(state, &resource.kind, name) {
        return;
    }
    if role != Role::Namespace || namespace_lifecycle::settle(state, at, name) {
        remove(state, at, "", name);
    }
}
