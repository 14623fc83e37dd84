//! Sets of fields, in the form that `managedFields` keeps them: `FieldsV1`.
//!
//! Kubernetes documents the form at `ManagedFieldsEntry` of its API reference: each step is a key, `f:` for a field, `k:`
//! for the item of a list that is found by some of its fields, `v:` for the item of a list that is a set, `i:` for a
//! position, and `.` says that the place itself is in the set, beside what is below it.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fmt::{self, Write},
};

use serde_json::{Map, Value};

/// One step down an object, as `FieldsV1` writes it. Equal steps have equal texts: the JSON in them has sorted keys.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cluster) struct Step(String);

impl Step {
    /// A field of an object or the key of a map.
    pub(in crate::cluster) fn field(name: &str) -> Self {
        Self(format!("f:{name}"))
    }

    /// The item of a list that is found by these fields of it.
    pub(super) fn key(fields: Map<String, Value>) -> Self {
        Self(format!("k:{}", Value::Object(fields)))
    }

    /// The item of a list that is a set.
    pub(super) fn value(item: &Value) -> Self {
        Self(format!("v:{item}"))
    }

    /// Reads a step; nothing where it is none.
    fn parse(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(':')?;
        match kind {
            "f" => Some(Self(text.to_owned())),
            "k" => Some(Self::key(serde_json::from_str(rest).ok()?)),
            "v" => Some(Self::value(&serde_json::from_str(rest).ok()?)),
            "i" => rest.parse::<u32>().ok().map(|index| Self(format!("i:{index}"))),
            _ => None,
        }
    }

    /// The name of a field; nothing for items.
    pub(super) fn field_name(&self) -> Option<&str> {
        self.0.strip_prefix("f:")
    }

    /// Adds the step to a path as messages show it: `.spec.templateID`, `.status.conditions[type="Ready"]`.
    fn show(&self, path: &mut String) {
        // A text takes whatever is written to it.
        let _ = match self.0.split_at(2) {
            ("f:", name) => write!(path, ".{name}"),
            ("k:", fields) => {
                let fields: Map<String, Value> = serde_json::from_str(fields).unwrap_or_default();
                let shown: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(path, "[{}]", shown.join(","))
            }
            ("v:", value) => write!(path, "[={value}]"),
            (_, index) => write!(path, "[{index}]"),
        };
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = String::new();
        self.show(&mut shown);
        f.write_str(&shown)
    }
}

/// A set of places in an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cluster) struct FieldSet {
    /// Whether this place is in the set.
    member: bool,
    /// What is below it, never empty sets.
    below: BTreeMap<Step, FieldSet>,
}

