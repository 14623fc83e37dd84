//! Walks over objects by their types: which fields are there, which differ, and objects without some of their fields.

use serde_json::{Map, Value};

use super::{
    field_set::{FieldSet, Step},
    types::{Ownership, Type},
};

/// The fields that somebody who applies a value says something about.
///
/// Items of lists and keys of maps are fields themselves, beside what is in them; properties are not, unless they are
/// empty: to apply `spec.a` says nothing about whether there is a `spec`.
pub(in crate::cluster) fn fields_of(kind: Type<'_>, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    match (kind.ownership(value), value) {
        (Ownership::Fields, Value::Object(fields)) => {
            for (name, value) in fields {
                let Some(field) = kind.field(name) else { continue };
                let mut below = fields_of(field.holds, value);
                if !field.named || is_nothing(value) {
                    below.mark();
                }
                set.put(Step::field(name), below);
            }
        }
        (Ownership::Items, Value::Array(items)) => {
            for item in items {
                let Ok(step) = kind.step(item) else { continue };
                let mut below = fields_of(kind.item(), item);
                below.mark();
                set.put(step, below);
            }
        }
        _ => set.mark(),
    }
    set
}

/// Null, or an object without fields.
fn is_nothing(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(Map::is_empty)
}

/// In what two values differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// What only the new one has, with everything in it.
    pub added: FieldSet,
    /// What only the old one has, with everything in it.
    pub removed: FieldSet,
    /// What both have with other values.
    pub modified: FieldSet,
}

impl Comparison {
    /// Compares two values of one type.
    pub(super) fn of(kind: Type<'_>, old: &Value, new: &Value) -> Self {
        let mut comparison = Self::default();
        if old == new {
            return comparison;
        }
        match (kind.ownership(old), kind.ownership(new)) {
            (Ownership::Fields, Ownership::Fields) => {
                let empty = Map::new();
                let (old, new) = (old.as_object().unwrap_or(&empty), new.as_object().unwrap_or(&empty));
                for (name, value) in old {
                    let Some(field) = kind.field(name) else { continue };
                    comparison.pair(Step::field(name), field.holds, Some(value), new.get(name));
                }
                for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                    let Some(field) = kind.field(name) else { continue };
                    comparison.pair(Step::field(name), field.holds, None, Some(value));
                }
            }
            (Ownership::Items, Ownership::Items) => {
                let items = |list: &Value| -> Vec<(Step, Value)> {
                    let items = list.as_array().into_iter().flatten();
                    items.filter_map(|item| Some((kind.step(item).ok()?, item.clone()))).collect()
                };
                let (old, new) = (items(old), items(new));
                let find = |list: &[(Step, Value)], step: &Step| list.iter().position(|(own, _)| own == step);
                for (step, item) in &old {
                    let other = find(&new, step).and_then(|at| new.get(at)).map(|(_, item)| item);
                    comparison.pair(step.clone(), kind.item(), Some(item), other);
                }
                for (step, item) in new.iter().filter(|(step, _)| find(&old, step).is_none()) {
                    comparison.pair(step.clone(), kind.item(), None, Some(item));
                }
            }
            (Ownership::Whole, Ownership::Whole) => comparison.modified.mark(),
            // Another form altogether: what was in the old one is gone, what is in the new one is new.
            (was, is) => {
                if was != Ownership::Whole {
                    comparison.removed = all_of(kind, old);
                }
                if is != Ownership::Whole {
                    comparison.added = all_of(kind, new);
                }
                comparison.modified.mark();
            }
        }
        comparison
    }

    fn pair(&mut self, step: Step, kind: Type<'_>, old: Option<&Value>, new: Option<&Value>) {
        match (old, new) {
            (Some(old), Some(new)) => {
                let below = Self::of(kind, old, new);
                self.added.put(step.clone(), below.added);
                self.removed.put(step.clone(), below.removed);
                self.modified.put(step, below.modified);
            }
            (Some(old), None) => self.removed.put(step, all_of(kind, old)),
            (None, Some(new)) => self.added.put(step, all_of(kind, new)),
            (None, None) => {}
        }
    }
}

/// A value and everything in it.
fn all_of(kind: Type<'_>, value: &Value) -> FieldSet {
    let mut set = FieldSet::default();
    set.mark();
    match (kind.ownership(value), value) {
        (Ownership::Fields, Value::Object(fields)) => {
            for (name, value) in fields {
                if let Some(field) = kind.field(name) {
                    set.put(Step::field(name), all_of(field.holds, value));
                }
            }
        }
        (Ownership::Items, Value::Array(items)) => {
            for item in items {
                if let Ok(step) = kind.step(item) {
                    set.put(step, all_of(kind.item(), item));
                }
            }
        }
        _ => {}
    }
    set
}

