//! What an answer of a backend does to the history.

use jiff::Timestamp;

use crate::{
    api::{ComputeInstance, ComputeInstanceStatus, JobState, JobStatus, JobTime, JobType, names},
    operator::{
        decide::conditions::{Reason, kind, set_condition},
        provider::{FoundJob, LaunchedJob, Polled},
    },
};

/// Records a job that was just launched, and that its intent is fulfilled.
pub fn after_launch(
    status: &mut ComputeInstanceStatus,
    job_type: JobType,
    launched: LaunchedJob,
    max_history: usize,
    now: Timestamp,
) -> JobStatus {
    // The latest by its time also where another machine, whose clock was ahead, launched the one before.
    let earlier = status.jobs.find_latest_job_by_type(job_type).map(|job| job.timestamp);
    let launched_at = JobTime::in_seconds(now);
    let job = JobStatus {
        job_id: launched.job_id.unwrap_or_else(|| status.jobs.generate_eda_job_id()),
        job_type,
        timestamp: earlier.map_or(launched_at, |earlier| earlier.max(launched_at)),
        state: launched.state,
        message: launched.message.into(),
        block_deletion_on_failure: launched.block_deletion_on_failure,
    };
    record_job(status, job.clone(), max_history, now);
    job
}

/// Records jobs that were launched and whose record was lost, with the configuration that the last of them was asked for.
pub fn after_find(
    status: &mut ComputeInstanceStatus,
    job_type: JobType,
    found: Vec<FoundJob>,
    max_history: usize,
    now: Timestamp,
) {
    for FoundJob { job, config_version } in found {
        if let (JobType::Provision, Some(version)) = (job_type, config_version)
            && status.desired_config_version.as_ref() != Some(&version)
        {
            // As with a launch: attempts are counted from here.
            status.conditions_mut().retain(|condition| condition.type_ != kind::PROGRESSING);
            status.desired_config_version = Some(version);
        }
        after_launch(status, job_type, job, max_history, now);
    }
}

/// Puts a job that was launched into a status, unless it is there, and with it that its intent is fulfilled.
pub(crate) fn record_job(status: &mut ComputeInstanceStatus, job: JobStatus, max_history: usize, now: Timestamp) {
    let job_type = job.job_type;
    if status.jobs.find_job_by_id(&job.job_id).is_none() {
        status.jobs.append_job(job, max_history);
    }
    let (condition, reason) = match job_type {
        JobType::Provision => (kind::PROGRESSING, Reason::Provisioning),
        JobType::Deprovision => (kind::DELETING, Reason::Deprovisioning),
    };
    set_condition(status, condition, true, reason, "", now);
}

/// The job with what the backend said of it.
///
/// A job that the backend has no more (purged) is over: whether it did its work shows on the object.
#[must_use]
pub fn after_poll(object: &ComputeInstance, job: &JobStatus, polled: &Polled) -> JobStatus {
    let mut job = job.clone();
    match polled {
        Polled::Job { state, message } => {
            job.state = *state;
            job.message = message.as_str().into();
        }
        Polled::Purged => {
            let done = match job.job_type {
                JobType::Provision => {
                    let wanted = object.status.as_ref().and_then(|status| status.desired_config_version.as_deref());
                    wanted.is_some() && object.annotation(names::RECONCILED_ANNOTATION) == wanted
                }
                JobType::Deprovision => !object.has_finalizer(names::PLAYBOOK_FINALIZER),
            };
            job.state = if done { JobState::Succeeded } else { JobState::Failed };
            job.message = "AAP has no record of this job any more (purged)".into();
        }
    }
    job
}
