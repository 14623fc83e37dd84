//! The log of one resource: its latest changes, and who waits for the next one.
//!
//! A watcher holds nothing but a position. The log drops its oldest event when it is full, whoever still wanted it:
//! such a watcher learns that it lags and starts anew, and nobody else notices. It may be told to keep fewer of the events
//! that every watcher has read.

use std::{
    collections::{BTreeMap, VecDeque},
    task::Waker,
};

use super::event::Event;

/// A watcher's next event, counted from the log's first one ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position(u64);

/// The event asked for has been dropped. Holds the oldest revision that a watch may still start from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dropped {
    /// The oldest revision that a watch may still start from.
    pub oldest: u64,
}

/// How many events a log keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kept {
    /// At most.
    pub all: usize,
    /// Of those that every watcher has read.
    pub read: usize,
}

/// The latest changes of one resource.
#[derive(Debug)]
pub(super) struct Log {
    events: VecDeque<Event>,
    /// The position of the oldest event that is kept.
    first: u64,
    /// How many are kept.
    kept: Kept,
    /// How far each watcher has read.
    read: BTreeMap<u64, Position>,
    /// The revision of the newest event that was dropped: what a watch may start from at the earliest.
    dropped: u64,
    /// Sorted by watcher, so that they wake in the same order each run.
    waiting: BTreeMap<u64, Waker>,
}

impl Log {
    /// An empty log of a resource that is there since `revision`.
    pub(super) fn new(kept: Kept, revision: u64) -> Self {
        let kept = Kept { all: kept.all.max(1), read: kept.read.max(1) };
        let (read, waiting) = (BTreeMap::new(), BTreeMap::new());
        Self { events: VecDeque::new(), first: 0, kept, read, dropped: revision, waiting }
    }

    /// Adds an event, drops the oldest where there are too many, and hands over who waited for it.
    pub(super) fn push(&mut self, event: Event, woken: &mut Vec<Waker>) {
        if self.events.len() >= self.kept.all {
            self.drop_oldest();
        }
        // Two for one, so that what piled up before a slow watcher goes by and by.
        for _ in 0..2 {
            if self.events.len() >= self.kept.read && self.read.values().all(|next| next.0 > self.first) {
                self.drop_oldest();
            }
        }
        self.events.push_back(event);
        self.wake(woken);
    }

    /// Drops the events that every watcher has read; where none are left, a watch may start from `revision`, the present one.
    pub(super) fn compact(&mut self, revision: u64) {
        while !self.events.is_empty() && self.read.values().all(|next| next.0 > self.first) {
            self.drop_oldest();
        }
        if self.events.is_empty() {
            self.dropped = revision;
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(oldest) = self.events.pop_front() {
            self.first += 1;
            self.dropped = oldest.revision;
        }
    }

    /// Hands over who waits.
    pub(super) fn wake(&mut self, woken: &mut Vec<Waker>) {
        while let Some((_, waker)) = self.waiting.pop_first() {
            woken.push(waker);
        }
    }

    /// The position of the next event that will be added.
    pub(super) fn end(&self) -> Position {
        Position(self.first + self.events.len() as u64)
    }

    /// The position of the first event after `revision`.
    pub(super) fn after(&self, revision: u64) -> Result<Position, Dropped> {
        if revision < self.dropped {
            return Err(Dropped { oldest: self.dropped });
        }
        let known = self.events.partition_point(|event| event.revision <= revision);
        Ok(Position(self.first + known as u64))
    }

    /// The events from a position on.
    pub(super) fn from(&self, position: Position) -> Result<impl Iterator<Item = (Position, &Event)>, Dropped> {
        let Some(skipped) = position.0.checked_sub(self.first) else {
            return Err(Dropped { oldest: self.dropped });
        };
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let next = (position.0..).map(|at| Position(at + 1));
        Ok(next.zip(self.events.iter().skip(skipped)))
    }

    /// All events that are kept.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Event> {
        self.events.iter()
    }

