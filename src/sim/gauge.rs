//! How much is still going on in a backend.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Counts what is in flight, and tells when nothing is.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    count: Mutex<usize>,
    idle: Notify,
}

impl Gauge {
    /// One more.
    pub(super) fn enter(&self) {
        *self.count.lock() += 1;
    }

    /// One less.
    pub(super) fn leave(&self) {
        let mut count = self.count.lock();
        *count = count.saturating_sub(1);
        if *count == 0 {
            self.idle.notify_waiters();
        }
    }

    /// One more, until what is returned is dropped.
    pub(super) fn hold(self: &Arc<Self>) -> Held {
        self.enter();
        Held(Arc::clone(self))
    }

    /// Whether nothing is in flight.
    pub(super) fn is_idle(&self) -> bool {
        *self.count.lock() == 0
    }

    /// Waits until nothing is in flight.
    pub(super) async fn idle(&self) {
        loop {
            let mut notified = std::pin::pin!(self.idle.notified());
            notified.as_mut().enable();
            if self.is_idle() {
                return;
            }
            notified.await;
        }
    }
}

/// Something in flight.
#[derive(Debug)]
pub(super) struct Held(Arc<Gauge>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn idle_is_when_the_last_one_has_left() {
        let gauge = Arc::new(Gauge::default());
        gauge.idle().await;
        gauge.enter();
        gauge.enter();
        let waiter = tokio::spawn({
            let gauge = Arc::clone(&gauge);
            async move { gauge.idle().await }
        });
        gauge.leave();
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished());
        gauge.leave();
        waiter.await.expect("the waiter ends");
    }
}
