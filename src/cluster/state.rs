//! The objects, and the only four ways to change them.

use std::{borrow::Borrow, collections::BTreeMap, sync::Arc, task::Waker};

use bytes::Bytes;
use compact_str::CompactString;
use serde_json::{Map, Value};

use super::{
    built_in::events,
    event::{self, Before, Change, Event, Labels},
    identity::Identities,
    kinds::Kind,
    log::{Kept, Log},
    meta,
    page::Pages,
    status_fields,
    wire::{self, Layout},
};

/// Everything that the lock protects.
#[derive(Debug)]
pub(super) struct State {
    /// The last resourceVersion that was given out, over all resources.
    pub revision: u64,
    /// In the order of their installation; there are a dozen, so looking one up is a walk.
    pub resources: Vec<Resource>,
    /// What is left of paged lists.
    pub pages: Pages,
    /// Where UIDs and names come from.
    pub identities: Identities,
    /// Who is to be woken when the lock is free again.
    pub woken: Vec<Waker>,
    /// Events kept for each resource, and how many of them that everybody has read.
    kept: Kept,
    /// The next number for a resource or a watcher.
    next_id: u64,
    /// The buffer that objects are serialised into, so that what is kept has exactly the size it needs.
    scratch: Vec<u8>,
}

/// The objects of one kind.
#[derive(Debug)]
pub(super) struct Resource {
    /// Told apart from one of the same name that was there before.
    pub id: u64,
    /// Its rules.
    pub kind: Arc<Kind>,
    /// By namespace (empty where there is none), then by name. Names stand in the map itself: to find one is to compare a
    /// dozen, and none of them should have to be fetched from elsewhere.
    pub objects: BTreeMap<Arc<str>, BTreeMap<CompactString, Stored>>,
    /// How many there are in all.
    pub count: usize,
    /// Its latest changes.
    pub log: Log,
    /// The group whose resource of the same name shows the same objects in another form.
    twin: Option<&'static str>,
}

/// One object at rest: its JSON, which is read again when it is needed. Most requests need a part of it or nothing, and a
/// tree of values takes ten times the memory.
#[derive(Debug)]
pub(super) struct Stored {
    /// The object as JSON; shares the memory of the event that wrote it.
    pub bytes: Bytes,
    /// Its labels, shared with its events.
    pub labels: Labels,
    /// Where in the bytes the parts stand.
    pub layout: Layout,
}

impl Stored {
    /// The whole object, read from its bytes.
    pub(super) fn value(&self) -> Value {
        // We wrote these bytes, from a value.
        wire::read(&self.bytes).unwrap_or_default()
    }

    /// The status, read from the bytes.
    pub(super) fn status(&self) -> Option<Value> {
        wire::read(self.layout.status(&self.bytes)?).ok()
    }

    /// The resourceVersion.
    pub(super) fn revision(&self) -> &str {
        self.layout.revision(&self.bytes)
    }

    /// The UID.
    pub(super) fn uid(&self) -> &str {
        self.layout.uid(&self.bytes)
    }

    /// The bytes that it would have with other metadata.
    pub(super) fn with_metadata(&self, metadata: &Map<String, Value>) -> Option<Bytes> {
        let (line, _) = wire::line_with_metadata(&mut Vec::new(), &self.bytes, &self.layout, metadata)?;
        Some(event::object_of(Change::Modified, &line))
    }

    /// The labels in other metadata, where they are not the same.
    fn other_labels(&self, metadata: &Map<String, Value>) -> Option<Labels> {
        (!self.labels.are_those_of(metadata)).then(|| Labels::of(metadata))
    }

    /// Whether it has finalizers, which hold it when it is deleted.
    pub(super) fn is_held(&self) -> bool {
        self.layout.held
    }

    /// Whether it has `managedFields`.
    pub(super) fn is_managed(&self) -> bool {
        self.layout.managed
    }

    /// Whether it is on its way out.
    pub(super) fn is_being_deleted(&self) -> bool {
        self.layout.leaving
    }
}

impl Resource {
    /// An object.
    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<&Stored> {
        self.objects.get(namespace)?.get(name)
    }

    /// The objects of one namespace or of all, sorted by namespace and name.
    pub(super) fn iter(&self, namespace: Option<&str>) -> impl Iterator<Item = (&Arc<str>, &CompactString, &Stored)> {
        let (one, all) = match namespace {
            Some(namespace) => (self.objects.get_key_value(namespace), None),
            None => (None, Some(self.objects.iter())),
        };
        one.into_iter()
            .chain(all.into_iter().flatten())
            .flat_map(|(namespace, objects)| objects.iter().map(move |(name, stored)| (namespace, name, stored)))
    }
}

impl State {
    /// Without any object.
    pub(super) fn new(kinds: Vec<Arc<Kind>>, identities: Identities, kept: Kept) -> Self {
        let mut state = Self {
            revision: 0,
            resources: Vec::new(),
            pages: Pages::default(),
            identities,
            woken: Vec::new(),
            kept,
            next_id: 0,
            scratch: Vec::new(),
        };
        for kind in kinds {
            state.install(kind);
        }
        state
    }

