use super::*;
use crate::api::{Phase, legacy::LegacyJob};

#[test]
fn an_object_is_taken_into_care_or_left_alone() {
    check(vec![
        ("a new object", aap().without_finalizer(), "add finalizer"),
        (
            "an unmanaged object",
            aap().without_finalizer().annotated(names::MANAGEMENT_STATE_ANNOTATION, "unmanaged"),
            "wait",
        ),
        (
            "an object of nobody",
            aap().without_annotation(names::TENANT_ANNOTATION),
            "write Starting not Accepted/TenantMissing → wait",
        ),
        (
            "an object whose tenant's name is empty",
            aap().annotated(names::TENANT_ANNOTATION, ""),
            "write Starting not Accepted/TenantMissing → wait",
        ),
        (
            "an object managed by hand",
            aap().annotated(names::MANAGEMENT_STATE_ANNOTATION, "manual"),
            "write Starting not Progressing/ManagedByHand → wait",
        ),
        (
            "an object managed by hand and made",
            aap().annotated(names::MANAGEMENT_STATE_ANNOTATION, "manual").reported(),
            "write Running not Progressing/Reconciled desired reconciled → wait",
        ),
        (
            "an object managed in a way that nobody knows",
            aap().annotated(names::MANAGEMENT_STATE_ANNOTATION, "?").requested(),
            "launch provision",
        ),
    ]);
}

#[test]
fn the_tenant_comes_first() {
    check(vec![
        ("no tenant", aap().tenant(TenantSeen::Absent), "ensure tenant acme"),
        ("a tenant in the making, just now", aap().tenant(TenantSeen::NotReady).created(1), "wait 4s"),
        (
            "a tenant in the making for long",
            aap().tenant(TenantSeen::NotReady),
            "write Starting Progressing/TenantNotReady → wait",
        ),
        (
            "a job under way whose tenant went",
            aap().tenant(TenantSeen::Absent).provisioned("7", JobState::Running, 60),
            "poll 7",
        ),
        (
            "a tenant that has become ready",
            aap().status(|status| status.tenant_reference = None).requested(),
            "launch provision tenant",
        ),
    ]);
}

#[test]
fn a_job_is_launched_when_nothing_speaks_against_it() {
    let later = now() + Duration::from_secs(7);
    check(vec![
        ("nothing yet", aap(), "launch provision Starting Progressing/ProvisionRequested desired"),
        ("its launch has failed before", aap().requested(), "launch provision"),
        ("its launch has failed before, EDA", eda().requested(), "launch provision"),
        (
            "the last attempt failed just now",
            aap().requested().remembers(|memory| memory.call_not_before = Some(later)),
            "wait 7s",
        ),
        (
            "the turn has come",
            aap().requested().remembers(|memory| memory.call_not_before = Some(now())),
            "launch provision",
        ),
        (
            "the spec changed since its launch failed",
            aap().requested().other_spec(),
            "launch provision Progressing/ProvisionRequested desired",
        ),
        ("the VM appears before the launch", aap().requested().vm(true), "launch provision Available/VmReady vm"),
        (
            "a wish beside a job under way, as nobody of ours writes it",
            aap().requested().job("7", JobType::Provision, JobState::Running, 60),
            "poll 7",
        ),
    ]);
}