    /// Notes that `watcher` has read everything before `next`.
    pub(super) fn has_read(&mut self, watcher: u64, next: Position) {
        self.read.insert(watcher, next);
    }

    /// Notes that `watcher` is to be woken at the next event.
    pub(super) fn wait(&mut self, watcher: u64, waker: Waker) {
        self.waiting.insert(watcher, waker);
    }

    /// Forgets a watcher that has gone.
    pub(super) fn leave(&mut self, watcher: u64) {
        self.waiting.remove(&watcher);
        self.read.remove(&watcher);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{
        super::event::{Change, Labels},
        *,
    };

    fn event(revision: u64) -> Event {
        let line = Bytes::new();
        let (namespace, name) = ("".into(), "n".into());
        Event { revision, change: Change::Added, namespace, name, line, labels: Labels::default(), before: None }
    }

    fn log(limit: usize) -> Log {
        Log::new(Kept { all: limit, read: limit }, 0)
    }

    fn revisions(log: &Log, position: Position) -> Result<Vec<u64>, Dropped> {
        Ok(log.from(position)?.map(|(_, event)| event.revision).collect())
    }

    #[test]
    fn a_position_is_found_by_revision() {
        let mut log = log(10);
        for revision in [3, 5, 8] {
            log.push(event(revision), &mut Vec::new());
        }
        assert_eq!(revisions(&log, log.after(0).unwrap()), Ok(vec![3, 5, 8]));
        assert_eq!(revisions(&log, log.after(4).unwrap()), Ok(vec![5, 8]));
        assert_eq!(revisions(&log, log.after(5).unwrap()), Ok(vec![8]));
        assert_eq!(log.after(8).unwrap(), log.end());
        assert_eq!(log.after(100).unwrap(), log.end());
    }

    #[test]
    fn what_was_dropped_is_told_and_not_skipped() {
        let mut log = log(2);
        let start = log.end();
        for revision in [3, 5, 8] {
            log.push(event(revision), &mut Vec::new());
        }
        assert_eq!(log.after(2), Err(Dropped { oldest: 3 }));
        assert_eq!(revisions(&log, log.after(3).unwrap()), Ok(vec![5, 8]));
        assert_eq!(revisions(&log, start), Err(Dropped { oldest: 3 }));
    }

    #[test]
    fn what_everybody_has_read_is_kept_for_less_long() {
        let mut log = Log::new(Kept { all: 5, read: 2 }, 0);
        let start = log.end();
        log.has_read(1, start);
        let push = |log: &mut Log, revision| log.push(event(revision), &mut Vec::new());
        for revision in 1..=4 {
            push(&mut log, revision);
        }
        assert_eq!(revisions(&log, start), Ok(vec![1, 2, 3, 4]), "one has not read them");
        log.has_read(1, log.after(3).unwrap());
        push(&mut log, 5);
        assert_eq!(log.after(1), Err(Dropped { oldest: 2 }));
        assert_eq!(revisions(&log, log.after(2).unwrap()), Ok(vec![3, 4, 5]));
        push(&mut log, 6);
        assert_eq!(revisions(&log, log.after(3).unwrap()), Ok(vec![4, 5, 6]), "the fourth is not read");
        for revision in 7..=9 {
            push(&mut log, revision);
        }
        assert_eq!(log.after(3), Err(Dropped { oldest: 4 }), "no more than that, whoever lags");
        log.leave(1);
        push(&mut log, 10);
        push(&mut log, 11);
        assert_eq!(log.after(8), Err(Dropped { oldest: 9 }));
        assert_eq!(revisions(&log, log.after(9).unwrap()), Ok(vec![10, 11]));
    }

    #[test]
    fn a_watcher_that_waits_is_woken_once() {
        let mut log = log(2);
        log.wait(1, Waker::noop().clone());
        log.wait(1, Waker::noop().clone());
        log.wait(2, Waker::noop().clone());
        log.leave(2);
        let mut woken = Vec::new();
        log.push(event(1), &mut woken);
        log.push(event(2), &mut woken);
        assert_eq!(woken.len(), 1);
    }
}
