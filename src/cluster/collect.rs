//! The garbage collector: dependents go when the last of their owners has gone.
//!
//! It works as the one in kube-controller-manager does: beside the API server, from what it sees in the logs, and by ordinary
//! deletes and patches. A write pays nothing for it, and a cluster that nobody collects for keeps its dependents.
//!
//! # Flow
//! Events are read from the logs of all resources. Objects with owners are remembered. What may have lost an owner, and
//! owners that wait for their dependents, are looked at one by one, each with the state as it is then.
//!
//! # Guarantees
//! - An object with an owner that is there is never deleted; references to owners that are not there are removed from it.
//! - An owner whose kind is not known here counts as there.
//! - A dependent is deleted with its UID as a precondition.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    sync::Arc,
    task::Poll,
};

use compact_str::CompactString;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    apply::tracking::Writer,
    call::Call,
    delete::{DeleteOptions, delete},
    embedded::Shared,
    event::Change,
    log::Position,
    meta,
    patch::{Patch, patch},
    propagation::{FOREGROUND, ORPHAN},
    state::State,
};

/// Where an object is: the number of its resource, its namespace and its name.
type Place = (u64, Arc<str>, CompactString);

/// As many events as are read under one lock.
const BATCH: usize = 1024;

/// One of the owners that an object names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Owner {
    api_version: String,
    kind: String,
    name: String,
    uid: String,
    /// Whether the owner must wait for this object when it is deleted in the foreground.
    blocks: bool,
}

impl Owner {
    /// The owners in an object's metadata.
    fn all(metadata: &Map<String, Value>) -> Vec<Self> {
        let owners = metadata.get("ownerReferences").and_then(Value::as_array).into_iter().flatten();
        let text = |owner: &Value, field: &str| owner[field].as_str().unwrap_or_default().to_owned();
        owners
            .map(|owner| Self {
                api_version: text(owner, "apiVersion"),
                kind: text(owner, "kind"),
                name: text(owner, "name"),
                uid: text(owner, "uid"),
                blocks: owner["blockOwnerDeletion"] == true,
            })
            .collect()
    }
}

/// What has become of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// It is there.
    Solid,
    /// It is there until its dependents have gone.
    Waiting,
    /// It is gone.
    Absent,
}

/// The collector of one cluster.
#[derive(Debug, Default)]
struct Collector {
    /// This reader of the logs.
    id: u64,
    positions: BTreeMap<u64, Position>,
    /// The UIDs of the owners of each object that has some.
    owners: BTreeMap<Place, BTreeSet<String>>,
    /// The objects that name an owner, by its UID.
    dependents: BTreeMap<String, BTreeSet<Place>>,
    /// Dependents that may have lost an owner.
    suspects: BTreeSet<Place>,
    /// Owners that wait for the collector.
    waiting: BTreeSet<Place>,
    /// Owners that wait for their dependents; they are looked at again when any dependent has changed.
    blocked: BTreeSet<Place>,
}

/// Collects until it is dropped.
pub(super) async fn collect(shared: Arc<Shared>) {
    let mut collector = Reader { collector: Collector::default(), shared };
    poll_fn(|context| {
        let Reader { collector, shared } = &mut collector;
        let now = shared.options.clock.now();
        let busy = shared.with(|state| {
            if collector.read(state) {
                return true;
            }
            if collector.work(state, now) {
                return true;
            }
            for resource in &mut state.resources {
                resource.log.wait(collector.id, context.waker().clone());
            }
            false
        });
        if busy {
            // Others may run in between: there may be much to do.
            context.waker().wake_by_ref();
        }
        Poll::<()>::Pending
    })
    .await;
}

/// A collector that leaves the logs when it goes.
struct Reader {
    collector: Collector,
    shared: Arc<Shared>,
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        for resource in &mut state.resources {
            resource.log.leave(self.collector.id);
        }
    }
}

