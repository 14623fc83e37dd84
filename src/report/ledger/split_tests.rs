use proptest::prelude::*;

use super::*;
use crate::{
    record::OperationMilestones,
    report::fixture::{lived, sample},
    units::InstanceId,
};

#[expect(clippy::unnecessary_wraps, reason = "milestones may be missing")]
fn at(ns: u64) -> Option<Nanos> {
    Some(Nanos::new(ns))
}

/// An instance that was sent at 1, accepted at 3 and Running at `running`.
fn provisioned(running: u64) -> Sample {
    Sample {
        sent_ns: Nanos::new(1),
        accepted_ns: at(3),
        running_ns: at(running),
        delete_sent_ns: at(2_000),
        gone_ns: at(3_000),
        ..sample(0)
    }
}

fn with(provision: OperationMilestones, deprovision: OperationMilestones) -> Milestones {
    Milestones { provision, deprovision, ..Milestones::hidden(InstanceId::from_index(0)) }
}

fn of_provision(operator: Option<OperatorMilestones>, backend: Option<BackendMilestones>) -> Milestones {
    with(OperationMilestones { operator, backend }, OperationMilestones::default())
}

fn operator() -> OperatorMilestones {
    OperatorMilestones {
        reconciled_ns: at(4),
        first_call_ns: at(6),
        call_ns: at(6),
        answered_ns: at(9),
        known_ns: at(905),
        written_ns: at(907),
        ..OperatorMilestones::default()
    }
}

fn backend() -> BackendMilestones {
    BackendMilestones {
        created_ns: at(8),
        waiting_ns: at(20),
        started_ns: at(30),
        effect_ns: at(900),
        ..BackendMilestones::default()
    }
}

/// Each segment with its end.
fn shown(operation: Operation, sample: &Sample, milestones: &Milestones) -> String {
    let ledger = ledger(operation, sample, milestones).unwrap();
    let shown: Vec<String> = ledger.entries().map(|entry| format!("{}>{}", entry.segment, entry.end.get())).collect();
    shown.join(" ")
}

#[test]
fn every_milestone_ends_a_segment() {
    let shown = shown(Operation::Provision, &provisioned(910), &of_provision(Some(operator()), Some(backend())));
    assert_eq!(
        shown,
        "queueing>1 admission>3 pickup>4 preparation>6 trigger>8 pending>20 waiting>30 running>900 detection>905 \
         writeback>907 delivery>910"
    );
}

#[test]
fn a_webhook_makes_a_handoff_and_a_retry_earlier_attempts() {
    let operator = OperatorMilestones { call_ns: at(50), ..operator() };
    let backend =
        BackendMilestones { webhook_ns: at(55), created_ns: at(80), waiting_ns: None, started_ns: at(90), ..backend() };
    let shown = shown(Operation::Provision, &provisioned(910), &of_provision(Some(operator), Some(backend)));
    assert!(
        shown.contains("preparation>6 earlier_attempts>50 trigger>55 handoff>80 pending>90 running>900"),
        "{shown}"
    );
}

#[test]
fn what_a_plane_does_not_show_is_joined_and_says_so() {
    let provision =
        |operator, backend| shown(Operation::Provision, &provisioned(910), &of_provision(operator, backend));
    assert_eq!(provision(None, None), "queueing>1 admission>3 pickup+..+delivery>910");
    assert_eq!(
        provision(Some(operator()), None),
        "queueing>1 admission>3 pickup>4 preparation>6 trigger>9 handoff+..+detection>905 writeback>907 delivery>910"
    );
    assert_eq!(
        provision(None, Some(backend())),
        "queueing>1 admission>3 pickup+..+trigger>8 pending>20 waiting>30 running>900 detection+..+delivery>910"
    );
    let blind = BackendMilestones { effect_ns: None, ..backend() };
    assert!(provision(Some(operator()), Some(blind)).contains("waiting>30 running+..+detection>905"));
}

