//! Strategic merge patches: merge patches that know which lists are merged, and by what.
//!
//! Kubernetes has them for the kinds whose Go types say it (`patchStrategy`, `patchMergeKey`), hence not for custom
//! resources. Of the kinds here, the finalizers are merged as a set, the ownerReferences by `uid`, and the conditions of a
//! namespace by `type`. The directives are those of the page on strategic merge patch in Kubernetes' contributor guide.

use serde_json::{Map, Value};

use super::{
    apply::{ListItems, Type},
    status::Refusal,
};

const DIRECTIVE: &str = "$patch";
const RETAIN: &str = "$retainKeys";
const DELETE_FROM: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// What a strategic merge patch makes of an object.
///
/// # Errors
/// 400 for a directive that is none, 500 for an item of a merged list without its key, as on the real server.
pub(super) fn merge(
    kind: Type<'_>,
    original: &Map<String, Value>,
    patch: Map<String, Value>,
) -> Result<Value, Refusal> {
    merge_fields(kind, original, patch).map(Value::Object)
}

fn merge_fields(
    kind: Type<'_>,
    original: &Map<String, Value>,
    mut patch: Map<String, Value>,
) -> Result<Map<String, Value>, Refusal> {
    match patch.remove(DIRECTIVE).as_ref().map(|directive| directive.as_str().unwrap_or("?")) {
        None | Some("merge") => {}
        Some("replace") => return Ok(patch),
        Some("delete") => return Ok(Map::new()),
        Some(other) => return Err(Refusal::bad_request(format!("Unknown patch type found: {other}"))),
    }
    let mut merged = original.clone();
    if let Some(retained) = patch.remove(RETAIN) {
        retain(&mut merged, &retained, &patch)?;
    }
    let (directives, fields): (Map<_, _>, Map<_, _>) =
        patch.into_iter().partition(|(name, _)| name.starts_with(DELETE_FROM) || name.starts_with(ORDER));
    for (name, doomed) in directives.iter().filter_map(|(name, value)| Some((name.strip_prefix(DELETE_FROM)?, value))) {
        let doomed = doomed.as_array().ok_or_else(|| malformed("the items to delete must be a list"))?;
        if let Some(Value::Array(items)) = merged.get_mut(name) {
            items.retain(|item| !doomed.contains(item));
        }
    }
    for (name, value) in fields {
        if value.is_null() {
            merged.remove(&name);
            continue;
        }
        let below = kind.holds(&name);
        let value = match (merged.get(&name), value) {
            (Some(Value::Object(original)), Value::Object(patch)) => {
                Value::Object(merge_fields(below, original, patch)?)
            }
            (_, Value::Object(patch)) => Value::Object(merge_fields(below, &Map::new(), patch)?),
            (original, Value::Array(patch)) => {
                let original = original.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
                Value::Array(merge_list(below, original, patch)?)
            }
            (_, value) => value,
        };
        merged.insert(name, value);
    }
    for (name, order) in directives.iter().filter_map(|(name, value)| Some((name.strip_prefix(ORDER)?, value))) {
        let order = order.as_array().ok_or_else(|| malformed("the order of items must be a list"))?;
        let before = original.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if let Some(Value::Array(items)) = merged.get_mut(name) {
            *items = sorted(kind.holds(name), std::mem::take(items), order, before);
        }
    }
    Ok(merged)
}

/// Drops all fields but those that the patch says are to stay; it may not set others.
fn retain(fields: &mut Map<String, Value>, retained: &Value, patch: &Map<String, Value>) -> Result<(), Refusal> {
    let retained = retained.as_array().ok_or_else(|| malformed("the keys to retain must be a list"))?;
    let stays = |name: &String| retained.iter().any(|kept| kept == name.as_str());
    if let Some(other) = patch.keys().filter(|name| !name.starts_with('$')).find(|name| !stays(name)) {
        return Err(malformed(&format!("the key {other:?} is set and not among those to retain")));
    }
    fields.retain(|name, _| stays(name));
    Ok(())
}

fn merge_list(kind: Type<'_>, original: &[Value], patch: Vec<Value>) -> Result<Vec<Value>, Refusal> {
    let order = patch.clone();
    let merged = match kind.items_by() {
        ListItems::Together => return Ok(patch),
        ListItems::Value => {
            let mut merged = original.to_vec();
            for item in patch {
                if !merged.contains(&item) {
                    merged.push(item);
                }
            }
            merged
        }
        ListItems::Key(key) => merge_items(kind, original, patch, key)?,
    };
    Ok(sorted(kind, merged, &order, original))
}

fn merge_items(kind: Type<'_>, original: &[Value], patch: Vec<Value>, key: &str) -> Result<Vec<Value>, Refusal> {
    let directive = |item: &Value| item.get(DIRECTIVE).and_then(Value::as_str).unwrap_or_default().to_owned();
    if patch.iter().any(|item| directive(item) == "replace") {
        let kept = patch.into_iter().filter(|item| directive(item) != "replace");
        return Ok(kept.collect());
    }
    let mut merged = original.to_vec();
    for item in patch {
        let directive = directive(&item);
        let Value::Object(fields) = item else { return Err(malformed("an item of a merged list must be an object")) };
        let Some(identity) = fields.get(key).cloned() else {
            let shown = Value::Object(fields);
            return Err(Refusal::internal(format!("map: {shown} does not contain declared merge key: {key}")));
        };
        let at = merged.iter().position(|own| own.get(key) == Some(&identity));
        match (directive.as_str(), at) {
            ("delete", _) => merged.retain(|own| own.get(key) != Some(&identity)),
            (_, Some(at)) => {
                if let Some(Value::Object(own)) = merged.get_mut(at) {
                    *own = merge_fields(kind.item(), own, fields)?;
                }
            }
            (_, None) => merged.push(Value::Object(merge_fields(kind.item(), &Map::new(), fields)?)),
        }
    }
    Ok(merged)
}

