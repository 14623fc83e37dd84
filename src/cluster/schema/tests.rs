use serde_json::json;

use super::*;

fn schema(schema: &Value) -> Schema {
    Schema::compile(schema).expect("a schema")
}

/// Wraps the schema of `spec` and gives what is wrong with a spec, a line for each fault.
fn faults(spec_schema: &Value, spec: &Value) -> Vec<String> {
    let schema = schema(&json!({"type": "object", "properties": {"spec": spec_schema}}));
    let errors = schema.validate(&json!({"kind": "X", "metadata": {}, "spec": spec}), None);
    errors.into_iter().map(|error| format!("{}: {} ({})", error.field, error.message, error.reason)).collect()
}

#[test]
fn a_value_of_the_wrong_type_is_named_with_both_types() {
    assert_eq!(
        faults(&json!({"type": "object", "properties": {"a": {"type": "string"}}}), &json!({"a": 1})),
        [
            "spec.a: Invalid value: \"integer\": spec.a in body must be of type string: \"integer\" (FieldValueTypeInvalid)"
        ]
    );
    for (kind, good, bad) in [
        ("object", json!({}), json!([])),
        ("array", json!([]), json!({})),
        ("string", json!("x"), json!(true)),
        ("integer", json!(1.0), json!(1.5)),
        ("number", json!(1.5), json!("1.5")),
        ("boolean", json!(false), json!(0)),
    ] {
        assert_eq!(faults(&json!({"type": kind}), &good), [""; 0], "{kind}");
        assert_eq!(faults(&json!({"type": kind}), &bad).len(), 1, "{kind}");
        assert_eq!(faults(&json!({"type": kind}), &json!(null)).len(), 1, "{kind}");
        assert_eq!(faults(&json!({"type": kind, "nullable": true}), &json!(null)), [""; 0], "{kind}");
    }
}

#[test]
fn a_missing_field_is_required_by_its_full_path() {
    let list = json!({"type": "array", "items": {"type": "object", "required": ["id"]}});
    assert_eq!(faults(&list, &json!([{"id": 1}, {}])), ["spec[1].id: Required value (FieldValueRequired)"]);
}

#[test]
fn a_value_outside_of_an_enumeration_lists_what_is_supported() {
    assert_eq!(
        faults(&json!({"type": "string", "enum": ["A", "B"]}), &json!("X")),
        ["spec: Unsupported value: \"X\": supported values: \"A\", \"B\" (FieldValueNotSupported)"]
    );
}

#[test]
fn a_pattern_is_searched_for_and_quoted_as_written() {
    let schema = json!({"type": "string", "pattern": "^[a-z]+$"});
    assert_eq!(faults(&schema, &json!("abc")), [""; 0]);
    assert_eq!(
        faults(&schema, &json!("9x")),
        ["spec: Invalid value: \"9x\": spec in body should match '^[a-z]+$' (FieldValueInvalid)"]
    );
    assert_eq!(faults(&json!({"type": "string", "pattern": "b"}), &json!("abc")), [""; 0], "not anchored");
}

#[test]
fn limits_of_numbers_texts_and_lists_hold() {
    for (schema, good, bad, sentence) in [
        (json!({"minimum": 1}), json!(1), json!(0), "should be greater than or equal to 1"),
        (json!({"minimum": 1, "exclusiveMinimum": true}), json!(2), json!(1), "should be greater than 1"),
        (json!({"maximum": 5}), json!(5), json!(6), "should be less than or equal to 5"),
        (json!({"maximum": 5, "exclusiveMaximum": true}), json!(4.5), json!(5), "should be less than 5"),
        (json!({"multipleOf": 3}), json!(9), json!(10), "should be a multiple of 3"),
        (json!({"minLength": 2}), json!("äö"), json!("ä"), "should be at least 2 chars long"),
        (json!({"maxLength": 2}), json!("äö"), json!("äöü"), "Too long: may not be more than 2 bytes"),
        (json!({"minItems": 1}), json!([1]), json!([]), "should have at least 1 items"),
        (json!({"maxItems": 1}), json!([1]), json!([1, 2]), "Too many: 2: must have at most 1 items"),
        (json!({"minProperties": 1}), json!({"a": 1}), json!({}), "should have at least 1 properties"),
        (json!({"maxProperties": 1}), json!({"a": 1}), json!({"a": 1, "b": 1}), "Too many: 2"),
        (json!({"format": "date-time"}), json!("2026-02-12T00:00:00Z"), json!("x"), "must be of type date-time: \"x\""),
    ] {
        assert_eq!(faults(&schema, &good), [""; 0], "{schema}");
        let found = faults(&schema, &bad);
        assert!(found.len() == 1 && found[0].contains(sentence), "{schema}: {found:?}");
    }
}

