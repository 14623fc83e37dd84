//! Webhooks that may be under way at once.
//!
//! An engine with no room for another event answers when it has, and that can take as long as a job does. Were every worker to
//! wait for such an answer, nobody would look at deletions, nor at what jobs report. So half of the workers may: who comes
//! later gives its worker back, and is woken when a webhook has been answered, in the order in which they came.

use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use parking_lot::Mutex;

use crate::operator::{
    config::ProviderKind,
    context::{Context, ObjectKey},
};

/// How long an object waits for room before it looks by itself.
pub(crate) const ROOM_CHECK: Duration = Duration::from_secs(60);

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

/// Room for one launch, for as long as this lives.
pub(crate) struct Room<'a> {
    /// None where launches need none: AAP answers at once.
    context: Option<&'a Context>,
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
    /// Room for a launch for an object; where there is none now, it is woken when there is.
    pub(crate) fn room_to_launch(&self, key: &ObjectKey) -> Option<Room<'_>> {
        match self.policy.provider {
            ProviderKind::Aap => Some(Room { context: None }),
            // Not `then_some`: room that was not there must not be given back.
            ProviderKind::Eda => self.webhooks.enter(key).then(|| Room { context: Some(self) }),
        }
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        if let Some(context) = self.context
            && let Some(next) = context.webhooks.leave()
        {
            context.wake(next);
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
