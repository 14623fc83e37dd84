//! What holds of every decision, whatever the object, the status and the caches say.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    world::{Answers, perform, through_json},
    *,
};
use crate::{api::Phase, operator::reconcile::STEPS_MAX};

fn any_state() -> impl Strategy<Value = JobState> {
    use JobState::*;
    select(vec![Pending, Waiting, Running, Succeeded, Failed, Canceled, Unknown])
}

fn any_job() -> impl Strategy<Value = (bool, bool, JobState, i64)> {
    (any::<bool>(), any::<bool>(), any_state(), 0_i64..4000)
}

/// A condition's type, a reason that goes with it, whether it holds, and since when.
fn any_condition() -> impl Strategy<Value = (&'static str, &'static str, bool, i64)> {
    let reasons = select(vec![
        (kind::PROGRESSING, "ProvisionRequested"),
        (kind::PROGRESSING, "Provisioning"),
        (kind::PROGRESSING, "ProvisionFailed"),
        (kind::PROGRESSING, "Reconciled"),
        (kind::PROGRESSING, "SaidSomebodyElse"),
        (kind::DELETING, "DeprovisionRequested"),
        (kind::DELETING, "Deprovisioning"),
        (kind::DELETING, "CancelRequested"),
        (kind::DELETING, "WaitingForProvision"),
        (kind::ACCEPTED, "Accepted"),
        (kind::ACCEPTED, "TenantMissing"),
        (kind::AVAILABLE, "VmReady"),
    ]);
    (reasons, any::<bool>(), 0_i64..4000)
        .prop_map(|((condition, reason), holds, since)| (condition, reason, holds, since))
}

prop_compose! {
    fn any_status_and_provider()(
        provider in select(vec![ProviderKind::Aap, ProviderKind::Eda]),
        jobs in vec(any_job(), 0..5),
        conditions in vec(any_condition(), 0..4),
        phase in option::of(select(vec![Phase::Starting, Phase::Running, Phase::Failed, Phase::Deleting])),
        desired in select(vec![None, Some("old"), Some("now")]),
        untouched in prop::bool::weighted(0.1),
    ) -> Situation {
        let mut situation = instance(provider);
        if untouched {
            situation.object.status = None;
            return situation;
        }
        let wanted = situation.desired();
        situation = situation.status(|status| {
            status.phase = phase;
            status.desired_config_version = desired.map(|word| if word == "now" { wanted } else { word.into() });
        });
        for (condition, reason, holds, since) in conditions {
            situation = situation.condition(condition, holds, reason, since);
        }
        for (index, (of_eda, provision, state, launched)) in jobs.into_iter().enumerate() {
            let id = if of_eda { format!("eda-webhook-{}", index + 1) } else { format!("{}", index + 1) };
            let job_type = if provision { JobType::Provision } else { JobType::Deprovision };
            situation = situation.job(&id, job_type, state, launched);
        }
        situation
    }
}

prop_compose! {
    fn any_memory()(
        polled in option::of((1_u32..5, 0_i64..60)),
        failed in option::of((1_u32..5, 0_i64..60)),
        not_before in option::of(-10_i64..10),
        cancelled in option::of(1_u32..5),
        accounted in (any::<bool>(), any::<bool>()),
    ) -> Memory {
        let id = |number: u32| compact_str::format_compact!("{number}");
        Memory {
            last_poll: polled.map(|(job, at)| (id(job), ago(at))),
            failure_seen: failed.map(|(job, at)| (id(job), ago(at))),
            call_not_before: not_before.map(|seconds| now() + jiff::SignedDuration::from_secs(seconds)),
            failed_calls: 0,
            cancel_asked: cancelled.map(id),
            accounted: Accounted { provision: accounted.0, deprovision: accounted.1 },
            gone: false,
        }
    }
}