#[test]
fn what_another_process_may_have_launched_is_looked_for_before_anything_is_launched() {
    let later = now() + Duration::from_secs(7);
    check(vec![
        ("nothing on record", aap().restarted(), "find provision"),
        ("nothing on record, EDA", eda().restarted(), "find provision"),
        ("a failed one on record", aap().provisioned("7", JobState::Failed, 300).restarted(), "find provision"),
        (
            "another spec",
            aap().running().job("7", JobType::Provision, JobState::Succeeded, 9).other_spec().restarted(),
            "find provision",
        ),
        (
            "something has made it",
            aap().requested().reported().restarted(),
            "write Running not Progressing/Reconciled reconciled → find provision",
        ),
        (
            "something has made it, EDA",
            eda().held().requested().reported().restarted(),
            "write Running not Progressing/Reconciled reconciled eda-webhook-1:Succeeded → wait",
        ),
        ("something made it long ago, EDA", eda().held().running().restarted(), "wait"),
        ("one under way is followed", aap().provisioned("7", JobState::Running, 60).restarted(), "poll 7"),
        (
            "at rest nothing is asked",
            aap().running().job("7", JobType::Provision, JobState::Succeeded, 9).restarted(),
            "wait",
        ),
        (
            "the last look-up failed just now",
            aap().requested().restarted().remembers(|memory| memory.call_not_before = Some(later)),
            "wait 7s",
        ),
    ]);
}

#[test]
fn a_job_of_aaps_is_asked_for_in_its_turn() {
    check(vec![
        ("never asked", aap().provisioned("7", JobState::Pending, 60), "poll 7"),
        ("asked 10 s ago", aap().provisioned("7", JobState::Waiting, 60).polled("7", 10), "wait 20s"),
        ("asked 30 s ago", aap().provisioned("7", JobState::Running, 60).polled("7", 30), "poll 7"),
        ("another was asked for", aap().provisioned("7", JobState::Running, 60).polled("6", 10), "poll 7"),
        ("a state that nobody knows", aap().provisioned("7", JobState::Unknown, 60).polled("7", 40), "poll 7"),
        ("the provider is EDA by now", eda().provisioned("7", JobState::Running, 60), "poll 7"),
        ("the spec changed meanwhile", aap().provisioned("7", JobState::Running, 60).other_spec(), "poll 7"),
        (
            "two were launched by an older operator, and the later has ended",
            aap().provisioned("6", JobState::Running, 90).job("7", JobType::Provision, JobState::Failed, 60),
            "poll 6",
        ),
    ]);
}

#[test]
fn defect_5_a_silent_job_of_edas_ends_by_its_deadline() {
    check(vec![
        ("no sign yet", eda().provisioned("eda-webhook-1", JobState::Running, 60), "wait 540s"),
        ("no sign yet, Unknown", eda().provisioned("eda-webhook-1", JobState::Unknown, 60), "wait 540s"),
        ("under way", eda().provisioned("eda-webhook-1", JobState::Running, 60).held(), "wait 1740s"),
        (
            "never a sign",
            eda().provisioned("eda-webhook-1", JobState::Unknown, 600),
            "write eda-webhook-1:Failed → launch provision Progressing/ProvisionRequested",
        ),
        (
            "begun and never ended",
            eda().provisioned("eda-webhook-1", JobState::Running, 1800).held(),
            "write eda-webhook-1:Failed → launch provision Progressing/ProvisionRequested",
        ),
        ("the provider is AAP by now", aap().provisioned("eda-webhook-1", JobState::Running, 60), "wait 540s"),
    ]);
}

#[test]
fn the_playbooks_report_makes_it_running() {
    check(vec![
        (
            "EDA",
            eda().provisioned("eda-webhook-1", JobState::Running, 60).held().reported(),
            "write Running not Progressing/Reconciled reconciled eda-webhook-1:Succeeded → wait",
        ),
        (
            "AAP, whose job ends later",
            aap().provisioned("7", JobState::Running, 60).held().reported(),
            "write Running not Progressing/Reconciled reconciled → poll 7",
        ),
        ("AAP, whose job has ended", aap().provisioned("7", JobState::Succeeded, 60).running(), "wait"),
        ("at rest", aap().running(), "wait"),
        ("at rest without a tenant", aap().running().tenant(TenantSeen::Absent), "wait"),
        (
            "a report of another version",
            aap().requested().annotated(names::RECONCILED_ANNOTATION, "0123"),
            "launch provision reconciled",
        ),
        (
            "the version that was asked for came, and another is wanted",
            eda().provisioned("eda-webhook-1", JobState::Running, 60).held().reported().other_spec(),
            "write reconciled eda-webhook-1:Succeeded → launch provision Progressing/ProvisionRequested desired",
        ),
    ]);
}

