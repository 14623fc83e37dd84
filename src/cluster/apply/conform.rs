//! Whether an applied configuration follows its types. The real server builds a typed value of it before it looks at any
//! rule of the schema, and answers 500 where that fails, since it expects clients to have the schema.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    field_set::Step,
    types::{NoIdentity, Ownership, Type},
};

/// What is wrong with a configuration, each complaint with its path.
pub(super) fn faults(kind: Type<'_>, config: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    walk(kind, config, &mut String::new(), &mut faults);
    faults
}

fn walk(kind: Type<'_>, value: &Value, path: &mut String, faults: &mut Vec<String>) {
    if let Some(expected) = kind.refuses(value) {
        faults.push(format!("{path}: expected {expected}, got &value.valueUnstructured{{Value:{value}}}"));
        return;
    }
    match (kind.ownership(value), value) {
        (_, Value::Object(fields)) => {
            for (name, value) in fields {
                match kind.field(name) {
                    Some(field) => within(path, &format!(".{name}"), |path| walk(field.holds, value, path, faults)),
                    None => faults.push(format!("{path}.{name}: field not declared in schema")),
                }
            }
        }
        (Ownership::Items, Value::Array(items)) => {
            let mut seen: BTreeSet<Step> = BTreeSet::new();
            for (index, item) in items.iter().enumerate() {
                match kind.step(item) {
                    Ok(step) => {
                        let shown = step.to_string();
                        within(path, &shown, |path| walk(kind.item(), item, path, faults));
                        if !seen.insert(step) {
                            faults.push(format!("{path}: duplicate entries for key {shown}"));
                        }
                    }
                    Err(NoIdentity::NotAnObject) => {
                        let rule = "associative list with keys may not have non-map elements";
                        faults.push(format!("{path}: element {index}: {rule}"));
                    }
                    Err(NoIdentity::Without(key)) => {
                        let rule = format!("associative list with keys has an element that omits key field {key:?}");
                        faults.push(format!("{path}: element {index}: {rule} (and doesn't have default value)"));
                    }
                }
            }
        }
        (_, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                within(path, &format!("[{index}]"), |path| walk(kind.item(), item, path, faults));
            }
        }
        _ => {}
    }
}

fn within(path: &mut String, step: &str, act: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push_str(step);
    act(path);
    path.truncate(length);
}
