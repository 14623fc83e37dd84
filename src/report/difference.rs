//! Where two configurations differ.

use std::collections::BTreeSet;

use serde_json::Value;

/// The first place where two values differ, such as `arms.1.settings.X`, and what either has there as JSON; `null` where it has
/// nothing. `place` is what the values themselves are called; it may be empty.
#[must_use]
pub fn first_difference(a: &Value, b: &Value, place: &str) -> Option<(String, String, String)> {
    let under = |name: &str| if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match (a, b) {
        _ if a == b => None,
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let nothing = &Value::Null;
            names.into_iter().find_map(|name| {
                first_difference(a.get(name).unwrap_or(nothing), b.get(name).unwrap_or(nothing), &under(name))
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(index, (a, b))| first_difference(a, b, &under(&index.to_string())))
        }
        _ => Some((place.to_owned(), a.to_string(), b.to_string())),
    }
}