impl Collector {
    /// Reads what is new in the logs. False where there was nothing.
    fn read(&mut self, state: &mut State) -> bool {
        if self.id == 0 {
            self.id = state.next_id();
        }
        let mut read = false;
        let known: BTreeSet<u64> = state.resources.iter().map(|resource| resource.id).collect();
        self.positions.retain(|id, _| known.contains(id));
        for resource in &state.resources {
            let id = resource.id;
            let events = self.positions.get(&id).map(|position| resource.log.from(*position));
            let Some(Ok(events)) = events else {
                // A new resource, or one whose log has gone on without us: everything in it is looked at.
                self.positions.insert(id, resource.log.end());
                for (namespace, name, stored) in resource.iter(None) {
                    self.note((id, namespace.clone(), name.clone()), &stored.layout.metadata(&stored.bytes));
                }
                read = true;
                continue;
            };
            let mut last = None;
            for (next, event) in events.take(BATCH) {
                last = Some(next);
                let place = (id, event.namespace.clone(), event.name.clone());
                let gone = event.change == Change::Deleted;
                let concerns = gone || self.owners.contains_key(&place) || is_of_interest(&event.line);
                if !concerns {
                    continue;
                }
                let object: Value = serde_json::from_slice(&event.object()).unwrap_or_default();
                self.waiting.append(&mut self.blocked);
                let empty = Map::new();
                let metadata = meta::of(&object).unwrap_or(&empty);
                if gone {
                    self.forget(&place);
                    let uid = meta::text(&object, "uid");
                    self.suspects.extend(self.dependents.get(uid).into_iter().flatten().cloned());
                } else {
                    self.note(place, metadata);
                }
            }
            if let Some(last) = last {
                self.positions.insert(id, last);
                read = true;
            }
        }
        if read {
            for resource in &mut state.resources {
                if let Some(position) = self.positions.get(&resource.id) {
                    resource.log.has_read(self.id, *position);
                }
            }
        }
        read
    }

    /// Remembers an object that has owners, and what is to be done about one that is on its way out.
    fn note(&mut self, place: Place, metadata: &Map<String, Value>) {
        self.forget(&place);
        let owners: BTreeSet<String> = Owner::all(metadata).into_iter().map(|owner| owner.uid).collect();
        if !owners.is_empty() {
            for uid in &owners {
                self.dependents.entry(uid.clone()).or_default().insert(place.clone());
            }
            self.owners.insert(place.clone(), owners);
            self.suspects.insert(place.clone());
        }
        let finalizers = metadata.get("finalizers").and_then(Value::as_array).into_iter().flatten();
        let waits = finalizers.filter_map(Value::as_str).any(|name| matches!(name, FOREGROUND | ORPHAN));
        if waits && metadata.contains_key("deletionTimestamp") {
            let uid = metadata.get("uid").and_then(Value::as_str).unwrap_or_default();
            self.suspects.extend(self.dependents.get(uid).into_iter().flatten().cloned());
            self.waiting.insert(place);
        }
    }

    fn forget(&mut self, place: &Place) {
        for uid in self.owners.remove(place).into_iter().flatten() {
            if let Some(places) = self.dependents.get_mut(&uid) {
                places.remove(place);
                if places.is_empty() {
                    self.dependents.remove(&uid);
                }
            }
        }
    }

    /// Does one thing. False where there is nothing to do.
    fn work(&mut self, state: &mut State, now: Timestamp) -> bool {
        // Owners first: one that lets its dependents be must have done so before they are looked at.
        if let Some(place) = self.waiting.pop_first() {
            self.serve_owner(state, &place, now);
            return true;
        }
        if let Some(place) = self.suspects.pop_first() {
            self.judge(state, &place, now);
            return true;
        }
        false
    }

    /// Removes a dependent whose owners have gone, or its references to those of them that have.
    fn judge(&self, state: &mut State, place: &Place, now: Timestamp) {
        let Some((metadata, uid)) = metadata(state, place) else { return };
        if metadata.contains_key("deletionTimestamp") {
            return;
        }
        let owners = Owner::all(&metadata);
        let standings: Vec<(Standing, &Owner)> =
            owners.iter().map(|owner| (standing(state, &place.1, owner), owner)).collect();
        let count = |standing: Standing| standings.iter().filter(|(own, _)| *own == standing).count();
        let solid = count(Standing::Solid);
        if owners.is_empty() || solid == owners.len() {
            return;
        }
        if solid > 0 {
            let kept: BTreeSet<&str> = standings
                .iter()
                .filter(|(standing, _)| *standing == Standing::Solid)
                .map(|(_, owner)| owner.uid.as_str())
                .collect();
            keep_owners(state, place, &metadata, &kept, now);
            return;
        }
        let is_owner = self.dependents.get(&uid).is_some_and(|places| !places.is_empty());
        let finalizers = metadata.get("finalizers").and_then(Value::as_array);
        let has = |name: &str| finalizers.is_some_and(|names| names.iter().any(|own| own == name));
        let policy = if count(Standing::Waiting) > 0 && is_owner || has(FOREGROUND) {
            "Foreground"
        } else if has(ORPHAN) {
            "Orphan"
        } else {
            "Background"
        };
        let options = DeleteOptions::of_collector(&uid, policy);
        with_call(state, place, now, |state, call, name| {
            // Gone in between, or refused: the next event of it is the next chance.
            let _ = delete(state, call, name, &options);
        });
    }

