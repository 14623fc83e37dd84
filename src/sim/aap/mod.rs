//! The simulated automation controller: the REST API of AWX, its scheduling, and jobs that run playbooks.
//!
//! **Flow of a job:** pending → (the task manager starts it) waiting → (a worker takes it up) running → successful, failed
//! or canceled. A workflow job is never waiting. The task manager runs a moment after a job was launched, after one has ended
//! while others are pending, and by itself at every tick while something is pending.
//!
//! **Guarantees:** a request takes effect when it arrives and is answered after the profile's latency, so an answer may be
//! lost after its effect. A canceled job's playbook stops between two steps. Jobs start in the order of their ids, except
//! where their template or capacity holds them back.
//!
//! **Invariant:** no timer runs while nothing is pending or running.

mod api;
mod catalogue;
mod events;
mod job;
mod jobs;
mod launch;
mod life;
mod list;
mod login;
mod metadata;
mod organization;
mod refusal;
mod render;
mod scheduler;
mod state;

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use parking_lot::Mutex;

pub use self::catalogue::{Template, TemplateKind};
use self::{catalogue::Catalogue, state::State};
use super::{gauge::Gauge, http::HttpService, playbook::Runner, profile::AapProfile};
use crate::{clock::SharedClock, record::TruthLog, units::Seed};

/// What a controller is made of.
pub struct AapOptions {
    /// Its time.
    pub clock: SharedClock,
    /// The seed of the block; it does not know the arm.
    pub seed: Seed,
    /// Where it writes what it does.
    pub truth: TruthLog,
    /// How long it takes.
    pub profile: AapProfile,
    /// What runs its jobs.
    pub runner: Runner,
    /// The token that requests must carry, which is the password of the user `admin` as well; none: everybody may.
    pub token: Option<String>,
    /// What can be launched.
    pub templates: Vec<Template>,
}

/// A simulated automation controller; clones share it.
#[derive(Clone)]
pub struct Aap {
    controller: Arc<Controller>,
}

/// What a controller's requests and jobs share.
struct Controller {
    clock: SharedClock,
    /// The wall time at which the clock started.
    epoch: jiff::Timestamp,
    seed: Seed,
    truth: TruthLog,
    profile: AapProfile,
    runner: Runner,
    token: Option<String>,
    catalogue: Catalogue,
    state: Mutex<State>,
    unfinished: Gauge,
}

impl Aap {
    /// A controller with nothing to do.
    #[must_use]
    pub fn new(options: AapOptions) -> Self {
        let AapOptions { clock, seed, truth, profile, runner, token, templates } = options;
        let epoch = clock.now() - std::time::Duration::from(clock.elapsed());
        let catalogue = Catalogue::new(templates, &profile, epoch);
        let state = Mutex::new(State::new(catalogue.len()));
        let unfinished = Gauge::default();
        let controller = Controller { clock, epoch, seed, truth, profile, runner, token, catalogue, state, unfinished };
        Self { controller: Arc::new(controller) }
    }

    /// Its REST API. Jobs run on the tokio runtime in which they are launched.
    #[must_use]
    pub fn service(&self) -> HttpService {
        let controller = Arc::clone(&self.controller);
        HttpService::new(tower::service_fn(move |request: Request<Bytes>| {
            let controller = Arc::clone(&controller);
            async move { Ok(controller.answer(&request).await) }
        }))
    }

    /// Whether no job is queued or running.
    #[must_use]
    pub fn quiesced(&self) -> bool {
        self.controller.unfinished.is_idle()
    }

    /// Waits until no job is queued or running.
    pub async fn idle(&self) {
        self.controller.unfinished.idle().await;
    }
}

impl Controller {
    /// Does what a request asks for, and answers after the profile's latency.
    async fn answer(self: &Arc<Self>, request: &Request<Bytes>) -> Response<Bytes> {
        let answer = self.handle(request);
        let key = answer.key.unwrap_or_else(|| {
            self.seed.label("aap.request").label(request.uri().path()).index(self.clock.elapsed().get())
        });
        let latency = self.profile.request_latency.draw(key);
        if !latency.is_zero() {
            self.clock.sleep(latency).await;
        }
        answer.response
    }
}
