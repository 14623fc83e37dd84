//! A merge patch of some fields of a status, without reading the fields that it leaves alone.
//!
//! This is the most frequent write by far. It answers for the plain cases only: whatever is refused, unknown, defaulted or
//! bound by rules over the whole status goes the long way, which finds out what to say.

use std::{cmp::Ordering, iter::Peekable};

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    apply::tracking::is_tracked,
    call::Call,
    kinds::Role,
    patch::merge,
    state::{State, Stored},
    value_text,
    wire::{self, Field, NewField},
};

/// A field that gets another value, as JSON, or goes.
pub(super) type Change = (String, Option<Vec<u8>>);

/// Merges `changes` into the status and gives the object's bytes; nothing where this is not one of the plain cases, and
/// then nothing has been done.
pub(super) fn merge_plainly(
    state: &mut State,
    call: &Call<'_>,
    name: &str,
    changes: &Map<String, Value>,
) -> Option<Bytes> {
    let stored = state.resources.get(call.at)?.get(call.namespace, name)?;
    if call.dry_run
        || call.kind.role == Role::Namespace
        || call.kind.revised
        || is_tracked(call, stored)
        || !is_laid_out(stored)
    {
        return None;
    }
    let changes = differences(stored, call, changes)?;
    if changes.is_empty() {
        // A patch of nothing still leaves an empty status where there was none.
        stored.layout.status(&stored.bytes)?;
        return Some(stored.bytes.clone());
    }
    state.replace_status_fields(call.at, call.namespace, name, &changes)
}

/// Whether it is known where the status's fields stand.
fn is_laid_out(stored: &Stored) -> bool {
    match stored.layout.status(&stored.bytes) {
        None => true,
        Some(status) => status == b"{}" || stored.layout.status_fields(&stored.bytes).next().is_some(),
    }
}

/// What the changes come down to, pruned and validated; nothing where something is out of the ordinary.
fn differences(stored: &Stored, call: &Call<'_>, changes: &Map<String, Value>) -> Option<Vec<Change>> {
    let schema = call.kind.schema.as_ref();
    let old = |field: &str| stored.layout.status_fields(&stored.bytes).find(|old| old.key == field);
    let mut differences = Vec::with_capacity(changes.len());
    for (field, change) in changes {
        if field.contains(['"', '\\']) || field.chars().any(char::is_control) {
            return None;
        }
        let old = old(field);
        if change.is_null() {
            if old.is_some() {
                differences.push((field.clone(), None));
            }
            continue;
        }
        let merged;
        let mut new = change;
        if change.is_object() {
            let old = old.map(|old| wire::read(old.json)).transpose().ok()?;
            merged = merge(old.as_ref(), change.clone());
            new = &merged;
        }
        if let Some(schema) = schema
            && !schema.takes_status_field(field, new)
        {
            return None;
        }
        let mut json = Vec::with_capacity(old.map_or(64, |old| old.json.len() + 64));
        value_text::write(&mut json, new);
        if old.is_none_or(|old| old.json != json) {
            differences.push((field.clone(), Some(json)));
        }
    }
    let is_there = |field: &str| match differences.iter().find(|(changed, _)| changed == field) {
        Some((_, new)) => new.is_some(),
        None => old(field).is_some(),
    };
    schema.is_none_or(|schema| schema.status_requires().iter().all(|field| is_there(field))).then_some(differences)
}

/// The fields of a status after some of them have changed; both lists are sorted by key.
pub(super) fn changed<'a>(
    old: impl Iterator<Item = Field<'a>>,
    changes: &'a [Change],
) -> impl Iterator<Item = NewField<'a>> {
    Changed { old: old.peekable(), changes: changes.iter().peekable() }
}

struct Changed<'a, O: Iterator<Item = Field<'a>>> {
    old: Peekable<O>,
    changes: Peekable<std::slice::Iter<'a, Change>>,
}