impl FieldSet {
    /// Whether nothing is in it.
    pub(in crate::cluster) fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }

    /// Whether this place itself is in it.
    pub(super) fn is_member(&self) -> bool {
        self.member
    }

    /// What is in it below a step.
    pub(super) fn get(&self, step: &Step) -> Option<&Self> {
        self.below.get(step)
    }

    /// All steps with what is below them.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Step, &Self)> {
        self.below.iter()
    }

    /// Puts a set below a step, where it has anything in it.
    pub(super) fn put(&mut self, step: Step, set: Self) {
        if set.is_empty() {
            return;
        }
        match self.below.entry(step) {
            Entry::Occupied(place) => {
                let place = place.into_mut();
                *place = place.union(&set);
            }
            Entry::Vacant(place) => {
                place.insert(set);
            }
        }
    }

    /// Says that this place itself is in it.
    pub(super) fn mark(&mut self) {
        self.member = true;
    }

    /// Takes the place at the end of some fields out, and leaves what is below it.
    pub(super) fn unmark(&mut self, fields: &[&str]) {
        let Some((first, rest)) = fields.split_first() else {
            self.member = false;
            return;
        };
        let step = Step::field(first);
        if let Some(below) = self.below.get_mut(&step) {
            below.unmark(rest);
            if below.is_empty() {
                self.below.remove(&step);
            }
        }
    }

    /// What is in either.
    pub(in crate::cluster) fn union(&self, other: &Self) -> Self {
        let mut both = self.clone();
        both.member |= other.member;
        for (step, set) in &other.below {
            let merged = both.below.get(step).map_or_else(|| set.clone(), |own| own.union(set));
            both.below.insert(step.clone(), merged);
        }
        both
    }

    /// What is in this one and in the other.
    pub(super) fn intersection(&self, other: &Self) -> Self {
        self.filtered(other, |own, theirs| own && theirs, false)
    }

    /// What is in this one only.
    pub(super) fn difference(&self, other: &Self) -> Self {
        self.filtered(other, |own, theirs| own && !theirs, true)
    }

    fn filtered(&self, other: &Self, stays: fn(bool, bool) -> bool, alone: bool) -> Self {
        let mut kept = Self { member: stays(self.member, other.member), below: BTreeMap::new() };
        for (step, set) in &self.below {
            match other.below.get(step) {
                Some(theirs) => kept.put(step.clone(), set.filtered(theirs, stays, alone)),
                None if alone => kept.put(step.clone(), set.clone()),
                None => {}
            }
        }
        kept
    }

    /// All places as messages show them.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect_paths(&mut String::new(), &mut paths);
        paths
    }

    fn collect_paths(&self, path: &mut String, paths: &mut Vec<String>) {
        if self.member {
            paths.push(path.clone());
        }
        for (step, set) in &self.below {
            let length = path.len();
            step.show(path);
            set.collect_paths(path, paths);
            path.truncate(length);
        }
    }

    /// The set as `FieldsV1`.
    pub(in crate::cluster) fn to_json(&self) -> Value {
        let mut fields = Map::new();
        // A place alone is an empty object; beside others it needs the dot to be told.
        if self.member && !self.below.is_empty() {
            fields.insert(".".to_owned(), Value::Object(Map::new()));
        }
        for (Step(step), set) in &self.below {
            fields.insert(step.clone(), set.to_json());
        }
        Value::Object(fields)
    }

    /// Reads `FieldsV1`; nothing where it is malformed.
    pub(in crate::cluster) fn from_json(json: &Value) -> Option<Self> {
        let mut set = Self::read(json)?;
        // The object as a whole belongs to nobody.
        set.member = false;
        Some(set)
    }

    fn read(json: &Value) -> Option<Self> {
        let fields = json.as_object()?;
        let mut set = Self { member: fields.is_empty(), below: BTreeMap::new() };
        for (step, below) in fields {
            if step == "." {
                set.member = true;
            } else {
                set.put(Step::parse(step)?, Self::read(below)?);
            }
        }
        Some(set)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(json: &Value) -> FieldSet {
        FieldSet::from_json(json).expect("a set")
    }

    #[test]
    fn a_set_is_written_as_it_was_read() {
        let json = json!({
            "f:metadata": {"f:labels": {".": {}, "f:app": {}}, "f:finalizers": {"v:\"x/y\"": {}}},
            "f:status": {"f:conditions": {"k:{\"type\":\"Ready\"}": {".": {}, "f:status": {}}}, "i:3": {}},
        });
        assert_eq!(set(&json).to_json(), json);
        assert_eq!(
            set(&json).paths(),
            [
                ".metadata.finalizers[=\"x/y\"]",
                ".metadata.labels",
                ".metadata.labels.app",
                ".status.conditions[type=\"Ready\"]",
                ".status.conditions[type=\"Ready\"].status",
                ".status[3]",
            ]
        );
        assert_eq!(set(&json!({"k:{ \"b\": 1, \"a\":2 }": {}})), set(&json!({"k:{\"a\":2,\"b\":1}": {}})));
        for bad in [json!(1), json!({"x": {}}), json!({"f:a": 1}), json!({"k:1": {}}), json!({"i:x": {}})] {
            assert_eq!(FieldSet::from_json(&bad), None, "{bad}");
        }
    }

    #[test]
    fn sets_are_combined_place_by_place() {
        let one = set(&json!({"f:a": {".": {}, "f:b": {}}, "f:c": {}}));
        let two = set(&json!({"f:a": {"f:b": {}, "f:d": {}}, "f:c": {"f:e": {}}}));
        assert_eq!(one.difference(&two), set(&json!({"f:a": {}, "f:c": {}})));
        assert_eq!(one.intersection(&two), set(&json!({"f:a": {"f:b": {}}})));
        assert_eq!(one.union(&two), set(&json!({"f:a": {".": {}, "f:b": {}, "f:d": {}}, "f:c": {".": {}, "f:e": {}}})));
        assert!(one.difference(&one).is_empty() && set(&json!({})).is_empty());
        let mut marked = one;
        marked.unmark(&["a"]);
        marked.unmark(&["c"]);
        assert_eq!(marked, set(&json!({"f:a": {"f:b": {}}})));
    }
}
