//! Points at which an operator can be killed: before and after each of its requests.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use parking_lot::Mutex;

/// Holds the operator at chosen points: the request in question hangs there, until the operator is killed.
#[derive(Clone, Default)]
pub(crate) struct Cut {
    /// Points to let pass before the next hold, and the one after that, and so on.
    holds: Arc<Mutex<VecDeque<usize>>>,
    held: Arc<AtomicBool>,
    passed: Arc<AtomicUsize>,
}

impl Cut {
    /// The operator is held after so many points, and again so many after that.
    pub(crate) fn hold_after(&self, gaps: impl IntoIterator<Item = usize>) {
        *self.holds.lock() = gaps.into_iter().collect();
    }

    /// Whether the operator is held now; it is taken note of once.
    pub(crate) fn take_held(&self) -> bool {
        self.held.swap(false, Ordering::Relaxed)
    }

    /// Whether holds are left that have not come to pass.
    pub(crate) fn has_holds(&self) -> bool {
        !self.holds.lock().is_empty()
    }

    /// Points passed so far.
    pub(crate) fn passed(&self) -> usize {
        self.passed.load(Ordering::Relaxed)
    }

    /// A point: something is about to be sent, or an answer has just come.
    pub(crate) async fn point(&self) {
        self.passed.fetch_add(1, Ordering::Relaxed);
        let hold = {
            let mut holds = self.holds.lock();
            match holds.front_mut() {
                Some(0) => {
                    holds.pop_front();
                    true
                }
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => false,
            }
        };
        if hold {
            self.held.store(true, Ordering::Relaxed);
            std::future::pending::<()>().await;
        }
    }
}