    /// Makes a kind known.
    pub(super) fn install(&mut self, kind: Arc<Kind>) {
        let log = Log::new(self.kept, self.revision);
        let id = self.next_id();
        let twin = events::other_group(&kind);
        self.resources.push(Resource { id, kind, objects: BTreeMap::new(), count: 0, log, twin });
    }

    /// A number that nothing had before.
    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Where a resource is.
    pub(super) fn find(&self, group: &str, plural: &str) -> Option<usize> {
        self.resources.iter().position(|resource| resource.kind.is(group, plural))
    }

    /// The resource of that number, if it is still there.
    pub(super) fn resource_mut(&mut self, id: u64) -> Option<&mut Resource> {
        self.resources.iter_mut().find(|resource| resource.id == id)
    }

    /// Adds an object that is not there yet.
    pub(super) fn insert(&mut self, at: usize, namespace: &str, name: &str, value: Value) -> Bytes {
        self.revision += 1;
        let bytes = self.insert_alone(at, namespace, name, value);
        self.mirror(at, namespace, name, Change::Added);
        bytes
    }

    /// Adds an object to one resource, with the present revision.
    fn insert_alone(&mut self, at: usize, namespace: &str, name: &str, mut value: Value) -> Bytes {
        meta::set_revision(&mut value, self.revision);
        let (line, layout) = wire::line(&mut self.scratch, Change::Added, &value);
        let bytes = event::object_of(Change::Added, &line);
        let Some(resource) = self.resources.get_mut(at) else { return bytes };
        let namespace = shared_key(&resource.objects, namespace);
        let name = CompactString::from(name);
        let labels = meta::of(&value).map(Labels::of).unwrap_or_default();
        let stored = Stored { bytes: bytes.clone(), labels: labels.clone(), layout };
        resource.objects.entry(namespace.clone()).or_default().insert(name.clone(), stored);
        resource.count += 1;
        let event =
            Event { revision: self.revision, change: Change::Added, namespace, name, line, labels, before: None };
        resource.log.push(event, &mut self.woken);
        bytes
    }

    /// Gives an object another state and gives its bytes; nothing where there is no such object.
    pub(super) fn replace(&mut self, at: usize, namespace: &str, name: &str, mut value: Value) -> Option<Bytes> {
        self.rewrite(at, namespace, name, |scratch, stored, revision| {
            meta::set_revision(&mut value, revision);
            let (line, layout) = wire::line(scratch, Change::Modified, &value);
            Some((line, layout, meta::of(&value).and_then(|metadata| stored.other_labels(metadata))))
        })
    }

    /// Gives an object other metadata, and leaves the rest.
    pub(super) fn replace_metadata(
        &mut self,
        at: usize,
        namespace: &str,
        name: &str,
        mut metadata: Map<String, Value>,
    ) -> Option<Bytes> {
        self.rewrite(at, namespace, name, |scratch, stored, revision| {
            meta::set(&mut metadata, "resourceVersion", Value::String(revision.to_string()));
            let (line, layout) = wire::line_with_metadata(scratch, &stored.bytes, &stored.layout, &metadata)?;
            Some((line, layout, stored.other_labels(&metadata)))
        })
    }

    /// Gives an object another status, and leaves the rest.
    pub(super) fn replace_status(
        &mut self,
        at: usize,
        namespace: &str,
        name: &str,
        status: Option<&Value>,
    ) -> Option<Bytes> {
        self.rewrite(at, namespace, name, |scratch, stored, revision| {
            let (line, layout) = wire::line_with_status(scratch, &stored.bytes, &stored.layout, revision, status)?;
            Some((line, layout, None))
        })
    }

    /// Sets some fields of an object's status or takes them away, and leaves the rest.
    pub(super) fn replace_status_fields(
        &mut self,
        at: usize,
        namespace: &str,
        name: &str,
        changes: &[status_fields::Change],
    ) -> Option<Bytes> {
        self.rewrite(at, namespace, name, |scratch, stored, revision| {
            let (old, layout) = (&stored.bytes, &stored.layout);
            let fields = status_fields::changed(layout.status_fields(old), changes);
            let (line, layout) = wire::line_with_status_fields(scratch, old, layout, revision, fields)?;
            Some((line, layout, None))
        })
    }

    /// Writes an object anew with the next revision. `write` gives the line, where in it the parts stand, and the labels
    /// where these have changed.
    fn rewrite(
        &mut self,
        at: usize,
        namespace: &str,
        name: &str,
        write: impl FnOnce(&mut Vec<u8>, &Stored, u64) -> Option<(Bytes, Layout, Option<Labels>)>,
    ) -> Option<Bytes> {
        let revision = self.revision + 1;
        let bytes = self.rewrite_alone(at, namespace, name, revision, write)?;
        self.revision = revision;
        self.mirror(at, namespace, name, Change::Modified);
        Some(bytes)
    }

