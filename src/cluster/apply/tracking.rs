//! `managedFields` through ordinary writes.

use http::{HeaderMap, header::USER_AGENT};
use serde_json::{Value, json};

use super::{
    super::{
        built_in,
        call::Call,
        kinds::{Kind, Role},
        meta,
        state::Stored,
        status::Refusal,
    },
    managers::{Manager, Managers, Operation, bare, from_nothing, is_reset},
    types::Type,
};

/// When the server keeps `managedFields`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldTracking {
    /// From the first server-side apply of an object on; what was there then belongs to `before-first-apply`. Objects that
    /// nobody applies cost nothing.
    #[default]
    OnApply,
    /// From the creation of an object on, as kube-apiserver does.
    Always,
}

/// Who writes, as far as it has said so.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cluster) struct Writer<'a> {
    /// The parameter `fieldManager`.
    pub field_manager: Option<&'a str>,
    /// The request's headers.
    pub headers: Option<&'a HeaderMap>,
    /// Whether ordinary writes are tracked before the first apply.
    pub tracking: FieldTracking,
    /// The subresource that is written through; empty for the object itself.
    pub subresource: &'static str,
}

impl Writer<'_> {
    /// The manager of an ordinary write: the one it names, or its program's name, which the User-Agent begins with.
    fn manager(&self, kind: &Kind) -> Manager {
        let agent = || {
            let agent = self.headers.and_then(|headers| headers.get(USER_AGENT)?.to_str().ok()).unwrap_or_default();
            agent.split('/').next().filter(|name| !name.is_empty()).unwrap_or("unknown")
        };
        Manager {
            operation: Operation::Update,
            name: self.field_manager.unwrap_or_else(agent).to_owned(),
            subresource: self.subresource.to_owned(),
            api_version: kind.api_version().to_owned(),
        }
    }

    /// The manager of an apply, which has to name it.
    pub(super) fn applier(&self) -> Manager {
        Manager {
            operation: Operation::Apply,
            name: self.field_manager.unwrap_or_default().to_owned(),
            subresource: self.subresource.to_owned(),
            api_version: String::new(),
        }
    }
}

/// Takes what a client sent as `managedFields` out of an object, so that it can be looked at by itself.
pub(in crate::cluster) fn take(object: &mut Value) -> Option<Value> {
    meta::of_mut(object).remove("managedFields")
}

/// Gives an object the `managedFields` that it has after an ordinary write. `sent` is what the client sent of them, which
/// counts as the present ones unless it is empty, and which a client can empty with `[{}]`.
pub(in crate::cluster) fn settle(call: &Call<'_>, old: Option<&Value>, new: &mut Value, sent: Option<&Value>) {
    let writer = &call.writer;
    let kept = old.and_then(|old| meta::of(old)?.get("managedFields"));
    if kept.is_none() && sent.is_none() && writer.tracking == FieldTracking::OnApply {
        return;
    }
    if sent.is_some_and(is_reset) {
        return;
    }
    let sent = sent.filter(|_| writer.subresource.is_empty()).and_then(Managers::from_json);
    let present =
        sent.filter(|sent| !sent.is_empty()).or_else(|| kept.and_then(Managers::from_json)).unwrap_or_default();
    if present.is_empty() && writer.tracking == FieldTracking::OnApply {
        return;
    }
    let mut managers = present;
    let kind = &call.kind;
    let types = Type::root(built_in::schema(kind));
    let after = seen(call, new);
    let before = old.map_or_else(|| nothing(call, &after), |old| seen(call, old));
    managers.update(types, &before, &after, &writer.manager(kind), &time(call));
    put(new, &managers);
}

/// What a write through this door can own of an object: neither its managed fields nor what the door leaves alone.
fn seen(call: &Call<'_>, object: &Value) -> Value {
    let mut object = bare(object);
    let other_door = match (call.writer.subresource, call.kind.status) {
        ("", true) => "status",
        ("", false) => return object,
        _ => "spec",
    };
    if let Value::Object(fields) = &mut object {
        fields.remove(other_door);
    }
    object
}

/// What an object was before its creation, where what the server itself put into it belongs to nobody.
fn nothing(call: &Call<'_>, after: &Value) -> Value {
    let mut nothing = empty(&call.kind);
    if call.kind.role == Role::Namespace {
        nothing["spec"] = after["spec"].clone();
    }
    nothing
}

/// Writes the managers into an object.
pub(in crate::cluster) fn put(object: &mut Value, managers: &Managers) {
    if !managers.is_empty() {
        meta::set(meta::of_mut(object), "managedFields", managers.to_json());
    }
}

/// The present managers of an object that is about to be applied to.
pub(super) fn present(call: &Call<'_>, old: &Value) -> Managers {
    let kept = meta::of(old).and_then(|metadata| metadata.get("managedFields")).and_then(Managers::from_json);
    kept.filter(|kept| !kept.is_empty()).unwrap_or_else(|| {
        let kind = &call.kind;
        let manager = Manager {
            operation: Operation::Update,
            name: super::managers::BEFORE_FIRST_APPLY.to_owned(),
            subresource: String::new(),
            api_version: kind.api_version().to_owned(),
        };
        {
            let old = seen(call, old);
            from_nothing(Type::root(built_in::schema(kind)), &nothing(call, &old), &old, &manager, &time(call))
        }
    })
}

/// The time of the request, as entries have it.
pub(super) fn time(call: &Call<'_>) -> String {
    meta::time(call.now).as_str().unwrap_or_default().to_owned()
}

/// What an object of a kind is before anybody wrote anything: the Go structs of some kinds have parts that are always
/// there, which therefore belong to nobody.
pub(super) fn empty(kind: &Kind) -> Value {
    let mut object = json!({"apiVersion": kind.api_version(), "kind": kind.name, "metadata": {}});
    let parts: &[&str] = match (kind.group.as_str(), kind.name.as_str()) {
        ("", "Namespace") => &["spec", "status"],
        ("coordination.k8s.io", "Lease") => &["spec"],
        ("", "Event") => &["involvedObject", "source"],
        ("events.k8s.io", "Event") => &["regarding", "deprecatedSource"],
        _ => &[],
    };
    for part in parts {
        object[*part] = json!({});
    }
    object
}

/// Checks the name of a field manager: `ValidateFieldManager` of apimachinery.
///
/// # Errors
/// The complaints, for the caller's `Status`.
pub(in crate::cluster) fn check_manager(name: &str) -> Vec<super::super::field_error::FieldError> {
    use super::super::field_error::FieldError;
    const LONGEST: u64 = 128;
    let mut errors = Vec::new();
    if name.len() as u64 > LONGEST {
        errors.push(FieldError::too_long("fieldManager", LONGEST));
    }
    if let Some((at, odd)) = name.char_indices().find(|(_, character)| character.is_control()) {
        let rule = format!("invalid character {odd:?} (at position {at})");
        errors.push(FieldError::invalid_text("fieldManager", name, &rule));
    }
    errors
}

/// Whether an object has managers, or is to get some, so that a write has to look at all that it changes.
pub(in crate::cluster) fn is_tracked(call: &Call<'_>, stored: &Stored) -> bool {
    stored.is_managed() || call.writer.tracking == FieldTracking::Always
}

/// Used where a body that must not have them has managed fields.
pub(super) fn refuse_sent(config: &Value) -> Result<(), Refusal> {
    match meta::of(config).and_then(|metadata| metadata.get("managedFields")) {
        None | Some(Value::Null) => Ok(()),
        Some(_) => Err(Refusal::bad_request("metadata.managedFields must be nil")),
    }
}
