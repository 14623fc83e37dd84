//! A work queue with the semantics of client-go's: first in, first out; a key that waits is not queued twice; a key that is
//! worked on is not handed out a second time, and comes again afterwards if it was added meanwhile; keys can be added after a
//! delay, the earliest of several delays counts; failures of a key are answered with a growing delay.
//!
//! kube's `Controller` is not used: its scheduler iterates hash maps with random state, which gives another order of
//! requests each run, and it wakes every running reconcile on each event.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::{clock::SharedClock, units::Nanos};

/// The delay after a key's first failure; it doubles with each further one (client-go's default).
const FAILURE_DELAY_FIRST: Duration = Duration::from_millis(5);

/// The longest delay after a failure. client-go waits up to 1000 s; a user who mends a cluster should not.
const FAILURE_DELAY_LONGEST: Duration = Duration::from_secs(60);

/// A key that was handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken<K> {
    /// The key.
    pub key: K,
    /// How long it waited since it was due.
    pub waited: Nanos,
}

#[derive(Debug)]
struct State<K> {
    ready: VecDeque<(K, Nanos)>,
    /// Keys that want to be worked on: all in `ready`, and those added while in work.
    dirty: BTreeSet<K>,
    in_work: BTreeSet<K>,
    /// By time and then by order of adding.
    delayed: BTreeMap<(Nanos, u64), K>,
    due: BTreeMap<K, (Nanos, u64)>,
    added: u64,
    failures: BTreeMap<K, u32>,
    closed: bool,
}

/// The queue; shared by reference.
#[derive(Debug)]
pub struct WorkQueue<K> {
    state: Mutex<State<K>>,
    ready: Notify,
    earlier: Notify,
    clock: SharedClock,
}

impl<K: Ord + Clone> WorkQueue<K> {
    /// An empty queue. Delayed keys become due only while [`Self::run_delays`] runs.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self {
            state: Mutex::new(State {
                ready: VecDeque::new(),
                dirty: BTreeSet::new(),
                in_work: BTreeSet::new(),
                delayed: BTreeMap::new(),
                due: BTreeMap::new(),
                added: 0,
                failures: BTreeMap::new(),
                closed: false,
            }),
            ready: Notify::new(),
            earlier: Notify::new(),
            clock,
        }
    }

    /// Adds a key.
    pub fn add(&self, key: K) {
        let now = self.clock.elapsed();
        let mut state = self.state.lock();
        self.add_locked(&mut state, key, now);
    }

    fn add_locked(&self, state: &mut State<K>, key: K, now: Nanos) {
        if state.closed || !state.dirty.insert(key.clone()) || state.in_work.contains(&key) {
            return;
        }
        state.ready.push_back((key, now));
        self.ready.notify_one();
    }

    /// Adds a key after a delay; when it is delayed already, the earlier time counts.
    pub fn add_after(&self, key: K, delay: Duration) {
        if delay.is_zero() {
            self.add(key);
            return;
        }
        let at = Nanos::new(self.clock.elapsed().get().saturating_add(Nanos::from(delay).get()));
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        if let Some(present) = state.due.get(&key).copied() {
            if present.0 <= at {
                return;
            }
            state.delayed.remove(&present);
        }
        state.added += 1;
        let entry = (at, state.added);
        state.delayed.insert(entry, key.clone());
        state.due.insert(key, entry);
        if state.delayed.first_key_value().is_some_and(|(first, _)| *first == entry) {
            self.earlier.notify_one();
        }
    }

    /// Adds a key that failed, after a delay that grows with its failures in a row.
    pub fn add_after_failure(&self, key: K) {
        let failures = {
            let mut state = self.state.lock();
            let failures = state.failures.entry(key.clone()).or_insert(0);
            *failures = failures.saturating_add(1);
            *failures
        };
        let doublings = failures.saturating_sub(1).min(20);
        self.add_after(key, FAILURE_DELAY_FIRST.saturating_mul(1 << doublings).min(FAILURE_DELAY_LONGEST));
    }

    /// Forgets a key's failures.
    pub fn forget_failures(&self, key: &K) {
        self.state.lock().failures.remove(key);
    }

    /// The next key, as soon as there is one; `None` once the queue is closed. [`Self::done`] must follow.
    pub async fn take(&self) -> Option<Taken<K>> {
        loop {
            {
                let mut state = self.state.lock();
                if state.closed {
                    self.ready.notify_one();
                    return None;
                }
                if let Some((key, due)) = state.ready.pop_front() {
                    state.dirty.remove(&key);
                    state.in_work.insert(key.clone());
                    if !state.ready.is_empty() {
                        // One permit is all that Notify keeps: pass it on to the next worker.
                        self.ready.notify_one();
                    }
                    return Some(Taken { key, waited: self.clock.elapsed() - due });
                }
            }
            self.ready.notified().await;
        }
    }

    /// Gives a key back; it comes again when it was added while in work.
    pub fn done(&self, key: &K) {
        let now = self.clock.elapsed();
        let mut state = self.state.lock();
        state.in_work.remove(key);
        if !state.closed && state.dirty.contains(key) {
            state.ready.push_back((key.clone(), now));
            self.ready.notify_one();
        }
    }

    /// Keys that could be worked on now.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.state.lock().ready.len()
    }

    /// Ends the queue: nothing more is handed out, and waiting workers are let go.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.ready.notify_one();
    }

    /// Makes delayed keys due in their time; runs until it is dropped.
    pub async fn run_delays(&self) {
        loop {
            match self.release_due() {
                Some(wait) => {
                    let sleep = self.clock.sleep(wait);
                    tokio::select! {
                        biased;
                        () = self.earlier.notified() => {}
                        () = sleep => {}
                    }
                }
                None => self.earlier.notified().await,
            }
        }
    }

    /// Moves what is due to the ready keys, and says how long the next one has to wait.
    fn release_due(&self) -> Option<Duration> {
        let now = self.clock.elapsed();
        let mut state = self.state.lock();
        while let Some((&(at, order), _)) = state.delayed.first_key_value() {
            if at > now {
                return Some((at - now).into());
            }
            if let Some(key) = state.delayed.remove(&(at, order)) {
                state.due.remove(&key);
                self.add_locked(&mut state, key, at);
            }
        }
        None
    }
}

#[cfg(all(test, feature = "harness"))]
#[path = "queue_tests.rs"]
mod tests;
