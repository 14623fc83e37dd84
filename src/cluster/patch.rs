//! PATCH: JSON merge patch (RFC 7396), JSON patch (RFC 6902) and strategic merge patch.

use bytes::Bytes;
use json_patch::{AddOperation, PatchOperation};
use serde_json::{Map, Value};

use super::{
    apply::{self, Type, tracking::is_tracked},
    built_in,
    call::Call,
    kinds::{Kind, Role},
    schema::Schema,
    state::State,
    status::Refusal,
    status_fields, strategic,
    update::{Origin, check_sent_revision, present, replace, store_status, update_metadata, update_status},
    wire,
};

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_PATCH: &str = "application/strategic-merge-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

/// As many operations as the real server takes.
const MOST_OPERATIONS: usize = 10_000;

/// An object may not grow deeper or larger than this by a patch: far more than a request body can say, far less than
/// what copying a part of an object into itself over and over would make of it.
const DEEPEST: usize = 256;
const LARGEST: usize = 3 * 1024 * 1024;

/// A parsed patch.
#[derive(Clone, Debug)]
pub(super) enum Patch {
    /// Fields to set, and nulls for those to remove.
    Merge(Map<String, Value>),
    /// Operations, all or none.
    Json(Vec<Map<String, Value>>),
    /// Fields to set, nulls and directives; lists are merged as the types say.
    Strategic(Map<String, Value>),
    /// A configuration to apply.
    Apply(Map<String, Value>),
}

impl Patch {
    /// Reads a patch of the given content type.
    ///
    /// # Errors
    /// 415 for other types, 400 for what is none of its type, 413 for too many operations.
    pub(super) fn parse(content_type: &str, body: &[u8]) -> Result<Self, Refusal> {
        let undecodable = |error: serde_json::Error| Refusal::bad_request(format!("error decoding patch: {error}"));
        match content_type {
            MERGE_PATCH | STRATEGIC_PATCH => match wire::read(body).map_err(undecodable)? {
                Value::Object(fields) if content_type == MERGE_PATCH => Ok(Self::Merge(fields)),
                Value::Object(fields) => Ok(Self::Strategic(fields)),
                _ => Err(Refusal::bad_request("error decoding patch: a merge patch of an object must be an object")),
            },
            JSON_PATCH => {
                let operations: Vec<Map<String, Value>> = serde_json::from_slice(body).map_err(undecodable)?;
                if operations.len() > MOST_OPERATIONS {
                    return Err(Refusal::too_many_operations(MOST_OPERATIONS, operations.len()));
                }
                Ok(Self::Json(operations))
            }
            APPLY_PATCH => apply::read_config(body).map(Self::Apply),
            _ => Err(Refusal::unsupported_media_type(&[JSON_PATCH, MERGE_PATCH, APPLY_PATCH])),
        }
    }

    /// The object that the patch makes of another.
    fn apply(self, kind: &Kind, old: &Value) -> Result<Value, Refusal> {
        let operations = match self {
            Self::Merge(fields) => return Ok(merge(Some(old), Value::Object(fields))),
            Self::Strategic(fields) => {
                let empty = Map::new();
                let types = Type::root(built_in::schema(kind));
                return strategic::merge(types, old.as_object().unwrap_or(&empty), fields);
            }
            // Routed to `apply`, which knows who the fields belong to.
            Self::Apply(_) => return Err(Refusal::patch_failed()),
            Self::Json(operations) => operations,
        };
        let mut object = old.clone();
        for operation in operations {
            let operation = read_operation(operation, &object)?;
            let grows = matches!(operation, PatchOperation::Copy(_) | PatchOperation::Move(_));
            if operation.path().tokens().count() > DEEPEST {
                return Err(Refusal::patch_failed());
            }
            json_patch::patch_unsafe(&mut object, &[operation]).map_err(|_| Refusal::patch_failed())?;
            if grows && !fits(&object, DEEPEST, &mut { LARGEST }) {
                return Err(Refusal::too_large(LARGEST));
            }
        }
        if fits(&object, DEEPEST, &mut { LARGEST }) { Ok(object) } else { Err(Refusal::too_large(LARGEST)) }
    }
}

