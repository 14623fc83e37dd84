//! What Prometheus is told.
//!
//! Names follow the field's conventions: a prefix, base units, `_total` on counters; the queue's depth is called as
//! client-go's operators call it, so that their dashboards fit.

use std::sync::Arc;

use http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::{
    api::{JobHistory, JobStatus},
    operator::config::ProviderKind,
    units::Nanos,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfResult {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfJob {
    provider: &'static str,
    r#type: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCall {
    provider: &'static str,
    verb: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRequest {
    code: String,
    method: String,
}

fn seconds(duration: Nanos) -> f64 {
    std::time::Duration::from(duration).as_secs_f64()
}

/// Durations by something; seconds, from half a millisecond to half a minute, each bucket twice the one before.
type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

fn durations() -> Histogram {
    Histogram::new(exponential_buckets(0.0005, 2.0, 17))
}

/// All metrics of an operator; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    reconciles: Durations<OfResult>,
    depth: Gauge,
    jobs: Family<OfJob, Counter>,
    calls: Durations<OfCall>,
    failed_calls: Family<OfCall, Counter>,
    poll_lag: Histogram,
    requests: Family<OfRequest, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::default();
        let reconciles = Durations::new_with_constructor(durations);
        registry.register_with_unit(
            "cloudkit_reconcile_duration",
            "How long a pass over an object took",
            Unit::Seconds,
            reconciles.clone(),
        );
        let depth = Gauge::default();
        registry.register("workqueue_depth", "Objects that wait to be worked on", depth.clone());
        let jobs = Family::default();
        registry.register("cloudkit_jobs", "Jobs that came into a state, as the status records it", jobs.clone());
        let calls = Durations::new_with_constructor(durations);
        registry.register_with_unit(
            "cloudkit_provider_request_duration",
            "How long a backend took to answer",
            Unit::Seconds,
            calls.clone(),
        );
        let failed_calls = Family::default();
        registry.register(
            "cloudkit_provider_request_errors",
            "Requests to a backend that came to nothing",
            failed_calls.clone(),
        );
        let poll_lag = durations();
        registry.register_with_unit(
            "cloudkit_poll_lag",
            "How much later than its turn a job was asked for",
            Unit::Seconds,
            poll_lag.clone(),
        );
        let requests = Family::default();
        registry.register(
            "rest_client_requests",
            "Requests to the API server, by method and the code of the answer",
            requests.clone(),
        );
        Self { registry: Arc::new(registry), reconciles, depth, jobs, calls, failed_calls, poll_lag, requests }
    }
}

impl Metrics {
    /// A pass over an object has ended.
    pub(crate) fn reconciled(&self, took: Nanos, succeeded: bool) {
        let result = if succeeded { "success" } else { "error" };
        self.reconciles.get_or_create(&OfResult { result }).observe(seconds(took));
    }

    /// The queue is this long now.
    pub(crate) fn queue_depth(&self, depth: usize) {
        self.depth.set(i64::try_from(depth).unwrap_or(i64::MAX));
    }

    /// A backend has answered, or has not.
    pub(crate) fn called(&self, provider: ProviderKind, verb: &'static str, took: Nanos, succeeded: bool) {
        let labels = OfCall { provider: provider.as_str(), verb };
        self.calls.get_or_create(&labels).observe(seconds(took));
        if !succeeded {
            self.failed_calls.get_or_create(&labels).inc();
        }
    }

    /// A job was asked for this much later than its turn.
    pub(crate) fn polled_late(&self, lag: std::time::Duration) {
        self.poll_lag.observe(lag.as_secs_f64());
    }

    /// The API server has answered; with no code where it has not.
    pub(crate) fn asked_the_server(&self, method: &Method, code: Option<StatusCode>) {
        // As client-go writes it.
        let code = code.map_or_else(|| "<error>".to_owned(), |code| code.as_str().to_owned());
        self.requests.get_or_create(&OfRequest { code, method: method.to_string() }).inc();
    }

    /// The server has another history.
    pub(crate) fn jobs_changed(&self, before: &JobHistory, after: &JobHistory) {
        let is_news =
            |job: &&JobStatus| before.find_job_by_id(&job.job_id).is_none_or(|known| known.state != job.state);
        for job in after.iter().filter(is_news) {
            let provider = ProviderKind::of(job);
            let labels =
                OfJob { provider: provider.as_str(), r#type: job.job_type.as_str(), state: job.state.as_str() };
            self.jobs.get_or_create(&labels).inc();
        }
    }

    /// Everything, in the OpenMetrics text format.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String can't fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
