//! PUT and PATCH: another state of an object that is there.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    apply::{Managers, tracking},
    call::Call,
    create::{check_place, create, keep_managers, prepare, to_bytes, validate},
    field_error::FieldError,
    kinds::{Kind, Role},
    meta, namespace_lifecycle,
    patch::merge,
    state::{State, Stored},
    status::Refusal,
    terminate,
};

/// How a new state came about; the real server checks a whole body and a patched object in different places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The client sent the whole object.
    Put,
    /// The client sent a patch, which has been applied to the present state.
    Patch,
    /// The client sent a configuration, which has been merged into the present state, managed fields included.
    Apply,
}

/// What an update did.
#[derive(Debug)]
pub(super) enum Updated {
    /// The object has this state now, or had it before.
    Kept(Bytes),
    /// There was none, now there is.
    Created(Bytes),
}

/// Puts an object in the place of the one of its name, status excepted; creates it where the kind allows that.
///
/// # Errors
/// 400, 404, 409 or 422.
pub(super) fn update(state: &mut State, call: &Call<'_>, name: &str, mut new: Value) -> Result<Updated, Refusal> {
    let kind = &call.kind;
    if let Ok(stored) = present(state, call, name) {
        let old = stored.value();
        return replace(state, call, name, &old, new, Origin::Put).map(Updated::Kept);
    }
    sort_out(call, name, &mut new, Origin::Put)?;
    if !kind.create_on_update {
        return Err(Refusal::not_found(kind, name));
    }
    meta::of_mut(&mut new).remove("resourceVersion");
    create(state, call, new).map(Updated::Created)
}

/// The checks that need no look at what is there.
fn sort_out(call: &Call<'_>, name: &str, new: &mut Value, origin: Origin) -> Result<(), Refusal> {
    call.check_type(new, origin)?;
    meta::normalise(new, &call.kind)?;
    check_name(new, name, origin)?;
    check_place(call, new)
}

/// Replaces everything but the status. `old` is the present state.
///
/// # Errors
/// 400, 404, 409 or 422.
pub(super) fn replace(
    state: &mut State,
    call: &Call<'_>,
    name: &str,
    old: &Value,
    mut new: Value,
    origin: Origin,
) -> Result<Bytes, Refusal> {
    let kind = &call.kind;
    sort_out(call, name, &mut new, origin)?;
    let managers = tracking::take(&mut new);
    let stored = present(state, call, name)?;
    check_revision(kind, name, &new, stored, origin)?;
    check_uid(call, name, &new, stored, origin)?;
    let mut errors = immutable(&new, old, origin);
    carry_over(kind, &mut new, old);
    call.prune(&mut new)?;
    let definition = prepare(call, &mut new, Some(old))?;
    errors.extend(new_finalizers(&new, old));
    if !errors.is_empty() {
        return Err(Refusal::invalid(kind, name, errors));
    }
    keep_managers(call, Some(old), &mut new, managers, origin);
    if new == *old {
        return Ok(stored.bytes.clone());
    }
    validate(kind, name, &new, Some(old))?;
    if kind.generation && spec_differs(kind, &new, old) {
        meta::bump_generation(&mut new);
    }
    let gone = meta::is_being_deleted(&new)
        && meta::finalizers(&new).next().is_none()
        && !terminate::holds_content(state, kind, name);
    if call.dry_run || gone {
        // The last finalizer was removed: the client gets what it sent, the watchers the last state that was kept.
        let bytes = to_bytes(&new);
        if gone && !call.dry_run {
            terminate::remove(state, call.at, call.namespace, name);
        }
        return Ok(bytes);
    }
    let bytes = state.replace(call.at, call.namespace, name, new);
    if let Some(definition) = definition {
        redefine(state, &definition);
    }
    bytes.ok_or_else(|| Refusal::not_found(kind, name))
}