/// One operation of a JSON patch on an object. What is missing is null, as in the library of the real server: the value of an
/// operation, and what stands nowhere and is copied.
///
/// # Errors
/// 422 where there is no such operation, or its paths are none.
fn read_operation(mut operation: Map<String, Value>, object: &Value) -> Result<PatchOperation, Refusal> {
    if matches!(operation.get("op").and_then(Value::as_str), Some("add" | "replace" | "test")) {
        operation.entry("value").or_insert(Value::Null);
    }
    let operation: PatchOperation =
        serde_json::from_value(Value::Object(operation)).map_err(|_| Refusal::patch_failed())?;
    Ok(match operation {
        PatchOperation::Copy(copy) if object.pointer(copy.from.as_str()).is_none() => {
            let parent = copy.from.as_str().rsplit_once('/').and_then(|(parent, _)| object.pointer(parent));
            if parent.is_some_and(Value::is_object) {
                PatchOperation::Add(AddOperation { path: copy.path, value: Value::Null })
            } else {
                PatchOperation::Copy(copy)
            }
        }
        operation => operation,
    })
}

/// What a merge patch makes of a value. The patch becomes the result, and only what it leaves alone is copied: of a
/// status whose lists are replaced, that is next to nothing.
pub(super) fn merge(old: Option<&Value>, patch: Value) -> Value {
    let Value::Object(mut fields) = patch else { return patch };
    let old = old.and_then(Value::as_object);
    let mut removed = Vec::new();
    for (field, value) in &mut fields {
        if value.is_null() {
            removed.push(field.clone());
        } else if value.is_object() {
            // Also where there is nothing to merge with, so that its nulls go.
            *value = merge(old.and_then(|old| old.get(field)), value.take());
        }
    }
    for (field, value) in old.into_iter().flatten() {
        if !fields.contains_key(field) {
            fields.insert(field.clone(), value.clone());
        }
    }
    for field in removed {
        fields.remove(&field);
    }
    Value::Object(fields)
}

/// Whether a value stays within a depth and a budget of bytes.
fn fits(value: &Value, depth: usize, budget: &mut usize) -> bool {
    let mut spend = |bytes: usize| match budget.checked_sub(bytes) {
        Some(rest) => {
            *budget = rest;
            true
        }
        None => false,
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => spend(4),
        Value::String(text) => spend(text.len() + 2),
        Value::Array(items) => {
            depth > 0 && spend(items.len() + 2) && items.iter().all(|item| fits(item, depth - 1, budget))
        }
        Value::Object(fields) => {
            depth > 0
                && fields.iter().all(|(field, value)| match budget.checked_sub(field.len() + 4) {
                    Some(rest) => {
                        *budget = rest;
                        fits(value, depth - 1, budget)
                    }
                    None => false,
                })
        }
    }
}

/// Custom resources have no Go types that could say how their lists are merged.
fn check_strategic(kind: &Kind, patch: &Patch) -> Result<(), Refusal> {
    let typed = kind.role == Role::Definition || built_in::closed(kind).is_some();
    if matches!(patch, Patch::Strategic(_)) && !typed {
        return Err(Refusal::unsupported_media_type(&[JSON_PATCH, MERGE_PATCH, APPLY_PATCH]));
    }
    Ok(())
}

/// Patches everything but the status.
///
/// # Errors
/// 400, 404, 409, 413 or 422.
pub(super) fn patch(state: &mut State, call: &Call<'_>, name: &str, patch: Patch) -> Result<Bytes, Refusal> {
    check_strategic(&call.kind, &patch)?;
    let stored = present(state, call, name)?;
    let patch = match patch {
        Patch::Merge(mut fields) if touches_metadata_only(call, &fields) && !is_tracked(call, stored) => {
            match fields.remove("metadata") {
                Some(change) => return update_metadata(state, call, name, change),
                None => Patch::Merge(fields),
            }
        }
        patch => patch,
    };
    let old = stored.value();
    let new = patch.apply(&call.kind, &old)?;
    replace(state, call, name, &old, new, Origin::Patch)
}

/// Patches the status.
///
/// # Errors
/// 400, 404, 409, 413 or 422.
pub(super) fn patch_status(state: &mut State, call: &Call<'_>, name: &str, patch: Patch) -> Result<Bytes, Refusal> {
    check_strategic(&call.kind, &patch)?;
    let stored = present(state, call, name)?;
    let patch = match patch {
        Patch::Merge(mut fields) if touches_status_only(call, &fields) => {
            if let Some(sent) = fields.get("metadata").and_then(|metadata| metadata["resourceVersion"].as_str()) {
                check_sent_revision(&call.kind, name, sent, stored)?;
            }
            match fields.remove("status") {
                Some(Value::Object(changes)) => {
                    if let Some(bytes) = status_fields::merge_plainly(state, call, name, &changes) {
                        return Ok(bytes);
                    }
                    let old = present(state, call, name)?.status();
                    return store_status(state, call, name, Some(merge(old.as_ref(), Value::Object(changes))), None);
                }
                Some(change) => return store_status(state, call, name, Some(change), None),
                None => {
                    let old = stored.status();
                    return store_status(state, call, name, old, None);
                }
            }
        }
        patch => patch,
    };
    let object = patch.apply(&call.kind, &stored.value())?;
    update_status(state, call, name, object, Origin::Patch)
}

