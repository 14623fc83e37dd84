//! How the fields of the kinds are owned that are there without a definition: what the markers at the Go types of
//! Kubernetes 1.33 say, as schemas.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::super::{
    kinds::{Kind, Role},
    schema::{Schema, node::Node},
};

static METADATA: LazyLock<Schema> = LazyLock::new(|| {
    let text = || json!({"type": "string"});
    let texts = || json!({"type": "object", "additionalProperties": {"type": "string"}});
    let owner = json!({"type": "object", "x-kubernetes-map-type": "atomic", "properties": {
        "apiVersion": text(), "kind": text(), "name": text(), "uid": text(), "controller": {"type": "boolean"},
        "blockOwnerDeletion": {"type": "boolean"},
    }});
    compile(&json!({"type": "object", "properties": {"metadata": {"type": "object", "properties": {
        "name": text(), "generateName": text(), "namespace": text(), "uid": text(), "resourceVersion": text(),
        "selfLink": text(), "creationTimestamp": text(), "deletionTimestamp": text(),
        "generation": {"type": "integer"}, "deletionGracePeriodSeconds": {"type": "integer"},
        "labels": texts(), "annotations": texts(),
        "finalizers": {"type": "array", "x-kubernetes-list-type": "set", "items": text()},
        "ownerReferences": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["uid"], "items": owner,
        },
        "managedFields": {"type": "array", "items": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
    }}}}))
});

static NAMESPACE: LazyLock<Schema> = LazyLock::new(|| {
    let condition = json!({"type": "object", "properties": {
        "type": {"type": "string"}, "status": {"type": "string"}, "lastTransitionTime": {"type": "string"},
        "reason": {"type": "string"}, "message": {"type": "string"},
    }});
    compile(&json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {"finalizers": {"type": "array", "items": {"type": "string"}}}},
        "status": {"type": "object", "properties": {
            "phase": {"type": "string"},
            "conditions": {
                "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"],
                "items": condition,
            },
        }},
    }}))
});

static SECRET: LazyLock<Schema> = LazyLock::new(|| {
    let texts = || json!({"type": "object", "additionalProperties": {"type": "string"}});
    compile(&json!({"type": "object", "properties": {
        "data": texts(), "stringData": texts(), "immutable": {"type": "boolean"}, "type": {"type": "string"},
    }}))
});

static LEASE: LazyLock<Schema> = LazyLock::new(|| {
    compile(&json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "holderIdentity": {"type": "string"}, "leaseDurationSeconds": {"type": "integer"},
        "acquireTime": {"type": "string"}, "renewTime": {"type": "string"}, "leaseTransitions": {"type": "integer"},
        "strategy": {"type": "string"}, "preferredHolder": {"type": "string"},
    }}}}))
});

/// The fields that an Event has in both of its groups.
fn event(own: &Value) -> Value {
    let reference = json!({"type": "object", "x-kubernetes-map-type": "atomic", "properties": {
        "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "name": {"type": "string"},
        "namespace": {"type": "string"}, "uid": {"type": "string"}, "resourceVersion": {"type": "string"},
        "fieldPath": {"type": "string"},
    }});
    let source = json!({"type": "object", "properties": {
        "component": {"type": "string"}, "host": {"type": "string"},
    }});
    let series = json!({"type": "object", "properties": {
        "count": {"type": "integer"}, "lastObservedTime": {"type": "string"},
    }});
    let mut schema = json!({"type": "object", "properties": {
        "eventTime": {"type": "string"}, "series": series, "action": {"type": "string"}, "reason": {"type": "string"},
        "type": {"type": "string"},
    }});
    let shared = json!({"reference": reference, "source": source, "time": {"type": "string"}, "count": {"type": "integer"}, "text": {"type": "string"}});
    for (field, form) in own.as_object().into_iter().flatten() {
        schema["properties"][field] = shared[form.as_str().unwrap_or_default()].clone();
    }
    schema
}

static CORE_EVENT: LazyLock<Schema> = LazyLock::new(|| {
    compile(&event(&json!({
        "involvedObject": "reference", "related": "reference", "source": "source", "message": "text",
        "firstTimestamp": "time", "lastTimestamp": "time", "count": "count", "reportingComponent": "text",
        "reportingInstance": "text",
    })))
});

static NEW_EVENT: LazyLock<Schema> = LazyLock::new(|| {
    compile(&event(&json!({
        "regarding": "reference", "related": "reference", "note": "text", "reportingController": "text",
        "reportingInstance": "text", "deprecatedSource": "source", "deprecatedFirstTimestamp": "time",
        "deprecatedLastTimestamp": "time", "deprecatedCount": "count",
    })))
});

/// Definitions have a hundred fields; what is not said here is deduced.
static DEFINITION: LazyLock<Schema> = LazyLock::new(|| {
    let open = || json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    compile(&json!({"type": "object", "properties": {
        "spec": open(),
        "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": {"conditions": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"], "items": open(),
        }}},
    }}))
});

/// Kinds that other software brings, whose definitions are not installed here.
static FOREIGN: LazyLock<Schema> =
    LazyLock::new(|| compile(&json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})));

/// The schemas above are correct, which a test says, so that the other way out is never taken.
fn compile(schema: &Value) -> Schema {
    Schema::compile(schema).unwrap_or_default()
}

/// The metadata of any object.
pub(in crate::cluster) fn metadata() -> &'static Node {
    METADATA.root().property("metadata").unwrap_or(METADATA.root())
}

/// What an object of this kind may contain.
pub(in crate::cluster) fn schema(kind: &Kind) -> &Node {
    match &kind.schema {
        Some(schema) => schema.root(),
        None if kind.role == Role::Definition => DEFINITION.root(),
        None => closed(kind).map_or(FOREIGN.root(), Schema::root),
    }
}

/// The same for a kind of Kubernetes' own, whose objects have no other fields.
pub(in crate::cluster) fn closed(kind: &Kind) -> Option<&'static Schema> {
    match (kind.group.as_str(), kind.name.as_str()) {
        _ if kind.role == Role::Custom => None,
        ("", "Namespace") => Some(&NAMESPACE),
        ("", "Secret") => Some(&SECRET),
        ("", "Event") => Some(&CORE_EVENT),
        ("events.k8s.io", "Event") => Some(&NEW_EVENT),
        ("coordination.k8s.io", "Lease") => Some(&LEASE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_one() {
        // An empty one is what is left of a schema that does not compile.
        assert!(metadata().property("ownerReferences").is_some());
        for (schema, field) in [(&NAMESPACE, "spec"), (&SECRET, "data"), (&LEASE, "spec"), (&DEFINITION, "status")] {
            assert!(schema.root().property(field).is_some(), "{field}");
        }
        assert!(CORE_EVENT.root().property("involvedObject").is_some_and(|reference| reference.atomic));
        assert!(NEW_EVENT.root().property("regarding").is_some_and(|reference| reference.atomic));
        assert!(FOREIGN.root().preserve);
    }
}
