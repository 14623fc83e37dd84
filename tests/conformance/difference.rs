//! Where two answers differ.

use std::fmt;

use serde_json::Value;

use super::answer::Answer;

/// One place where two answers to the same step differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// A JSON pointer into the body, or `code`.
    pub at: String,
    pub embedded: String,
    pub real: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: embedded {} | real {}", self.at, self.embedded, self.real)
    }
}

/// All places, outermost first.
pub fn differences(embedded: &Answer, real: &Answer) -> Vec<Difference> {
    let mut found = Vec::new();
    if embedded.code != real.code {
        let (embedded, real) = (embedded.code.to_string(), real.code.to_string());
        found.push(Difference { at: "code".to_owned(), embedded, real });
    }
    compare("", &embedded.body, &real.body, &mut found);
    found
}

fn compare(at: &str, embedded: &Value, real: &Value, found: &mut Vec<Difference>) {
    match (embedded, real) {
        (Value::Object(ours), Value::Object(theirs)) => {
            let mut keys: Vec<&String> =
                ours.keys().chain(theirs.keys().filter(|key| !ours.contains_key(*key))).collect();
            keys.sort();
            for key in keys {
                let of = |object: &serde_json::Map<String, Value>| object.get(key).cloned();
                match (of(ours), of(theirs)) {
                    (Some(ours), Some(theirs)) => compare(&format!("{at}/{key}"), &ours, &theirs, found),
                    (ours, theirs) => push(&format!("{at}/{key}"), ours.as_ref(), theirs.as_ref(), found),
                }
            }
        }
        (Value::Array(ours), Value::Array(theirs)) if ours.len() == theirs.len() => {
            for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                compare(&format!("{at}/{index}"), ours, theirs, found);
            }
        }
        (ours, theirs) if ours == theirs => {}
        (ours, theirs) => push(at, Some(ours), Some(theirs), found),
    }
}

fn push(at: &str, embedded: Option<&Value>, real: Option<&Value>, found: &mut Vec<Difference>) {
    let shown = |value: Option<&Value>| value.map_or_else(|| "(absent)".to_owned(), Value::to_string);
    found.push(Difference { at: at.to_owned(), embedded: shown(embedded), real: shown(real) });
}
