//! What a schema in a definition must say for its objects to be pruned and defaulted: the rules of structural schemas, as far
//! as they are about types ("Specifying a structural schema" in Kubernetes' documentation of CustomResourceDefinitions).

use regex::Regex;
use serde_json::{Map, Value, json};

use super::super::field_error::FieldError;

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];

/// Deeper than any schema in use; what is deeper is refused elsewhere.
const DEEPEST: usize = 64;

/// Checks a schema whose place in the definition is `path`.
///
/// # Errors
/// The first place where a type is missing or is none, or where a pattern does not compile.
pub(in crate::cluster) fn check(schema: &Value, path: &str) -> Result<(), FieldError> {
    let Value::Object(fields) = schema else { return Ok(()) };
    match text(fields, "type") {
        "object" => {}
        "" => return Err(FieldError::required(format!("{path}.type"), "must not be empty at the root")),
        other if TYPES.contains(&other) => {
            return Err(FieldError::invalid_text(format!("{path}.type"), other, "must be object at the root"));
        }
        // Said below.
        _ => {}
    }
    node(fields, path, "must not be empty at the root", 0)
}

fn node(fields: &Map<String, Value>, path: &str, needed: &str, depth: usize) -> Result<(), FieldError> {
    if depth > DEEPEST {
        return Ok(());
    }
    let is_set = |key: &str| fields.get(key) == Some(&Value::Bool(true));
    match text(fields, "type") {
        "" if is_set("x-kubernetes-int-or-string") || is_set("x-kubernetes-preserve-unknown-fields") => {}
        "" => return Err(FieldError::required(format!("{path}.type"), needed)),
        known if TYPES.contains(&known) => {}
        other => {
            let supported = TYPES.map(|name| json!(name));
            return Err(FieldError::not_supported(format!("{path}.type"), &other.into(), &supported));
        }
    }
    if let Some(pattern) = fields.get("pattern").and_then(Value::as_str)
        && let Err(error) = Regex::new(pattern)
    {
        let rule = format!("must be a valid regular expression, but isn't: {error}");
        return Err(FieldError::invalid_text(format!("{path}.pattern"), pattern, &rule));
    }
    for (name, property) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if let Value::Object(property) = property {
            let path = format!("{path}.properties[{name}]");
            node(property, &path, "must not be empty for specified object fields", depth + 1)?;
        }
    }
    for (key, needed) in [
        ("items", "must not be empty for specified array items"),
        ("additionalProperties", "must not be empty for specified object fields"),
    ] {
        if let Some(Value::Object(below)) = fields.get(key) {
            node(below, &format!("{path}.{key}"), needed, depth + 1)?;
        }
    }
    Ok(())
}

fn text<'a>(fields: &'a Map<String, Value>, key: &str) -> &'a str {
    fields.get(key).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_needs_a_type_that_is_one() {
        for (schema, reason, field) in [
            (json!({}), "FieldValueRequired", "s.type"),
            (json!({"type": "string"}), "FieldValueInvalid", "s.type"),
            (json!({"type": "thing"}), "FieldValueNotSupported", "s.type"),
            (json!({"type": "object", "properties": {"a": {}}}), "FieldValueRequired", "s.properties[a].type"),
            (
                json!({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "x"}}}}),
                "FieldValueNotSupported",
                "s.properties[a].items.type",
            ),
            (
                json!({"type": "object", "additionalProperties": {"type": "string", "pattern": "("}}),
                "FieldValueInvalid",
                "s.additionalProperties.pattern",
            ),
        ] {
            let error = check(&schema, "s").unwrap_err();
            assert_eq!((error.reason, error.field.as_str()), (reason, field), "{schema}");
        }
        for good in [
            json!({"type": "object"}),
            json!({"type": "object", "properties": {"a": {"x-kubernetes-int-or-string": true}}}),
            json!({"type": "object", "properties": {"a": {"x-kubernetes-preserve-unknown-fields": true}}}),
            json!({"type": "object", "additionalProperties": true}),
        ] {
            assert_eq!(check(&good, "s"), Ok(()), "{good}");
        }
    }
}