    /// Writes an object anew in one resource.
    fn rewrite_alone(
        &mut self,
        at: usize,
        namespace: &str,
        name: &str,
        revision: u64,
        write: impl FnOnce(&mut Vec<u8>, &Stored, u64) -> Option<(Bytes, Layout, Option<Labels>)>,
    ) -> Option<Bytes> {
        let resource = self.resources.get_mut(at)?;
        let (namespace, objects) = entry_mut(&mut resource.objects, namespace)?;
        let (name, stored) = entry_mut(objects, name)?;
        let (line, layout, new_labels) = write(&mut self.scratch, stored, revision)?;
        stored.layout = layout;
        let change = Change::Modified;
        let before_object = std::mem::replace(&mut stored.bytes, event::object_of(change, &line));
        debug_assert_eq!(
            (stored.bytes.clone(), stored.layout.clone()),
            {
                let (line, layout) = wire::line(&mut Vec::new(), change, &stored.value());
                (event::object_of(change, &line), layout)
            },
            "the bytes are those of the object, and its parts are where they are said to be"
        );
        let mut before = None;
        if let Some(labels) = new_labels {
            let labels = std::mem::replace(&mut stored.labels, labels);
            before = Some(Before { labels, object: before_object });
        }
        let (bytes, labels) = (stored.bytes.clone(), stored.labels.clone());
        let event = Event { revision, change, namespace, name, line, labels, before };
        resource.log.push(event, &mut self.woken);
        Some(bytes)
    }

    /// Takes an object away; its event has its last state with the revision of the deletion.
    pub(super) fn remove(&mut self, at: usize, namespace: &str, name: &str) -> Option<()> {
        let revision = self.revision + 1;
        self.remove_alone(at, namespace, name, revision)?;
        self.revision = revision;
        self.mirror(at, namespace, name, Change::Deleted);
        Some(())
    }

    /// Takes an object away from one resource.
    fn remove_alone(&mut self, at: usize, namespace: &str, name: &str, revision: u64) -> Option<()> {
        let resource = self.resources.get_mut(at)?;
        let objects = resource.objects.get_mut(namespace)?;
        let (name, stored) = objects.remove_entry(name)?;
        let namespace = shared_key(&resource.objects, namespace);
        if resource.objects.get(&namespace).is_some_and(BTreeMap::is_empty) {
            resource.objects.remove(&namespace);
        }
        resource.count -= 1;
        let change = Change::Deleted;
        let line = wire::line_with_revision(&mut self.scratch, change, &stored.bytes, &stored.layout, revision)?;
        let event = Event { revision, change, namespace, name, line, labels: stored.labels, before: None };
        resource.log.push(event, &mut self.woken);
        Some(())
    }

    /// Does to the twin of a resource what has just been done to an object of it, under the same revision: the two are one
    /// store to the outside, and each has its objects, its log and its watchers in its own form.
    fn mirror(&mut self, at: usize, namespace: &str, name: &str, change: Change) -> Option<()> {
        let resource = self.resources.get(at)?;
        let twin = self.find(resource.twin?, &resource.kind.plural)?;
        let revision = self.revision;
        if change == Change::Deleted {
            return self.remove_alone(twin, namespace, name, revision);
        }
        let event = resource.get(namespace, name)?.value();
        let event = events::converted(event, &self.resources.get(twin)?.kind);
        if change == Change::Added {
            self.insert_alone(twin, namespace, name, event);
            return Some(());
        }
        self.rewrite_alone(twin, namespace, name, revision, |scratch, stored, _| {
            let (line, layout) = wire::line(scratch, change, &event);
            Some((line, layout, meta::of(&event).and_then(|metadata| stored.other_labels(metadata))))
        })?;
        Some(())
    }

    /// Forgets earlier states, but for what watchers have yet to read.
    pub(super) fn compact(&mut self) {
        self.pages.forget();
        for resource in &mut self.resources {
            resource.log.compact(self.revision);
        }
    }

    /// Forgets a kind; its watchers learn of it by the end of their streams.
    pub(super) fn uninstall(&mut self, id: u64) {
        if let Some(at) = self.resources.iter().position(|resource| resource.id == id) {
            let mut resource = self.resources.remove(at);
            resource.log.wake(&mut self.woken);
        }
    }
}

/// The key that is there already, or a new one: a namespace's name is kept once for all that is in it.
fn shared_key<V>(map: &BTreeMap<Arc<str>, V>, key: &str) -> Arc<str> {
    map.get_key_value(key).map_or_else(|| key.into(), |(key, _)| key.clone())
}

/// An entry with its key, which `get_mut` alone does not give.
fn entry_mut<'a, K: Ord + Clone + Borrow<str>, V>(
    map: &'a mut BTreeMap<K, V>,
    key_text: &str,
) -> Option<(K, &'a mut V)> {
    let key = map.get_key_value(key_text)?.0.clone();
    let value = map.get_mut(key_text)?;
    Some((key, value))
}
