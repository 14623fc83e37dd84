use super::*;
use crate::operator::provider::{LaunchedJob, Polled};

fn launched(id: Option<&str>) -> LaunchedJob {
    LaunchedJob {
        job_id: id.map(Into::into),
        state: JobState::Pending,
        message: "queued".into(),
        block_deletion_on_failure: true,
    }
}

#[test]
fn a_launch_is_recorded_with_its_intent_fulfilled() {
    let mut status = aap().requested().object.status.expect("a status");
    let at = now() + Duration::from_millis(900);
    let job = after_launch(&mut status, JobType::Provision, launched(Some("42")), 10, at);
    assert_eq!((job.job_id.as_str(), job.state, &*job.message), ("42", JobState::Pending, "queued"));
    assert_eq!(job.timestamp.timestamp(), now(), "in whole seconds, as the wire carries it");
    assert!(job.block_deletion_on_failure);
    assert_eq!(status.jobs.find_job_by_id("42"), Some(&job));
    assert_eq!(status.condition(kind::PROGRESSING).expect("the condition").reason, "Provisioning");
    after_launch(&mut status, JobType::Deprovision, launched(Some("43")), 10, at);
    assert_eq!(status.condition(kind::DELETING).expect("the condition").reason, "Deprovisioning");
}

#[test]
fn a_job_without_an_id_of_its_own_is_counted() {
    let mut status = ComputeInstanceStatus::default();
    for expected in ["eda-webhook-1", "eda-webhook-2"] {
        let job = after_launch(&mut status, JobType::Provision, launched(None), 10, now());
        assert_eq!(job.job_id, expected);
    }
}

#[test]
fn the_history_keeps_the_newest() {
    let mut status = ComputeInstanceStatus::default();
    for id in ["1", "2", "3"] {
        after_launch(&mut status, JobType::Provision, launched(Some(id)), 2, now());
    }
    assert_eq!(status.jobs.iter().map(|job| job.job_id.as_str()).collect::<Vec<_>>(), ["2", "3"]);
}

#[test]
fn a_job_is_the_latest_also_where_another_clock_was_ahead() {
    let mut status = aap().job("7", JobType::Provision, JobState::Failed, 0).object.status.expect("a status");
    after_launch(&mut status, JobType::Provision, launched(Some("8")), 10, ago(30));
    let latest = status.jobs.find_latest_job_by_type(JobType::Provision).expect("a job");
    assert_eq!(latest.job_id, "8", "otherwise the failed one would be retried again and again");
}

#[test]
fn a_job_that_is_recorded_twice_is_there_once() {
    let mut status = ComputeInstanceStatus::default();
    let job = after_launch(&mut status, JobType::Provision, launched(Some("8")), 10, now());
    let before = status.clone();
    record_job(&mut status, job, 10, now());
    assert_eq!(status, before);
}

#[test]
fn a_poll_updates_state_and_message() {
    let situation = aap().provisioned("7", JobState::Pending, 60);
    let job = situation.object.status.as_ref().and_then(|status| status.jobs.find_job_by_id("7")).expect("the job");
    let polled = Polled::Job { state: JobState::Failed, message: "no disk".into() };
    let after = after_poll(&situation.object, job, &polled);
    assert_eq!((after.state, &*after.message, after.timestamp), (JobState::Failed, "no disk", job.timestamp));
}

#[test]
fn what_a_purged_job_did_shows_on_the_object() {
    let provision = |situation: Situation| situation.provisioned("7", JobState::Running, 60);
    let deprovision = |situation: Situation| situation.deleting().deprovisioned("7", JobState::Running, 60);
    for (name, situation, expected) in [
        ("not reported", provision(aap()), JobState::Failed),
        ("reported", provision(aap()).reported(), JobState::Succeeded),
        ("no version was wanted", aap().job("7", JobType::Provision, JobState::Running, 60), JobState::Failed),
        ("the machine may be there", deprovision(aap()).held(), JobState::Failed),
        ("the machine is gone", deprovision(aap()), JobState::Succeeded),
    ] {
        let job = situation.object.status.as_ref().and_then(|status| status.jobs.find_job_by_id("7")).expect("the job");
        let after = after_poll(&situation.object, job, &Polled::Purged);
        assert_eq!(after.state, expected, "{name}");
        assert!(after.message.contains("purged"), "{name}");
    }
}

#[test]
fn a_condition_keeps_its_time_until_its_status_changes() {
    let mut status = ComputeInstanceStatus::default();
    let later = now() + Duration::from_millis(5_700);
    set_condition(&mut status, kind::ACCEPTED, true, Reason::Accepted, "", now());
    set_condition(&mut status, kind::ACCEPTED, true, Reason::TenantMissing, "why", later);
    let condition = status.condition(kind::ACCEPTED).expect("the condition");
    assert_eq!((condition.last_transition_time.0, condition.message.as_str()), (now(), "why"));
    set_condition(&mut status, kind::ACCEPTED, false, Reason::TenantMissing, "why", later);
    let condition = status.condition(kind::ACCEPTED).expect("the condition");
    assert_eq!(condition.last_transition_time.0, now() + Duration::from_secs(5), "in whole seconds");
    assert_eq!(status.conditions.len(), 1);
}

#[test]
fn the_policy_never_counts_further_than_the_history_reaches() {
    let mut config = Config::with_defaults(ProviderKind::Aap);
    config.max_job_history = 3;
    assert_eq!(Policy::from_config(&config).retry.provision_attempts, 3);
    config.max_job_history = 100;
    assert_eq!(Policy::from_config(&config).retry.provision_attempts, 5);
}

#[test]
fn every_reason_has_a_word_that_kubernetes_takes() {
    use Reason::*;
    let all = [
        Accepted,
        TenantMissing,
        TenantNotReady,
        ProvisionRequested,
        Provisioning,
        ProvisionFailed,
        ManagedByHand,
        Reconciled,
        VmReady,
        VmNotReady,
        NoVirtualMachine,
        CancelRequested,
        WaitingForProvision,
        DeprovisionRequested,
        Deprovisioning,
        DeprovisionFailed,
        Removed,
        Restarting,
        Restarted,
        RestartFailed,
    ];
    let words: std::collections::BTreeSet<&str> = all.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(words.len(), all.len(), "each is its own");
    for (reason, word) in all.iter().map(|reason| (format!("{reason:?}"), reason.as_str())) {
        assert_eq!(reason, word);
        assert!(word.bytes().all(|byte| byte.is_ascii_alphabetic()), "{word}");
    }
}
