//! What is wrong with a value, in the words of the real server.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

use super::{
    super::field_error::FieldError,
    node::{Additional, ListType, Node, Rule, Type},
    place::Place,
};

/// Adds everything that is wrong with `value` at `place` to `errors`.
pub(super) fn validate<'a>(node: &'a Node, value: &'a Value, place: &mut Place<'a>, errors: &mut Vec<FieldError>) {
    if value.is_null() && node.nullable {
        return;
    }
    if !has_type(node.kind, value) {
        let found = type_of(value);
        let expected = match node.kind {
            Type::IntOrString => "integer or string",
            kind => name_of(kind),
        };
        let detail = format!("{place} in body must be of type {expected}: {found:?}");
        errors.push(FieldError::wrong_type(place.to_string(), found, &detail));
        return;
    }
    match value {
        Value::Object(fields) => {
            for name in &node.required {
                if !fields.contains_key(name) {
                    place.within_field(name, |place| errors.push(FieldError::required(place.to_string(), "")));
                }
            }
            if node.embedded && !place.is_root() {
                check_embedded(fields, place, errors);
            }
            // Both are sorted: one pass over both pairs them.
            let mut properties = node.properties.iter().peekable();
            for (field, value) in fields {
                while properties.next_if(|(name, _)| name.as_str() < field.as_str()).is_some() {}
                let below = match properties.next_if(|(name, _)| name == field) {
                    Some((_, node)) => Some(node),
                    None => match &node.additional {
                        Additional::Of(node) => Some(node.as_ref()),
                        Additional::Any | Additional::None => None,
                    },
                };
                // The metadata has rules of its own, which no schema can loosen.
                if node.embedded && field == "metadata" {
                    continue;
                }
                if let Some(below) = below {
                    place.within_field(field, |place| validate(below, value, place, errors));
                }
            }
        }
        Value::Array(items) => {
            if let Some(item_node) = &node.items {
                for (index, item) in items.iter().enumerate() {
                    place.within_item(index, |place| validate(item_node, item, place, errors));
                }
            }
            if node.list != ListType::Atomic {
                check_identities(&node.list, items, place, errors);
            }
        }
        _ => {}
    }
    for rule in &node.rules {
        check(rule, value, place, errors);
    }
}

/// No item of a set or a map may be there twice.
fn check_identities<'a>(list: &ListType, items: &'a [Value], place: &mut Place<'a>, errors: &mut Vec<FieldError>) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let identity = match list {
            ListType::Map(keys) => {
                let fields = keys.iter().filter_map(|key| Some((key.clone(), item.get(key)?.clone())));
                Value::Object(fields.collect())
            }
            ListType::Set | ListType::Atomic => item.clone(),
        };
        if !seen.insert(identity.to_string()) {
            place.within_item(index, |place| errors.push(FieldError::duplicate(place.to_string(), &identity)));
        }
    }
}

/// An object within an object says what it is.
fn check_embedded(fields: &Map<String, Value>, place: &mut Place<'_>, errors: &mut Vec<FieldError>) {
    for name in ["apiVersion", "kind"] {
        if fields.get(name).and_then(Value::as_str).is_none_or(str::is_empty) {
            place.within_field(name, |place| {
                errors.push(FieldError::required(place.to_string(), "must not be empty"));
            });
        }
    }
}

