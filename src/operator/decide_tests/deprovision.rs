use super::*;

const UNMANAGED: (&str, &str) = (names::MANAGEMENT_STATE_ANNOTATION, "unmanaged");
const MANUAL: (&str, &str) = (names::MANAGEMENT_STATE_ANNOTATION, "manual");

#[test]
fn what_was_never_made_goes_at_once() {
    check(vec![
        ("never looked after", aap().without_finalizer().deleting(), "wait"),
        ("unmanaged", aap().deleting().annotated(UNMANAGED.0, UNMANAGED.1), "wait"),
        ("managed by hand", aap().running().held().deleting().annotated(MANUAL.0, MANUAL.1), "remove finalizer"),
        ("nothing launched", aap().deleting(), "remove finalizer"),
        ("nothing launched, EDA", eda().deleting(), "remove finalizer"),
        ("only a launch that failed", aap().requested().deleting(), "remove finalizer"),
        ("without a tenant", aap().without_annotation(names::TENANT_ANNOTATION).deleting(), "remove finalizer"),
        (
            "made by EDA and unmade",
            eda().running().job("eda-webhook-1", JobType::Provision, JobState::Succeeded, 90).deleting(),
            "remove finalizer",
        ),
        (
            "EDA's, while AAP is the provider",
            aap().job("eda-webhook-1", JobType::Provision, JobState::Failed, 90).deleting(),
            "remove finalizer",
        ),
    ]);
}

#[test]
fn what_may_be_there_is_removed_by_one_job() {
    let later = now() + Duration::from_secs(7);
    let requested = |situation: Situation| situation.condition(kind::DELETING, true, "DeprovisionRequested", 9);
    check(vec![
        ("made by AAP", aap().running().held().deleting(), "launch deprovision Deleting/DeprovisionRequested"),
        (
            "launched at AAP, however far it got",
            aap().provisioned("7", JobState::Failed, 90).deleting(),
            "launch deprovision Deleting/DeprovisionRequested",
        ),
        ("made by EDA", eda().running().held().deleting(), "launch deprovision Deleting/DeprovisionRequested"),
        (
            "a VM without the playbook's finalizer",
            eda().running().with_vm().deleting(),
            "launch deprovision Deleting/DeprovisionRequested",
        ),
        ("its launch has failed before", requested(aap().running().held().deleting()), "launch deprovision"),
        (
            "the last attempt failed just now",
            requested(aap().running().held().deleting()).remembers(|memory| memory.call_not_before = Some(later)),
            "wait 7s",
        ),
        (
            "a wish beside a job under way, as nobody of ours writes it",
            requested(aap().running().held().deleting()).job("8", JobType::Deprovision, JobState::Running, 5),
            "poll 8",
        ),
    ]);
}

#[test]
fn what_another_process_may_have_launched_is_looked_for_before_the_object_is_let_go() {
    check(vec![
        ("nothing on record", aap().deleting().restarted(), "find provision"),
        ("nothing on record, EDA", eda().deleting().restarted(), "find provision"),
        (
            "one under way on record",
            aap().provisioned("7", JobState::Running, 60).deleting().restarted(),
            "find provision",
        ),
        (
            "provision jobs are known, deprovision jobs are not",
            aap().running().held().deleting().restarted().remembers(|memory| memory.accounted.provision = true),
            "find deprovision",
        ),
        (
            "a deprovision job on record",
            aap().running().held().deleting().deprovisioned("8", JobState::Running, 5).restarted(),
            "poll 8",
        ),
        (
            "a failed deprovision job on record",
            aap().running().held().deleting().deprovisioned("8", JobState::Failed, 3600).restarted(),
            "find deprovision",
        ),
        ("by hand", aap().running().held().deleting().restarted().annotated(MANUAL.0, MANUAL.1), "remove finalizer"),
    ]);
}

#[test]
fn a_playbook_of_edas_whose_launch_nobody_recorded_is_waited_for() {
    check(vec![
        (
            "it is at work",
            eda().held().deleting(),
            "write Deleting/WaitingForProvision desired eda-webhook-1:Running → wait 1800s",
        ),
        ("it has ended", eda().running().held().deleting(), "launch deprovision Deleting/DeprovisionRequested"),
    ]);
}

#[test]
fn defect_12_a_running_job_of_aaps_is_cancelled_once_and_waited_for() {
    let deleted = |state| aap().provisioned("7", state, 60).held().deleting();
    let asked = |state| deleted(state).condition(kind::DELETING, true, "CancelRequested", 9);
    let later = now() + Duration::from_secs(7);
    check(vec![
        ("running", deleted(JobState::Running), "cancel 7"),
        ("pending", deleted(JobState::Pending), "cancel 7"),
        ("in a state that nobody knows", deleted(JobState::Unknown), "cancel 7"),
        ("asked to stop", asked(JobState::Running), "poll 7"),
        ("asked to stop, and asked for", asked(JobState::Running).polled("7", 10), "wait 20s"),
        (
            "asked to stop, which did not reach the status",
            deleted(JobState::Running).remembers(|memory| memory.cancel_asked = Some("7".into())).polled("7", 10),
            "write Deleting/CancelRequested → wait 20s",
        ),
        (
            "the last attempt failed just now",
            deleted(JobState::Running).remembers(|memory| memory.call_not_before = Some(later)),
            "wait 7s",
        ),
        ("stopped", asked(JobState::Canceled), "launch deprovision Deleting/DeprovisionRequested"),
        ("it had succeeded", asked(JobState::Succeeded), "launch deprovision Deleting/DeprovisionRequested"),
        (
            "an older one runs beside the one that was stopped",
            aap()
                .provisioned("6", JobState::Running, 90)
                .job("7", JobType::Provision, JobState::Canceled, 60)
                .held()
                .deleting()
                .condition(kind::DELETING, true, "CancelRequested", 9),
            "poll 6",
        ),
    ]);
}

