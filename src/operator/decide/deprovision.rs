//! Decisions on an object that is being deleted.

use jiff::Timestamp;
use kube::ResourceExt;

use crate::{
    api::{
        ComputeInstance, ComputeInstanceStatus, JobState, JobStatus, JobType, Phase, compute_instance::ManagementState,
        config_version, names,
    },
    operator::{
        config::ProviderKind,
        decide::{
            Policy, Seen, Step, backoff, call_in_turn,
            conditions::{Reason, has_reason, kind, set_condition, wish},
            current_job, find_first, launch_in_turn, poll_in_turn,
            projection::{project, project_vm},
            provision::{finish, unrecorded_eda_job},
            settle,
        },
    },
};

pub(super) fn decide(object: &ComputeInstance, seen: &Seen, policy: &Policy, management: ManagementState) -> Step {
    if management == ManagementState::Manual {
        return Step::RemoveFinalizer;
    }
    let mut status = project(object, seen);
    status.phase = Some(Phase::Deleting);
    if current_job(&status, JobType::Deprovision).is_none() {
        // A provision job that nobody knows of would go on making what the deprovision job removes.
        if let Some(find) = find_first(JobType::Provision, seen) {
            return find;
        }
        adopt_eda_provision(object, &mut status, seen, policy);
    }
    // More than one is under way only where an older operator launched twice: as often as there are jobs is enough.
    for _ in 0..status.jobs.len() {
        let job = current_job(&status, JobType::Provision).filter(|job| !job.state.is_terminal()).cloned();
        let Some(job) = job else { break };
        if job.is_eda() {
            if let Some(until) = eda_provision_ends(object, &mut status, job, seen, policy) {
                let message = "the create playbook can't be stopped and has to end first";
                set_condition(&mut status, kind::DELETING, true, Reason::WaitingForProvision, message, seen.now);
                return settle(object, status, Step::Wait { until: Some(until) });
            }
        } else if has_reason(&status, kind::DELETING, Reason::CancelRequested) {
            return settle(object, status, poll_in_turn(&job, seen, policy));
        } else if seen.memory.cancel_asked.as_ref() == Some(&job.job_id) {
            let message = format!("job {} was asked to stop", job.job_id);
            set_condition(&mut status, kind::DELETING, true, Reason::CancelRequested, &message, seen.now);
            return settle(object, status, poll_in_turn(&job, seen, policy));
        } else {
            return match call_in_turn(Step::Cancel { job }, seen) {
                // The status is written with the answer: one request less.
                cancel @ Step::Cancel { .. } => cancel,
                wait => settle(object, status, wait),
            };
        }
    }
    deprovision(object, status, seen, policy)
}

/// Records a provision job of EDA's that only shows on the object: the process that sent the webhook died before it could
/// write that. Where its configuration has been reported the playbook has ended, and there is nothing to wait for.
fn adopt_eda_provision(object: &ComputeInstance, status: &mut ComputeInstanceStatus, seen: &Seen, policy: &Policy) {
    let known = status.jobs.find_latest_job_by_type(JobType::Provision).is_some();
    if policy.provider != ProviderKind::Eda || known || !object.has_finalizer(names::PLAYBOOK_FINALIZER) {
        return;
    }
    let uid = object.uid().unwrap_or_default();
    let desired = config_version::desired(&object.spec, &uid, status.desired_config_version.as_deref());
    if status.reconciled_config_version.is_some() {
        return;
    }
    status.desired_config_version = Some(desired);
    let message = "found by the playbook's finalizer: its launch was not recorded";
    status.jobs.append_job(unrecorded_eda_job(status, JobState::Running, message, seen), usize::MAX);
}

/// Ends a provision job of EDA's in the history as soon as it is known to be over; until then, when to look again.
fn eda_provision_ends(
    object: &ComputeInstance,
    status: &mut ComputeInstanceStatus,
    job: JobStatus,
    seen: &Seen,
    policy: &Policy,
) -> Option<Timestamp> {
    if !object.has_finalizer(names::PLAYBOOK_FINALIZER) {
        // The server refuses the playbook's finalizer from now on: it fails before it makes a VM, whenever it starts.
        finish(status, job, JobState::Canceled, "the object was deleted before the playbook began");
        return None;
    }
    if status.desired_config_version.is_some() && status.reconciled_config_version == status.desired_config_version {
        finish(status, job, JobState::Succeeded, "");
        return None;
    }
    let deadline = job.timestamp.timestamp() + policy.eda_patience.completion;
    if deadline > seen.now {
        return Some(deadline);
    }
    let message = format!("the playbook did not end within {:?}", policy.eda_patience.completion);
    finish(status, job, JobState::Failed, &message);
    None
}

