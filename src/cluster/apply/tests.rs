//! What holds of every apply, whatever is applied.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::schema::Schema,
    managers::{Manager, Managers, Operation},
    types::Type,
    walk::{fields_of, merge},
};

fn schema() -> Schema {
    let item = json!({"type": "object", "properties": {
        "name": {"type": "string"}, "x": {"type": "string"}, "y": {"type": "string"},
    }});
    Schema::compile(&json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "a": {"type": "string"},
        "map": {"type": "object", "additionalProperties": {"type": "string"}},
        "deep": {"type": "object", "properties": {"b": {"type": "string"}, "c": {"type": "string"}}},
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "items": {
            "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": item,
        },
        "plain": {"type": "array", "items": {"type": "string"}},
    }}}}))
    .expect("a schema")
}

fn applier(name: &str) -> Manager {
    let (name, subresource, api_version) = (name.to_owned(), String::new(), String::new());
    Manager { operation: Operation::Apply, name, subresource, api_version }
}

fn texts(pattern: &'static str) -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set(pattern, 0..4).prop_map(|set| set.into_iter().collect())
}

fn map(keys: &'static str) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(keys, "[pq]", 0..3)
        .prop_map(|map| Value::Object(map.into_iter().map(|(key, value)| (key, value.into())).collect()))
}

fn object() -> impl Strategy<Value = Value> {
    let items = prop::collection::btree_map("[k-n]", map("[xy]"), 0..4).prop_map(|items| {
        let named = items.into_iter().map(|(name, mut item)| {
            item["name"] = name.into();
            item
        });
        Value::Array(named.collect())
    });
    let parts = (
        prop::option::of("[pq]"),
        prop::option::of(map("[e-h]")),
        prop::option::of(map("[bc]")),
        prop::option::of(texts("[s-v]")),
        prop::option::of(items),
        prop::option::of(texts("[s-v]")),
    );
    parts.prop_map(|(a, map, deep, set, items, plain)| {
        let mut spec = json!({});
        let parts = [
            ("a", a.map(Value::from)),
            ("map", map),
            ("deep", deep),
            ("set", set.map(Value::from)),
            ("items", items),
            ("plain", plain.map(Value::from)),
        ];
        for (field, value) in parts {
            if let Some(value) = value {
                spec[field] = value;
            }
        }
        json!({ "spec": spec })
    })
}

fn apply(managers: &mut Managers, live: &Value, config: &Value, who: &str, force: bool) -> Option<Value> {
    let schema = schema();
    managers.apply(Type::root(schema.root()), live, config, (&applier(who), "g/v1"), force, "t").ok()
}

proptest! {
    #[test]
    fn what_is_applied_is_there_and_applying_it_again_changes_nothing(configs in prop::collection::vec((object(), 0..3_usize), 1..6)) {
        let schema = schema();
        let types = Type::root(schema.root());
        let (mut live, mut managers) = (json!({}), Managers::default());
        for (config, who) in configs {
            let who = ["a", "b", "c"][who];
            live = apply(&mut managers, &live, &config, who, true).expect("forced");
            prop_assert_eq!(&merge(types, &live, &config), &live, "it says so already");
            let kept = managers.clone();
            prop_assert_eq!(apply(&mut managers, &live, &config, who, false), Some(live.clone()));
            prop_assert_eq!(&kept, &managers);
            prop_assert_eq!(Managers::from_json(&managers.to_json()), Some(managers.clone()));
        }
        // When nobody applies anything any more, nothing is left.
        for who in ["a", "b", "c"] {
            live = apply(&mut managers, &live, &json!({}), who, false).expect("nothing to conflict");
        }
        let left = live.get("spec").cloned().unwrap_or_default();
        let bare = |value: &Value| value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty) || value == &json!([]);
        prop_assert!(bare(&left) || left.as_object().is_some_and(|spec| spec.values().all(bare)), "{}", live);
        prop_assert!(managers.is_empty());
    }

    #[test]
    fn an_apply_without_conflict_takes_nothing_from_anybody(first in object(), second in object()) {
        let schema = schema();
        let types = Type::root(schema.root());
        let mut managers = Managers::default();
        let live = apply(&mut managers, &json!({}), &first, "a", false).expect("alone");
        let before = managers.clone();
        if let Some(new) = apply(&mut managers, &live, &second, "b", false) {
            prop_assert_eq!(merge(types, &new, &first), new, "what the first one applied still holds");
            let own = |managers: &Managers| managers.to_json()[0]["fieldsV1"].clone();
            let owned = fields_of(types, &first);
            prop_assert!(owned.is_empty() || own(&before) == own(&managers));
        }
    }
}