impl<'a, O: Iterator<Item = Field<'a>>> Iterator for Changed<'a, O> {
    type Item = NewField<'a>;

    fn next(&mut self) -> Option<NewField<'a>> {
        loop {
            let order = match (self.old.peek(), self.changes.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some((field, _))) => old.key.cmp(field),
            };
            if order == Ordering::Less {
                return self.old.next().map(NewField::Kept);
            }
            if order == Ordering::Equal {
                self.old.next();
            }
            if let Some((field, Some(json))) = self.changes.next() {
                return Some(NewField::Set(field, json));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::{
        super::{
            apply::tracking::Writer,
            identity::Identities,
            kinds::{Kind, Role},
            log::Kept,
            schema::Schema,
        },
        *,
    };
    use crate::units::Seed;

    fn kind(schema: Option<&Value>) -> Arc<Kind> {
        let mut kind = Kind::new("g", "v1", "X", "xs", Role::Custom);
        kind.status = true;
        kind.schema = schema.map(|schema| Schema::compile(schema).unwrap());
        Arc::new(kind)
    }

    /// What a merge patch makes of a status by the short way; nothing where it is not taken.
    fn plainly(schema: Option<&Value>, status: Option<&Value>, changes: &Value) -> Option<Value> {
        let kind = kind(schema);
        let mut state = State::new(vec![kind.clone()], Identities::new(Seed::new(1)), Kept { all: 10, read: 10 });
        let mut object = json!({"apiVersion": "g/v1", "kind": "X", "metadata": {"name": "n", "uid": "u"}, "zone": 1});
        if let Some(status) = status {
            object["status"] = status.clone();
        }
        state.insert(0, "", "n", object);
        let now = jiff::Timestamp::UNIX_EPOCH;
        let call = Call {
            at: 0,
            kind,
            namespace: "",
            now,
            dry_run: false,
            strict: false,
            warnings: None,
            writer: Writer::default(),
        };
        let bytes = merge_plainly(&mut state, &call, "n", changes.as_object().unwrap())?;
        let object: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(object["zone"], 1);
        Some(object["status"].clone())
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(json!(null)),
            any::<i8>().prop_map(Value::from),
            "[a-c\"\\\\é]{0,3}".prop_map(Value::from)
        ];
        leaf.prop_recursive(2, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-d]", inner, 0..3)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn fields() -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[a-e]", value(), 0..5).prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn the_short_way_ends_where_the_long_one_does(old in fields(), changes in fields()) {
            let old = merge(None, old);
            let expected = merge(Some(&old), changes.clone());
            prop_assert_eq!(plainly(None, Some(&old), &changes), Some(expected));
        }
    }

    #[test]
    fn whatever_is_not_plain_is_left_to_the_long_way() {
        let schema = json!({"type": "object", "properties": {"status": {
            "type": "object", "required": ["need"], "properties": {
                "need": {"type": "string"}, "count": {"type": "integer", "minimum": 0},
                "filled": {"type": "object", "properties": {"x": {"type": "string", "default": "d"}}},
            },
        }}});
        let old = json!({"need": "here", "count": 1});
        let take = |changes: Value| plainly(Some(&schema), Some(&old), &changes);
        assert_eq!(take(json!({"count": 2})), Some(json!({"need": "here", "count": 2})));
        assert_eq!(take(json!({"count": null})), Some(json!({"need": "here"})));
        let filled = json!({"filled": {"x": "given"}});
        assert_eq!(take(filled), Some(json!({"need": "here", "count": 1, "filled": {"x": "given"}})));
        for changes in [
            json!({"count": -1}),
            json!({"count": "x"}),
            json!({"unknown": 1}),
            json!({"need": null}),
            json!({"filled": {}}),
            json!({"a\"b": 1}),
        ] {
            assert_eq!(take(changes.clone()), None, "{changes}");
        }
        assert_eq!(plainly(Some(&schema), None, &json!({"count": 1})), None, "a required field is missing");
        assert_eq!(plainly(None, None, &json!({})), None);
        assert_eq!(plainly(None, Some(&json!({"a\"b": 1})), &json!({"c": 1})), None, "not laid out");
    }
}
