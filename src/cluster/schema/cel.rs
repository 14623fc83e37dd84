//! `x-kubernetes-validations`: rules in the Common Expression Language.
//!
//! What is understood is the language with its macros, the texts' extension and regular expressions. The libraries that
//! Kubernetes adds (quantities, URLs, addresses and so on) are not there, nor are the types at compile time: a definition
//! whose rules call what is not there is refused, and a rule that fails on a value's type fails when it is evaluated.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use cel::{
    Context, Env, Program, Value as Cel, extensions,
    objects::{Key, Map as CelMap},
};
use serde_json::Value;

use super::{
    super::field_error::FieldError,
    node::{Additional, ListType, Node, Type},
    place::Place,
};

/// One rule and what is said where it fails.
pub(in crate::cluster) struct CelRule {
    program: Program,
    /// What it was written as.
    rule: String,
    message: Option<String>,
    /// Makes the message.
    message_program: Option<Program>,
    /// Where the fault is, below the place of the rule.
    field_path: String,
    reason: Reason,
    /// Whether it compares with the state before, and so needs one.
    is_transition: bool,
}

impl fmt::Debug for CelRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CelRule").field("rule", &self.rule).finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    Invalid,
    Forbidden,
    Required,
    Duplicate,
}

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut environment = Env::stdlib();
    // The names in the extension are none that the standard has: this cannot fail, and without it fewer rules are known.
    let _ = environment.add_extension(extensions::strings);
    Arc::new(environment)
});

/// The functions that there are. Operators are written with signs and always known.
const FUNCTIONS: &[&str] = &[
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "uint",
    "double",
    "bool",
    "bytes",
    "type",
    "dyn",
    "has",
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
    "charAt",
    "indexOf",
    "lastIndexOf",
    "join",
    "lowerAscii",
    "upperAscii",
    "format",
    "replace",
    "split",
    "substring",
    "trim",
    "reverse",
];

impl CelRule {
    /// Reads one entry of `x-kubernetes-validations`.
    ///
    /// # Errors
    /// A sentence where it does not compile, or asks for what is not there.
    pub(super) fn compile(entry: &Value) -> Result<Self, String> {
        let text = |field: &str| entry.get(field).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let rule = text("rule").ok_or("a rule must not be empty")?.to_owned();
        if entry.get("optionalOldSelf").is_some_and(|value| value == true) {
            return Err("`optionalOldSelf` is not supported by this server".to_owned());
        }
        let reason = match text("reason") {
            None | Some("FieldValueInvalid") => Reason::Invalid,
            Some("FieldValueForbidden") => Reason::Forbidden,
            Some("FieldValueRequired") => Reason::Required,
            Some("FieldValueDuplicate") => Reason::Duplicate,
            Some(other) => return Err(format!("`{other}` is no reason of a rule")),
        };
        let program = compile(&rule)?;
        let is_transition = program.references().has_variable("oldSelf");
        Ok(Self {
            is_transition,
            message: text("message").map(str::to_owned),
            message_program: text("messageExpression").map(compile).transpose()?,
            field_path: text("fieldPath").unwrap_or_default().to_owned(),
            program,
            rule,
            reason,
        })
    }

    /// What is wrong with a value by this rule.
    fn check(&self, node: &Node, value: &Value, old: Option<&Value>, place: &Place<'_>) -> Option<FieldError> {
        if self.is_transition && old.is_none() {
            return None;
        }
        let mut context = Context::with_env(ENVIRONMENT.clone());
        context.add_variable_from_value("self", to_cel(node, value));
        if let Some(old) = old {
            context.add_variable_from_value("oldSelf", to_cel(node, old));
        }
        let detail = match self.program.execute(&context) {
            Ok(Cel::Bool(true)) => return None,
            Ok(Cel::Bool(false)) => self.detail(&context),
            Ok(_) => format!("rule {:?} does not evaluate to bool", self.rule),
            Err(error) => format!("error evaluating rule {:?}: {error}", self.rule),
        };
        let field = format!("{place}{}", self.field_path);
        let field = field.strip_prefix('.').unwrap_or(&field).to_owned();
        Some(match self.reason {
            Reason::Invalid => FieldError::invalid_text(field, type_name(node.kind), &detail),
            Reason::Forbidden => FieldError::forbidden(field, &detail),
            Reason::Required => FieldError::required(field, &detail),
            Reason::Duplicate => FieldError::duplicate(field, &type_name(node.kind).into()),
        })
    }