#[test]
fn combinations_of_schemas_hold() {
    let any = json!({"anyOf": [{"type": "string"}, {"type": "integer"}]});
    assert_eq!(faults(&any, &json!(1)), [""; 0]);
    assert!(faults(&any, &json!(true))[0].contains("must validate at least one schema (anyOf)"));
    let one = json!({"oneOf": [{"minimum": 1}, {"minimum": 5}]});
    assert_eq!(faults(&one, &json!(2)), [""; 0]);
    assert!(faults(&one, &json!(6))[0].contains("one and only one schema (oneOf)"));
    assert!(faults(&one, &json!(0))[0].contains("Found none valid"));
    assert!(faults(&json!({"not": {"type": "string"}}), &json!("x"))[0].contains("must not validate the schema (not)"));
    assert_eq!(faults(&json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}), &json!(3)).len(), 1);
    let either = json!({"x-kubernetes-int-or-string": true});
    assert_eq!((faults(&either, &json!(1)), faults(&either, &json!("1"))), (vec![], vec![]));
    assert_eq!(faults(&either, &json!(true)).len(), 1);
}

#[test]
fn unknown_fields_are_dropped_and_reported_unless_they_are_preserved() {
    let schema = schema(&json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {
            "known": {"type": "string"},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            "map": {"type": "object", "additionalProperties": {"type": "object", "properties": {"x": {"type": "integer"}}}},
            "any": {"type": "object", "additionalProperties": true},
            "list": {"type": "array", "items": {"type": "object", "properties": {"x": {"type": "integer"}}}},
        }},
    }}));
    let mut object = json!({
        "apiVersion": "a/v1", "kind": "X", "metadata": {"name": "n"}, "other": 1,
        "spec": {
            "known": "k", "stranger": {"deep": 1}, "free": {"a": {"b": 1}}, "any": {"a": 1},
            "map": {"k": {"x": 1, "y": 2}}, "list": [{"x": 1}, {"y": 2}],
        },
    });
    let mut unknown = Vec::new();
    let mut silent = object.clone();
    schema.prune(&mut object, Some(&mut unknown));
    unknown.sort();
    assert_eq!(unknown, ["other", "spec.list[1].y", "spec.map.k.y", "spec.stranger"]);
    assert_eq!(
        object,
        json!({
            "apiVersion": "a/v1", "kind": "X", "metadata": {"name": "n"},
            "spec": {
                "known": "k", "free": {"a": {"b": 1}}, "any": {"a": 1}, "map": {"k": {"x": 1}}, "list": [{"x": 1}, {}],
            },
        })
    );
    schema.prune(&mut silent, None);
    assert_eq!(silent, object);
}

#[test]
fn defaults_fill_in_what_is_missing_and_what_is_null_without_being_nullable() {
    let schema =
        schema(&json!({"type": "object", "properties": {"spec": {"type": "object", "default": {}, "properties": {
            "a": {"type": "integer", "default": 1},
            "b": {"type": "integer", "default": 2, "nullable": true},
            "deep": {"type": "object", "properties": {"c": {"type": "string", "default": "x"}}},
        }}}}));
    let mut object = json!({});
    schema.prune(&mut object, None);
    assert_eq!(object, json!({"spec": {"a": 1, "b": 2}}));
    let mut object = json!({"spec": {"a": null, "b": null, "deep": {}}});
    schema.prune(&mut object, None);
    assert_eq!(object, json!({"spec": {"a": 1, "b": null, "deep": {"c": "x"}}}));
}

