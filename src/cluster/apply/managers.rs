//! Who owns which fields of an object: the content of `metadata.managedFields`.
//!
//! The rules are those of Kubernetes' page on server-side apply and of its library structured-merge-diff: a write takes the
//! fields that it changes from whoever had them; who applies owns what the configuration says, changed or not.

use std::{collections::BTreeMap, fmt::Write};

use serde_json::{Map, Value, json};

use super::{
    field_set::FieldSet,
    types::Type,
    walk::{Comparison, fields_of, merge, with_properties, without},
};

/// As many managers by ordinary writes as are told apart; the oldest share one entry beyond that.
const MOST_UPDATERS: usize = 10;

/// The manager of what was there before anybody applied anything.
pub(super) const BEFORE_FIRST_APPLY: &str = "before-first-apply";

/// The manager of the oldest of too many.
const ANCIENT: &str = "ancient-changes";

/// How a manager came to its fields. The order is that of the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cluster) enum Operation {
    /// By server-side apply.
    Apply,
    /// By any other write.
    Update,
}

/// What tells one manager from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cluster) struct Manager {
    /// How it came to its fields.
    pub operation: Operation,
    /// Its name.
    pub name: String,
    /// Through which door, empty for the main one.
    pub subresource: String,
    /// The version that it wrote; none for appliers, who stay the same whatever version they write.
    pub api_version: String,
}

/// What a manager owns.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Holding {
    api_version: String,
    time: Option<String>,
    set: FieldSet,
}

/// All managers of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cluster) struct Managers(BTreeMap<Manager, Holding>);

/// A field that somebody else owns with another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cluster) struct Conflict {
    /// Who owns it.
    pub manager: Manager,
    /// What, as a set.
    pub fields: FieldSet,
}

impl Manager {
    /// Who the manager is, in the words of a conflict.
    pub(super) fn shown(&self) -> String {
        let mut shown = format!("{:?}", self.name);
        if !self.subresource.is_empty() {
            // A text takes whatever is written to it.
            let _ = write!(shown, " with subresource {:?}", self.subresource);
        }
        if self.operation == Operation::Update {
            shown.push_str(" using ");
            shown.push_str(&self.api_version);
        }
        shown
    }
}

impl Managers {
    /// Reads `managedFields`; nothing where one of the entries is malformed.
    pub(in crate::cluster) fn from_json(entries: &Value) -> Option<Self> {
        let mut managers = BTreeMap::new();
        for entry in entries.as_array()? {
            let text = |field: &str| entry.get(field).and_then(Value::as_str).unwrap_or_default();
            let operation = match text("operation") {
                "Apply" => Operation::Apply,
                "Update" => Operation::Update,
                _ => return None,
            };
            if text("fieldsType") != "FieldsV1" {
                return None;
            }
            let api_version = text("apiVersion");
            let manager = Manager {
                operation,
                name: text("manager").to_owned(),
                subresource: text("subresource").to_owned(),
                api_version: if operation == Operation::Apply { String::new() } else { api_version.to_owned() },
            };
            let set = entry.get("fieldsV1").map_or_else(|| Some(FieldSet::default()), FieldSet::from_json)?;
            let time = Some(text("time").to_owned()).filter(|time| !time.is_empty());
            managers.insert(manager, Holding { api_version: api_version.to_owned(), time, set });
        }
        Some(Self(managers))
    }

    /// The content of `managedFields`: appliers first, then by time, then by name.
    pub(in crate::cluster) fn to_json(&self) -> Value {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_by_key(|(manager, holding)| {
            (
                manager.operation,
                holding.time.clone(),
                manager.name.clone(),
                holding.api_version.clone(),
                manager.subresource.clone(),
            )
        });
        let entry = |(manager, holding): &(&Manager, &Holding)| {
            let operation = if manager.operation == Operation::Apply { "Apply" } else { "Update" };
            let mut entry = json!({
                "manager": manager.name, "operation": operation, "apiVersion": holding.api_version,
                "fieldsType": "FieldsV1", "fieldsV1": holding.set.to_json(),
            });
            if let Some(time) = &holding.time {
                entry["time"] = time.as_str().into();
            }
            if !manager.subresource.is_empty() {
                entry["subresource"] = manager.subresource.as_str().into();
            }
            entry
        };
        Value::Array(entries.iter().map(entry).collect())
    }

    /// Whether nobody owns anything.
    pub(in crate::cluster) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Somebody has made `new` of `old`, and owns from now on what that changed.
    pub(in crate::cluster) fn update(
        &mut self,
        kind: Type<'_>,
        old: &Value,
        new: &Value,
        manager: &Manager,
        time: &str,
    ) {
        let change = Comparison::of(kind, old, new);
        let taken = change.added.union(&change.modified);
        self.lose(|_| true, &taken.union(&change.removed));
        let taken = ownable(taken);
        if taken.is_empty() {
            return;
        }
        let set = self.0.get(manager).map_or_else(|| taken.clone(), |holding| holding.set.union(&taken));
        let api_version = manager.api_version.clone();
        self.0.insert(manager.clone(), Holding { api_version, time: Some(time.to_owned()), set });
        self.cap();
    }