#[test]
fn a_delete_waits_for_the_provision_job_and_ends_with_the_object_gone() {
    let operator = OperatorMilestones {
        reconciled_ns: at(2_003),
        stop_known_ns: at(2_100),
        first_call_ns: at(2_101),
        call_ns: at(2_101),
        known_ns: at(2_950),
        written_ns: at(2_960),
        released_ns: at(2_980),
        ..OperatorMilestones::default()
    };
    let backend = BackendMilestones {
        stopped_ns: at(2_050),
        created_ns: at(2_110),
        waiting_ns: at(2_120),
        started_ns: at(2_130),
        effect_ns: at(2_700),
        ended_ns: at(2_800),
        ..BackendMilestones::default()
    };
    let deprovision = |operator: &OperatorMilestones, backend: &BackendMilestones| {
        let seen = OperationMilestones { operator: Some(operator.clone()), backend: Some(backend.clone()) };
        let milestones = Milestones { delete_accepted_ns: at(2_002), ..with(OperationMilestones::default(), seen) };
        shown(Operation::Deprovision, &provisioned(910), &milestones)
    };
    assert_eq!(
        deprovision(&operator, &backend),
        "admission>2002 pickup>2003 stopping>2050 stop_detection>2100 preparation>2101 trigger>2110 pending>2120 \
         waiting>2130 running>2700 teardown>2800 detection>2950 writeback>2960 release>2980 delivery>3000"
    );
    // A job that found nothing to do: no finalizer was removed by it.
    let idle = BackendMilestones { effect_ns: None, ..backend.clone() };
    assert!(deprovision(&operator, &idle).contains("waiting>2130 running>2800 detection>2950"));
    // No job at all.
    let without =
        OperatorMilestones { first_call_ns: None, call_ns: None, known_ns: None, stop_known_ns: None, ..operator };
    let nothing = BackendMilestones::default();
    assert_eq!(deprovision(&without, &nothing), "admission>2002 pickup>2003 writeback>2960 release>2980 delivery>3000");
}

#[test]
fn an_operation_that_did_not_come_to_its_end_has_no_ledger() {
    let hidden = Milestones::hidden(InstanceId::from_index(0));
    assert_eq!(ledger(Operation::Provision, &sample(0), &hidden), None);
    assert_eq!(ledger(Operation::Deprovision, &Sample { gone_ns: None, ..lived(0, 10, 10) }, &hidden), None);
}

fn instant() -> impl Strategy<Value = Option<Nanos>> {
    prop::option::of((0..4_000_u64).prop_map(Nanos::new))
}

prop_compose! {
    fn any_operator()(times in prop::array::uniform10(instant())) -> OperatorMilestones {
        let [reconciled_ns, stop_asked_ns, stop_known_ns, first_call_ns, call_ns, answered_ns, asked_ns, known_ns, written_ns,
            released_ns] = times;
        OperatorMilestones {
            reconciled_ns, stop_asked_ns, stop_known_ns, first_call_ns, call_ns, answered_ns, asked_ns, known_ns, written_ns,
            released_ns, stop_answers: None, answers: None,
        }
    }
}

prop_compose! {
    fn any_backend()(times in prop::array::uniform7(instant())) -> BackendMilestones {
        let [stopped_ns, webhook_ns, created_ns, waiting_ns, started_ns, effect_ns, ended_ns] = times;
        BackendMilestones { stopped_ns, webhook_ns, created_ns, waiting_ns, started_ns, effect_ns, ended_ns }
    }
}

prop_compose! {
    fn any_operation()(
        operator in prop::option::of(any_operator()),
        backend in prop::option::of(any_backend()),
    ) -> OperationMilestones {
        OperationMilestones { operator, backend }
    }
}

proptest! {
    #[test]
    fn whatever_was_seen_segments_follow_each_other_and_add_up(
        provision in any_operation(),
        deprovision in any_operation(),
        accepted in instant(),
        delete_accepted in instant(),
        running in 0..4_000_u64,
    ) {
        let sample = Sample { accepted_ns: accepted, ..provisioned(running) };
        let milestones = Milestones { delete_accepted_ns: delete_accepted, ..with(provision, deprovision) };
        let totals = [(Operation::Provision, sample.provision_total()), (Operation::Deprovision, sample.deprovision_total())];
        for (operation, total) in totals {
            let ledger = ledger(operation, &sample, &milestones).unwrap();
            let entries: Vec<Entry> = ledger.entries().collect();
            let start = if operation == Operation::Provision { sample.intended_ns } else { sample.delete_sent_ns.unwrap() };
            let mut before = (start, None);
            for entry in &entries {
                prop_assert!(entry.start == before.0 && entry.end >= entry.start);
                prop_assert!(before.1.is_none_or(|last| entry.segment.first > last), "in their order: {entries:?}");
                before = (entry.end, Some(entry.segment.last));
            }
            prop_assert_eq!(Some(ledger.total()), total);
            prop_assert_eq!(entries.iter().map(|entry| entry.takes().get()).sum::<u64>(), total.unwrap().get());
        }
    }
}