#[test]
fn what_was_wrong_before_is_forgiven_until_it_is_touched() {
    let schema = schema(&json!({"type": "object", "properties": {
        "spec": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
        "status": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
    }}));
    let old = json!({"spec": {"a": 1, "b": "x"}});
    assert_eq!(schema.validate(&json!({"spec": {"a": 1, "b": "y"}}), Some(&old)), []);
    assert_eq!(schema.validate(&json!({"spec": {"a": 2, "b": "y"}}), Some(&old)).len(), 1);
    let old = json!({"a": 1, "b": "x"});
    assert_eq!(schema.validate_status(&json!({"a": 1, "b": "y"}), Some(&old)), []);
    assert_eq!(schema.validate_status(&json!({"a": 2, "b": "y"}), Some(&old))[0].field, "status.a");
}

#[test]
fn a_schema_that_makes_no_sense_is_refused_with_its_place() {
    for (bad, path, fault) in [
        (json!([]), "", "must be an object"),
        (json!({"type": "thing"}), "", "not a type"),
        (json!({"properties": {"a": {"pattern": "("}}}), "a", "does not compile"),
        (json!({"properties": []}), "", "`properties` must be an object"),
        (json!({"items": {"required": [1]}}), "items", "list of names"),
        (json!({"uniqueItems": true}), "", "quadratic"),
        (json!({"minLength": -1}), "", "`minLength` must be a count"),
        (json!({"minimum": "1"}), "", "`minimum` must be a number"),
        (json!({"anyOf": {}}), "", "`anyOf` must be a list"),
    ] {
        let error = Schema::compile(&bad).unwrap_err();
        assert!(error.path == path && error.fault.contains(fault), "{bad}: {error}");
    }
    let mut deep = json!({});
    for _ in 0..100 {
        deep = json!({"items": deep});
    }
    assert!(Schema::compile(&deep).unwrap_err().fault.contains("deeper"));
}

#[test]
fn an_item_of_a_set_or_a_map_is_there_once() {
    let set = json!({"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}});
    assert_eq!(faults(&set, &json!(["a", "b", "a"])), ["spec[2]: Duplicate value: \"a\" (FieldValueDuplicate)"]);
    let map = json!({"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"], "items": {
        "type": "object", "properties": {"k": {"type": "string"}, "v": {"type": "string"}},
    }});
    assert_eq!(
        faults(&map, &json!([{"k": "a", "v": "1"}, {"k": "b"}, {"k": "a", "v": "2"}])),
        ["spec[2]: Duplicate value: {\"k\":\"a\"} (FieldValueDuplicate)"]
    );
    assert_eq!(faults(&json!({"type": "array", "items": {"type": "string"}}), &json!(["a", "a"])), [""; 0]);
    for bad in [
        json!({"x-kubernetes-list-type": "odd"}),
        json!({"x-kubernetes-list-type": "map"}),
        json!({"x-kubernetes-list-type": "set", "x-kubernetes-list-map-keys": ["a"]}),
        json!({"x-kubernetes-map-type": "odd"}),
    ] {
        assert!(Schema::compile(&bad).is_err(), "{bad}");
    }
}

#[test]
fn an_embedded_object_says_what_it_is() {
    let embedded = json!({
        "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true,
    });
    assert_eq!(faults(&embedded, &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}})), [""; 0]);
    assert_eq!(
        faults(&embedded, &json!({"kind": ""})),
        [
            "spec.apiVersion: Required value: must not be empty (FieldValueRequired)",
            "spec.kind: Required value: must not be empty (FieldValueRequired)"
        ]
    );
}