    /// Somebody applies `config` to `live`: what comes out of it.
    ///
    /// # Errors
    /// What others own with another value, where it is not to be taken from them.
    pub(in crate::cluster) fn apply(
        &mut self,
        kind: Type<'_>,
        live: &Value,
        config: &Value,
        (manager, api_version): (&Manager, &str),
        force: bool,
        time: &str,
    ) -> Result<Value, Vec<Conflict>> {
        let merged = merge(kind, live, config);
        let before = self.0.get(manager).cloned();
        let set = ownable(fields_of(kind, config));
        let mut holding = Holding { api_version: api_version.to_owned(), time: Some(time.to_owned()), set };
        self.0.insert(manager.clone(), holding.clone());
        let new = match &before {
            // Once more, for what is empty in the configuration: emptied things go.
            Some(before) if !before.set.is_empty() => merge(kind, &self.prune(kind, &merged, &before.set), config),
            _ => merged,
        };
        let change = Comparison::of(kind, live, &new);
        let taken = change.added.union(&change.modified);
        let conflicts: Vec<Conflict> = self
            .0
            .iter()
            .filter(|(other, _)| *other != manager)
            .map(|(other, holding)| Conflict { manager: other.clone(), fields: holding.set.intersection(&taken) })
            .filter(|conflict| !conflict.fields.is_empty())
            .collect();
        if !force && !conflicts.is_empty() {
            return Err(conflicts);
        }
        self.lose(|other| other != manager, &taken.union(&change.removed));
        // Who applies once more what is there already has done nothing.
        if let Some(before) = before.filter(|before| before.set == holding.set && new == *live) {
            holding.time = before.time;
        }
        if holding.set.is_empty() {
            self.0.remove(manager);
        } else {
            self.0.insert(manager.clone(), holding);
        }
        Ok(new)
    }

    /// Takes away what a manager applied before and does not apply any more, unless somebody else owns it too.
    fn prune(&self, kind: Type<'_>, merged: &Value, last: &FieldSet) -> Value {
        let last = with_properties(kind, last);
        let owned = self.0.values().fold(FieldSet::default(), |all, holding| all.union(&holding.set));
        let everything = with_properties(kind, &fields_of(kind, merged));
        let stays = |pruned: &Value| with_properties(kind, &fields_of(kind, pruned));
        let pruned = without(kind, merged, &last);
        // What others own comes back,
        let stay = stays(&pruned).union(&with_properties(kind, &owned));
        let pruned = without(kind, merged, &everything.difference(&stay));
        // and so does what nobody owns, which went with what it was in.
        without(kind, merged, &everything.difference(&stays(&pruned)).intersection(&last))
    }

    fn lose(&mut self, who: impl Fn(&Manager) -> bool, lost: &FieldSet) {
        self.0.retain(|manager, holding| {
            if who(manager) {
                holding.set = holding.set.difference(lost);
            }
            !holding.set.is_empty()
        });
    }

    /// Joins the oldest managers by ordinary writes where there are too many.
    fn cap(&mut self) {
        let mut updaters: Vec<(Option<String>, Manager)> = self
            .0
            .iter()
            .filter(|(manager, _)| manager.operation == Operation::Update)
            .map(|(manager, holding)| (holding.time.clone(), manager.clone()))
            .collect();
        let Some(excess) = updaters.len().checked_sub(MOST_UPDATERS).filter(|excess| *excess > 0) else { return };
        updaters.sort();
        for (_, manager) in updaters.into_iter().take(excess + 1) {
            let Some(holding) = self.0.remove(&manager) else { continue };
            let ancient = Manager { name: ANCIENT.to_owned(), subresource: String::new(), ..manager };
            let set = self.0.get(&ancient).map_or_else(|| holding.set.clone(), |own| own.set.union(&holding.set));
            self.0.insert(ancient, Holding { set, ..holding });
        }
    }
}

/// Without what belongs to the server, or says which object it is.
fn ownable(mut set: FieldSet) -> FieldSet {
    for field in ["apiVersion", "kind", "metadata"] {
        set.unmark(&[field]);
    }
    for field in [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ] {
        set.unmark(&["metadata", field]);
    }
    set
}

/// The fields of an object that nobody owned, given to whoever made it: what a write of it from nothing takes.
pub(super) fn from_nothing(kind: Type<'_>, nothing: &Value, object: &Value, manager: &Manager, time: &str) -> Managers {
    let mut managers = Managers::default();
    managers.update(kind, nothing, object, manager, time);
    managers
}

/// The object without `managedFields`, which nobody owns.
pub(super) fn bare(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

/// Whether a client wants the managed fields gone: one empty entry.
pub(super) fn is_reset(entries: &Value) -> bool {
    entries.as_array().is_some_and(|entries| matches!(entries.as_slice(), [Value::Object(entry)] if is_blank(entry)))
}

fn is_blank(entry: &Map<String, Value>) -> bool {
    entry.values().all(Value::is_null)
}
