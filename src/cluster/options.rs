//! What a cluster is made with.

use std::time::Duration;

use super::apply::FieldTracking;
use crate::{clock::SharedClock, units::Seed};

/// Events that a cluster keeps of each resource.
const HISTORY: usize = 10_000;

/// What a [`Cluster`](super::Cluster) is made with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where timestamps, watch timeouts and bookmarks take their time from.
    pub clock: SharedClock,
    /// What UIDs and generated names are drawn from.
    pub uid_seed: Seed,
    /// How many events of each resource are kept for replay; a watcher further behind than this gets 410 Gone.
    pub history: usize,
    /// How many events that every open watch has been given are kept for watches that begin later; of use where it is
    /// fewer than `history`. What is kept for nobody pushes everything else out of the processor's caches.
    pub replay: usize,
    /// How often a watcher that allows bookmarks gets one.
    pub bookmark_interval: Duration,
    /// Whether `managedFields` are kept from the start or from the first server-side apply of an object on.
    pub field_tracking: FieldTracking,
}

impl Options {
    /// 10 000 events for replay, a bookmark each minute (as kube-apiserver does), managed fields from the first apply on.
    #[must_use]
    pub fn new(clock: SharedClock, uid_seed: Seed) -> Self {
        Self {
            clock,
            uid_seed,
            history: HISTORY,
            replay: HISTORY,
            bookmark_interval: Duration::from_secs(60),
            field_tracking: FieldTracking::default(),
        }
    }
}