/// The set with the properties that lead to its places: whoever owned all of `spec` owned `spec`.
pub(super) fn with_properties(kind: Type<'_>, set: &FieldSet) -> FieldSet {
    let mut whole = FieldSet::default();
    if set.is_member() {
        whole.mark();
    }
    for (step, below) in set.iter() {
        let (holds, named) = match step.field_name().map(|name| kind.field(name)) {
            Some(Some(field)) => (field.holds, field.named),
            Some(None) => continue,
            None => (kind.item(), false),
        };
        let mut below = with_properties(holds, below);
        if named {
            below.mark();
        }
        whole.put(step.clone(), below);
    }
    whole
}

/// The value without the places of a set. An object or a list that this leaves empty goes too.
pub(super) fn without(kind: Type<'_>, value: &Value, set: &FieldSet) -> Value {
    match (kind.ownership(value), value) {
        (Ownership::Fields, Value::Object(fields)) => {
            let kept = fields.iter().filter_map(|(name, value)| {
                let below = set.get(&Step::field(name));
                let holds = kind.field(name).map_or(kind.item(), |field| field.holds);
                Some((name.clone(), remaining(holds, value, below)?))
            });
            Value::Object(kept.collect())
        }
        (Ownership::Items, Value::Array(items)) => {
            let kept = items.iter().filter_map(|item| {
                let below = kind.step(item).ok().and_then(|step| set.get(&step).cloned());
                remaining(kind.item(), item, below.as_ref())
            });
            Value::Array(kept.collect())
        }
        _ => value.clone(),
    }
}

fn remaining(kind: Type<'_>, value: &Value, set: Option<&FieldSet>) -> Option<Value> {
    let Some(set) = set else { return Some(value.clone()) };
    if set.is_member() {
        return None;
    }
    let kept = without(kind, value, set);
    let emptied = kept != *value && (is_nothing(&kept) || kept.as_array().is_some_and(Vec::is_empty));
    (!emptied).then_some(kept)
}

/// What applying `config` to `live` makes of it, before anything is taken away: the values of `config` win, and lists
/// whose items have owners are joined.
///
/// The items of `config` keep their order. Those that only `live` has stay in front of the item of `config` that they
/// stood in front of.
pub(in crate::cluster) fn merge(kind: Type<'_>, live: &Value, config: &Value) -> Value {
    match (kind.ownership(live), kind.ownership(config)) {
        (Ownership::Fields, Ownership::Fields) => {
            let empty = Map::new();
            let mut merged = live.as_object().cloned().unwrap_or_default();
            for (name, value) in config.as_object().unwrap_or(&empty) {
                let holds = kind.field(name).map_or(kind.item(), |field| field.holds);
                let value = merged.get(name).map_or_else(|| value.clone(), |live| merge(holds, live, value));
                merged.insert(name.clone(), value);
            }
            Value::Object(merged)
        }
        (Ownership::Items, Ownership::Items) => merge_items(kind, live, config),
        _ => config.clone(),
    }
}

fn merge_items(kind: Type<'_>, live: &Value, config: &Value) -> Value {
    let steps = |list: &Value| -> Vec<(Option<Step>, Value)> {
        let items = list.as_array().into_iter().flatten();
        items.map(|item| (kind.step(item).ok(), item.clone())).collect()
    };
    let (live, config) = (steps(live), steps(config));
    let in_live = |step: &Option<Step>| step.is_some().then(|| live.iter().find(|(own, _)| own == step)).flatten();
    let merged = |(step, item): &(Option<Step>, Value)| match in_live(step) {
        Some((_, live)) => merge(kind.item(), live, item),
        None => item.clone(),
    };
    let mut result = Vec::with_capacity(live.len() + config.len());
    let mut rest = config.as_slice();
    for (step, item) in &live {
        if step.is_none() || config.iter().all(|(other, _)| other != step) {
            result.push(item.clone());
            continue;
        }
        let next_shared = rest.iter().position(|(other, _)| in_live(other).is_some());
        if let Some(at) = next_shared
            && rest.get(at).is_some_and(|(other, _)| other == step)
        {
            let (these, others) = rest.split_at(at + 1);
            result.extend(these.iter().map(merged));
            rest = others;
        }
    }
    result.extend(rest.iter().map(merged));
    Value::Array(result)
}
