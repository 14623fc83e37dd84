//! Which of several operators works: the one that holds a Lease.
//!
//! Flow: whoever finds the Lease free, or not renewed for as long as it is valid, takes it; the holder renews it; who can't
//! renew it in time stops working before it is no longer valid; who ends gives it back. The same protocol as client-go's
//! `leaderelection` (Lease of `coordination.k8s.io/v1`), so that operators of both kinds can share a Lease.
//!
//! Guarantees: the watches start after the Lease is held, so that no decision is made on what was known before. Every write
//! carries the resource version that it was decided on: of two that try, one succeeds.
//!
//! Assumptions: clocks run equally fast; what they read does not matter, since the age of a renewal is measured by who
//! observes it, from when it was first seen.

use std::{future::Future, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

use crate::{
    clock::{self, SharedClock},
    operator::probes::Probes,
    units::Nanos,
};

/// How long a Lease is valid without being renewed, in whole seconds as the Lease carries it (client-go's default).
const VALID: Duration = Duration::from_secs(15);

/// How long the holder may go without a renewal before it stops working.
const RENEW_WITHIN: Duration = Duration::from_secs(10);

/// How often a Lease is looked at.
const RETRY: Duration = Duration::from_secs(2);

/// Who works, by a Lease.
pub struct Election {
    api: Api<Lease>,
    clock: SharedClock,
    name: String,
    identity: String,
    /// The version that was last seen, and since when.
    observed: Option<(String, Nanos)>,
    probes: Option<Arc<Probes>>,
}

impl std::fmt::Debug for Election {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Election").field("name", &self.name).field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Election {
    /// An election by the Lease of this name; `identity` must be nobody else's.
    #[must_use]
    pub fn new(client: Client, clock: SharedClock, namespace: &str, name: &str, identity: &str) -> Self {
        let api = Api::namespaced(client, namespace);
        Self { api, clock, name: name.to_owned(), identity: identity.to_owned(), observed: None, probes: None }
    }

    /// Has the probes told while this one stands by.
    #[must_use]
    pub fn told_by(mut self, probes: Arc<Probes>) -> Self {
        self.probes = Some(probes);
        self
    }

    fn stands_by(&self, does: bool) {
        if let Some(probes) = &self.probes {
            probes.set_standing_by(does);
        }
    }

    /// Waits until the Lease is held.
    pub async fn acquire(&mut self) {
        loop {
            match self.attempt().await {
                Ok(true) => {
                    self.stands_by(false);
                    return;
                }
                Ok(false) => self.stands_by(true),
                Err(error) => {
                    self.stands_by(false);
                    tracing::warn!(lease = %self.name, %error, "failed to look at the Lease; trying again");
                }
            }
            self.clock.sleep(RETRY).await;
        }
    }

    /// Renews the Lease for as long as that can be done; returns when it is, or may soon be, somebody else's.
    pub async fn keep(&mut self) {
        let clock = self.clock.clone();
        // From when a renewal was sent: the Lease may have had it from then on.
        let mut renewed = clock.elapsed();
        loop {
            let left = Nanos::from(RENEW_WITHIN) - (clock.elapsed() - renewed);
            let renewal = async {
                clock.sleep(RETRY).await;
                let sent = clock.elapsed();
                (sent, self.attempt().await)
            };
            // Whatever the attempt is at: one that takes long must not outlast the Lease.
            match clock::timeout(&*clock, left.into(), renewal).await {
                Ok((sent, Ok(true))) => renewed = sent,
                Ok((_, Ok(false))) => return,
                Ok((_, Err(error))) => {
                    tracing::warn!(lease = %self.name, %error, "failed to renew the Lease; trying again");
                }
                Err(_) => {
                    tracing::warn!(lease = %self.name, "failed to renew the Lease within {RENEW_WITHIN:?}; giving it up");
                    return;
                }
            }
        }
    }

    /// Gives the Lease back, so that the next need not wait until it is no longer valid.
    pub async fn release(&mut self) {
        let Ok(Some(mut lease)) = self.in_time(self.api.get_opt(&self.name)).await else { return };
        let spec = lease.spec.get_or_insert_default();
        if spec.holder_identity.as_deref() != Some(&self.identity) {
            return;
        }
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        // It becomes invalid by itself where this fails.
        let _ = self.in_time(self.api.replace(&self.name, &PostParams::default(), &lease)).await;
    }

    async fn in_time<T>(&self, request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, kube::Error> {
        match clock::timeout(&*self.clock, RETRY * 2, request).await {
            Ok(answer) => answer,
            Err(late) => Err(kube::Error::Service(late.into())),
        }
    }

    /// Takes or renews the Lease where that is possible; whether it is held.
    async fn attempt(&mut self) -> Result<bool, kube::Error> {
        let now = self.clock.now();
        let Some(lease) = self.in_time(self.api.get_opt(&self.name)).await? else {
            let metadata = ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(self.held(now, now, 0)) };
            return won(self.in_time(self.api.create(&PostParams::default(), &lease)).await);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.unwrap_or_default();
        let acquired = spec.acquire_time.map_or(now, |time| time.0);
        let transitions = spec.lease_transitions.unwrap_or(0);
        let spec = if holder == self.identity {
            self.held(now, acquired, transitions)
        } else {
            let valid = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
            if !holder.is_empty() && !self.is_stale(&lease, valid.map_or(VALID, Duration::from_secs)) {
                return Ok(false);
            }
            self.held(now, now, transitions.saturating_add(1))
        };
        // The metadata, and with it the resource version, is the one that was read.
        let lease = Lease { spec: Some(spec), ..lease };
        won(self.in_time(self.api.replace(&self.name, &PostParams::default(), &lease)).await)
    }

    fn held(&self, renewed: Timestamp, acquired: Timestamp, transitions: i32) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(VALID.as_secs()).ok(),
            acquire_time: Some(MicroTime(acquired)),
            renew_time: Some(MicroTime(renewed)),
            lease_transitions: Some(transitions),
            ..LeaseSpec::default()
        }
    }

    /// Whether a Lease has not changed for as long as it is valid.
    fn is_stale(&mut self, lease: &Lease, valid: Duration) -> bool {
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        let now = self.clock.elapsed();
        match &self.observed {
            Some((seen, since)) if *seen == version => now - *since >= Nanos::from(valid),
            _ => {
                self.observed = Some((version, now));
                false
            }
        }
    }
}

/// Whether a write succeeded; who was faster has the Lease.
fn won(written: Result<Lease, kube::Error>) -> Result<bool, kube::Error> {
    match written {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}