#[test]
fn defect_13_both_playbooks_of_edas_never_run_at_once() {
    let deleted = |launched| eda().provisioned("eda-webhook-1", JobState::Running, launched).deleting();
    check(vec![
        (
            "the playbook has not begun, and can't any more",
            deleted(60),
            "write Deleting/Removed eda-webhook-1:Canceled → remove finalizer",
        ),
        ("the playbook is at work", deleted(60).held(), "write Deleting/WaitingForProvision → wait 1740s"),
        (
            "the playbook has reported its end",
            deleted(60).held().reported(),
            "launch deprovision Deleting/DeprovisionRequested reconciled eda-webhook-1:Succeeded",
        ),
        (
            "the playbook never ends",
            deleted(1800).held(),
            "launch deprovision Deleting/DeprovisionRequested eda-webhook-1:Failed",
        ),
    ]);
}

#[test]
fn a_deprovision_job_of_edas_has_ended_when_the_playbooks_finalizer_is_gone() {
    let deleted = |state, launched| eda().running().deleting().deprovisioned("eda-webhook-2", state, launched);
    check(vec![
        ("at work", deleted(JobState::Running, 60).held(), "wait 1740s"),
        ("done", deleted(JobState::Running, 60), "write Deleting/Removed eda-webhook-2:Succeeded → remove finalizer"),
        ("at work, the machine not yet touched", deleted(JobState::Running, 60).held().with_vm(), "wait 540s"),
        ("at work on the machine", deleted(JobState::Running, 600).held().with_vm().vm(false), "wait 1200s"),
        (
            "defect 16: the machine was never touched",
            deleted(JobState::Running, 600).held().with_vm(),
            "write eda-webhook-2:Failed → launch deprovision Deleting/DeprovisionRequested",
        ),
        (
            "defect 16: never ended, perhaps never begun",
            deleted(JobState::Running, 1800).held(),
            "write eda-webhook-2:Failed → launch deprovision Deleting/DeprovisionRequested",
        ),
        ("failed, and the machine is gone all the same", deleted(JobState::Failed, 60), "remove finalizer"),
    ]);
}

#[test]
fn a_deprovision_job_of_aaps_is_followed_to_its_end() {
    let deleted = |state, launched| aap().running().deleting().deprovisioned("8", state, launched);
    check(vec![
        ("just launched", deleted(JobState::Pending, 0), "poll 8"),
        ("asked for", deleted(JobState::Running, 60).held().polled("8", 10), "wait 20s"),
        ("the finalizer is gone before the job has ended", deleted(JobState::Running, 60).polled("8", 10), "wait 20s"),
        ("done", deleted(JobState::Succeeded, 60), "remove finalizer"),
        (
            "done, it says, but the playbook's finalizer is there",
            deleted(JobState::Succeeded, 60).held().learned_of_the_end("8", 0),
            "write Deleting/DeprovisionFailed → wait 27s",
        ),
        (
            "defect 11: failed",
            deleted(JobState::Failed, 60).held().learned_of_the_end("8", 0),
            "write Deleting/DeprovisionFailed → wait 27s",
        ),
        (
            "failed, although the playbook's finalizer is gone",
            deleted(JobState::Failed, 60).learned_of_the_end("8", 0),
            "write Deleting/DeprovisionFailed → wait 27s",
        ),
        (
            "cancelled by somebody",
            deleted(JobState::Canceled, 60).held().learned_of_the_end("8", 0),
            "write Deleting/DeprovisionFailed → wait 27s",
        ),
        (
            "the wait is over",
            deleted(JobState::Failed, 60).held().learned_of_the_end("8", 31),
            "launch deprovision Deleting/DeprovisionRequested",
        ),
        (
            "failed before this process began",
            deleted(JobState::Failed, 3600).held(),
            "launch deprovision Deleting/DeprovisionRequested",
        ),
        (
            "failed many times, which is no reason to give up",
            (0..9)
                .fold(deleted(JobState::Failed, 9000), |all, n| {
                    all.job(&format!("{}", 10 + n), JobType::Deprovision, JobState::Failed, 8000 - i64::from(n))
                })
                .held(),
            "launch deprovision Deleting/DeprovisionRequested",
        ),
    ]);
}

#[test]
fn the_conditions_tell_why_a_deletion_takes_so_long() {
    let situation =
        aap().running().held().deleting().deprovisioned("8", JobState::Failed, 60).learned_of_the_end("8", 0).status(
            |status| {
                let job =
                    status.jobs.find_job_by_id("8").cloned().map(|job| JobStatus { message: "no disk".into(), ..job });
                status.jobs.update_job(job.expect("the job"));
            },
        );
    let Step::Write { status } = situation.decide() else { panic!("a write") };
    let message = &status.condition(kind::DELETING).expect("the condition").message;
    assert_eq!(message, "job 8 ended as Failed: no disk; to be tried again");
}
