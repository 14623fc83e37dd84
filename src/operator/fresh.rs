//! What the operator's own writes returned, until the watch has caught up with them.
//!
//! A decision on a cache that lags behind an own write would do a thing twice. Resource versions are compared as numbers:
//! Kubernetes guarantees their order within a resource (KEP-5504), and no server has ever numbered them otherwise.

use std::{collections::BTreeMap, sync::Arc};

use kube::Resource;
use parking_lot::Mutex;

use crate::operator::context::ObjectKey;

#[derive(Debug)]
pub(crate) struct Fresh<K> {
    written: Mutex<BTreeMap<ObjectKey, Arc<K>>>,
}

impl<K> Default for Fresh<K> {
    fn default() -> Self {
        Self { written: Mutex::new(BTreeMap::new()) }
    }
}

impl<K: Resource> Fresh<K> {
    /// Remembers what a write returned, unless a later write has returned before it.
    pub(crate) fn remember(&self, key: &ObjectKey, object: &Arc<K>) {
        let mut written = self.written.lock();
        if !written.get(key).is_some_and(|known| is_newer(known.as_ref(), object)) {
            written.insert(key.clone(), object.clone());
        }
    }

    /// Forgets an object that is gone.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        self.written.lock().remove(key);
    }

    /// Whether an event shows nothing but what a write of ours returned: whoever wrote it has decided on it already.
    pub(crate) fn is_echo(&self, key: &ObjectKey, shown: &K) -> bool {
        let meta = shown.meta();
        let (Some(uid), Some(resource_version)) = (&meta.uid, &meta.resource_version) else { return false };
        self.take_echo(key, uid, resource_version).is_some()
    }

    /// What a write of ours returned, where that is the object of this identity: the cache catches up with it now.
    pub(crate) fn take_echo(&self, key: &ObjectKey, uid: &str, resource_version: &str) -> Option<Arc<K>> {
        let mut written = self.written.lock();
        let own = written.get(key)?.meta();
        if own.uid.as_deref() != Some(uid) || own.resource_version.as_deref() != Some(resource_version) {
            return None;
        }
        written.remove(key)
    }

    /// The newest of what the cache shows and what was written. An object that the cache doesn't show is gone.
    pub(crate) fn newest(&self, key: &ObjectKey, cached: Option<Arc<K>>) -> Option<Arc<K>> {
        let mut written = self.written.lock();
        let cached = cached?;
        match written.get(key) {
            Some(own) if is_newer(own.as_ref(), &cached) || is_released(own.as_ref(), &cached) => Some(own.clone()),
            Some(_) => {
                written.remove(key);
                Some(cached)
            }
            None => Some(cached),
        }
    }

    /// What was written, whatever the cache shows.
    pub(crate) fn written(&self, key: &ObjectKey) -> Option<Arc<K>> {
        self.written.lock().get(key).cloned()
    }
}

/// Whether a write took a finalizer off the very version that the cache shows: the answer to a write that lets an object go
/// carries the number of the version before.
fn is_released<K: Resource>(own: &K, cached: &K) -> bool {
    let (own, cached) = (own.meta(), cached.meta());
    own.uid == cached.uid && own.resource_version == cached.resource_version && own.finalizers != cached.finalizers
}

/// Whether one is a later version of the same object than the other.
pub(crate) fn is_newer<K: Resource>(own: &K, cached: &K) -> bool {
    let (own, cached) = (own.meta(), cached.meta());
    if own.uid != cached.uid {
        return false;
    }
    let number = |version: &Option<String>| version.as_deref().and_then(|text| text.parse::<u64>().ok());
    match (number(&own.resource_version), number(&cached.resource_version)) {
        (Some(own), Some(cached)) => own > cached,
        _ => false,
    }
}

#[cfg(test)]
#[path = "fresh_tests.rs"]
mod tests;
