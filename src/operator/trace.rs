//! The names of the operator's spans and events, which others may listen to: they don't change.

use std::pin::Pin;

use tracing::{Instrument as _, field::Empty};

use crate::api::{ComputeInstance, JobHistory, JobStatus, Phase};

/// The target of everything that the operator emits.
pub const TARGET: &str = "cloudkit_operator";

/// The event of a change of a job's state, as the operator learns of it. Fields: `object`, `job_id`, `job_type`, `from`
/// (empty for a new job), `to`.
pub const JOB_STATE: &str = "job_state";

/// The span of one pass over one object. Fields: `object`, `reconcile_id` (counted from 1 in each process), `waited_ns` (in the
/// queue).
pub const RECONCILE: &str = "reconcile";

/// The same over a Tenant.
pub const RECONCILE_TENANT: &str = "reconcile_tenant";

/// The span of one call to a backend. Fields: `object`, `verb` (`launch`, `poll`, `cancel`), `job_type`.
pub const PROVIDER_CALL: &str = "provider_call";

/// The span of one write of a ComputeInstance to the API server. Fields: `object`, `what` (`status`, `finalizers`), `phase`
/// (after the write; empty where there is none), `accepted` (true once the server has it).
pub const API_WRITE: &str = "api_write";

/// Makes a write in a span [`API_WRITE`].
pub(crate) async fn api_write<T, E>(
    object: &str,
    what: &'static str,
    phase: Option<Phase>,
    // On the heap: a write is large, and every pass would carry the room for it.
    write: Pin<Box<impl Future<Output = Result<T, E>>>>,
) -> Result<T, E> {
    let phase = phase.map_or("", Phase::as_str);
    let span = tracing::info_span!(target: TARGET, "api_write", object, what, phase, accepted = Empty);
    let written = write.instrument(span.clone()).await;
    if written.is_ok() {
        span.record("accepted", true);
    }
    written
}

fn job_state(object: &str, job: &JobStatus, from: &str) {
    tracing::info!(
        name: "job_state",
        target: TARGET,
        object,
        job_id = job.job_id.as_str(),
        job_type = job.job_type.as_str(),
        from,
        to = job.state.as_str(),
    );
}

/// Emits [`JOB_STATE`] for every job that is new or has another state than before.
pub(crate) fn job_changes(object: &ComputeInstance, before: Option<&JobHistory>, after: &JobHistory) {
    let name = object.metadata.name.as_deref().unwrap_or_default();
    for job in after {
        match before.and_then(|before| before.find_job_by_id(&job.job_id)) {
            Some(known) if known.state == job.state => {}
            Some(known) => job_state(name, job, known.state.as_str()),
            None => job_state(name, job, ""),
        }
    }
}