    /// Lets an owner go that has waited long enough, or lets its dependents be.
    fn serve_owner(&mut self, state: &mut State, place: &Place, now: Timestamp) {
        let Some((metadata, uid)) = metadata(state, place) else { return };
        if !metadata.contains_key("deletionTimestamp") {
            return;
        }
        let names: Vec<String> = metadata
            .get("finalizers")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect();
        let dependents: Vec<Place> = self.dependents.get(&uid).into_iter().flatten().cloned().collect();
        let done = if names.iter().any(|name| name == ORPHAN) {
            for dependent in dependents {
                let Some((metadata, _)) = self::metadata(state, &dependent) else { continue };
                let others: Vec<Owner> = Owner::all(&metadata).into_iter().filter(|owner| owner.uid != uid).collect();
                let kept = others.iter().map(|owner| owner.uid.as_str()).collect();
                keep_owners(state, &dependent, &metadata, &kept, now);
            }
            ORPHAN
        } else if names.iter().any(|name| name == FOREGROUND) {
            let blocked = dependents
                .iter()
                .filter_map(|dependent| self::metadata(state, dependent))
                .any(|(metadata, _)| Owner::all(&metadata).iter().any(|owner| owner.uid == uid && owner.blocks));
            if blocked {
                self.blocked.insert(place.clone());
                return;
            }
            FOREGROUND
        } else {
            return;
        };
        let left: Vec<String> = names.into_iter().filter(|name| name != done).collect();
        merge(state, place, now, json!({ "finalizers": left }));
    }
}

/// Whether an object's bytes may be of interest: it has owners, or is on its way out and waits for its dependents.
fn is_of_interest(line: &[u8]) -> bool {
    let has = |word: &[u8]| line.windows(word.len()).any(|window| window == word);
    has(b"\"ownerReferences\"") || has(b"\"deletionTimestamp\"")
}

/// The metadata of an object that is there, and its UID.
fn metadata(state: &State, place: &Place) -> Option<(Map<String, Value>, String)> {
    let resource = state.resources.iter().find(|resource| resource.id == place.0)?;
    let stored = resource.get(&place.1, &place.2)?;
    Some((stored.layout.metadata(&stored.bytes), stored.uid().to_owned()))
}

/// The resource of an owner and the namespace in which it is: that of its dependents, or none.
fn find<'a>(state: &'a State, namespace: &'a str, owner: &Owner) -> Option<(&'a super::state::Resource, &'a str)> {
    let resource = state
        .resources
        .iter()
        .find(|resource| resource.kind.name == owner.kind && resource.kind.api_version() == owner.api_version)?;
    Some((resource, if resource.kind.namespaced { namespace } else { "" }))
}

fn standing(state: &State, namespace: &str, owner: &Owner) -> Standing {
    let Some((resource, namespace)) = find(state, namespace, owner) else { return Standing::Solid };
    match resource.get(namespace, &owner.name).filter(|stored| stored.uid() == owner.uid) {
        None => Standing::Absent,
        Some(stored) if stored.is_being_deleted() && stored.is_held() => {
            let metadata = stored.layout.metadata(&stored.bytes);
            let names = metadata.get("finalizers").and_then(Value::as_array);
            let waits = names.is_some_and(|names| names.iter().any(|name| name == FOREGROUND));
            if waits { Standing::Waiting } else { Standing::Solid }
        }
        Some(_) => Standing::Solid,
    }
}

/// Removes the references to all owners but these.
fn keep_owners(state: &mut State, place: &Place, metadata: &Map<String, Value>, kept: &BTreeSet<&str>, now: Timestamp) {
    let owners = metadata.get("ownerReferences").and_then(Value::as_array).into_iter().flatten();
    let left: Vec<&Value> = owners.filter(|owner| kept.contains(owner["uid"].as_str().unwrap_or_default())).collect();
    merge(state, place, now, json!({ "ownerReferences": left }));
}

/// Patches the metadata of an object.
fn merge(state: &mut State, place: &Place, now: Timestamp, metadata: Value) {
    let change = Patch::Merge(Map::from_iter([("metadata".to_owned(), metadata)]));
    with_call(state, place, now, |state, call, name| {
        // Gone in between, or refused: the next event of it is the next chance.
        let _ = patch(state, call, name, change);
    });
}

fn with_call(state: &mut State, place: &Place, now: Timestamp, act: impl FnOnce(&mut State, &Call<'_>, &str)) {
    let (id, namespace, name) = place;
    let found = state.resources.iter().position(|resource| resource.id == *id);
    let Some((at, kind)) = found.and_then(|at| Some((at, state.resources.get(at)?.kind.clone()))) else { return };
    let writer = Writer { field_manager: Some("kube-controller-manager"), ..Writer::default() };
    let call = Call { at, kind, namespace, now, dry_run: false, strict: false, warnings: None, writer };
    act(state, &call, name);
}
