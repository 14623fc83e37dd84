//! Decisions on an object that should be there.

use std::time::Duration;

use jiff::Timestamp;
use kube::ResourceExt;

use crate::{
    api::{
        ComputeInstance, ComputeInstanceStatus, JobState, JobStatus, JobTime, JobType, Phase,
        compute_instance::ManagementState, config_version, names,
    },
    operator::{
        config::ProviderKind,
        decide::{
            Policy, Seen, Step, TenantSeen, backoff,
            conditions::{Reason, has_reason, is_true, kind, set_condition, wish},
            current_job, find_first, launch_in_turn, poll_in_turn,
            projection::{project, project_vm},
            restart, settle,
        },
    },
};

/// A Tenant that takes no longer than this to become ready is not worth a write of the status.
const TENANT_PATIENCE: Duration = Duration::from_secs(5);

/// A playbook annotates the object before its job ends; the watch may be this late.
const ANNOTATION_PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn decide(object: &ComputeInstance, seen: &Seen, policy: &Policy, management: ManagementState) -> Step {
    let mut status = project(object, seen);
    let Some(tenant) = object.annotation(names::TENANT_ANNOTATION) else {
        project_vm(&mut status, seen);
        status.phase = Some(status.phase.unwrap_or(Phase::Starting));
        return settle(object, status, Step::Wait { until: None });
    };
    let uid = object.uid().unwrap_or_default();
    let desired = config_version::desired(&object.spec, &uid, status.desired_config_version.as_deref());
    let reached = status.reconciled_config_version.as_ref() == Some(&desired);
    if reached || under_way(&status).is_none() {
        project_vm(&mut status, seen);
    }
    if reached {
        return reconciled(object, status, desired, seen, policy);
    }
    if management == ManagementState::Manual {
        status.phase = Some(Phase::Starting);
        set_condition(&mut status, kind::PROGRESSING, false, Reason::ManagedByHand, "", seen.now);
        return settle(object, status, Step::Wait { until: None });
    }
    if under_way(&status).is_none() {
        match seen.tenant {
            TenantSeen::Absent => return Step::EnsureTenant { tenant: tenant.to_owned() },
            TenantSeen::NotReady => return wait_for_tenant(object, status, seen),
            TenantSeen::Ready(_) => {}
        }
    }
    provision(object, status, desired, seen, policy)
}

fn wait_for_tenant(object: &ComputeInstance, mut status: ComputeInstanceStatus, seen: &Seen) -> Step {
    let created = object.creation_timestamp().map_or(seen.now, |time| time.0);
    let patience_ends = created + TENANT_PATIENCE;
    if seen.now < patience_ends {
        return Step::Wait { until: Some(patience_ends) };
    }
    status.phase = Some(Phase::Starting);
    set_condition(&mut status, kind::PROGRESSING, true, Reason::TenantNotReady, "", seen.now);
    settle(object, status, Step::Wait { until: None })
}

/// A playbook has reported the version that is wanted: Running, at once. A job of AAP's is followed to its end.
fn reconciled(
    object: &ComputeInstance,
    mut status: ComputeInstanceStatus,
    desired: String,
    seen: &Seen,
    policy: &Policy,
) -> Step {
    let is_news = object.status.as_ref().is_none_or(|known| known.reconciled_config_version.as_ref() != Some(&desired));
    status.phase = Some(Phase::Running);
    status.desired_config_version = Some(desired);
    set_condition(&mut status, kind::PROGRESSING, false, Reason::Reconciled, "", seen.now);
    let mut then = Step::Wait { until: None };
    let unmade = status.jobs.find_latest_job_by_type(JobType::Provision).is_none();
    if unmade && object.management_state() == ManagementState::Managed {
        // Something has made it: a job whose launch was not recorded, unless an operator without a record of jobs did.
        if policy.provider == ProviderKind::Aap {
            then = find_first(JobType::Provision, seen).unwrap_or(then);
        } else if is_news && !seen.memory.accounted.provision {
            let message = "found by the playbook's report: its launch was not recorded";
            status.jobs.append_job(unrecorded_eda_job(&status, JobState::Succeeded, message, seen), usize::MAX);
        }
    } else if let Some(job) = under_way(&status) {
        if job.is_eda() {
            finish(&mut status, job, JobState::Succeeded, "");
        } else {
            then = poll_in_turn(&job, seen, policy);
        }
    }
    // The restart of a machine that a job is at work on would be that job's trouble.
    if under_way(&status).is_none()
        && let Some(restart) = restart::step(object, &mut status, seen)
    {
        then = earlier(restart, then);
    }
    settle(object, status, then)
}

/// Of two steps the one that is to be done now; of two waits the shorter.
fn earlier(one: Step, other: Step) -> Step {
    match (one, other) {
        (Step::Wait { until: one }, Step::Wait { until: other }) => {
            Step::Wait { until: [one, other].into_iter().flatten().min() }
        }
        (Step::Wait { .. }, step) | (step, _) => step,
    }
}

/// A provision job of EDA's that shows only by what its playbook did.
pub(super) fn unrecorded_eda_job(
    status: &ComputeInstanceStatus,
    state: JobState,
    message: &str,
    seen: &Seen,
) -> JobStatus {
    JobStatus {
        job_id: status.jobs.generate_eda_job_id(),
        job_type: JobType::Provision,
        timestamp: JobTime::in_seconds(seen.now),
        state,
        message: message.into(),
        block_deletion_on_failure: false,
    }
}

