//! The metadata of objects: what the server reads in it, and what it makes of what a client sends.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{field_error::FieldError, kinds::Kind, names, status::Refusal};

/// The metadata of an object.
pub(super) fn of(object: &Value) -> Option<&Map<String, Value>> {
    object.get("metadata")?.as_object()
}

/// The metadata of an object, which gets some where it has none.
pub(super) fn of_mut(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let metadata = &mut object["metadata"];
    if !metadata.is_object() {
        *metadata = Value::Object(Map::new());
    }
    match metadata {
        Value::Object(metadata) => metadata,
        _ => unreachable!("made an object above"),
    }
}

/// A text in the metadata; empty where there is none.
pub(super) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    of(object).and_then(|metadata| metadata.get(field)).and_then(Value::as_str).unwrap_or_default()
}

/// The finalizers, in the object's order.
pub(super) fn finalizers(object: &Value) -> impl Iterator<Item = &str> {
    let list = of(object).and_then(|metadata| metadata.get("finalizers")).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str)
}

/// Whether the object is on its way out.
pub(super) fn is_being_deleted(object: &Value) -> bool {
    of(object).is_some_and(|metadata| metadata.contains_key("deletionTimestamp"))
}

/// Puts the resourceVersion in.
pub(super) fn set_revision(object: &mut Value, revision: u64) {
    set(of_mut(object), "resourceVersion", Value::String(revision.to_string()));
}

/// Puts a status in, or takes it out.
pub(super) fn set_status(object: &mut Value, status: Option<Value>) {
    let Value::Object(fields) = object else { return };
    match status {
        Some(status) => set(fields, "status", status),
        None => {
            fields.remove("status");
        }
    }
}

/// Sets a field without a new key where it is there already.
pub(super) fn set(map: &mut Map<String, Value>, field: &str, value: Value) {
    match map.get_mut(field) {
        Some(place) => *place = value,
        None => {
            map.insert(field.to_owned(), value);
        }
    }
}

/// A time as Kubernetes writes it: RFC 3339 in UTC, whole seconds.
pub(super) fn time(now: Timestamp) -> Value {
    let whole = Timestamp::from_second(now.as_second()).unwrap_or(now);
    Value::String(whole.to_string())
}

/// Counts one more change of the spec.
pub(super) fn bump_generation(object: &mut Value) {
    let metadata = of_mut(object);
    let generation = metadata.get("generation").and_then(Value::as_i64).unwrap_or(0);
    set(metadata, "generation", (generation.saturating_add(1)).into());
}

/// Brings the metadata that a client sent into the form that is kept: known fields only, and no empty ones.
///
/// # Errors
/// 400 where a field has the wrong type; the real server cannot even decode such an object.
pub(super) fn normalise(object: &mut Value, kind: &Kind) -> Result<(), Refusal> {
    match object.get("metadata") {
        None | Some(Value::Null | Value::Object(_)) => {}
        Some(_) => return Err(undecodable(kind, "metadata", "ObjectMeta")),
    }
    let metadata = of_mut(object);
    let mut wrong = None;
    metadata.retain(|field, value| {
        let (fits, keep) = match field.as_str() {
            "name" | "generateName" | "namespace" | "uid" | "resourceVersion" | "creationTimestamp"
            | "deletionTimestamp" => {
                (value.is_string() || value.is_null(), value.as_str().is_some_and(|t| !t.is_empty()))
            }
            "generation" | "deletionGracePeriodSeconds" => (value.is_i64() || value.is_null(), value.is_i64()),
            "labels" | "annotations" => (value.is_null() || is_text_map(value), has_items(value)),
            "finalizers" => (value.is_null() || is_list(value, Value::is_string), has_items(value)),
            "ownerReferences" | "managedFields" => {
                (value.is_null() || is_list(value, Value::is_object), has_items(value))
            }
            _ => (true, false),
        };
        if !fits && wrong.is_none() {
            wrong = Some(field.clone());
        }
        keep
    });
    match wrong {
        Some(field) => Err(undecodable(kind, &format!("metadata.{field}"), &field)),
        None => Ok(()),
    }
}

fn undecodable(kind: &Kind, field: &str, what: &str) -> Refusal {
    Refusal::bad_request(format!(
        "{} in version {:?} cannot be handled as a {}: json: cannot unmarshal into Go struct field ObjectMeta.{field} ({what})",
        kind.name, kind.version, kind.name
    ))
}

fn is_text_map(value: &Value) -> bool {
    value.as_object().is_some_and(|map| map.values().all(Value::is_string))
}