fn check<'a>(rule: &'a Rule, value: &'a Value, place: &mut Place<'a>, errors: &mut Vec<FieldError>) {
    let mut refuse = |detail: String| errors.push(FieldError::invalid(place.to_string(), value, &detail));
    match (rule, value) {
        (Rule::Enum(allowed), value) if !allowed.contains(value) => {
            errors.push(FieldError::not_supported(place.to_string(), value, allowed));
        }
        (Rule::Pattern(regex, pattern), Value::String(text)) if !regex.is_match(text) => {
            refuse(format!("{place} in body should match '{pattern}'"));
        }
        (Rule::Format(format), Value::String(text)) if !format.fits(text) => {
            let detail = format!("{place} in body must be of type {}: {text:?}", format.name());
            errors.push(FieldError::wrong_type(place.to_string(), text, &detail));
        }
        (Rule::MinLength(limit), Value::String(text)) if length(text) < *limit => {
            refuse(format!("{place} in body should be at least {limit} chars long"));
        }
        (Rule::MaxLength(limit), Value::String(text)) if length(text) > *limit => {
            errors.push(FieldError::too_long(place.to_string(), *limit));
        }
        (Rule::MinItems(limit), Value::Array(items)) if (items.len() as u64) < *limit => {
            refuse(format!("{place} in body should have at least {limit} items"));
        }
        (Rule::MaxItems(limit), Value::Array(items)) if items.len() as u64 > *limit => {
            errors.push(FieldError::too_many(place.to_string(), items.len(), *limit));
        }
        (Rule::MinProperties(limit), Value::Object(fields)) if (fields.len() as u64) < *limit => {
            refuse(format!("{place} in body should have at least {limit} properties"));
        }
        (Rule::MaxProperties(limit), Value::Object(fields)) if fields.len() as u64 > *limit => {
            errors.push(FieldError::too_many(place.to_string(), fields.len(), *limit));
        }
        (Rule::Minimum(limit, exclusive), Value::Number(number)) => {
            let (low, equal) = order(number, limit);
            if low || (equal && *exclusive) {
                let than = if *exclusive { "greater than" } else { "greater than or equal to" };
                refuse(format!("{place} in body should be {than} {limit}"));
            }
        }
        (Rule::Maximum(limit, exclusive), Value::Number(number)) => {
            let (high, equal) = order(limit, number);
            if high || (equal && *exclusive) {
                let than = if *exclusive { "less than" } else { "less than or equal to" };
                refuse(format!("{place} in body should be {than} {limit}"));
            }
        }
        (Rule::MultipleOf(factor), Value::Number(number)) if !is_multiple(number, factor) => {
            refuse(format!("{place} in body should be a multiple of {factor}"));
        }
        (Rule::AllOf(_) | Rule::AnyOf(_) | Rule::OneOf(_) | Rule::Not(_), value) => combine(rule, value, place, errors),
        _ => {}
    }
}

fn combine<'a>(rule: &'a Rule, value: &'a Value, place: &mut Place<'a>, errors: &mut Vec<FieldError>) {
    let mut holds = |node: &'a Node| {
        let mut found = Vec::new();
        validate(node, value, place, &mut found);
        found.is_empty()
    };
    let (fine, sentence) = match rule {
        Rule::AllOf(branches) => {
            for branch in branches {
                validate(branch, value, place, errors);
            }
            return;
        }
        Rule::AnyOf(branches) => (branches.iter().any(holds), "must validate at least one schema (anyOf)"),
        Rule::OneOf(branches) => match branches.iter().filter(|branch| holds(branch)).count() {
            0 => (false, "must validate one and only one schema (oneOf). Found none valid"),
            count => (count == 1, "must validate one and only one schema (oneOf)"),
        },
        Rule::Not(branch) => (!holds(branch), "must not validate the schema (not)"),
        _ => return,
    };
    if !fine {
        errors.push(FieldError::invalid(place.to_string(), value, &format!("\"{place}\" {sentence}")));
    }
}

fn has_type(kind: Type, value: &Value) -> bool {
    match (kind, value) {
        (Type::Any, _)
        | (Type::Object, Value::Object(_))
        | (Type::Array, Value::Array(_))
        | (Type::String | Type::IntOrString, Value::String(_))
        | (Type::Number, Value::Number(_))
        | (Type::Boolean, Value::Bool(_)) => true,
        // As in the real server, 1.0 is a whole number.
        (Type::Integer | Type::IntOrString, Value::Number(number)) => {
            number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
        }
        _ => false,
    }
}

fn name_of(kind: Type) -> &'static str {
    match kind {
        Type::Any => "any",
        Type::Object => "object",
        Type::Array => "array",
        Type::String => "string",
        Type::Integer | Type::IntOrString => "integer",
        Type::Number => "number",
        Type::Boolean => "boolean",
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Lengths are counted in code points. Most texts are shorter in bytes than any limit, but the count is what counts.
fn length(text: &str) -> u64 {
    text.chars().count() as u64
}

/// Whether `a` is less than `b`, and whether they are equal; whole numbers are compared as such.
fn order(a: &Number, b: &Number) -> (bool, bool) {
    let whole = |number: &Number| number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    if let (Some(a), Some(b)) = (whole(a), whole(b)) {
        return (a < b, a == b);
    }
    let ordering = a.as_f64().partial_cmp(&b.as_f64());
    (ordering == Some(std::cmp::Ordering::Less), ordering == Some(std::cmp::Ordering::Equal))
}

fn is_multiple(number: &Number, factor: &Number) -> bool {
    if let (Some(number), Some(factor)) = (number.as_i64(), factor.as_i64()) {
        return factor != 0 && number.checked_rem(factor).unwrap_or(0) == 0;
    }
    match (number.as_f64(), factor.as_f64()) {
        (Some(number), Some(factor)) if factor > 0.0 => {
            let quotient = number / factor;
            (quotient - quotient.round()).abs() < 1e-9
        }
        _ => false,
    }
}
