//! EDA by webhook: the whole object is posted, and nothing about the job ever comes back.
//!
//! A webhook is delivered at least once; the playbooks are idempotent. What became of a job shows on the object: the
//! playbook's finalizer and its annotation.

use std::{collections::BTreeMap, fmt, time::Duration};

use async_trait::async_trait;
use kube::ResourceExt;
use parking_lot::Mutex;

use crate::{
    api::{ComputeInstance, JobState, JobType},
    clock::SharedClock,
    operator::{
        config::{EdaSettings, showable},
        provider::{
            Canceled, FoundJob, Launch, LaunchedJob, Polled, Provider, ProviderError,
            http::{HttpClient, Transport},
        },
    },
    units::Nanos,
};

/// Up to this many remembered requests, old ones are not looked for.
const REMEMBERED_MIN: usize = 1024;

/// How long a webhook's answer may take. EDA's queue holds one event, so that the answer waits for a whole job where jobs run
/// one after the other; an event that was given up on may be in the queue all the same, and sending it again doubles it.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(600);

/// EDA's webhooks.
pub struct Eda {
    http: HttpClient,
    clock: SharedClock,
    provision_webhook: String,
    deprovision_webhook: String,
    minimum_interval: Duration,
    /// When each webhook was last called for each object: type, namespace, name.
    last: Mutex<Turns>,
}

#[derive(Debug)]
struct Turns {
    by_object: BTreeMap<(JobType, String, String), Nanos>,
    /// Old ones are looked for when there are this many.
    sweep_at: usize,
}

impl fmt::Debug for Eda {
    /// Without the webhooks' queries, which may carry a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Eda")
            .field("provision_webhook", &showable(&self.provision_webhook))
            .field("deprovision_webhook", &showable(&self.deprovision_webhook))
            .field("minimum_interval", &self.minimum_interval)
            .finish_non_exhaustive()
    }
}

impl Eda {
    /// EDA behind a transport; `minimum_interval` between two posts to one webhook for one object, zero for none.
    #[must_use]
    pub fn new(settings: &EdaSettings, minimum_interval: Duration, transport: Transport, clock: SharedClock) -> Self {
        Self {
            http: HttpClient::new(transport, clock.clone(), None, ANSWER_TIME_MAX),
            clock,
            provision_webhook: settings.provision_webhook.clone(),
            deprovision_webhook: settings.deprovision_webhook.clone(),
            minimum_interval,
            last: Mutex::new(Turns { by_object: BTreeMap::new(), sweep_at: REMEMBERED_MIN }),
        }
    }

    /// Takes the turn of an object at a webhook, or says how long it has to wait for it.
    fn take_turn(&self, job_type: JobType, object: &ComputeInstance) -> Result<(), Duration> {
        if self.minimum_interval.is_zero() {
            return Ok(());
        }
        let now = self.clock.elapsed();
        let interval = Nanos::from(self.minimum_interval);
        let mut last = self.last.lock();
        let key = (job_type, object.namespace().unwrap_or_default(), object.name_any());
        if let Some(before) = last.by_object.get(&key) {
            let passed = now - *before;
            if passed < interval {
                return Err((interval - passed).into());
            }
        }
        if last.by_object.len() >= last.sweep_at {
            last.by_object.retain(|_, before| now - *before < interval);
            // Twice what is left: a sweep costs each insertion the same, however many there are.
            last.sweep_at = last.by_object.len().saturating_mul(2).max(REMEMBERED_MIN);
        }
        last.by_object.insert(key, now);
        Ok(())
    }

    /// Gives a turn back that came to nothing.
    fn return_turn(&self, job_type: JobType, object: &ComputeInstance) {
        self.last.lock().by_object.remove(&(job_type, object.namespace().unwrap_or_default(), object.name_any()));
    }
}

#[async_trait]
impl Provider for Eda {
    async fn launch(&self, job_type: JobType, object: &ComputeInstance) -> Result<Launch, ProviderError> {
        if let Err(wait) = self.take_turn(job_type, object) {
            return Ok(Launch::TooSoon(wait));
        }
        let url = match job_type {
            JobType::Provision => &self.provision_webhook,
            JobType::Deprovision => &self.deprovision_webhook,
        };
        if let Err(error) = self.http.post(url, object).await.and_then(super::http::Answer::successful) {
            self.return_turn(job_type, object);
            return Err(error);
        }
        Ok(Launch::Launched(LaunchedJob {
            job_id: None,
            state: JobState::Running,
            message: String::new(),
            block_deletion_on_failure: false,
        }))
    }

    /// EDA keeps no list. A webhook whose record was lost is sent again, which its playbook takes for one.
    async fn find(&self, _: JobType, _: &ComputeInstance) -> Result<Vec<FoundJob>, ProviderError> {
        Ok(Vec::new())
    }

    async fn poll(&self, _: JobType, _: &str) -> Result<Polled, ProviderError> {
        Ok(Polled::Job { state: JobState::Unknown, message: "EDA does not report on its jobs".to_owned() })
    }

    async fn cancel(&self, _: JobType, _: &str) -> Result<Canceled, ProviderError> {
        Ok(Canceled::AlreadyEnded)
    }
}

#[cfg(all(test, feature = "harness"))]
#[path = "eda_tests.rs"]
mod tests;