fn is_list(value: &Value, item: impl Fn(&Value) -> bool) -> bool {
    value.as_array().is_some_and(|items| items.iter().all(item))
}

fn has_items(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
    }
}

/// What is wrong with normalised metadata.
pub(super) fn validate(object: &Value, kind: &Kind, errors: &mut Vec<FieldError>) {
    let Some(metadata) = of(object) else { return };
    let name = text(object, "name");
    if name.is_empty() {
        errors.push(FieldError::required("metadata.name", "name or generateName is required"));
    } else {
        // A prefix may end with a dash, which what is made from it does not.
        let prefix = text(object, "generateName").trim_end_matches('-');
        errors.extend(kind.names.check("metadata.generateName", prefix).filter(|_| !prefix.is_empty()));
        errors.extend(kind.names.check("metadata.name", name));
    }
    for (key, value) in metadata.get("labels").and_then(Value::as_object).into_iter().flatten() {
        errors.extend(names::check_qualified("metadata.labels", key));
        errors.extend(value.as_str().and_then(|value| names::check_label_value("metadata.labels", value)));
    }
    for key in metadata.get("annotations").and_then(Value::as_object).into_iter().flatten().map(|(key, _)| key) {
        if names::check_qualified("metadata.annotations", key).is_some() {
            // Upper case is fine in an annotation's domain, unlike in a label's.
            errors.extend(names::check_qualified("metadata.annotations", &key.to_ascii_lowercase()));
        }
    }
    for finalizer in finalizers(object) {
        errors.extend(names::check_qualified("metadata.finalizers", finalizer));
    }
    let owners = metadata.get("ownerReferences").and_then(Value::as_array);
    let controllers = owners.into_iter().flatten().filter(|owner| owner.get("controller") == Some(&Value::Bool(true)));
    if controllers.count() > 1 {
        let rule = "Only one reference can have Controller set to true";
        errors.push(FieldError::invalid_text("metadata.ownerReferences".to_owned(), "", rule));
    }
    for (index, owner) in owners.into_iter().flatten().enumerate() {
        for (field, rule) in [
            ("apiVersion", "version must not be empty"),
            ("kind", "must not be empty"),
            ("name", "must not be empty"),
            ("uid", "must not be empty"),
        ] {
            if owner.get(field).and_then(Value::as_str).is_none_or(str::is_empty) {
                errors.push(FieldError::invalid_text(format!("metadata.ownerReferences[{index}].{field}"), "", rule));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::kinds::{Kind, Role},
        *,
    };

    fn kind() -> Kind {
        Kind::new("g", "v1", "X", "xs", Role::Custom)
    }

    #[test]
    fn empty_and_unknown_fields_are_dropped() {
        let mut object = json!({"metadata": {
            "name": "n", "labels": {}, "annotations": {"a": "b"}, "finalizers": [], "managedFields": [],
            "clusterName": "x", "creationTimestamp": null, "namespace": "",
        }});
        normalise(&mut object, &kind()).unwrap();
        assert_eq!(object, json!({"metadata": {"name": "n", "annotations": {"a": "b"}}}));
        let mut bare = json!({});
        normalise(&mut bare, &kind()).unwrap();
        assert_eq!(bare, json!({"metadata": {}}));
    }

    #[test]
    fn fields_of_the_wrong_type_cannot_be_decoded() {
        for bad in [
            json!({"name": 1}),
            json!({"labels": {"a": 1}}),
            json!({"labels": []}),
            json!({"finalizers": [1]}),
            json!({"ownerReferences": ["x"]}),
            json!({"generation": "1"}),
            json!(7),
        ] {
            let mut object = json!({ "metadata": bad });
            assert_eq!(normalise(&mut object, &kind()).unwrap_err().code(), 400, "{object}");
        }
    }

    #[test]
    fn every_fault_of_the_metadata_is_found() {
        let object = json!({"metadata": {
            "name": "N", "labels": {"a b": "c d"}, "annotations": {"x y": ""}, "finalizers": ["not/a/finalizer"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "K", "name": "n"}],
        }});
        let mut errors = Vec::new();
        validate(&object, &kind(), &mut errors);
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "metadata.name",
                "metadata.labels",
                "metadata.labels",
                "metadata.annotations",
                "metadata.finalizers",
                "metadata.ownerReferences[0].uid"
            ]
        );
    }

    #[test]
    fn times_are_whole_seconds() {
        assert_eq!(time("2026-02-12T00:00:01.999Z".parse().unwrap()), json!("2026-02-12T00:00:01Z"));
    }
}
