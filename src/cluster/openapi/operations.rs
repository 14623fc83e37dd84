//! What can be done with a resource, as far as clients read it: verbs, their kinds, and the parameters of writes.

use serde_json::{Map, Value, json};

use super::schemas::group_version_kind;
use crate::cluster::kinds::Kind;

/// Adds the paths of a kind to a document; `root` is the path of its group and version, without slashes around it.
pub(super) fn add(paths: &mut Map<String, Value>, root: &str, kind: &Kind, schema: &str) {
    let scope = if kind.namespaced { "namespaces/{namespace}/" } else { "" };
    let collection = format!("/{root}/{scope}{}", kind.plural);
    let object = format!("{collection}/{{name}}");
    if kind.namespaced {
        paths.insert(format!("/{root}/{}", kind.plural), json!({"get": operation(kind, schema, "list")}));
    }
    let in_namespace = || kind.namespaced.then(|| path_parameter("namespace"));
    let with_parameters = |operations: &mut Value, named: bool| {
        let parameters: Vec<Value> = in_namespace().into_iter().chain(named.then(|| path_parameter("name"))).collect();
        if !parameters.is_empty() {
            operations["parameters"] = parameters.into();
        }
    };
    let mut on_all = json!({
        "get": operation(kind, schema, "list"),
        "post": operation(kind, schema, "post"),
        "delete": operation(kind, schema, "deletecollection"),
    });
    with_parameters(&mut on_all, false);
    paths.insert(collection, on_all);
    let mut on_one = json!({
        "get": operation(kind, schema, "get"),
        "put": operation(kind, schema, "put"),
        "patch": operation(kind, schema, "patch"),
        "delete": operation(kind, schema, "delete"),
    });
    with_parameters(&mut on_one, true);
    paths.insert(object.clone(), on_one);
    if kind.status {
        let mut on_status = json!({
            "get": operation(kind, schema, "get"),
            "put": operation(kind, schema, "put"),
            "patch": operation(kind, schema, "patch"),
        });
        with_parameters(&mut on_status, true);
        paths.insert(format!("{object}/status"), on_status);
    }
}

fn operation(kind: &Kind, schema: &str, action: &str) -> Value {
    let writes = matches!(action, "post" | "put" | "patch");
    let answer = if action == "list" { format!("{schema}List") } else { schema.to_owned() };
    let content =
        |name: &str| json!({"application/json": {"schema": {"$ref": format!("#/components/schemas/{name}")}}});
    let mut operation = json!({
        "description": format!("{action} {}", kind.name),
        "responses": {"200": {"description": "OK", "content": content(&answer)}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": group_version_kind(kind, &kind.name),
    });
    if writes {
        // That these are known here is what kubectl looks for before it leaves the checks to the server.
        let parameters = ["dryRun", "fieldManager", "fieldValidation"].map(query_parameter);
        operation["parameters"] = parameters.to_vec().into();
    }
    match action {
        "patch" => {
            let patch = json!({"schema": {"type": "object"}});
            operation["requestBody"] = json!({"required": true, "content": {
                "application/json-patch+json": patch,
                "application/merge-patch+json": patch,
                "application/apply-patch+yaml": patch,
            }});
        }
        "post" | "put" => operation["requestBody"] = json!({"required": true, "content": content(schema)}),
        _ => {}
    }
    operation
}

fn query_parameter(name: &str) -> Value {
    json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}})
}

fn path_parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "uniqueItems": true}})
}