prop_compose! {
    fn any_situation()(
        situation in any_status_and_provider(),
        memory in any_memory(),
        tenant in select(vec![0, 1, 2, 2, 2]),
        vm in option::of(any::<bool>()),
        annotation in select(vec!["", "old", "now"]),
        nobodys in prop::bool::weighted(0.05),
        management in select(vec!["", "", "", "", "", "manual", "unmanaged"]),
        ours in prop::bool::weighted(0.9),
        held in any::<bool>(),
        deleting in any::<bool>(),
        created in 0_i64..5000,
        restart in option::of((-100_i64..100, option::of(-100_i64..100))),
    ) -> Situation {
        let mut situation = situation.created(created);
        situation.seen.memory = memory;
        situation.seen.tenant = match tenant {
            0 => TenantSeen::Absent,
            1 => TenantSeen::NotReady,
            _ => situation.seen.tenant,
        };
        if let Some(ready) = vm {
            situation = situation.vm(ready);
        }
        match annotation {
            "now" => situation = situation.reported(),
            word => situation = situation.annotated(names::RECONCILED_ANNOTATION, word),
        }
        situation = situation.annotated(names::MANAGEMENT_STATE_ANNOTATION, management);
        if let Some((requested, restarted)) = restart {
            let time = |seconds: i64| Time(now() + jiff::SignedDuration::from_secs(seconds));
            situation.object.spec.restart_requested_at = Some(time(requested));
            situation = situation.status(|status| status.last_restarted_at = restarted.map(time));
        }
        if nobodys {
            situation = situation.without_annotation(names::TENANT_ANNOTATION);
        }
        if !ours {
            situation = situation.without_finalizer();
        }
        if held {
            situation = situation.held();
        }
        if deleting {
            situation.object.metadata.deletion_timestamp = Some(Time(ago(1)));
        } else {
            // A deprovision job belongs to an object that is being deleted.
            situation = situation.status(|status| {
                status.jobs = status.jobs.iter().filter(|job| job.job_type == JobType::Provision).cloned().collect();
            });
        }
        situation
    }
}

fn under_way(status: &ComputeInstanceStatus, job_type: JobType) -> bool {
    status.jobs.iter().any(|job| job.job_type == job_type && !job.state.is_terminal())
}