    fn detail(&self, context: &Context<'_, '_>) -> String {
        let computed = self.message_program.as_ref().and_then(|program| match program.execute(context) {
            Ok(Cel::String(message)) if !message.trim().is_empty() => Some(message.to_string()),
            _ => None,
        });
        computed.or_else(|| self.message.clone()).unwrap_or_else(|| format!("failed rule: {}", self.rule))
    }
}

fn compile(source: &str) -> Result<Program, String> {
    let program = ENVIRONMENT.compile(source).map_err(|error| format!("compilation failed: {error}"))?;
    let mut unknown: Vec<String> = program
        .references()
        .functions()
        .into_iter()
        .filter(|name| name.starts_with(|first: char| first.is_alphabetic()) && !FUNCTIONS.contains(name))
        .map(str::to_owned)
        .collect();
    unknown.sort_unstable();
    match unknown.first() {
        Some(name) => Err(format!("the function `{name}` is not supported by this server")),
        None => Ok(program),
    }
}

/// Adds what is wrong with a value by the rules at it and below it. `old` is what it was, where it can be told.
pub(super) fn check<'a>(
    node: &'a Node,
    value: &'a Value,
    old: Option<&'a Value>,
    place: &mut Place<'a>,
    errors: &mut Vec<FieldError>,
) {
    if value.is_null() {
        return;
    }
    for rule in &node.validations {
        errors.extend(rule.check(node, value, old, place));
    }
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let below = node.property(name).or(match &node.additional {
                    Additional::Of(node) => Some(node.as_ref()),
                    Additional::None | Additional::Any => None,
                });
                let Some(below) = below.filter(|_| !(node.embedded && name == "metadata")) else { continue };
                let old = old.and_then(|old| old.get(name)).filter(|old| !old.is_null());
                place.within_field(name, |place| check(below, value, old, place, errors));
            }
        }
        Value::Array(items) => {
            let Some(item_node) = &node.items else { return };
            for (index, item) in items.iter().enumerate() {
                let old = old.and_then(|old| correlated(&node.list, item, old));
                place.within_item(index, |place| check(item_node, item, old, place, errors));
            }
        }
        _ => {}
    }
}

/// What an item was before: only the items of lists that are maps can be found again.
fn correlated<'a>(list: &ListType, item: &Value, old: &'a Value) -> Option<&'a Value> {
    let ListType::Map(keys) = list else { return None };
    old.as_array()?.iter().find(|old| keys.iter().all(|key| old.get(key) == item.get(key)))
}

fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Object | Type::Any => "object",
        Type::Array => "array",
        Type::String | Type::IntOrString => "string",
        Type::Integer => "integer",
        Type::Number => "number",
        Type::Boolean => "boolean",
    }
}

/// A value as rules see it: whole numbers are signed unless the schema says `number`, and properties have names that the
/// language can take.
fn to_cel(node: &Node, value: &Value) -> Cel {
    match value {
        Value::Null => Cel::Null,
        Value::Bool(bit) => Cel::Bool(*bit),
        Value::String(text) => Cel::String(Arc::new(text.clone())),
        Value::Number(number) => match number.as_i64().filter(|_| node.kind != Type::Number) {
            Some(whole) => Cel::Int(whole),
            None => Cel::Float(number.as_f64().unwrap_or_default()),
        },
        Value::Array(items) => {
            let nothing = Node::default();
            let node = node.items.as_deref().unwrap_or(&nothing);
            Cel::List(Arc::new(items.iter().map(|item| to_cel(node, item)).collect()))
        }
        Value::Object(fields) => {
            let nothing = Node::default();
            let entries = fields.iter().map(|(name, value)| {
                if let Some(property) = node.property(name) {
                    return (Key::from(escaped(name)), to_cel(property, value));
                }
                let below = match &node.additional {
                    Additional::Of(node) => node.as_ref(),
                    Additional::None | Additional::Any => &nothing,
                };
                (Key::from(name.clone()), to_cel(below, value))
            });
            Cel::Map(CelMap { map: Arc::new(entries.collect()) })
        }
    }
}

/// The name of a property in rules, by the table in Kubernetes' page on custom resource definitions.
fn escaped(name: &str) -> String {
    const RESERVED: &[&str] = &[
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
    ];
    if RESERVED.contains(&name) {
        return format!("__{name}__");
    }
    if !name.contains(['-', '.', '/']) && !name.contains("__") {
        return name.to_owned();
    }
    name.replace("__", "__underscores__").replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__")
}
