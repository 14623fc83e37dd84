//! The objects, and the only four ways to change them.

use std::{collections::BTreeMap, sync::Arc, task::Waker};

use bytes::Bytes;
use serde_json::Value;

use super::{
    event::{self, Before, Change, Event, Labels},
    identity::Identities,
    kinds::Kind,
    log::Log,
    meta,
    page::Pages,
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
    /// Events kept for each resource.
    history: usize,
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
    /// By namespace (empty where there is none), then by name.
    pub objects: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Stored>>,
    /// How many there are in all.
    pub count: usize,
    /// Its latest changes.
    pub log: Log,
}

/// One object at rest.
#[derive(Debug)]
pub(super) struct Stored {
    /// What it says.
    pub value: Arc<Value>,
    /// The same as JSON; shares the memory of the event that wrote it.
    pub bytes: Bytes,
    /// Its labels, shared with its events.
    pub labels: Labels,
    /// Where in the bytes the status stands.
    layout: Layout,
}

impl Resource {
    /// An object.
    pub(super) fn get(&self, namespace: &str, name: &str) -> Option<&Stored> {
        self.objects.get(namespace)?.get(name)
    }

    /// The objects of one namespace or of all, sorted by namespace and name.
    pub(super) fn iter(&self, namespace: Option<&str>) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, &Stored)> {
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
    pub(super) fn new(kinds: Vec<Arc<Kind>>, identities: Identities, history: usize) -> Self {
        let mut state = Self {
            revision: 0,
            resources: Vec::new(),
            pages: Pages::default(),
            identities,
            woken: Vec::new(),
            history,
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
        let log = Log::new(self.history, self.revision);
        let id = self.next_id();
        self.resources.push(Resource { id, kind, objects: BTreeMap::new(), count: 0, log });
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
    pub(super) fn insert(&mut self, at: usize, namespace: &str, name: &str, mut value: Value) -> Bytes {
        self.revision += 1;
        meta::set_revision(&mut value, self.revision);
        let (line, layout) = wire::line(&mut self.scratch, Change::Added, &value);
        let bytes = event::object_of(Change::Added, &line);
        let Some(resource) = self.resources.get_mut(at) else { return bytes };
        let namespace = shared_key(&resource.objects, namespace);
        let name: Arc<str> = name.into();
        let labels = Labels::of(&value);
        let stored = Stored { value: Arc::new(value), bytes: bytes.clone(), labels: labels.clone(), layout };
        resource.objects.entry(namespace.clone()).or_default().insert(name.clone(), stored);
        resource.count += 1;
        let event =
            Event { revision: self.revision, change: Change::Added, namespace, name, line, labels, before: None };
        resource.log.push(event, &mut self.woken);
        bytes
    }

    /// Changes an object by `edit` and gives its new bytes; nothing where there is no such object.
    pub(super) fn replace(
        &mut self,
        at: usize,
        namespace: &str,
        name: &str,
        edit: impl FnOnce(&mut Arc<Value>),
    ) -> Option<Bytes> {
        let resource = self.resources.get_mut(at)?;
        let (namespace, objects) = entry_mut(&mut resource.objects, namespace)?;
        let (name, stored) = entry_mut(objects, name)?;
        self.revision += 1;
        edit(&mut stored.value);
        // Nobody else holds the value as a rule, so that this copies nothing.
        meta::set_revision(Arc::make_mut(&mut stored.value), self.revision);
        let (line, layout) = wire::line(&mut self.scratch, Change::Modified, &stored.value);
        stored.layout = layout;
        let before_object = std::mem::replace(&mut stored.bytes, event::object_of(Change::Modified, &line));
        let mut before = None;
        if !stored.labels.are_those_of(&stored.value) {
            let labels = std::mem::replace(&mut stored.labels, Labels::of(&stored.value));
            before = Some(Before { labels, object: before_object });
        }
        let (bytes, labels) = (stored.bytes.clone(), stored.labels.clone());
        let event = Event { revision: self.revision, change: Change::Modified, namespace, name, line, labels, before };
        resource.log.push(event, &mut self.woken);
        Some(bytes)
    }

    /// Changes the status of an object and gives its new bytes; nothing where there is no such object.
    pub(super) fn replace_status(
        &mut self,
        at: usize,
        namespace: &str,
        name: &str,
        status: Option<Value>,
    ) -> Option<Bytes> {
        let resource = self.resources.get_mut(at)?;
        let (namespace, objects) = entry_mut(&mut resource.objects, namespace)?;
        let (name, stored) = entry_mut(objects, name)?;
        let revision = self.revision + 1;
        let spliced =
            wire::line_with_status(&mut self.scratch, &stored.bytes, &stored.layout, revision, status.as_ref());
        let (line, layout) = spliced?;
        self.revision = revision;
        let value = Arc::make_mut(&mut stored.value);
        meta::set_revision(value, revision);
        meta::set_status(value, status);
        debug_assert_eq!(
            (line.clone(), layout.clone()),
            wire::line(&mut self.scratch, Change::Modified, value),
            "the copied bytes say the same as the object"
        );
        let (change, bytes) = (Change::Modified, event::object_of(Change::Modified, &line));
        (stored.bytes, stored.layout) = (bytes.clone(), layout);
        let event = Event { revision, change, namespace, name, line, labels: stored.labels.clone(), before: None };
        resource.log.push(event, &mut self.woken);
        Some(bytes)
    }

    /// Takes an object away and gives its last state, as its event has it: with the revision of the deletion.
    pub(super) fn remove(&mut self, at: usize, namespace: &str, name: &str) -> Option<(Arc<Value>, Bytes)> {
        let resource = self.resources.get_mut(at)?;
        let objects = resource.objects.get_mut(namespace)?;
        let (name, mut stored) = objects.remove_entry(name)?;
        let namespace = shared_key(&resource.objects, namespace);
        if resource.objects.get(&namespace).is_some_and(BTreeMap::is_empty) {
            resource.objects.remove(&namespace);
        }
        resource.count -= 1;
        self.revision += 1;
        meta::set_revision(Arc::make_mut(&mut stored.value), self.revision);
        let (line, _) = wire::line(&mut self.scratch, Change::Deleted, &stored.value);
        let bytes = event::object_of(Change::Deleted, &line);
        let (revision, change, labels) = (self.revision, Change::Deleted, stored.labels);
        let event = Event { revision, change, namespace, name, line, labels, before: None };
        resource.log.push(event, &mut self.woken);
        Some((stored.value, bytes))
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
fn entry_mut<'a, V>(map: &'a mut BTreeMap<Arc<str>, V>, key: &str) -> Option<(Arc<str>, &'a mut V)> {
    let key = map.get_key_value(key)?.0.clone();
    let value = map.get_mut(&key)?;
    Some((key, value))
}
