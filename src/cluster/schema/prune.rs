//! Drops what a schema does not know, fills in what it gives defaults for.

use serde_json::{Map, Value};

use super::node::{Additional, Node};

/// Where the paths of dropped fields are noted, if anywhere.
struct Dropped<'a>(Option<&'a mut Vec<String>>);

/// Prunes and defaults a whole object.
pub(super) fn prune(root: &Node, object: &mut Value, unknown: Option<&mut Vec<String>>) {
    let mut place = Path::default();
    walk(root, object, true, &mut place, &mut Dropped(unknown));
}

/// Prunes and defaults one field of the root; false where the root does not know it and nothing of it may stay.
pub(super) fn prune_field(root: &Node, field: &str, value: &mut Value, unknown: Option<&mut Vec<String>>) -> bool {
    let mut dropped = Dropped(unknown);
    if let Some(node) = root.property(field) {
        let mut place = Path::default();
        place.0.push(field.to_owned());
        walk(node, value, false, &mut place, &mut dropped);
        return true;
    }
    match &root.additional {
        Additional::Any => true,
        _ if root.preserve => true,
        Additional::Of(_) | Additional::None => {
            dropped.note(&Path::default(), field);
            false
        }
    }
}

/// Whether pruning surely leaves a value as it is.
pub(super) fn is_known(node: &Node, value: &Value) -> bool {
    match value {
        Value::Object(fields) if node.has_defaults && lacks_a_default(node, fields) => false,
        Value::Object(fields) => {
            // Both are sorted, so that one pass over both pairs them.
            let mut properties = node.properties.iter().peekable();
            fields.iter().all(|(field, value)| {
                while properties.next_if(|(name, _)| name.as_str() < field.as_str()).is_some() {}
                if node.embedded && matches!(field.as_str(), "apiVersion" | "kind" | "metadata") {
                    return true;
                }
                match (properties.next_if(|(name, _)| name == field), &node.additional) {
                    (Some((_, node)), _) => is_known(node, value),
                    (None, Additional::Of(node)) => is_known(node, value),
                    (None, Additional::Any) => true,
                    (None, Additional::None) => node.preserve,
                }
            })
        }
        Value::Array(items) => node.items.as_ref().is_none_or(|node| items.iter().all(|item| is_known(node, item))),
        _ => true,
    }
}

/// The path so far, kept only where dropped fields are noted: it costs an allocation a step.
#[derive(Default)]
struct Path(Vec<String>);

impl Dropped<'_> {
    fn note(&mut self, path: &Path, field: &str) {
        if let Some(noted) = &mut self.0 {
            let mut whole = path.0.join(".");
            if !whole.is_empty() {
                whole.push('.');
            }
            whole.push_str(field);
            noted.push(whole.replace(".[", "["));
        }
    }

    fn within<'a>(
        &mut self,
        path: &mut Path,
        step: impl FnOnce() -> String,
        act: impl FnOnce(&mut Self, &mut Path) + 'a,
    ) {
        if self.0.is_some() {
            path.0.push(step());
            act(self, path);
            path.0.pop();
        } else {
            act(self, path);
        }
    }
}

fn walk(node: &Node, value: &mut Value, root: bool, path: &mut Path, dropped: &mut Dropped<'_>) {
    match value {
        Value::Object(fields) => walk_object(node, fields, root || node.embedded, path, dropped),
        Value::Array(items) => {
            if let Some(item_node) = &node.items {
                for (index, item) in items.iter_mut().enumerate() {
                    dropped.within(
                        path,
                        || format!("[{index}]"),
                        |dropped, path| {
                            walk(item_node, item, false, path, dropped);
                        },
                    );
                }
            }
        }
        _ => {}
    }
}

fn walk_object(node: &Node, fields: &mut Map<String, Value>, whole: bool, path: &mut Path, dropped: &mut Dropped<'_>) {
    if node.has_defaults {
        fill_in(node, fields);
    }
    // Both the fields and the properties are sorted, so that one pass over both pairs them.
    let mut properties = node.properties.iter().peekable();
    let mut strangers: Vec<String> = Vec::new();
    for (field, value) in &mut *fields {
        while properties.next_if(|(name, _)| name.as_str() < field.as_str()).is_some() {}
        if whole && matches!(field.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        let below = match properties.next_if(|(name, _)| name == field) {
            Some((_, node)) => Some(node),
            None => match &node.additional {
                Additional::Of(node) => Some(node.as_ref()),
                Additional::Any => None,
                Additional::None if node.preserve => None,
                Additional::None => {
                    strangers.push(field.clone());
                    continue;
                }
            },
        };
        if let Some(below) = below {
            dropped.within(path, || field.clone(), |dropped, path| walk(below, value, false, path, dropped));
        }
    }
    for stranger in strangers {
        fields.remove(&stranger);
        dropped.note(path, &stranger);
    }
}

/// Whether there is something to fill in, or might be: a null counts as nothing given in some places.
fn lacks_a_default(node: &Node, fields: &Map<String, Value>) -> bool {
    let given = |name: &str| fields.get(name).is_some_and(|value| !value.is_null());
    node.properties.iter().any(|(name, property)| property.default.is_some() && !given(name))
}

fn fill_in(node: &Node, fields: &mut Map<String, Value>) {
    for (name, property) in &node.properties {
        let Some(default) = &property.default else { continue };
        match fields.get(name) {
            None => {}
            // A null where null is no value counts as nothing given.
            Some(Value::Null) if !property.nullable => {}
            Some(_) => continue,
        }
        fields.insert(name.clone(), default.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::{super::place::Place, *};

    #[test]
    fn paths_read_as_places_do() {
        let mut noted = Vec::new();
        let mut dropped = Dropped(Some(&mut noted));
        dropped.note(&Path(vec!["spec".to_owned(), "[3]".to_owned()]), "x");
        let mut place = Place::default();
        place.within_field("spec", |place| {
            place.within_item(3, |place| place.within_field("x", |place| assert_eq!(noted, [place.to_string()])));
        });
    }
}