fn under_way(status: &ComputeInstanceStatus) -> Option<JobStatus> {
    current_job(status, JobType::Provision).filter(|job| !job.state.is_terminal()).cloned()
}

/// Ends a job in the history.
pub(super) fn finish(status: &mut ComputeInstanceStatus, mut job: JobStatus, state: JobState, message: &str) {
    job.state = state;
    job.message = message.into();
    status.jobs.update_job(job);
}

fn provision(
    object: &ComputeInstance,
    mut status: ComputeInstanceStatus,
    desired: String,
    seen: &Seen,
    policy: &Policy,
) -> Step {
    let Some(job) = current_job(&status, JobType::Provision).cloned() else {
        return launch(object, status, desired, seen);
    };
    if !job.state.is_terminal() {
        status.phase = Some(Phase::Starting);
        if !job.is_eda() {
            return settle(object, status, poll_in_turn(&job, seen, policy));
        }
        // The version that was asked for has come, and another is wanted by now.
        if status.desired_config_version.is_some() && status.reconciled_config_version == status.desired_config_version
        {
            finish(&mut status, job, JobState::Succeeded, "");
            return settle(object, status, Step::Wait { until: None });
        }
        return match eda_deadline(object, &job, policy) {
            (deadline, message) if deadline <= seen.now => {
                finish(&mut status, job, JobState::Failed, &message);
                settle(object, status, Step::Wait { until: Some(seen.now) })
            }
            (deadline, _) => settle(object, status, Step::Wait { until: Some(deadline) }),
        };
    }
    let is_other = status.desired_config_version.as_ref() != Some(&desired);
    // The reason is there when the launch of a job failed: the wait after that is not a job's.
    if is_other || has_reason(&status, kind::PROGRESSING, Reason::ProvisionRequested) {
        return launch(object, status, desired, seen);
    }
    failed(object, status, &job, desired, seen, policy)
}

/// Launches a provision job.
fn launch(object: &ComputeInstance, mut status: ComputeInstanceStatus, desired: String, seen: &Seen) -> Step {
    status.phase = Some(Phase::Starting);
    if status.desired_config_version.as_ref() != Some(&desired) {
        // The attempts of another configuration don't count against this one: they are counted from here.
        status.conditions_mut().retain(|condition| condition.type_ != kind::PROGRESSING);
        status.desired_config_version = Some(desired);
    }
    wish(&mut status, kind::PROGRESSING, Reason::ProvisionRequested, seen);
    launch_in_turn(object, JobType::Provision, status, seen)
}

/// When a silent job of EDA's counts as lost, and what to say then.
fn eda_deadline(object: &ComputeInstance, job: &JobStatus, policy: &Policy) -> (Timestamp, String) {
    let patience = policy.eda_patience;
    let launched = job.timestamp.timestamp();
    if object.has_finalizer(names::PLAYBOOK_FINALIZER) {
        let message = format!("the playbook did not end within {:?}", patience.completion);
        (launched + patience.completion, message)
    } else {
        let limit = patience.sign_of_life.min(patience.completion);
        (launched + limit, format!("no sign of the playbook within {limit:?}: the webhook may have been lost"))
    }
}

/// The latest provision job is over, and the version that it was asked for is not there.
fn failed(
    object: &ComputeInstance,
    mut status: ComputeInstanceStatus,
    job: &JobStatus,
    desired: String,
    seen: &Seen,
    policy: &Policy,
) -> Step {
    let uid = object.uid().unwrap_or_default();
    let why = if job.state == JobState::Succeeded {
        let seen_at = match &seen.memory.failure_seen {
            Some((job_id, at)) if *job_id == job.job_id => *at,
            _ => job.timestamp.timestamp(),
        };
        let patience_ends = seen_at + ANNOTATION_PATIENCE;
        if seen.now < patience_ends {
            return settle(object, status, Step::Wait { until: Some(patience_ends) });
        }
        format!("job {} succeeded without reporting configuration version {desired}", job.job_id)
    } else {
        let text = if job.message.is_empty() { String::new() } else { format!(": {}", job.message) };
        format!("job {} ended as {}{text}", job.job_id, job.state)
    };
    if has_reason(&status, kind::PROGRESSING, Reason::ProvisionFailed) && !is_true(&status, kind::PROGRESSING) {
        return settle(object, status, Step::Wait { until: None });
    }
    let attempts = attempts(&status);
    let last_try = attempts >= policy.retry.provision_attempts;
    let at = backoff::retry_at(job, attempts, &seen.memory, &policy.retry, &uid);
    if !last_try && at <= seen.now {
        return launch(object, status, desired, seen);
    }
    status.phase = Some(Phase::Failed);
    let outlook = if last_try { "given up until the spec changes" } else { "to be tried again" };
    let message = format!("attempt {attempts} of {}: {why}; {outlook}", policy.retry.provision_attempts);
    set_condition(&mut status, kind::PROGRESSING, !last_try, Reason::ProvisionFailed, &message, seen.now);
    settle(object, status, Step::Wait { until: (!last_try).then_some(at) })
}

/// Provision jobs launched since this configuration was first asked for, at least 1.
fn attempts(status: &ComputeInstanceStatus) -> u32 {
    let since = status
        .condition(kind::PROGRESSING)
        .filter(|condition| condition.status == "True")
        .map_or(i64::MIN, |condition| condition.last_transition_time.0.as_second());
    let launched = status
        .jobs
        .iter()
        .filter(|job| job.job_type == JobType::Provision && job.timestamp.timestamp().as_second() >= since)
        .count();
    u32::try_from(launched).unwrap_or(u32::MAX).max(1)
}
