//! A small model of what happens when a step is performed: the API server, the backends, the tenant.

use super::*;
use crate::operator::provider::{FoundJob, LaunchedJob, Polled};

/// What the backends answer, a choice each time they are asked.
#[derive(Clone, Debug)]
pub(super) struct Answers {
    pub(super) choices: Vec<u8>,
    pub(super) next_job: u32,
}

impl Answers {
    fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        let choice = self.choices.pop().unwrap_or(0);
        from[usize::from(choice) % from.len()]
    }
}

/// The status as it comes back from a server.
pub(super) fn through_json(status: &ComputeInstanceStatus) -> ComputeInstanceStatus {
    let text = serde_json::to_string(status).expect("JSON");
    serde_json::from_str(&text).expect("a status")
}

/// Performs a step; whether the object is still there.
pub(super) fn perform(at: &mut Situation, step: &Step, answers: &mut Answers) -> bool {
    let now = at.seen.now;
    match step {
        Step::Wait { .. } => {}
        Step::AddFinalizer => at.object.metadata.finalizers.get_or_insert_default().push(names::FINALIZER.into()),
        Step::EnsureTenant { .. } => {
            let reference = TenantReference { name: "tenant-x".into(), namespace: "vms-x".into() };
            at.seen.tenant = TenantSeen::Ready(reference);
        }
        Step::Write { status, .. } => at.object.status = Some(through_json(status)),
        Step::Find { job_type } => find(at, *job_type, answers),
        Step::Launch { job_type, status } => {
            at.object.status = Some(through_json(status));
            launch(at, *job_type, answers);
        }
        Step::Poll { job } => {
            let polled = answers.choose(&[
                None,
                Some(JobState::Running),
                Some(JobState::Succeeded),
                Some(JobState::Failed),
                Some(JobState::Unknown),
                Some(JobState::Canceled),
            ]);
            let polled = polled.map_or(Polled::Purged, |state| Polled::Job { state, message: "so".into() });
            let after = after_poll(&at.object, job, &polled);
            at.seen.memory.last_poll = Some((job.job_id.clone(), now));
            if after.state.is_terminal() {
                at.seen.memory.failure_seen = Some((job.job_id.clone(), now));
            }
            assert!(at.object.status.get_or_insert_default().jobs.update_job(after), "a job that is recorded");
        }
        Step::Cancel { job } => {
            if answers.choose(&[true, true, false]) {
                at.seen.memory.cancel_asked = Some(job.job_id.clone());
                at.seen.memory.last_poll = None;
                let status = at.object.status.get_or_insert_default();
                set_condition(status, kind::DELETING, true, Reason::CancelRequested, "", now);
            } else {
                at.seen.memory.call_not_before = Some(now + Duration::from_secs(1));
            }
        }
        Step::Restart { requested, .. } => {
            if answers.choose(&[true, true, false]) {
                after_restart(at.object.status.get_or_insert_default(), *requested, now);
            } else {
                at.seen.memory.call_not_before = Some(now + Duration::from_secs(1));
                after_failed_restart(at.object.status.get_or_insert_default(), "no", now);
            }
        }
        Step::RemoveFinalizer => {
            let finalizers = at.object.metadata.finalizers.get_or_insert_default();
            finalizers.retain(|name| name != names::FINALIZER);
            return !finalizers.is_empty() || at.object.metadata.deletion_timestamp.is_none();
        }
    }
    true
}

fn find(at: &mut Situation, job_type: JobType, answers: &mut Answers) {
    match answers.choose(&[Some(false), Some(false), Some(true), None]) {
        None => at.seen.memory.call_not_before = Some(at.seen.now + Duration::from_secs(1)),
        Some(found) => {
            at.seen.memory.accounted.set(job_type, true);
            if found && at.policy.provider == ProviderKind::Aap {
                answers.next_job += 1;
                let job = LaunchedJob {
                    job_id: Some(compact_str::format_compact!("{}", answers.next_job)),
                    state: JobState::Running,
                    message: String::new(),
                    block_deletion_on_failure: true,
                };
                let found = vec![FoundJob { job, config_version: Some(at.desired()) }];
                after_find(at.object.status.get_or_insert_default(), job_type, found, 10, at.seen.now);
            }
        }
    }
}

fn launch(at: &mut Situation, job_type: JobType, answers: &mut Answers) {
    if !answers.choose(&[true, true, false]) {
        at.seen.memory.call_not_before = Some(at.seen.now + Duration::from_secs(1));
        at.seen.memory.accounted.set(job_type, answers.choose(&[true, false]));
        return;
    }
    answers.next_job += 1;
    let eda = at.policy.provider == ProviderKind::Eda;
    let launched = LaunchedJob {
        job_id: (!eda).then(|| compact_str::format_compact!("{}", answers.next_job)),
        state: if eda { JobState::Running } else { JobState::Pending },
        message: String::new(),
        block_deletion_on_failure: !eda,
    };
    let status = at.object.status.get_or_insert_default();
    after_launch(status, job_type, launched, 10, at.seen.now);
}
