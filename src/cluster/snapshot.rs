//! A resource as it was at an earlier revision: its present objects, with the changes since then undone by its log.
//!
//! The log keeps what objects were changed to, not what they were before. An object that is older than the log's oldest event
//! and has changed since the revision asked for cannot be shown as it was; then the answer is the one that the real server
//! gives after compaction.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use compact_str::CompactString;

use super::{
    event::{Change, Event},
    selection::Selection,
    state::Resource,
    status::Refusal,
};

/// The bytes of all objects that are selected, sorted by namespace and name, as they were at `revision`.
///
/// # Errors
/// 410 where that is too long ago.
pub(super) fn at(resource: &Resource, selection: &Selection, revision: u64) -> Result<Vec<Bytes>, Refusal> {
    let too_old = || Refusal::expired("The resourceVersion for the provided list is too old.");
    let first = resource.log.after(revision).map_err(|_| too_old())?;
    let mut shown: BTreeMap<(Arc<str>, CompactString), Bytes> = resource
        .iter(selection.namespace.as_deref())
        .filter(|(namespace, name, stored)| {
            selection.covers(namespace, name) && selection.picks(&stored.labels, || stored.bytes.clone())
        })
        .map(|(namespace, name, stored)| ((namespace.clone(), name.clone()), stored.bytes.clone()))
        .collect();
    let mut changed: BTreeMap<(Arc<str>, CompactString), &Event> = BTreeMap::new();
    for (_, event) in resource.log.from(first).map_err(|_| too_old())? {
        if selection.covers(&event.namespace, &event.name) {
            changed.entry((event.namespace.clone(), event.name.clone())).or_insert(event);
        }
    }
    let earlier: BTreeMap<(Arc<str>, CompactString), &Event> = resource
        .log
        .iter()
        .take_while(|event| event.revision <= revision)
        .map(|event| ((event.namespace.clone(), event.name.clone()), event))
        .collect();
    for (key, next) in changed {
        shown.remove(&key);
        let was = earlier.get(&key);
        match was {
            Some(event) if event.change == Change::Deleted => {}
            Some(event) if selection.picks(&event.labels, || event.object()) => {
                shown.insert(key, event.object());
            }
            Some(_) => {}
            None if next.change == Change::Added => {}
            None => return Err(too_old()),
        }
    }
    Ok(shown.into_values().collect())
}
