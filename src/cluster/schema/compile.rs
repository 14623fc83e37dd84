//! Reads an `openAPIV3Schema` into nodes.

use regex::Regex;
use serde_json::{Map, Number, Value};

use super::{
    Schema,
    cel::CelRule,
    format::Format,
    node::{Additional, ListType, Node, Rule, Type},
};

/// Why a schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{path}`: {fault}")]
pub(in crate::cluster) struct InvalidSchema {
    /// Where in the schema, as a path of keys.
    pub path: String,
    /// What is wrong there.
    pub fault: String,
}

/// Deeper than any schema in use, shallow enough for any stack.
const DEEPEST: usize = 64;

impl Schema {
    /// Compiles a schema, patterns included.
    ///
    /// # Errors
    /// [`InvalidSchema`] where a part of it has the wrong type, a pattern does not compile, or it is too deep.
    pub(in crate::cluster) fn compile(schema: &Value) -> Result<Self, InvalidSchema> {
        let mut path = Vec::new();
        let mut root = node(schema, &mut path)?;
        root.embedded = true;
        let has_validations = any_validations(&root);
        Ok(Self { root, has_validations })
    }
}

fn any_validations(node: &Node) -> bool {
    let below = match &node.additional {
        Additional::Of(node) => Some(node.as_ref()),
        Additional::None | Additional::Any => None,
    };
    !node.validations.is_empty()
        || node.properties.iter().map(|(_, node)| node).chain(node.items.as_deref()).chain(below).any(any_validations)
}

type Path = Vec<String>;

type OfCount = fn(u64) -> Rule;

type OfBranches = fn(Vec<Node>) -> Rule;

fn fault<T>(path: &Path, fault: impl Into<String>) -> Result<T, InvalidSchema> {
    Err(InvalidSchema { path: path.join("."), fault: fault.into() })
}

fn within<T>(
    path: &mut Path,
    step: &str,
    act: impl FnOnce(&mut Path) -> Result<T, InvalidSchema>,
) -> Result<T, InvalidSchema> {
    path.push(step.to_owned());
    let result = act(path)?;
    path.pop();
    Ok(result)
}

fn node(schema: &Value, path: &mut Path) -> Result<Node, InvalidSchema> {
    if path.len() > DEEPEST {
        return fault(path, format!("nested deeper than {DEEPEST} levels"));
    }
    let Value::Object(schema) = schema else { return fault(path, "must be an object") };
    let mut compiled = Node {
        kind: kind(schema, path)?,
        nullable: is_set(schema, "nullable"),
        preserve: is_set(schema, "x-kubernetes-preserve-unknown-fields"),
        embedded: is_set(schema, "x-kubernetes-embedded-resource"),
        default: schema.get("default").cloned(),
        rules: rules(schema, path)?,
        validations: validations(schema, path)?,
        list: list_type(schema, path)?,
        atomic: map_is_atomic(schema, path)?,
        ..Node::default()
    };
    if let Some(properties) = schema.get("properties") {
        let Value::Object(properties) = properties else { return fault(path, "`properties` must be an object") };
        for (name, property) in properties {
            let property = within(path, name, |path| node(property, path))?;
            compiled.properties.push((name.clone(), property));
        }
        // Already sorted unless the map keeps another order; the walks rely on it.
        compiled.properties.sort_by(|(a, _), (b, _)| a.cmp(b));
    }
    if let Some(required) = schema.get("required") {
        let names =
            required.as_array().map(|names| names.iter().map(|name| name.as_str().map(str::to_owned)).collect());
        let Some(Some(names)) = names else { return fault(path, "`required` must be a list of names") };
        compiled.required = names;
    }
    compiled.additional = match schema.get("additionalProperties") {
        None | Some(Value::Bool(false)) => Additional::None,
        Some(Value::Bool(true)) => Additional::Any,
        Some(values) => Additional::Of(Box::new(within(path, "additionalProperties", |path| node(values, path))?)),
    };
    if let Some(items) = schema.get("items") {
        compiled.items = Some(Box::new(within(path, "items", |path| node(items, path))?));
    }
    compiled.has_defaults = compiled.properties.iter().any(|(_, property)| property.default.is_some());
    Ok(compiled)
}

fn kind(schema: &Map<String, Value>, path: &Path) -> Result<Type, InvalidSchema> {
    if is_set(schema, "x-kubernetes-int-or-string") {
        return Ok(Type::IntOrString);
    }
    match schema.get("type") {
        None => Ok(Type::Any),
        Some(Value::String(name)) => match name.as_str() {
            "" => Ok(Type::Any),
            "object" => Ok(Type::Object),
            "array" => Ok(Type::Array),
            "string" => Ok(Type::String),
            "integer" => Ok(Type::Integer),
            "number" => Ok(Type::Number),
            "boolean" => Ok(Type::Boolean),
            other => fault(path, format!("`{other}` is not a type")),
        },
        Some(_) => fault(path, "`type` must be a text"),
    }
}

