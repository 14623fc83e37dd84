//! A flag that one task sets and another waits for.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// A flag that is set once and stays set. One task waits for it; any may set it.
#[derive(Debug, Default)]
pub(super) struct Signal {
    set: AtomicBool,
    notify: Notify,
}

impl Signal {
    /// Sets the flag and wakes the one who waits.
    pub(super) fn set(&self) {
        self.set.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// Whether the flag is set.
    pub(super) fn is_set(&self) -> bool {
        self.set.load(Ordering::Acquire)
    }

    /// Waits until the flag is set.
    pub(super) async fn wait(&self) {
        while !self.is_set() {
            // The permit that `notify_one` leaves closes the gap between the check and the wait.
            self.notify.notified().await;
        }
    }
}