/// Merges a change into the metadata of an object that has nothing else to be looked at.
///
/// # Errors
/// 400, 404, 409 or 422.
pub(super) fn update_metadata(state: &mut State, call: &Call<'_>, name: &str, change: Value) -> Result<Bytes, Refusal> {
    let (kind, origin) = (&call.kind, Origin::Patch);
    let stored = present(state, call, name)?;
    // Objects of their metadata alone, for what knows metadata as a part of an object.
    let of_metadata = |metadata: Value| Value::Object(Map::from_iter([("metadata".to_owned(), metadata)]));
    let old = Value::Object(stored.layout.metadata(&stored.bytes));
    let mut new = of_metadata(merge(Some(&old), change));
    let old = of_metadata(old);
    meta::normalise(&mut new, kind)?;
    check_name(&new, name, origin)?;
    check_place(call, &mut new)?;
    check_revision(kind, name, &new, stored, origin)?;
    let mut errors = immutable(&new, &old, origin);
    carry_over(kind, &mut new, &old);
    errors.extend(new_finalizers(&new, &old));
    if errors.is_empty() {
        if new == old {
            return Ok(stored.bytes.clone());
        }
        meta::validate(&new, kind, &mut errors);
    }
    if !errors.is_empty() {
        return Err(Refusal::invalid(kind, name, errors));
    }
    let gone = meta::is_being_deleted(&new) && meta::finalizers(&new).next().is_none();
    let metadata = std::mem::take(meta::of_mut(&mut new));
    if call.dry_run || gone {
        let bytes = stored.with_metadata(&metadata);
        if gone && !call.dry_run {
            terminate::remove(state, call.at, call.namespace, name);
        }
        return bytes.ok_or_else(|| Refusal::not_found(kind, name));
    }
    let bytes = state.replace_metadata(call.at, call.namespace, name, metadata);
    bytes.ok_or_else(|| Refusal::not_found(kind, name))
}

/// Replaces the status and nothing else. What the client sent beside it serves for the checks only.
///
/// # Errors
/// 400, 404, 409 or 422.
pub(super) fn update_status(
    state: &mut State,
    call: &Call<'_>,
    name: &str,
    mut new: Value,
    origin: Origin,
) -> Result<Bytes, Refusal> {
    sort_out(call, name, &mut new, origin)?;
    let old = present(state, call, name)?;
    check_revision(&call.kind, name, &new, old, origin)?;
    check_uid(call, name, &new, old, origin)?;
    let status = new.as_object_mut().and_then(|fields| fields.remove("status"));
    store_status(state, call, name, status, None)
}

/// Keeps a new status, after pruning and validating it. `managers` are those of an apply.
pub(super) fn store_status(
    state: &mut State,
    call: &Call<'_>,
    name: &str,
    status: Option<Value>,
    managers: Option<&Managers>,
) -> Result<Bytes, Refusal> {
    let kind = &call.kind;
    let mut status = status.filter(|status| !status.is_null());
    let stored = state.resources.get(call.at).and_then(|resource| resource.get(call.namespace, name));
    let Some(stored) = stored else { return Err(Refusal::not_found(kind, name)) };
    let old = stored.status();
    if kind.role == Role::Namespace
        && let Some(error) = namespace_lifecycle::check_phase(status.as_ref(), stored.is_being_deleted())
    {
        return Err(Refusal::invalid(kind, name, vec![error]));
    }
    if let (Some(schema), Some(new)) = (&kind.schema, &mut status) {
        let mut unknown = Vec::new();
        let known = schema.prune_status(new, call.notes_unknown().then_some(&mut unknown));
        call.report_unknown(&unknown)?;
        if known {
            let errors = if schema.has_validations() {
                let before = stored.value();
                let mut after = before.clone();
                meta::set_status(&mut after, Some(new.clone()));
                schema.validate(&after, Some(&before))
            } else {
                schema.validate_status(new, old.as_ref())
            };
            if !errors.is_empty() {
                return Err(Refusal::invalid(kind, name, errors));
            }
        } else {
            status = None;
        }
    }
    if status == old && managers.is_none() {
        return Ok(stored.bytes.clone());
    }
    if managers.is_some() || tracking::is_tracked(call, stored) {
        let old = stored.value();
        let mut object = old.clone();
        meta::set_status(&mut object, status);
        match managers {
            Some(managers) => tracking::put(&mut object, managers),
            None => tracking::settle(call, Some(&old), &mut object, None),
        }
        if object == old {
            return Ok(stored.bytes.clone());
        }
        if call.dry_run {
            return Ok(to_bytes(&object));
        }
        let bytes = state.replace(call.at, call.namespace, name, object);
        return bytes.ok_or_else(|| Refusal::not_found(kind, name));
    }
    if call.dry_run {
        let mut object = stored.value();
        meta::set_status(&mut object, status);
        return Ok(to_bytes(&object));
    }
    state.replace_status(call.at, call.namespace, name, status.as_ref()).ok_or_else(|| Refusal::not_found(kind, name))
}

/// The present state of an object.
pub(super) fn present<'a>(state: &'a State, call: &Call<'_>, name: &str) -> Result<&'a Stored, Refusal> {
    let stored = state.resources.get(call.at).and_then(|resource| resource.get(call.namespace, name));
    stored.ok_or_else(|| Refusal::not_found(&call.kind, name))
}

