//! The engine: takes events from the queue and runs their actions.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::sync::{Semaphore, mpsc};

use super::{Shared, action};
use crate::{
    record::Word,
    sim::{gauge::Held, profile::Strategy},
};

/// An event on its way to its action.
pub(super) struct Event {
    /// The place of its endpoint among the engine's.
    pub(super) endpoint: usize,
    /// The object that it is about; empty when it names none.
    pub(super) object: Word,
    /// Which of the object's events of this kind it is, from 0.
    pub(super) attempt: u32,
    /// The body of the webhook.
    pub(super) payload: Box<RawValue>,
    /// The headers of the webhook.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) received_at: Timestamp,
    /// Until it is dropped, the engine is not idle.
    pub(super) _in_flight: Held,
}

/// Runs actions until nobody can send events any more.
pub(super) async fn run(shared: Arc<Shared>, mut events: mpsc::Receiver<Event>) {
    let places = match (shared.profile.strategy, shared.profile.max_actions) {
        (Strategy::Sequential, _) => Some(1),
        (Strategy::Parallel, 0) => None,
        (Strategy::Parallel, max_actions) => Some(max_actions),
    };
    let places = places.map(|places| Arc::new(Semaphore::new(places)));
    loop {
        // An event stays in the queue until there is a place for its action: that is what holds the webhooks back.
        let place = match &places {
            Some(places) => Arc::clone(places).acquire_owned().await.ok(),
            None => None,
        };
        let Some(event) = events.recv().await else { return };
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            action::run(&shared, event).await;
            drop(place);
        });
    }
}
