//! Custom resource definitions.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    discovery::Aliases,
    field_error::FieldError,
    kinds::{Kind, Role},
    meta,
    schema::{Schema, structural},
    table::Column,
};

/// A custom resource definition that cannot be installed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the custom resource definition cannot be installed: {message}")]
pub struct InvalidCrd {
    /// What the API server says about it.
    pub message: String,
}

/// Fills in what a definition leaves out: names that follow from the kind's, and that nothing is converted.
pub(super) fn fill_in(crd: &mut Value) {
    let Some(spec) = crd.get_mut("spec").and_then(Value::as_object_mut) else { return };
    if let Some(names) = spec.get_mut("names").and_then(Value::as_object_mut)
        && let Some(kind) = names.get("kind").and_then(Value::as_str).map(str::to_owned)
    {
        for (field, name) in [("singular", kind.to_lowercase()), ("listKind", format!("{kind}List"))] {
            let is_empty = |name: &Value| name.as_str().is_none_or(str::is_empty);
            if names.get(field).is_none_or(is_empty) {
                names.insert(field.to_owned(), name.into());
            }
        }
    }
    spec.entry("conversion").or_insert_with(|| json!({"strategy": "None"}));
}

/// The kind that a definition defines: its storage version, the only one that is served here.
///
/// # Errors
/// What is wrong with it; not all of it where one thing keeps another from being looked at.
pub(super) fn parse(crd: &Value) -> Result<Kind, Vec<FieldError>> {
    let versions = crd.pointer("/spec/versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_stored = |version: &Value| version["storage"] == true;
    read(crd).map_err(|error| {
        let mut errors = vec![error];
        if errors[0].field == "spec.versions" && !versions.iter().any(is_stored) {
            let rule = "must have at least one stored version";
            errors.push(FieldError::invalid("status.storedVersions", &json!([]), rule));
        }
        errors
    })
}

fn read(crd: &Value) -> Result<Kind, FieldError> {
    let spec = crd.get("spec").ok_or_else(|| FieldError::required("spec", ""))?;
    let text = |value: &Value, path: &str, field: &str| match value.get(field).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(FieldError::required(format!("{path}.{field}"), "")),
    };
    let group = text(spec, "spec", "group")?;
    let names = spec.get("names").ok_or_else(|| FieldError::required("spec.names", ""))?;
    let plural = text(names, "spec.names", "plural")?;
    let kind = text(names, "spec.names", "kind")?;
    let name = meta::text(crd, "name");
    if name != format!("{plural}.{group}") {
        let rule = "must be spec.names.plural+\".\"+spec.group";
        return Err(FieldError::invalid_text("metadata.name", name, rule));
    }
    let namespaced = match text(spec, "spec", "scope")?.as_str() {
        "Namespaced" => true,
        "Cluster" => false,
        other => {
            let supported = [json!("Cluster"), json!("Namespaced")];
            return Err(FieldError::not_supported("spec.scope", &other.into(), &supported));
        }
    };
    let versions = spec.get("versions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is_set = |version: &Value, field: &str| version.get(field).and_then(Value::as_bool).unwrap_or(false);
    let mut stored = versions.iter().enumerate().filter(|(_, version)| is_set(version, "storage"));
    let (Some((index, version)), None) = (stored.next(), stored.next()) else {
        let rule = "must have exactly one version marked as storage version";
        return Err(FieldError::invalid("spec.versions", &versions.into(), rule));
    };
    let path = format!("spec.versions[{index}]");
    if !is_set(version, "served") {
        return Err(FieldError::invalid(format!("{path}.served"), &false.into(), "the storage version must be served"));
    }
    let schema_path = format!("{path}.schema.openAPIV3Schema");
    let schema = version
        .pointer("/schema/openAPIV3Schema")
        .ok_or_else(|| FieldError::required(&schema_path, "schemas are required"))?;
    // Where all versions have the same schema, it is kept once for all of them, and so are the complaints about it.
    let is_shared = versions.iter().all(|other| other["schema"] == version["schema"]);
    structural::check(schema, if is_shared { "spec.validation.openAPIV3Schema" } else { &schema_path })?;
    let schema = Schema::compile(schema).map_err(|error| {
        let at = if error.path.is_empty() { schema_path } else { format!("{schema_path}.{}", error.path) };
        FieldError::invalid_text(at, "", &error.fault)
    })?;
    let mut defined = Kind::new(&group, &text(version, &path, "name")?, &kind, &plural, Role::Custom);
    if let Some(list_kind) = names.get("listKind").and_then(Value::as_str).filter(|name| !name.is_empty()) {
        list_kind.clone_into(&mut defined.list_name);
    }
    defined.aliases = Aliases::of_definition(names, &kind);
    defined.columns = columns(version, &path)?;
    defined.namespaced = namespaced;
    defined.status = version.pointer("/subresources/status").is_some_and(Value::is_object);
    defined.generation = true;
    defined.schema = Some(schema);
    Ok(defined)
}

/// The columns that a version asks for, if any.
fn columns(version: &Value, path: &str) -> Result<Option<Vec<Column>>, FieldError> {
    let asked = version.get("additionalPrinterColumns").and_then(Value::as_array);
    let Some(asked) = asked.filter(|asked| !asked.is_empty()) else { return Ok(None) };
    let parse = |(index, column)| Column::parse(column, &format!("{path}.additionalPrinterColumns[{index}]"));
    asked.iter().enumerate().map(parse).collect::<Result<_, _>>().map(Some)
}

/// Says that the kind is served, which it is at once.
pub(super) fn establish(crd: &mut Value, now: Timestamp) {
    let condition = |kind: &str, reason: &str, message: &str| json!({"type": kind, "status": "True", "lastTransitionTime": meta::time(now), "reason": reason, "message": message});
    let storage = crd.pointer("/spec/versions").and_then(Value::as_array).into_iter().flatten();
    let storage: Vec<Value> = storage
        .filter(|version| version.get("storage").and_then(Value::as_bool).unwrap_or(false))
        .filter_map(|version| version.get("name").cloned())
        .collect();
    let names = crd.pointer("/spec/names").cloned().unwrap_or_default();
    crd["status"] = json!({
        "conditions": [
            condition("NamesAccepted", "NoConflicts", "no conflicts found"),
            condition("Established", "InitialNamesAccepted", "the initial names have been accepted"),
        ],
        "acceptedNames": names,
        "storedVersions": storage,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crd() -> Value {
        json!({
            "metadata": {"name": "things.example.com"},
            "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"plural": "things", "kind": "Thing"},
                "versions": [
                    {"name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                     "schema": {"openAPIV3Schema": {"type": "object"}}},
                    {"name": "v1beta1", "served": true, "storage": false,
                     "schema": {"openAPIV3Schema": {"type": "object"}}},
                ],
            },
        })
    }

    #[test]
    fn a_definition_gives_a_kind() {
        let kind = parse(&crd()).unwrap();
        assert_eq!((kind.api_version(), kind.list_name.as_str()), ("example.com/v1", "ThingList"));
        assert!(kind.namespaced && kind.status && kind.generation && kind.schema.is_some());
    }

    #[test]
    fn a_definition_that_makes_no_sense_is_refused_by_field() {
        for (pointer, value, field) in [
            ("/spec", json!(null), "spec.group"),
            ("/spec/group", json!(""), "spec.group"),
            ("/spec/names/kind", json!(1), "spec.names.kind"),
            ("/metadata/name", json!("x"), "metadata.name"),
            ("/spec/scope", json!("Galaxy"), "spec.scope"),
            ("/spec/versions", json!([]), "spec.versions"),
            ("/spec/versions/1/storage", json!(true), "spec.versions"),
            ("/spec/versions/0/served", json!(false), "spec.versions[0].served"),
            ("/spec/versions/0/schema", json!({}), "spec.versions[0].schema.openAPIV3Schema"),
            (
                "/spec/versions/0/schema/openAPIV3Schema/type",
                json!("x"),
                "spec.versions[0].schema.openAPIV3Schema.type",
            ),
        ] {
            let mut bad = crd();
            *bad.pointer_mut(pointer).unwrap() = value;
            assert_eq!(parse(&bad).unwrap_err()[0].field, field, "{pointer}");
        }
    }
}