/// What must hold of a step, else why not.
fn broken(at: &Situation, step: &Step) -> Option<&'static str> {
    let status = match step {
        // What is decided with a launch counts: it is written with it.
        Step::Launch { status, .. } => *status.clone(),
        _ => at.object.status.clone().unwrap_or_default(),
    };
    let deleting = at.object.metadata.deletion_timestamp.is_some();
    let held = at.object.has_finalizer(names::PLAYBOOK_FINALIZER);
    let managed = at.object.management_state() == ManagementState::Managed;
    match step {
        Step::Launch { .. }
        | Step::Cancel { .. }
        | Step::Poll { .. }
        | Step::AddFinalizer
        | Step::EnsureTenant { .. }
        | Step::Restart { .. }
            if at.object.management_state() == ManagementState::Unmanaged =>
        {
            Some("hands off what is unmanaged")
        }
        Step::Launch { .. } if !managed => Some("a job for what is managed by hand"),
        Step::Launch { job_type, .. } if under_way(&status, *job_type) => Some("a job of this kind is under way"),
        Step::Launch { job_type, .. } if !at.seen.memory.accounted.knows(*job_type) => Some("a launch may be unknown"),
        Step::Launch { .. } if !at.object.has_finalizer(names::FINALIZER) => Some("nothing would hold the object"),
        Step::Launch { status, .. } if status.tenant_reference.is_none() && !deleting => {
            Some("the job would not find its tenant")
        }
        Step::Launch { job_type: JobType::Deprovision, .. }
            if status.jobs.find_latest_job_by_type(JobType::Deprovision).is_none()
                && !at.seen.memory.accounted.provision =>
        {
            Some("a provision job may be unknown")
        }
        Step::Find { job_type } if at.seen.memory.accounted.knows(*job_type) => Some("there is nothing to find"),
        Step::Find { .. } if !managed => Some("hands off"),
        Step::Launch { job_type: JobType::Deprovision, .. } if under_way(&status, JobType::Provision) => {
            Some("both playbooks at once")
        }
        Step::Launch { job_type, .. } if deleting != (*job_type == JobType::Deprovision) => Some("the wrong way round"),
        Step::Launch { job_type: JobType::Provision, .. } if !matches!(at.seen.tenant, TenantSeen::Ready(_)) => {
            Some("a job without a tenant")
        }
        Step::Launch { .. } | Step::Find { .. } | Step::Cancel { .. } | Step::Restart { .. }
            if at.seen.memory.call_not_before.is_some_and(|later| later > at.seen.now) =>
        {
            Some("before its turn")
        }
        Step::RemoveFinalizer if !deleting => Some("nobody wants it deleted"),
        Step::RemoveFinalizer if managed => {
            let last = status.jobs.find_latest_job_by_type(JobType::Deprovision);
            let launched_at_aap =
                status.jobs.find_latest_job_by_type(JobType::Provision).is_some_and(|job| !job.is_eda());
            let unmade = last.is_some_and(|job| {
                job.state == JobState::Succeeded || job.state.is_terminal() && !job.block_deletion_on_failure
            });
            let never_made =
                last.is_none() && at.seen.vm.is_none() && (at.policy.provider == ProviderKind::Eda || !launched_at_aap);
            if held {
                Some("the playbook's finalizer is there")
            } else if under_way(&status, JobType::Provision) || under_way(&status, JobType::Deprovision) {
                Some("a job is under way")
            } else if !(unmade || never_made) {
                Some("a machine may be left behind")
            } else {
                None
            }
        }
        Step::Restart { .. } if deleting => Some("it is on its way out"),
        Step::Restart { .. } if under_way(&status, JobType::Provision) => Some("a job is at work on the machine"),
        Step::Restart { requested, .. }
            if status.last_restarted_at.as_ref().is_some_and(|last| last.0 >= *requested) =>
        {
            Some("it was restarted since")
        }
        Step::Poll { job } if job.is_eda() => Some("EDA can't be asked"),
        Step::Poll { job } | Step::Cancel { job } if job.state.is_terminal() => Some("the job has ended"),
        Step::Cancel { job } if !deleting || job.job_type == JobType::Deprovision => Some("nobody wants it stopped"),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn every_step_of_every_course_is_safe_and_every_course_comes_to_rest(
        situation in any_situation(),
        choices in vec(any::<u8>(), 0..12),
    ) {
        let mut at = situation;
        let mut answers = Answers { choices, next_job: 100 };
        let mut words = Vec::new();
        for _ in 0..STEPS_MAX {
            let step = at.decide();
            words.push(in_words(&step, &at));
            prop_assert_eq!(broken(&at, &step), None, "{:?}", words);
            if let Step::Wait { until } = step {
                prop_assert!(until.is_none_or(|until| until > at.seen.now), "a wait for what has passed: {:?}", words);
                return Ok(());
            }
            if !perform(&mut at, &step, &mut answers) {
                return Ok(());
            }
            if let Step::Write { status } = &step {
                let again = at.decide();
                prop_assert!(
                    !matches!(&again, Step::Write { status: same } if same == status),
                    "written twice: {:?}", words
                );
            }
        }
        prop_assert!(false, "no rest: {:?}", words);
    }

    #[test]
    fn nothing_is_written_at_rest_however_time_passes(situation in any_situation(), passes in 1_u32..5_000) {
        let mut at = situation;
        let mut answers = Answers { choices: Vec::new(), next_job: 100 };
        for _ in 0..STEPS_MAX {
            let step = at.decide();
            if let Step::Wait { until } = step {
                let passed = Duration::from_millis(passes.into());
                let later = at.seen.now + passed;
                if until.is_none_or(|until| later < until) {
                    at.seen.now = later;
                    prop_assert_eq!(at.decide(), Step::Wait { until });
                }
                return Ok(());
            }
            if !perform(&mut at, &step, &mut answers) {
                return Ok(());
            }
        }
    }

    #[test]
    fn a_status_is_the_same_after_a_round_trip(situation in any_situation()) {
        if let Step::Write { status } = situation.decide() {
            prop_assert_eq!(through_json(&status), *status);
        }
    }
}
