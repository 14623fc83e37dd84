//! PATCH with `application/apply-patch+yaml`.

use serde_json::{Map, Value};

use super::{
    super::{
        built_in,
        call::Call,
        create::create_applied,
        meta,
        state::State,
        status::Refusal,
        update::{Origin, Updated, present, replace, store_status},
    },
    conform::faults,
    managers::{Conflict, Managers, bare},
    tracking,
    types::Type,
};

/// Reads a configuration: YAML, of which JSON is a part.
///
/// # Errors
/// 400 where it is none, or no object.
pub(in crate::cluster) fn read_config(body: &[u8]) -> Result<Map<String, Value>, Refusal> {
    let malformed = |fault: String| Refusal::bad_request(format!("error decoding YAML: {fault}"));
    let text = std::str::from_utf8(body).map_err(|error| malformed(error.to_string()))?;
    match serde_saphyr::from_str(text).map_err(|error| malformed(error.to_string()))? {
        Value::Object(fields) => Ok(fields),
        _ => Err(malformed("an applied configuration must be an object".to_owned())),
    }
}

/// Applies a configuration to the object of that name, or to its status, and makes the object where there is none.
///
/// # Errors
/// 400 where the configuration is not of this kind or has managed fields, 404 for the status of nothing, 409 where others own
/// what it says otherwise, 422 where the outcome is invalid, 500 where it does not follow the types of the schema.
pub(in crate::cluster) fn apply(
    state: &mut State,
    call: &Call<'_>,
    name: &str,
    config: Map<String, Value>,
    force: bool,
) -> Result<Updated, Refusal> {
    let mut config = Value::Object(config);
    check(call, name, &mut config)?;
    let kind = &call.kind;
    let types = Type::root(built_in::schema(kind));
    let manager = call.writer.applier();
    let applier = (&manager, kind.api_version());
    let time = tracking::time(call);
    let found = present(state, call, name).map(super::super::state::Stored::value);
    let old = match found {
        Ok(old) => old,
        Err(missing) if !call.writer.subresource.is_empty() => return Err(missing),
        Err(_) => {
            let uid = meta::text(&config, "uid");
            if !uid.is_empty() {
                let why =
                    format!("uid mismatch: the provided object specified uid {uid}, and no existing object was found");
                return Err(Refusal::conflict(kind, name, &why));
            }
            let mut managers = Managers::default();
            let outcome = managers.apply(types, &tracking::empty(kind), &config, applier, force, &time);
            let mut new = outcome.map_err(|conflicts| refuse(&conflicts))?;
            tracking::put(&mut new, &managers);
            return create_applied(state, call, new).map(Updated::Created);
        }
    };
    let mut managers = tracking::present(call, &old);
    let outcome = managers.apply(types, &bare(&old), &config, applier, force, &time);
    let mut new = outcome.map_err(|conflicts| refuse(&conflicts))?;
    tracking::put(&mut new, &managers);
    if call.writer.subresource.is_empty() {
        return replace(state, call, name, &old, new, Origin::Apply).map(Updated::Kept);
    }
    let status = new.as_object_mut().and_then(|fields| fields.remove("status"));
    let stored = present(state, call, name)?;
    let sent = meta::text(&config, "resourceVersion");
    if !sent.is_empty() {
        super::super::update::check_sent_revision(kind, name, sent, stored)?;
    }
    store_status(state, call, name, status, Some(&managers)).map(Updated::Kept)
}

/// What must hold of a configuration before anybody's fields are looked at; takes out what this door does not write.
fn check(call: &Call<'_>, name: &str, config: &mut Value) -> Result<(), Refusal> {
    let kind = &call.kind;
    let version = config.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    if version != kind.api_version() {
        return Err(Refusal::bad_request(format!(
            "Incorrect version specified in apply patch. Specified patch version: {version}, expected: {}",
            kind.api_version()
        )));
    }
    if config.get("kind").and_then(Value::as_str).is_none_or(str::is_empty) {
        return Err(Refusal::bad_request("Object 'Kind' is missing in the applied configuration"));
    }
    call.check_type(config, Origin::Apply)?;
    tracking::refuse_sent(config)?;
    let own = meta::text(config, "name");
    if own.is_empty() {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        )));
    }
    if own != name {
        return Err(Refusal::bad_request(format!(
            "the name of the object ({own}) does not match the name on the URL ({name})"
        )));
    }
    let found = faults(Type::root(built_in::schema(kind)), config);
    if !found.is_empty() {
        let listed = match found.as_slice() {
            [one] => one.clone(),
            many => format!("errors:\n  {}", many.join("\n  ")),
        };
        return Err(Refusal::internal(format!(
            "failed to create typed patch object ({}/{name}; {}/{}, Kind={}): {listed}",
            call.namespace, kind.group, kind.version, kind.name
        )));
    }
    let on_status = !call.writer.subresource.is_empty();
    if let Value::Object(fields) = config {
        if on_status {
            fields.retain(|field, _| matches!(field.as_str(), "apiVersion" | "kind" | "metadata" | "status"));
            meta::of_mut(config)
                .retain(|field, _| matches!(field.as_str(), "name" | "namespace" | "uid" | "resourceVersion"));
        } else if kind.status {
            fields.remove("status");
        }
    }
    Ok(())
}

/// 409: who owns what, a cause for each field.
fn refuse(conflicts: &[Conflict]) -> Refusal {
    let each: Vec<(String, Vec<String>)> =
        conflicts.iter().map(|conflict| (conflict.manager.shown(), conflict.fields.paths())).collect();
    let causes: Vec<(String, String)> = each
        .iter()
        .flat_map(|(who, paths)| paths.iter().map(move |path| (format!("conflict with {who}"), path.clone())))
        .collect();
    let message = if let [(sentence, path)] = causes.as_slice() {
        format!("Apply failed with 1 conflict: {sentence}: {path}")
    } else {
        let mut lines = Vec::new();
        for (who, paths) in &each {
            lines.push(format!("conflicts with {who}:"));
            lines.extend(paths.iter().map(|path| format!("- {path}")));
        }
        format!("Apply failed with {} conflicts: {}", causes.len(), lines.join("\n"))
    };
    Refusal::apply_conflict(message, causes)
}