#[test]
fn a_changed_spec_is_provisioned_again() {
    check(vec![
        (
            "defect 15: the spec of a running one changed",
            aap().running().job("7", JobType::Provision, JobState::Succeeded, 300).other_spec(),
            "launch provision Starting Progressing/ProvisionRequested desired",
        ),
        (
            "the wish to restart is no change",
            {
                let mut running = aap().running().with_vm().job("7", JobType::Provision, JobState::Succeeded, 300);
                running.object.spec.restart_requested_at = Some(Time(now()));
                running
            },
            "restart vm-1",
        ),
        (
            "given up, then changed",
            aap()
                .provisioned("7", JobState::Failed, 60)
                .phase(Phase::Failed)
                .condition(kind::PROGRESSING, false, "ProvisionFailed", 30)
                .other_spec(),
            "launch provision Starting Progressing/ProvisionRequested desired",
        ),
    ]);
}

#[test]
fn a_failed_job_is_tried_again_later_and_not_for_ever() {
    let third = |state| {
        aap().provisioned("7", JobState::Failed, 500).job("8", JobType::Provision, JobState::Failed, 300).job(
            "9",
            JobType::Provision,
            state,
            100,
        )
    };
    check(vec![
        (
            "just failed",
            aap().provisioned("7", JobState::Failed, 300).learned_of_the_end("7", 0),
            "write Failed Progressing/ProvisionFailed → wait 27s",
        ),
        (
            "just cancelled",
            aap().provisioned("7", JobState::Canceled, 300).learned_of_the_end("7", 0),
            "write Failed Progressing/ProvisionFailed → wait 27s",
        ),
        (
            "failed the second time",
            aap()
                .provisioned("7", JobState::Failed, 500)
                .job("8", JobType::Provision, JobState::Failed, 300)
                .learned_of_the_end("8", 0),
            "write Failed Progressing/ProvisionFailed → wait 55s",
        ),
        (
            "the wait is over",
            aap().provisioned("7", JobState::Failed, 300).learned_of_the_end("7", 31),
            "launch provision Progressing/ProvisionRequested",
        ),
        (
            "failed before this process began",
            aap().provisioned("7", JobState::Failed, 300),
            "launch provision Progressing/ProvisionRequested",
        ),
        ("failed the last time", third(JobState::Failed), "write Failed not Progressing/ProvisionFailed → wait"),
        (
            "given up",
            third(JobState::Failed).phase(Phase::Failed).condition(kind::PROGRESSING, false, "ProvisionFailed", 9),
            "wait",
        ),
        (
            "earlier jobs were for an earlier wish",
            third(JobState::Failed).condition(kind::PROGRESSING, true, "Provisioning", 100).learned_of_the_end("9", 0),
            "write Failed Progressing/ProvisionFailed → wait 27s",
        ),
    ]);
}

#[test]
fn a_new_configuration_has_all_its_attempts() {
    let failed_twice =
        aap().provisioned("7", JobState::Failed, 500).job("8", JobType::Provision, JobState::Failed, 300);
    let mut situation = failed_twice.other_spec();
    let Step::Launch { status, .. } = situation.decide() else { panic!("a launch") };
    situation.object.status = Some(*status);
    let situation = situation.job("9", JobType::Provision, JobState::Failed, 0).learned_of_the_end("9", 0);
    let situation = situation.status(|status| {
        let desired = status.desired_config_version.clone();
        set_condition(status, kind::PROGRESSING, true, Reason::Provisioning, "", now());
        assert_eq!(status.desired_config_version, desired);
    });
    let Step::Write { status } = situation.decide() else { panic!("a write") };
    let message = &status.condition(kind::PROGRESSING).expect("the condition").message;
    assert!(message.starts_with("attempt 1 of 3: job 9 ended as Failed"), "{message}");
}

