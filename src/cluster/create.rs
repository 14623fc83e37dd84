//! POST: a new object.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{
    apply::tracking,
    built_in,
    call::Call,
    crd,
    field_error::FieldError,
    kinds::{Kind, Role},
    meta, namespace_lifecycle,
    state::State,
    status::Refusal,
    update::Origin,
    value_text,
};

/// How often a generated name may turn out to be taken.
const NAME_ATTEMPTS: usize = 8;

/// Creates an object and gives its bytes.
///
/// # Errors
/// 400, 403, 404, 409 or 422, in the order in which the real server finds them.
pub(super) fn create(state: &mut State, call: &Call<'_>, object: Value) -> Result<Bytes, Refusal> {
    create_by(state, call, object, Origin::Put)
}

/// The same for an object that was applied, whose managed fields are known already.
///
/// # Errors
/// The same.
pub(super) fn create_applied(state: &mut State, call: &Call<'_>, object: Value) -> Result<Bytes, Refusal> {
    create_by(state, call, object, Origin::Apply)
}

fn create_by(state: &mut State, call: &Call<'_>, mut object: Value, origin: Origin) -> Result<Bytes, Refusal> {
    let kind = &call.kind;
    call.check_type(&mut object, origin)?;
    meta::normalise(&mut object, kind)?;
    check_place(call, &mut object)?;
    let managers = tracking::take(&mut object);
    if origin == Origin::Apply {
        meta::of_mut(&mut object).remove("resourceVersion");
    }
    if !meta::text(&object, "resourceVersion").is_empty() {
        return Err(Refusal::resource_version_on_create());
    }
    name(state, call, &mut object)?;
    let name = meta::text(&object, "name").to_owned();
    call.check_namespace(state, &name)?;
    stamp(state, call, &mut object);
    call.prune(&mut object)?;
    if kind.status
        && let Value::Object(fields) = &mut object
    {
        fields.remove("status");
    }
    let definition = prepare(call, &mut object, None)?;
    validate(kind, &name, &object, None)?;
    keep_managers(call, None, &mut object, managers, origin);
    if state.resources.get(call.at).is_some_and(|resource| resource.get(call.namespace, &name).is_some()) {
        return Err(Refusal::already_exists(kind, &name));
    }
    if call.dry_run {
        return Ok(to_bytes(&object));
    }
    let bytes = state.insert(call.at, call.namespace, &name, object);
    if let Some(definition) = definition {
        state.install(definition);
    }
    Ok(bytes)
}

/// Gives an object the managed fields that it has after a write; `managers` are those that came with it.
pub(super) fn keep_managers(
    call: &Call<'_>,
    old: Option<&Value>,
    object: &mut Value,
    managers: Option<Value>,
    origin: Origin,
) {
    match managers {
        Some(managers) if origin == Origin::Apply => meta::set(meta::of_mut(object), "managedFields", managers),
        sent => tracking::settle(call, old, object, sent.as_ref()),
    }
}

