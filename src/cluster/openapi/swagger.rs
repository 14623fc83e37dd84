//! All of it as one Swagger 2 document, for clients that know no newer form.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Described, document, info};

/// `/openapi/v2`.
pub(super) fn document_of(all: &BTreeMap<String, Described>) -> Value {
    let (mut paths, mut definitions) = (Map::new(), Map::new());
    for path in all.keys() {
        let Some(mut document) = document(all, path) else { continue };
        convert(&mut document);
        if let Value::Object(own) = document["paths"].take() {
            paths.extend(own);
        }
        if let Value::Object(own) = document["components"]["schemas"].take() {
            definitions.extend(own);
        }
    }
    json!({"swagger": "2.0", "info": info(), "paths": paths, "definitions": definitions})
}

/// Brings references, parameters and bodies into the older form.
fn convert(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(convert),
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get_mut("$ref") {
                *reference = reference.replace("#/components/schemas/", "#/definitions/");
            }
            // A parameter has its type itself.
            if fields.contains_key("in")
                && let Some(Value::Object(schema)) = fields.remove("schema")
            {
                fields.extend(schema);
            }
            if let Some(mut content) = fields.remove("content") {
                let first = content.as_object_mut().and_then(|types| types.values_mut().next());
                if let Some(schema) = first.and_then(|first| first.get_mut("schema")) {
                    fields.insert("schema".to_owned(), schema.take());
                }
            }
            if let Some(mut body) = fields.remove("requestBody") {
                convert(&mut body);
                let body = json!({"name": "body", "in": "body", "required": true, "schema": body["schema"].take()});
                if let Value::Array(parameters) = fields.entry("parameters").or_insert_with(|| json!([])) {
                    parameters.iter_mut().for_each(convert);
                    parameters.push(body);
                }
                fields.iter_mut().filter(|(field, _)| *field != "parameters").for_each(|(_, field)| convert(field));
                return;
            }
            fields.values_mut().for_each(convert);
        }
        _ => {}
    }
}
