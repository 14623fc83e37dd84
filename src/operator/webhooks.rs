//! Webhooks that may be under way at once.
//!
//! An engine with no room for another event answers when it has, and that can take as long as a job does. Were every worker to
//! wait for such an answer, nobody would look at deletions, nor at what jobs report. So half of the workers may: who comes
//! later gives its worker back, and is woken when a webhook has been answered, in the order in which they came.

use std::collections::{BTreeSet, VecDeque};

use parking_lot::Mutex;

use crate::operator::context::{Context, ObjectKey};

#[derive(Debug, Default)]
struct State {
    under_way: usize,
    waiting: VecDeque<ObjectKey>,
    /// The same, to be looked up.
    known: BTreeSet<ObjectKey>,
}

/// The webhooks that are under way, and who waits for them.
#[derive(Debug)]
pub(crate) struct Webhooks {
    most: usize,
    state: Mutex<State>,
}

/// Room for one webhook, for as long as this lives.
pub(crate) struct Room<'a> {
    context: &'a Context,
}

impl Webhooks {
    /// `workers`: how many objects are worked on at once.
    pub(crate) fn new(workers: usize) -> Self {
        Self { most: (workers / 2).max(1), state: Mutex::default() }
    }

    fn enter(&self, key: &ObjectKey) -> bool {
        let state = &mut *self.state.lock();
        if state.under_way < self.most {
            state.under_way += 1;
            return true;
        }
        if state.known.insert(key.clone()) {
            state.waiting.push_back(key.clone());
        }
        false
    }

    /// Returns who comes next.
    fn leave(&self) -> Option<ObjectKey> {
        let state = &mut *self.state.lock();
        state.under_way -= 1;
        let next = state.waiting.pop_front()?;
        state.known.remove(&next);
        Some(next)
    }
}

impl Context {
    /// Room for a webhook about an object; where there is none now, it is woken when there is.
    pub(crate) fn room_for_webhook(&self, key: &ObjectKey) -> Option<Room<'_>> {
        // Not `then_some`: room that was not there must not be given back.
        self.webhooks.enter(key).then(|| Room { context: self })
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Some(next) = self.context.webhooks.leave() {
            self.context.wake(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_finds_no_room_comes_in_turn() {
        let key = |name: &str| ObjectKey { namespace: "vms".into(), name: name.into() };
        let webhooks = Webhooks::new(5);
        assert_eq!(["a", "b", "c", "d", "c"].map(|name| webhooks.enter(&key(name))), [true, true, false, false, false]);
        assert_eq!(webhooks.leave(), Some(key("c")));
        assert!(webhooks.enter(&key("c")));
        assert_eq!([webhooks.leave(), webhooks.leave()], [Some(key("d")), None]);
        assert!(Webhooks::new(1).enter(&key("a")), "one worker is enough");
    }
}
