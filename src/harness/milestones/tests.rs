use super::*;
use crate::{
    record::{Outcome, Word},
    units::InstanceId,
};

#[expect(clippy::unnecessary_wraps, reason = "milestones may be missing")]
fn at(ns: u64) -> Option<Nanos> {
    Some(Nanos::new(ns))
}

/// An instance that was sent at 0, Running at 900, deleted at 1 000 and gone at 2 000.
fn sample() -> Sample {
    Sample {
        instance: InstanceId::from_index(0),
        outcome: Outcome::Succeeded,
        intended_ns: Nanos::ZERO,
        sent_ns: Nanos::ZERO,
        accepted_ns: at(1),
        running_ns: at(900),
        delete_sent_ns: at(1_000),
        gone_ns: at(2_000),
        censored_ns: None,
        provision_jobs: 1,
        deprovision_jobs: 1,
        provision_state: "Succeeded".into(),
        orphans: 0,
    }
}

fn truth(ns: u64, event: &str, job: (&str, &str), from: &str, to: &str) -> Truth {
    Truth {
        at_ns: Nanos::new(ns),
        event: event.into(),
        object: "ci-0001".into(),
        job_id: job.0.into(),
        job_type: job.1.into(),
        from: from.into(),
        to: to.into(),
        ..Truth::default()
    }
}

/// A whole job, made at `start`.
fn job(id: &str, job_type: &str, start: u64, end: u64, state: &str) -> Vec<Truth> {
    let of = (id, job_type);
    vec![
        truth(start, "job_state", of, "", "Pending"),
        truth(start + 10, "job_state", of, "Pending", "Waiting"),
        truth(start + 20, "job_state", of, "Waiting", "Running"),
        truth(end, "job_state", of, "Running", state),
    ]
}

fn call(verb: Verb, of_provision: bool, began: u64, ended: u64) -> Call {
    Call { verb, of_provision, began: Nanos::new(began), ended: at(ended) }
}

fn learned(job_type: &str, to: &str, ns: u64) -> Transition {
    Transition {
        instance: InstanceId::from_index(0),
        job_id: Word::default(),
        job_type: job_type.into(),
        plane: Plane::Operator,
        from: "Running".into(),
        to: to.into(),
        at_ns: Nanos::new(ns),
    }
}

fn resolved(truth: &[Truth], learned: &[Transition], marks: &[OperatorMarks]) -> Milestones {
    Planes { truth, learned, marks }.milestones(&[sample()], &[at(1_001)]).remove(0)
}

#[test]
fn a_plane_that_tells_nothing_is_not_visible() {
    let milestones = resolved(&[], &[], &[]);
    assert_eq!(
        milestones,
        Milestones { delete_accepted_ns: at(1_001), ..Milestones::hidden(InstanceId::from_index(0)) }
    );
}

#[test]
fn the_job_that_did_the_work_counts_and_not_the_one_that_failed_before() {
    let mut entries = job("1", "provision", 50, 200, "Failed");
    entries.extend(job("2", "provision", 300, 880, "Succeeded"));
    entries.push(truth(850, "annotated", ("2", "provision"), "", ""));
    let marks = OperatorMarks {
        passes: vec![Nanos::new(5), Nanos::new(1_004)],
        calls: vec![
            call(Verb::Launch, true, 20, 25),
            call(Verb::Launch, true, 45, 60),
            call(Verb::Poll, true, 61, 62),
            call(Verb::Launch, true, 290, 310),
        ],
        running_known: at(860),
        running_written: at(870),
        ..OperatorMarks::default()
    };
    let provision = resolved(&entries, &[], &[marks]).provision;
    let operator = provision.operator.unwrap();
    assert_eq!((operator.reconciled_ns, operator.first_call_ns), (at(5), at(20)));
    assert_eq!((operator.call_ns, operator.answered_ns), (at(290), at(310)));
    assert_eq!((operator.known_ns, operator.written_ns), (at(860), at(870)));
    let backend = provision.backend.unwrap();
    assert_eq!((backend.webhook_ns, backend.created_ns), (None, at(300)));
    assert_eq!((backend.waiting_ns, backend.started_ns, backend.effect_ns), (at(310), at(320), at(850)));
    assert_eq!(backend.ended_ns, None, "nobody waits for the end of a provision job");
}

#[test]
fn a_delete_that_cancels_waits_for_the_provision_job_and_for_its_own() {
    let mut entries = job("1", "provision", 50, 1_100, "Canceled");
    entries.extend(job("2", "deprovision", 1_210, 1_600, "Succeeded"));
    entries.insert(7, truth(1_590, "finalizer_removed", ("2", "deprovision"), "", ""));
    let marks = OperatorMarks {
        passes: vec![Nanos::new(5), Nanos::new(1_004), Nanos::new(1_200)],
        calls: vec![
            call(Verb::Launch, true, 40, 60),
            call(Verb::Poll, true, 60, 70),
            call(Verb::Cancel, true, 1_005, 1_010),
            call(Verb::Poll, true, 1_010, 1_015),
            call(Verb::Poll, true, 1_190, 1_195),
            call(Verb::Launch, false, 1_205, 1_220),
            call(Verb::Poll, false, 1_221, 1_225),
            call(Verb::Poll, false, 1_700, 1_705),
        ],
        status_written: Some((Nanos::new(1_706), Nanos::new(1_710))),
        finalizers_written: at(1_900),
        ..OperatorMarks::default()
    };
    let ends = [learned("provision", "Canceled", 1_195), learned("deprovision", "Succeeded", 1_705)];
    let deprovision = resolved(&entries, &ends, &[marks]).deprovision;
    let operator = deprovision.operator.unwrap();
    assert_eq!((operator.stop_asked_ns, operator.stop_known_ns), (at(1_015), at(1_195)));
    assert_eq!((operator.call_ns, operator.asked_ns, operator.known_ns), (at(1_205), at(1_225), at(1_705)));
    assert_eq!((operator.stop_answers, operator.answers), (Some(2), Some(2)));
    assert_eq!((operator.written_ns, operator.released_ns), (at(1_710), at(1_900)));
    let backend = deprovision.backend.unwrap();
    assert_eq!((backend.stopped_ns, backend.effect_ns, backend.ended_ns), (at(1_100), at(1_590), at(1_600)));
}

#[test]
fn behind_a_webhook_the_effect_is_the_end() {
    let mut entries = vec![truth(1_010, "webhook_received", ("", "deprovision"), "", "")];
    entries.extend(job("7", "deprovision", 1_300, 1_950, "Succeeded"));
    entries.push(truth(1_900, "finalizer_removed", ("7", "deprovision"), "", ""));
    let marks = OperatorMarks {
        passes: vec![Nanos::new(1_002)],
        calls: vec![call(Verb::Launch, false, 1_005, 1_020)],
        ..OperatorMarks::default()
    };
    let backend = resolved(&entries, &[], &[marks]).deprovision.backend.unwrap();
    assert_eq!((backend.webhook_ns, backend.created_ns), (at(1_010), at(1_300)));
    assert_eq!((backend.effect_ns, backend.ended_ns), (at(1_900), None));
}