/// Wraps the schema of `spec` and gives what is wrong with a change of the spec.
fn faults_of_change(spec_schema: &Value, old: Option<&Value>, new: &Value) -> Vec<String> {
    let schema = schema(&json!({"type": "object", "properties": {"spec": spec_schema}}));
    let object = |spec: &Value| json!({"kind": "X", "metadata": {"name": "n"}, "spec": spec});
    let errors = schema.validate(&object(new), old.map(object).as_ref());
    errors.into_iter().map(|error| format!("{}: {} ({})", error.field, error.message, error.reason)).collect()
}

#[test]
fn rules_in_cel_hold_for_the_value_and_for_its_change() {
    let spec = json!({
        "type": "object", "required": ["least"],
        "x-kubernetes-validations": [
            {"rule": "self.least <= self.most", "message": "least is more than most", "fieldPath": ".least"},
            {"rule": "self.name == oldSelf.name", "reason": "FieldValueForbidden", "messageExpression": "'was ' + oldSelf.name"},
        ],
        "properties": {
            "least": {"type": "integer"}, "most": {"type": "integer", "default": 9}, "name": {"type": "string"},
            "ratio": {"type": "number", "x-kubernetes-validations": [{"rule": "self < 1.5"}]},
            "namespace": {"type": "string"},
            "list": {"type": "array", "items": {
                "type": "string", "x-kubernetes-validations": [{"rule": "self.lowerAscii().matches('^[a-z]+$')"}],
            }},
        },
    });
    let fine = json!({"least": 1, "most": 2, "name": "a", "ratio": 1, "list": ["a", "B"]});
    assert_eq!(faults_of_change(&spec, None, &fine), [""; 0]);
    assert_eq!(faults_of_change(&spec, Some(&fine), &fine), [""; 0]);
    let renamed = json!({"least": 3, "most": 2, "name": "b", "ratio": 2, "list": ["1"]});
    assert_eq!(
        faults_of_change(&spec, Some(&fine), &renamed),
        [
            "spec.least: Invalid value: \"object\": least is more than most (FieldValueInvalid)",
            "spec: Forbidden: was a (FieldValueForbidden)",
            "spec.list[0]: Invalid value: \"string\": failed rule: self.lowerAscii().matches('^[a-z]+$') (FieldValueInvalid)",
            "spec.ratio: Invalid value: \"number\": failed rule: self < 1.5 (FieldValueInvalid)",
        ]
    );
    // Where the schema does not hold, the rules are not asked.
    assert_eq!(
        faults_of_change(&spec, None, &json!({"most": 2})),
        [
            "spec.least: Required value (FieldValueRequired)",
            "<nil>: Invalid value: \"null\": some validation rules were not checked because the object was invalid; correct \
             the existing errors to complete validation (FieldValueInvalid)",
        ]
    );
    let escaped = json!({"type": "object", "properties": {"namespace": {"type": "string"}, "a-b": {"type": "string"}},
        "x-kubernetes-validations": [{"rule": "self.__namespace__ == self.a__dash__b"}]});
    assert_eq!(faults_of_change(&escaped, None, &json!({"namespace": "x", "a-b": "x"})), [""; 0]);
}

#[test]
fn rules_that_cannot_be_evaluated_are_refused_with_the_definition() {
    for (entry, words) in [
        (json!({"rule": "self.x ="}), "compilation failed"),
        (json!({"rule": ""}), "must not be empty"),
        (json!({"rule": "quantity(self.x).isGreaterThan(quantity('1'))"}), "is not supported by this server"),
        (json!({"rule": "true", "optionalOldSelf": true}), "`optionalOldSelf` is not supported"),
        (json!({"rule": "true", "reason": "Odd"}), "no reason"),
    ] {
        let error = Schema::compile(&json!({"type": "object", "x-kubernetes-validations": [entry]})).unwrap_err();
        assert!(error.fault.contains(words), "{entry}: {}", error.fault);
    }
}
