//! What Prometheus is told.
//!
//! Names follow the field's conventions: a prefix, base units, `_total` on counters; the queue's depth and the requests to the
//! API server are called and labelled as client-go's operators call them, so that their dashboards fit.
//!
//! What is so at the moment (gauges) is looked up when somebody asks; what has happened is counted as it happens.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Weak},
};

use http::{Method, StatusCode};
use parking_lot::Mutex;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text::encode},
    metrics::{
        MetricType,
        counter::Counter,
        family::Family,
        gauge::ConstGauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};

use crate::{
    api::{JobHistory, JobState, JobStatus, JobType},
    operator::{config::ProviderKind, context::Context},
    units::Nanos,
};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfResult {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct OfJob {
    provider: &'static str,
    r#type: &'static str,
    state: &'static str,
}

impl OfJob {
    fn of(job: &JobStatus) -> Self {
        Self::new(ProviderKind::of(job), job.job_type, job.state)
    }

    fn new(provider: ProviderKind, job_type: JobType, state: JobState) -> Self {
        Self { provider: provider.as_str(), r#type: job_type.as_str(), state: state.as_str() }
    }

    /// Every one that there can be.
    fn all() -> impl Iterator<Item = Self> {
        let kinds = [ProviderKind::Aap, ProviderKind::Eda]
            .into_iter()
            .flat_map(|provider| [JobType::Provision, JobType::Deprovision].map(|job_type| (provider, job_type)));
        kinds.flat_map(|(provider, job_type)| JobState::ALL.map(|state| Self::new(provider, job_type, state)))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfQueue {
    name: &'static str,
}

/// The one queue: it takes keys of every kind, and so has no kind's name.
const QUEUE: OfQueue = OfQueue { name: "cloudkit" };

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfCall {
    provider: &'static str,
    verb: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRequest {
    code: String,
    host: Arc<str>,
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

/// What is so at the moment, of the operator that works; nothing while none does, as before it has its Lease.
#[derive(Clone, Debug, Default)]
struct Present {
    // The operator has its metrics, so that they must not have it.
    operator: Arc<Mutex<Weak<Context>>>,
}

impl Collector for Present {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let Some(context) = self.operator.lock().upgrade() else { return Ok(()) };
        let help = "Objects that wait to be worked on.";
        let mut family = encoder.encode_descriptor("workqueue_depth", help, None, MetricType::Gauge)?;
        let depth = i64::try_from(context.queue.depth()).unwrap_or(i64::MAX);
        ConstGauge::new(depth).encode(family.encode_family(&QUEUE)?)?;
        // Also those that there are none of: who asks for a share must not find nothing.
        let mut jobs: BTreeMap<OfJob, i64> = OfJob::all().map(|labels| (labels, 0)).collect();
        for shown in context.instances.state() {
            for job in shown.0.status.iter().flat_map(|status| status.jobs.iter()) {
                *jobs.entry(OfJob::of(job)).or_default() += 1;
            }
        }
        let help = "Jobs in the instances' histories, by the state that they are in.";
        let mut family = encoder.encode_descriptor("cloudkit_jobs", help, None, MetricType::Gauge)?;
        for (labels, count) in &jobs {
            ConstGauge::new(*count).encode(family.encode_family(labels)?)?;
        }
        Ok(())
    }
}

/// All metrics of an operator; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Registry>,
    reconciles: Durations<OfResult>,
    present: Present,
    transitions: Family<OfJob, Counter>,
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
        let present = Present::default();
        registry.register_collector(Box::new(present.clone()));
        let transitions = Family::default();
        registry.register(
            "cloudkit_job_transitions",
            "Jobs that came into a state, as the status records it",
            transitions.clone(),
        );
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
            "Requests to the API server, by its host, the method and the code of the answer",
            requests.clone(),
        );
        Self { registry: Arc::new(registry), reconciles, present, transitions, calls, failed_calls, poll_lag, requests }
    }
}

impl Metrics {
    /// A pass over an object has ended.
    pub(crate) fn reconciled(&self, took: Nanos, succeeded: bool) {
        let result = if succeeded { "success" } else { "error" };
        self.reconciles.get_or_create(&OfResult { result }).observe(seconds(took));
    }

    /// This operator is the one that works from now on, until it is no more.
    pub(crate) fn show(&self, context: &Arc<Context>) {
        *self.present.operator.lock() = Arc::downgrade(context);
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
    pub(crate) fn asked_the_server(&self, host: &Arc<str>, method: &Method, code: Option<StatusCode>) {
        // As client-go writes it.
        let code = code.map_or_else(|| "<error>".to_owned(), |code| code.as_str().to_owned());
        self.requests.get_or_create(&OfRequest { code, host: host.clone(), method: method.to_string() }).inc();
    }

    /// The server has another history.
    pub(crate) fn jobs_changed(&self, before: &JobHistory, after: &JobHistory) {
        let is_news =
            |job: &&JobStatus| before.find_job_by_id(&job.job_id).is_none_or(|known| known.state != job.state);
        for job in after.iter().filter(is_news) {
            self.transitions.get_or_create(&OfJob::of(job)).inc();
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