fn deprovision(object: &ComputeInstance, mut status: ComputeInstanceStatus, seen: &Seen, policy: &Policy) -> Step {
    let held = object.has_finalizer(names::PLAYBOOK_FINALIZER);
    if current_job(&status, JobType::Deprovision).is_none_or(|job| job.state.is_terminal()) {
        project_vm(&mut status, seen);
    }
    let Some(job) = current_job(&status, JobType::Deprovision).cloned() else {
        return if nothing_to_remove(&status, held, seen, policy) {
            removed(object, status, seen)
        } else {
            launch(object, status, seen)
        };
    };
    if job.state.is_terminal() && has_reason(&status, kind::DELETING, Reason::DeprovisionRequested) {
        return launch(object, status, seen);
    }
    match job.state {
        JobState::Pending | JobState::Waiting | JobState::Running | JobState::Unknown if job.is_eda() => {
            if !held {
                finish(&mut status, job, JobState::Succeeded, "");
                return removed(object, status, seen);
            }
            let (deadline, message) = eda_deadline(&job, seen, policy);
            if deadline > seen.now {
                return settle(object, status, Step::Wait { until: Some(deadline) });
            }
            finish(&mut status, job, JobState::Failed, &message);
            settle(object, status, Step::Wait { until: Some(seen.now) })
        }
        JobState::Pending | JobState::Waiting | JobState::Running | JobState::Unknown => {
            settle(object, status, poll_in_turn(&job, seen, policy))
        }
        JobState::Succeeded if !held => removed(object, status, seen),
        JobState::Failed | JobState::Canceled if !held && !job.block_deletion_on_failure => {
            removed(object, status, seen)
        }
        _ => failed(object, status, &job, seen, policy),
    }
}

/// When a silent deprovision job of EDA's counts as lost, and what to say then. Its playbook stops the VM first: one that is
/// still ready has not been touched.
fn eda_deadline(job: &JobStatus, seen: &Seen, policy: &Policy) -> (Timestamp, String) {
    let patience = policy.eda_patience;
    let launched = job.timestamp.timestamp();
    if seen.vm.as_ref().is_some_and(|vm| vm.ready) {
        let limit = patience.sign_of_life.min(patience.completion);
        (launched + limit, format!("no sign of the playbook within {limit:?}: the webhook may have been lost"))
    } else {
        let message = format!("the playbook's finalizer was not removed within {:?}", patience.completion);
        (launched + patience.completion, message)
    }
}

/// Whether there can't be anything that a playbook has made.
fn nothing_to_remove(status: &ComputeInstanceStatus, held: bool, seen: &Seen, policy: &Policy) -> bool {
    if held || seen.vm.is_some() {
        return false;
    }
    match policy.provider {
        ProviderKind::Eda => true,
        // A job of AAP's may have got anywhere before it was stopped: one that was ever launched is cleaned up after.
        ProviderKind::Aap => status.jobs.find_latest_job_by_type(JobType::Provision).is_none_or(JobStatus::is_eda),
    }
}

fn removed(object: &ComputeInstance, mut status: ComputeInstanceStatus, seen: &Seen) -> Step {
    set_condition(&mut status, kind::DELETING, true, Reason::Removed, "", seen.now);
    // Without a job there is nothing in the status that must not be lost: it goes with the object.
    if object.status.as_ref().is_none_or(|before| before.jobs == status.jobs) {
        return Step::RemoveFinalizer;
    }
    settle(object, status, Step::RemoveFinalizer)
}

/// Launches a deprovision job.
fn launch(object: &ComputeInstance, mut status: ComputeInstanceStatus, seen: &Seen) -> Step {
    wish(&mut status, kind::DELETING, Reason::DeprovisionRequested, seen);
    launch_in_turn(object, JobType::Deprovision, status, seen)
}

/// The latest deprovision job is over, and what it should have removed may still be there.
fn failed(
    object: &ComputeInstance,
    mut status: ComputeInstanceStatus,
    job: &JobStatus,
    seen: &Seen,
    policy: &Policy,
) -> Step {
    let failures = status.jobs.iter().filter(|job| job.job_type == JobType::Deprovision).count();
    let failures = u32::try_from(failures).unwrap_or(u32::MAX);
    let uid = object.uid().unwrap_or_default();
    let at = backoff::retry_at(job, failures, &seen.memory, &policy.retry, &uid);
    if at <= seen.now {
        return launch(object, status, seen);
    }
    let text = if job.message.is_empty() { String::new() } else { format!(": {}", job.message) };
    let message = format!("job {} ended as {}{text}; to be tried again", job.job_id, job.state);
    set_condition(&mut status, kind::DELETING, true, Reason::DeprovisionFailed, &message, seen.now);
    settle(object, status, Step::Wait { until: Some(at) })
}
