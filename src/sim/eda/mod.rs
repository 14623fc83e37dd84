//! The simulated event-driven engine: webhooks in, job launches out.
//!
//! **Flow of an event:** its webhook is checked and put into a queue of one, which answers the webhook; the engine takes it
//! out and runs the rule's action: look the template up, launch it, and ask for the job until that has ended.
//!
//! **Guarantees:** an event that was answered 200 leads to one launch, unless the controller refuses it. An action occupies
//! its place until its job has ended: under the strategy `sequential` the next event waits for that, under `parallel` only
//! where as many actions as allowed are in flight; then the queue fills and the next webhook is answered late.
//!
//! Signed webhooks (HMAC) are not simulated: they would ask for a hash that nothing else here needs.

mod action;
mod engine;
mod poller;
mod scan;
mod webhook;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::Request;
use parking_lot::Mutex;
use tokio::sync::mpsc;

use self::{engine::Event, poller::Poller};
use super::{gauge::Gauge, http::HttpService, playbook::Playbook, profile::EdaProfile};
use crate::{
    clock::SharedClock,
    record::{Truth, TruthLog, Word},
    units::Seed,
};

/// How many events wait for the engine, as in the engine that it simulates; more make their webhooks wait.
const QUEUE_SIZE: usize = 1;

/// What an engine is made of.
pub struct EdaOptions {
    /// Its time.
    pub clock: SharedClock,
    /// The seed of the block; it does not know the arm.
    pub seed: Seed,
    /// Where it writes what it does.
    pub truth: TruthLog,
    /// How long it takes.
    pub profile: EdaProfile,
    /// The controller that it launches jobs on.
    pub aap: HttpService,
    /// The token that it shows there.
    pub aap_token: Option<String>,
    /// What its rulebook listens to.
    pub endpoints: Vec<Endpoint>,
    /// The token that webhooks must carry; none: everybody may.
    pub webhook_token: Option<String>,
}

/// A rule of the rulebook: events at an endpoint launch a template.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The path, without its slash.
    pub name: String,
    /// The template's name.
    pub template: String,
    /// What its jobs do: the type of job that records name.
    pub playbook: Playbook,
    /// The rule's name.
    pub rule: String,
}

impl Endpoint {
    /// `create-compute-instance`.
    #[must_use]
    pub fn create(template: &str) -> Self {
        Self {
            name: "create-compute-instance".to_owned(),
            template: template.to_owned(),
            playbook: Playbook::Create,
            rule: "create compute instance".to_owned(),
        }
    }

    /// `delete-compute-instance`.
    #[must_use]
    pub fn delete(template: &str) -> Self {
        Self {
            name: "delete-compute-instance".to_owned(),
            template: template.to_owned(),
            playbook: Playbook::Delete,
            rule: "delete compute instance".to_owned(),
        }
    }
}

/// A simulated event-driven engine.
#[derive(Clone)]
pub struct Eda {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Event>,
}

/// What webhooks and actions share.
struct Shared {
    clock: SharedClock,
    seed: Seed,
    truth: TruthLog,
    profile: EdaProfile,
    /// Each user clones it: the service is not to be shared among threads.
    aap: Mutex<HttpService>,
    aap_authorization: Option<String>,
    endpoints: Vec<Endpoint>,
    webhook_token: Option<String>,
    /// How many events of a kind an object has had.
    attempts: Mutex<BTreeMap<(Word, Playbook), u32>>,
    in_flight: Arc<Gauge>,
    poller: Poller,
}

impl Eda {
    /// An engine that waits for events. It ends when it and all its services are dropped and its last job has ended.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(options: EdaOptions) -> Self {
        let EdaOptions { clock, seed, truth, profile, aap, aap_token, endpoints, webhook_token } = options;
        let shared = Arc::new(Shared {
            clock,
            seed,
            truth,
            profile,
            aap: Mutex::new(aap),
            aap_authorization: aap_token.map(|token| format!("Bearer {token}")),
            endpoints,
            webhook_token,
            attempts: Mutex::default(),
            in_flight: Arc::default(),
            poller: Poller::default(),
        });
        let (queue, events) = mpsc::channel(QUEUE_SIZE);
        // Without the sender, so that it ends with the last one who could send.
        tokio::spawn(engine::run(Arc::clone(&shared), events));
        Self { shared, queue }
    }

    /// Its webhooks.
    #[must_use]
    pub fn service(&self) -> HttpService {
        let (shared, queue) = (Arc::clone(&self.shared), self.queue.clone());
        HttpService::new(tower::service_fn(move |request: Request<Bytes>| {
            let (shared, queue) = (Arc::clone(&shared), queue.clone());
            // A task of its own: a client that gives up does not take its event back, as with the real engine's server.
            let answer = tokio::spawn(async move { webhook::answer(&shared, &queue, &request).await });
            async move { Ok(answer.await?) }
        }))
    }

    /// Whether no event is queued and no action in flight.
    #[must_use]
    pub fn quiesced(&self) -> bool {
        self.shared.in_flight.is_idle()
    }

    /// Waits until no event is queued and no action in flight.
    pub async fn idle(&self) {
        self.shared.in_flight.idle().await;
    }
}

impl Shared {
    /// Which of an object's events of a kind this is, from 0.
    fn next_attempt(&self, object: &Word, playbook: Playbook) -> u32 {
        let mut attempts = self.attempts.lock();
        let count = attempts.entry((object.clone(), playbook)).or_default();
        *count += 1;
        *count - 1
    }

    /// Writes what was done into the ground truth.
    fn note(&self, event: &'static str, object: &Word, playbook: Playbook, job_id: Word, detail: String) {
        self.truth.push(Truth {
            at_ns: self.clock.elapsed(),
            source: Word::const_new("eda"),
            event: Word::const_new(event),
            object: object.clone(),
            job_id,
            job_type: Word::const_new(playbook.job_type()),
            detail,
            ..Truth::default()
        });
    }

    /// Lets time pass; none at all without a timer.
    async fn wait(&self, duration: std::time::Duration) {
        if !duration.is_zero() {
            self.clock.sleep(duration).await;
        }
    }
}