/// The items that `order` names, in its order, with the others among them: each of these stands before the first named item
/// that came after it in the list `before`. So what is new comes first, where nothing says otherwise.
fn sorted(kind: Type<'_>, items: Vec<Value>, order: &[Value], before: &[Value]) -> Vec<Value> {
    let place = |list: &[Value], item: &Value| match kind.items_by() {
        ListItems::Key(key) => {
            list.iter().position(|other| other.get(key).is_some() && other.get(key) == item.get(key))
        }
        ListItems::Value => list.iter().position(|other| other == item),
        ListItems::Together => None,
    };
    let (mut named, others): (Vec<Value>, Vec<Value>) =
        items.into_iter().partition(|item| place(order, item).is_some());
    named.sort_by_key(|item| place(order, item));
    let mut others = others.into_iter().peekable();
    let mut sorted = Vec::new();
    for item in named {
        let at = place(before, &item);
        while let Some(other) = others.next_if(|other| at.is_some() && place(before, other) < at) {
            sorted.push(other);
        }
        sorted.push(item);
    }
    sorted.extend(others);
    sorted
}

fn malformed(why: &str) -> Refusal {
    Refusal::bad_request(format!("the strategic merge patch cannot be used: {why}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{
        super::{
            built_in,
            kinds::{Kind, Role},
        },
        *,
    };

    fn patched(original: &Value, patch: &Value) -> Result<Value, Refusal> {
        let kind = Kind::new("", "v1", "Namespace", "namespaces", Role::Namespace);
        let fields = |value: &Value| value.as_object().cloned().unwrap();
        merge(Type::root(built_in::schema(&kind)), &fields(original), fields(patch))
    }

    #[test]
    fn lists_are_merged_as_their_types_say() {
        let original = json!({
            "metadata": {"finalizers": ["a", "b"], "labels": {"x": "1", "y": "2"},
                         "ownerReferences": [{"uid": "1", "name": "n"}, {"uid": "2", "name": "m"}]},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"conditions": [{"type": "A", "status": "True"}, {"type": "B", "status": "True"}]},
        });
        for (patch, pointer, expected) in [
            (json!({"metadata": {"finalizers": ["c", "a"]}}), "/metadata/finalizers", json!(["c", "a", "b"])),
            (json!({"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"]}}), "/metadata/finalizers", json!(["b"])),
            (
                json!({"metadata": {"$setElementOrder/finalizers": ["c", "b"], "finalizers": ["c"]}}),
                "/metadata/finalizers",
                json!(["c", "a", "b"]),
            ),
            (json!({"metadata": {"labels": {"x": null, "z": "3"}}}), "/metadata/labels", json!({"y": "2", "z": "3"})),
            (json!({"metadata": {"labels": {"$patch": "replace", "z": "3"}}}), "/metadata/labels", json!({"z": "3"})),
            (json!({"metadata": {"labels": {"$patch": "delete"}}}), "/metadata/labels", json!({})),
            (
                json!({"metadata": {"labels": {"$retainKeys": ["y", "z"], "z": "3"}}}),
                "/metadata/labels",
                json!({"y": "2", "z": "3"}),
            ),
            (json!({"spec": {"finalizers": ["x"]}}), "/spec/finalizers", json!(["x"])),
            (
                json!({"metadata": {"ownerReferences": [{"uid": "2", "name": "k"}, {"uid": "3"}, {"uid": "1", "$patch": "delete"}]}}),
                "/metadata/ownerReferences",
                json!([{"uid": "2", "name": "k"}, {"uid": "3"}]),
            ),
            (
                json!({"status": {"conditions": [{"type": "B", "status": "False"}, {"type": "C"}]}}),
                "/status/conditions",
                json!([{"type": "A", "status": "True"}, {"type": "B", "status": "False"}, {"type": "C"}]),
            ),
            (
                json!({"status": {"conditions": [{"$patch": "replace"}, {"type": "C"}]}}),
                "/status/conditions",
                json!([{"type": "C"}]),
            ),
        ] {
            let result = patched(&original, &patch).unwrap();
            assert_eq!(result.pointer(pointer), Some(&expected), "{patch}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (patch, code) in [
            (json!({"$patch": "odd"}), 400),
            (json!({"metadata": {"labels": {"$retainKeys": ["a"], "b": "c"}}}), 400),
            (json!({"metadata": {"$deleteFromPrimitiveList/finalizers": "a"}}), 400),
            (json!({"metadata": {"ownerReferences": [{"name": "n"}]}}), 500),
        ] {
            assert_eq!(patched(&json!({}), &patch).unwrap_err().code(), code, "{patch}");
        }
    }
}