#[test]
fn defect_19_a_job_that_succeeds_without_a_report_is_a_failure() {
    check(vec![
        (
            "the report may be on its way",
            aap().provisioned("7", JobState::Succeeded, 300).learned_of_the_end("7", 1),
            "wait 4s",
        ),
        (
            "it is not",
            aap().provisioned("7", JobState::Succeeded, 300).learned_of_the_end("7", 5),
            "write Failed Progressing/ProvisionFailed → wait 22s",
        ),
    ]);
    let situation = aap().provisioned("7", JobState::Succeeded, 300).learned_of_the_end("7", 5);
    let Step::Write { status } = situation.decide() else { panic!("a write") };
    let message = &status.condition(kind::PROGRESSING).expect("the condition").message;
    let expected = format!(
        "attempt 1 of 3: job 7 succeeded without reporting configuration version {}; to be tried again",
        situation.desired()
    );
    assert_eq!(*message, expected);
}

#[test]
fn the_vm_shows_in_the_status() {
    check(vec![
        (
            "in the making, by the second",
            aap().provisioned("7", JobState::Running, 60).polled("7", 0).vm(false),
            "wait 30s",
        ),
        (
            "ready before its job ends, which is about to tell",
            aap().provisioned("7", JobState::Running, 60).polled("7", 0).vm(true),
            "wait 30s",
        ),
        (
            "ready, and its job has reported",
            aap().provisioned("7", JobState::Running, 60).polled("7", 0).vm(true).reported(),
            "write Running Available/VmReady not Progressing/Reconciled reconciled vm → wait 30s",
        ),
        ("not ready, and nobody is making it", aap().running().vm(false), "write not Available/VmNotReady vm → wait"),
        ("ready", aap().running().with_vm(), "wait"),
        ("no more ready", aap().running().with_vm().vm(false), "write not Available/VmNotReady → wait"),
        (
            "gone",
            {
                let mut gone = aap().running().with_vm();
                gone.seen.vm = None;
                gone
            },
            "write not Available/NoVirtualMachine no vm → wait",
        ),
    ]);
}

#[test]
fn an_older_operators_job_is_carried_over_and_followed() {
    let legacy = |state| LegacyJob { job_id: Some("5".into()), state: Some(state), ..LegacyJob::default() };
    check(vec![
        (
            "a job under way",
            aap()
                .requested()
                .condition(kind::PROGRESSING, true, "Provisioning", 60)
                .status(|status| status.provision_job = Some(legacy(JobState::Running))),
            "write 5:Running → poll 5",
        ),
        (
            "a machine that an older operator made",
            {
                let old = config_version::of_spec(&aap().object.spec);
                aap()
                    .phase(Phase::Running)
                    .condition(kind::PROGRESSING, false, "Reconciled", 300)
                    .annotated(names::RECONCILED_ANNOTATION, &old)
                    .status(|status| {
                        status.desired_config_version = Some(old.clone());
                        status.reconciled_config_version = Some(old);
                        status.provision_job = Some(legacy(JobState::Succeeded));
                    })
            },
            "write 5:Succeeded → wait",
        ),
    ]);
}

#[test]
fn an_object_without_a_tenant_is_written_once() {
    let mut situation = aap().without_annotation(names::TENANT_ANNOTATION);
    let Step::Write { status } = situation.decide() else { panic!("a write") };
    situation.object.status = Some(*status);
    situation.seen.now += Duration::from_secs(100);
    assert_eq!(situation.decide(), Step::Wait { until: None });
    let situation = situation.annotated(names::TENANT_ANNOTATION, "acme").tenant(TenantSeen::Absent);
    assert_eq!(situation.course(), "ensure tenant acme");
}
