//! The schemas of one group and version.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{
    Described,
    built_in::{LIST_META, OBJECT_META, Schemas},
};
use crate::cluster::kinds::Kind;

/// The schemas, and the name of each kind's own.
pub(super) fn of(kinds: &Described) -> (Map<String, Value>, BTreeMap<String, String>) {
    let mut schemas = Schemas::new();
    let mut names = BTreeMap::new();
    let mut group_version_kinds = Vec::new();
    for (kind, defined) in kinds {
        let name = match (schemas.add_known(kind), defined) {
            (Some(name), _) => name,
            (None, defined) => {
                let name = format!("{}.{}.{}", reversed(&kind.group), kind.version, kind.name);
                schemas.insert(name.clone(), whole(kind, defined.clone()));
                name
            }
        };
        let list = format!("{name}List");
        schemas.insert(list.clone(), list_of(kind, &name));
        group_version_kinds.push((list, group_version_kind(kind, &kind.list_name)));
        group_version_kinds.push((name.clone(), group_version_kind(kind, &kind.name)));
        names.insert(kind.name.clone(), name);
    }
    (schemas.finish(&group_version_kinds), names)
}

pub(super) fn group_version_kind(kind: &Kind, name: &str) -> Value {
    json!({"group": kind.group, "version": kind.version, "kind": name})
}

/// `cloudkit.openshift.io` as `io.openshift.cloudkit`: that is how the names of schemas begin.
fn reversed(group: &str) -> String {
    group.rsplit('.').collect::<Vec<_>>().join(".")
}

fn refers(name: &str, description: &str) -> Value {
    json!({"description": description, "allOf": [{"$ref": format!("#/components/schemas/{name}")}], "default": {}})
}

/// What every object has, put to what its definition says; of a kind without a definition anything may be in it.
fn whole(kind: &Kind, defined: Option<Value>) -> Value {
    let mut schema = defined.unwrap_or_else(|| {
        json!({
            "description": format!("{} objects are kept as they are sent.", kind.name),
            "type": "object",
            "properties": {"spec": anything(), "status": anything()},
            "x-kubernetes-preserve-unknown-fields": true,
        })
    });
    let Value::Object(fields) = &mut schema else { return schema };
    let properties = fields.entry("properties").or_insert_with(|| json!({}));
    properties["apiVersion"] =
        json!({"type": "string", "description": "The group and version of this form of the object."});
    properties["kind"] = json!({"type": "string", "description": "The kind of the object, in CamelCase."});
    properties["metadata"] = refers(OBJECT_META, "The object's metadata, as all objects have them.");
    schema
}

fn anything() -> Value {
    json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

fn list_of(kind: &Kind, schema: &str) -> Value {
    json!({
        "description": format!("A list of {}.", kind.name),
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": refers(LIST_META, "The list's metadata."),
            "items": {"type": "array", "items": refers(schema, "")},
        },
    })
}