fn validations(schema: &Map<String, Value>, path: &Path) -> Result<Vec<CelRule>, InvalidSchema> {
    let Some(entries) = schema.get("x-kubernetes-validations") else { return Ok(Vec::new()) };
    let Value::Array(entries) = entries else { return fault(path, "`x-kubernetes-validations` must be a list") };
    let compiled = entries.iter().enumerate().map(|(index, entry)| {
        CelRule::compile(entry).or_else(|why| fault(path, format!("x-kubernetes-validations[{index}].rule: {why}")))
    });
    compiled.collect()
}

/// The rules of structural schemas: keys go with the type `map` and with no other.
fn list_type(schema: &Map<String, Value>, path: &Path) -> Result<ListType, InvalidSchema> {
    let keys = schema.get("x-kubernetes-list-map-keys").map(|keys| {
        let keys = keys.as_array().map(|keys| keys.iter().map(|key| key.as_str().map(str::to_owned)).collect());
        keys.flatten().filter(|keys: &Vec<String>| !keys.is_empty())
    });
    let named = schema.get("x-kubernetes-list-type").map(|name| name.as_str().unwrap_or("?"));
    match (named, keys) {
        (None | Some("atomic"), None) => Ok(ListType::Atomic),
        (Some("set"), None) => Ok(ListType::Set),
        (Some("map"), Some(Some(keys))) => Ok(ListType::Map(keys)),
        (Some("map"), _) => fault(path, "`x-kubernetes-list-map-keys` is required where the list type is `map`"),
        (_, Some(_)) => fault(path, "`x-kubernetes-list-map-keys` must be empty where the list type is not `map`"),
        (Some(other), None) => {
            fault(path, format!("`x-kubernetes-list-type` is `atomic`, `set` or `map`, not `{other}`"))
        }
    }
}

fn map_is_atomic(schema: &Map<String, Value>, path: &Path) -> Result<bool, InvalidSchema> {
    match schema.get("x-kubernetes-map-type").map(|name| name.as_str().unwrap_or("?")) {
        None | Some("granular") => Ok(false),
        Some("atomic") => Ok(true),
        Some(other) => fault(path, format!("`x-kubernetes-map-type` is `granular` or `atomic`, not `{other}`")),
    }
}

fn rules(schema: &Map<String, Value>, path: &mut Path) -> Result<Vec<Rule>, InvalidSchema> {
    let mut rules = Vec::new();
    if let Some(values) = schema.get("enum") {
        let Value::Array(values) = values else { return fault(path, "`enum` must be a list") };
        rules.push(Rule::Enum(values.clone()));
    }
    if let Some(pattern) = schema.get("pattern") {
        let Value::String(pattern) = pattern else { return fault(path, "`pattern` must be a text") };
        match Regex::new(pattern) {
            Ok(regex) => rules.push(Rule::Pattern(regex, pattern.clone())),
            Err(error) => return fault(path, format!("the pattern `{pattern}` does not compile: {error}")),
        }
    }
    if let Some(format) = schema.get("format").and_then(Value::as_str).and_then(Format::named) {
        rules.push(Rule::Format(format));
    }
    let counts: [(&str, OfCount); 6] = [
        ("minLength", Rule::MinLength),
        ("maxLength", Rule::MaxLength),
        ("minItems", Rule::MinItems),
        ("maxItems", Rule::MaxItems),
        ("minProperties", Rule::MinProperties),
        ("maxProperties", Rule::MaxProperties),
    ];
    for (key, rule) in counts {
        if let Some(count) = schema.get(key) {
            let Some(count) = count.as_u64() else { return fault(path, format!("`{key}` must be a count")) };
            rules.push(rule(count));
        }
    }
    if is_set(schema, "uniqueItems") {
        return fault(path, "`uniqueItems` cannot be set to true since the runtime complexity becomes quadratic");
    }
    if let Some(limit) = number(schema, "minimum", path)? {
        rules.push(Rule::Minimum(limit, is_set(schema, "exclusiveMinimum")));
    }
    if let Some(limit) = number(schema, "maximum", path)? {
        rules.push(Rule::Maximum(limit, is_set(schema, "exclusiveMaximum")));
    }
    if let Some(factor) = number(schema, "multipleOf", path)? {
        rules.push(Rule::MultipleOf(factor));
    }
    let combinations: [(&str, OfBranches); 3] =
        [("allOf", Rule::AllOf), ("anyOf", Rule::AnyOf), ("oneOf", Rule::OneOf)];
    for (key, rule) in combinations {
        if let Some(branches) = schema.get(key) {
            let Value::Array(branches) = branches else { return fault(path, format!("`{key}` must be a list")) };
            let branches = within(path, key, |path| branches.iter().map(|branch| node(branch, path)).collect())?;
            rules.push(rule(branches));
        }
    }
    if let Some(branch) = schema.get("not") {
        rules.push(Rule::Not(Box::new(within(path, "not", |path| node(branch, path))?)));
    }
    Ok(rules)
}

fn number(schema: &Map<String, Value>, key: &str, path: &Path) -> Result<Option<Number>, InvalidSchema> {
    match schema.get(key) {
        None => Ok(None),
        Some(Value::Number(number)) => Ok(Some(number.clone())),
        Some(_) => fault(path, format!("`{key}` must be a number")),
    }
}

fn is_set(schema: &Map<String, Value>, key: &str) -> bool {
    schema.get(key).and_then(Value::as_bool).unwrap_or(false)
}