fn check_name(new: &Value, name: &str, origin: Origin) -> Result<(), Refusal> {
    if origin == Origin::Apply {
        // A configuration with another name is found by `immutable`.
        return Ok(());
    }
    match meta::text(new, "name") {
        "" => Err(Refusal::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        own if own == name => Ok(()),
        other => Err(Refusal::bad_request(format!(
            "the name of the object ({other}) does not match the name on the URL ({name})"
        ))),
    }
}

/// A write that names the state it is based on is refused where the object has another by now.
fn check_revision(kind: &Kind, name: &str, new: &Value, old: &Stored, origin: Origin) -> Result<(), Refusal> {
    let sent = meta::text(new, "resourceVersion");
    if sent.is_empty() || sent == "0" {
        let needed = origin == Origin::Put && !kind.unconditional_update;
        return if needed { Err(Refusal::resource_version_required(kind, name)) } else { Ok(()) };
    }
    check_sent_revision(kind, name, sent, old)
}

/// The same for a revision that is known to have been sent.
pub(super) fn check_sent_revision(kind: &Kind, name: &str, sent: &str, old: &Stored) -> Result<(), Refusal> {
    if sent.parse::<u64>().is_err() {
        return Err(Refusal::bad_request(format!("strconv.ParseUint: parsing {sent:?}: invalid syntax")));
    }
    if sent == old.revision() { Ok(()) } else { Err(Refusal::modified(kind, name)) }
}

/// The UID of a whole body is a precondition: the object may have been deleted and made again.
fn check_uid(call: &Call<'_>, name: &str, new: &Value, old: &Stored, origin: Origin) -> Result<(), Refusal> {
    let (sent, own) = (meta::text(new, "uid"), old.uid());
    if origin != Origin::Put || sent.is_empty() || sent == own {
        return Ok(());
    }
    let kind = &call.kind;
    let place = if call.namespace.is_empty() { String::new() } else { format!("{}/", call.namespace) };
    let why = format!(
        "StorageError: invalid object, Code: 4, Key: /registry/{}/{}/{place}{name}, ResourceVersion: 0, \
         AdditionalErrorMessage: Precondition failed: UID in precondition: {sent}, UID in object meta: {own}",
        kind.group, kind.plural
    );
    Err(Refusal::conflict(kind, name, &why))
}

/// What a patch may not change.
fn immutable(new: &Value, old: &Value, origin: Origin) -> Vec<FieldError> {
    if origin == Origin::Put {
        return Vec::new();
    }
    let changed = |field: &&&str| {
        let sent = meta::text(new, field);
        !sent.is_empty() && sent != meta::text(old, field)
    };
    ["name", "uid"]
        .iter()
        .filter(changed)
        .map(|field| {
            FieldError::invalid_text(format!("metadata.{field}"), meta::text(new, field), "field is immutable")
        })
        .collect()
}

/// Keeps what a client can neither change nor remove, and the status, which has a door of its own.
fn carry_over(kind: &Kind, new: &mut Value, old: &Value) {
    let empty = Map::new();
    let old_metadata = meta::of(old).unwrap_or(&empty);
    let metadata = meta::of_mut(new);
    for field in [
        "name",
        "uid",
        "resourceVersion",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        match old_metadata.get(field) {
            Some(value) => meta::set(metadata, field, value.clone()),
            None => {
                metadata.remove(field);
            }
        }
    }
    if kind.status {
        meta::set_status(new, old.get("status").cloned());
    }
}

/// An object on its way out takes no new finalizers: nothing would be left to hold it for.
fn new_finalizers(new: &Value, old: &Value) -> Option<FieldError> {
    if !meta::is_being_deleted(old) {
        return None;
    }
    let mut extra: Vec<&str> =
        meta::finalizers(new).filter(|finalizer| meta::finalizers(old).all(|known| known != *finalizer)).collect();
    extra.sort_unstable();
    extra.dedup();
    let found: Vec<String> = extra.iter().map(|finalizer| format!("{finalizer:?}")).collect();
    let detail = format!(
        "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
        found.join(", ")
    );
    (!extra.is_empty()).then(|| FieldError::forbidden("metadata.finalizers", &detail))
}

/// Whether anything but the metadata (and the status, where it has a subresource) differs.
fn spec_differs(kind: &Kind, new: &Value, old: &Value) -> bool {
    let (Some(new), Some(old)) = (new.as_object(), old.as_object()) else { return true };
    let counts = |field: &&String| field.as_str() != "metadata" && !(kind.status && field.as_str() == "status");
    new.keys().chain(old.keys()).filter(counts).any(|field| new.get(field) != old.get(field))
}

/// The objects of a kind live by the new definition from now on.
fn redefine(state: &mut State, definition: &Arc<Kind>) {
    if let Some(resource) = state.find(&definition.group, &definition.plural).and_then(|at| state.resources.get_mut(at))
        && resource.kind.role == Role::Custom
    {
        resource.kind = definition.clone();
    }
}