/// The namespace of the body must be that of the URL; it may be left out.
pub(super) fn check_place(call: &Call<'_>, object: &mut Value) -> Result<(), Refusal> {
    let metadata = meta::of_mut(object);
    if !call.kind.namespaced {
        metadata.remove("namespace");
        return Ok(());
    }
    match metadata.get("namespace").and_then(Value::as_str) {
        Some(namespace) if namespace == call.namespace => {}
        Some(_) => {
            return Err(Refusal::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        None => meta::set(metadata, "namespace", call.namespace.into()),
    }
    Ok(())
}

/// Makes a name from `generateName` where there is no name.
///
/// # Errors
/// 409 where every name that was tried is taken.
fn name(state: &mut State, call: &Call<'_>, object: &mut Value) -> Result<(), Refusal> {
    let base = meta::text(object, "generateName");
    if base.is_empty() || !meta::text(object, "name").is_empty() {
        return Ok(());
    }
    let mut name = String::new();
    for _ in 0..NAME_ATTEMPTS {
        name = state.identities.name(base);
        if state.resources.get(call.at).is_none_or(|resource| resource.get(call.namespace, &name).is_none()) {
            meta::set(meta::of_mut(object), "name", name.into());
            return Ok(());
        }
    }
    Err(Refusal::no_free_name(&call.kind, &name))
}

/// Sets what only the server sets.
fn stamp(state: &mut State, call: &Call<'_>, object: &mut Value) {
    let uid = state.identities.uid();
    let metadata = meta::of_mut(object);
    for field in ["deletionTimestamp", "deletionGracePeriodSeconds", "generation"] {
        metadata.remove(field);
    }
    metadata.insert("uid".to_owned(), uid.into());
    metadata.insert("creationTimestamp".to_owned(), meta::time(call.now));
    if call.kind.generation {
        metadata.insert("generation".to_owned(), 1.into());
    }
}

/// Does what the server does to objects of special kinds before it keeps them; gives the kind that a definition defines.
pub(super) fn prepare(call: &Call<'_>, object: &mut Value, old: Option<&Value>) -> Result<Option<Arc<Kind>>, Refusal> {
    let kind = &call.kind;
    let name = meta::text(object, "name").to_owned();
    match kind.role {
        Role::Plain | Role::Custom => {}
        Role::Namespace => {
            let labels = meta::of_mut(object).entry("labels").or_insert_with(|| Value::Object(Map::new()));
            labels["kubernetes.io/metadata.name"] = name.into();
            if let Some(old) = old {
                // The spec is changed through `finalize` only.
                object["spec"] = old["spec"].clone();
            } else {
                object["spec"] = namespace_lifecycle::new_spec(object);
                object["status"] = json!({"phase": "Active"});
            }
        }
        Role::Secret => encode_string_data(object),
        Role::Definition => {
            crd::fill_in(object);
            let mut defined = crd::parse(object).map_err(|errors| Refusal::invalid(kind, &name, errors))?;
            match old {
                None => crd::establish(object, call.now),
                Some(old) if old["spec"]["scope"] != object["spec"]["scope"] => {
                    let error = FieldError::invalid("spec.scope", &object["spec"]["scope"], "field is immutable");
                    return Err(Refusal::invalid(kind, &name, vec![error]));
                }
                Some(_) => defined.revised = true,
            }
            return Ok(Some(Arc::new(defined)));
        }
    }
    Ok(None)
}

/// The texts of `stringData` are for writing only: they are kept in `data`, in base64.
fn encode_string_data(object: &mut Value) {
    let Value::Object(fields) = object else { return };
    if let Some(Value::Object(texts)) = fields.remove("stringData") {
        let data = fields.entry("data").or_insert_with(|| Value::Object(Map::new()));
        if !data.is_object() {
            *data = Value::Object(Map::new());
        }
        for (key, text) in texts {
            let text = text.as_str().unwrap_or_default();
            data[key] = data_encoding::BASE64.encode(text.as_bytes()).into();
        }
    }
    fields.entry("type").or_insert_with(|| "Opaque".into());
}

/// Finds everything that is wrong with an object.
pub(super) fn validate(kind: &Kind, name: &str, object: &Value, old: Option<&Value>) -> Result<(), Refusal> {
    let mut errors = Vec::new();
    meta::validate(object, kind, &mut errors);
    if let Some(schema) = &kind.schema {
        errors.extend(schema.validate(object, old));
    } else {
        built_in::check(kind, object, old, &mut errors);
    }
    if errors.is_empty() { Ok(()) } else { Err(Refusal::invalid(kind, name, errors)) }
}

/// An object that is not kept, as JSON.
pub(super) fn to_bytes(object: &Value) -> Bytes {
    let mut bytes = Vec::with_capacity(1024);
    value_text::write(&mut bytes, object);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{apply::tracking::Writer, identity::Identities, log::Kept},
        *,
    };
    use crate::units::Seed;

    #[test]
    fn a_name_that_cannot_be_made_is_refused_as_taken() {
        let mut kind = Kind::new("g", "v1", "X", "xs", Role::Plain);
        kind.namespaced = false;
        let kind = Arc::new(kind);
        let mut state = State::new(vec![kind.clone()], Identities::new(Seed::new(1)), Kept { all: 10, read: 10 });
        // The names that the server will try, but for the last one.
        let mut same = Identities::new(Seed::new(1));
        let mut tried: Vec<String> = (0..NAME_ATTEMPTS).map(|_| same.name("x-")).collect();
        let last = tried.pop().unwrap_or_default();
        for name in &tried {
            state.insert(0, "", name, json!({"metadata": {"name": name}}));
        }
        let writer = Writer::default();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let call = Call { at: 0, kind, namespace: "", now, dry_run: true, strict: false, warnings: None, writer };
        let object = json!({"apiVersion": "g/v1", "kind": "X", "metadata": {"generateName": "x-"}});
        let bytes = create(&mut state, &call, object.clone()).unwrap();
        let created: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(meta::text(&created, "name"), last, "the eighth try");
        state.identities = Identities::new(Seed::new(1));
        state.insert(0, "", &last, json!({"metadata": {"name": last}}));
        let refusal = create(&mut state, &call, object).unwrap_err();
        let status: Value = serde_json::from_slice(&refusal.to_json()).unwrap();
        assert_eq!((&status["reason"], &status["code"]), (&json!("AlreadyExists"), &json!(409)));
        let sentence = "the server was not able to generate a unique name for the object";
        assert_eq!(status["message"], format!("xs.g {last:?} already exists, {sentence}"));
        assert_eq!(status["details"]["retryAfterSeconds"], 1);
    }
}