/// Whether a merge patch says nothing beside the metadata, so that the rest needs no look: what is there was valid when it
/// was written, and a definition that became stricter does not complain about what stays as it was.
fn touches_metadata_only(call: &Call<'_>, fields: &Map<String, Value>) -> bool {
    matches!(call.kind.role, Role::Plain | Role::Custom)
        && !call.kind.revised
        && call.kind.schema.as_ref().is_none_or(Schema::leaves_metadata_alone)
        && fields.iter().all(|(field, value)| match field.as_str() {
            "metadata" => value.as_object().is_some_and(|metadata| !metadata.contains_key("managedFields")),
            "apiVersion" => value == call.kind.api_version(),
            "kind" => value == call.kind.name.as_str(),
            _ => false,
        })
}

/// Whether a merge patch says nothing beside the status that would have to be checked against the whole object.
fn touches_status_only(call: &Call<'_>, fields: &Map<String, Value>) -> bool {
    fields.iter().all(|(field, value)| match field.as_str() {
        "status" => true,
        "apiVersion" => value == call.kind.api_version(),
        "kind" => value == call.kind.name.as_str(),
        "metadata" => value.as_object().is_some_and(|metadata| {
            metadata
                .iter()
                .all(|(field, value)| field == "resourceVersion" && value.as_str().is_some_and(|v| !v.is_empty()))
        }),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merging_follows_rfc_7396() {
        // The table of the RFC's appendix A, for targets that are objects or become some.
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            assert_eq!(merge(Some(&target), patch.clone()), result, "{target} and {patch}");
        }
    }

    #[test]
    fn a_json_patch_cannot_blow_an_object_up() {
        let body = json!([{"op": "add", "path": "/a", "value": "x".repeat(100)}]);
        let mut operations = body.as_array().unwrap().clone();
        for round in 0..40 {
            operations.push(json!({"op": "copy", "from": "", "path": format!("/c{round}")}));
        }
        let kind = Kind::new("g", "v1", "X", "xs", Role::Custom);
        let patch = Patch::parse(JSON_PATCH, &serde_json::to_vec(&operations).unwrap()).unwrap();
        let refusal = patch.apply(&kind, &json!({})).unwrap_err();
        assert_eq!(refusal.code(), 413);
    }

    #[test]
    fn what_is_missing_in_an_operation_is_null_and_what_is_none_is_refused() {
        let kind = Kind::new("g", "v1", "X", "xs", Role::Custom);
        let patched =
            |body: &str| Patch::parse(JSON_PATCH, body.as_bytes()).unwrap().apply(&kind, &json!({"a": 1, "l": []}));
        for (body, result) in [
            (r#"[{"op":"add","path":"/b"}]"#, json!({"a": 1, "l": [], "b": null})),
            (r#"[{"op":"copy","from":"/nothing","path":"/b"}]"#, json!({"a": 1, "l": [], "b": null})),
            (r#"[{"op":"copy","from":"/a","path":"/b"}]"#, json!({"a": 1, "l": [], "b": 1})),
        ] {
            assert_eq!(patched(body).unwrap(), result, "{body}");
        }
        for body in [
            r#"[{"op":"frob","path":"/a"}]"#,
            r#"[{"path":"/a"}]"#,
            r#"[{"op":"add","path":"a","value":1}]"#,
            r#"[{"op":"copy","from":"/l/7","path":"/b"}]"#,
            r#"[{"op":"copy","from":"/x/y","path":"/b"}]"#,
        ] {
            assert_eq!(patched(body).unwrap_err().code(), 422, "{body}");
        }
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for (content_type, body, code) in [
            (MERGE_PATCH, "[]", 400),
            (MERGE_PATCH, "{", 400),
            (JSON_PATCH, "{}", 400),
            (JSON_PATCH, "[1]", 400),
            (STRATEGIC_PATCH, "[]", 400),
            ("application/x", "{}", 415),
            (APPLY_PATCH, "- a", 400),
            (APPLY_PATCH, "a: [", 400),
            ("", "{}", 415),
        ] {
            assert_eq!(Patch::parse(content_type, body.as_bytes()).unwrap_err().code(), code, "{content_type} {body}");
        }
    }
}
