//! A path to one value: `.status.conditions[0].type`, `.metadata.annotations['example.com/x']`.

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};
use serde_json::Value;

/// A path to a value in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JsonPath {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Index(usize),
}

impl JsonPath {
    /// The value that it leads to.
    pub(super) fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(value, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::Index(index) => value.get(index),
        })
    }
}

impl FromStr for JsonPath {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| {
            format!("`{text}` is no path: {what}; write it as .status.jobs or .metadata.annotations['a.b/c']")
        };
        let mut rest = text.strip_prefix('$').unwrap_or(text);
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("['") {
                let (name, after) = after.split_once("']").ok_or_else(|| wrong("a ['…'] does not end"))?;
                steps.push(Step::Field(name.to_owned()));
                rest = after;
            } else if let Some(after) = rest.strip_prefix('[') {
                let (index, after) = after.split_once(']').ok_or_else(|| wrong("a […] does not end"))?;
                steps.push(Step::Index(index.parse().map_err(|_| wrong("what stands in […] is no index"))?));
                rest = after;
            } else if let Some(after) = rest.strip_prefix('.') {
                let end = after.find(['.', '[']).unwrap_or(after.len());
                let (name, after) = after.split_at(end);
                if name.is_empty() {
                    return Err(wrong("a field has no name"));
                }
                steps.push(Step::Field(name.to_owned()));
                rest = after;
            } else {
                return Err(wrong("each step begins with . or ["));
            }
        }
        if steps.is_empty() {
            return Err(wrong("it leads nowhere"));
        }
        Ok(Self { text: text.to_owned(), steps })
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for JsonPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_leads_to_its_value_or_nowhere() {
        let object = json!({"a": {"b.c/d": [{"e": 1}]}});
        for (path, value) in [
            (".a['b.c/d'][0].e", Some(json!(1))),
            ("$.a['b.c/d'][1].e", None),
            (".a.x", None),
            ("['a']", Some(object["a"].clone())),
        ] {
            assert_eq!(path.parse::<JsonPath>().expect(path).find(&object), value.as_ref(), "{path}");
        }
        for wrong in ["", "a", ".a..b", ".a[x]", ".a['b", "$", ".a["] {
            assert!(wrong.parse::<JsonPath>().is_err(), "{wrong}");
        }
    }
}
