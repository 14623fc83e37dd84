//! Records made up for the tests and the benchmark of the reports: the February experiment and larger ones like it.

use provbench::{
    record::{
        BackendMilestones, ClockKind, Design, HostInfo, Milestones, OperationMilestones, OperatorMilestones, Outcome,
        Plane, RunInfo, RunStatus, SCHEMA_VERSION, Sample, Transition, TrialKey, TrialRecord,
    },
    units::{InstanceId, Nanos, Seed},
};

const MS: u64 = 1_000_000;

/// A run of `eda` (the baseline) and `aap` over one scenario.
pub(crate) fn run(blocks: u32, instances: u32) -> RunInfo {
    RunInfo {
        schema_version: SCHEMA_VERSION,
        provbench_version: "0.1.0".into(),
        experiment: "february".into(),
        description: "EDA against AAP direct, as measured on 12 February 2026".into(),
        seed: Seed::new(42),
        clock: ClockKind::Virtual,
        time_scale: 1.0,
        epoch: "2026-02-12T09:00:00Z".into(),
        blocks,
        instances,
        arms: vec!["eda".into(), "aap".into()],
        scenarios: vec!["provision-deprovision".into()],
        config: serde_json::json!({"name": "february", "profile": {"create_job": "130s", "handoff": "17.5s"}}),
        host: HostInfo { os: "linux".into(), arch: "x86_64".into(), cpu: "A processor".into(), cpus: 2 },
        status: RunStatus::Complete,
        problems: Vec::new(),
        design: Design::default(),
        merged: Vec::new(),
        clock_skews: Vec::new(),
    }
}

/// The trials of a block: both arms, each instance with the changes of its two jobs as the watch and the backend see them.
pub(crate) fn block(block: u32, instances: u32) -> Vec<TrialRecord> {
    [("eda", 17_500, 0), ("aap", 300, 15_000)]
        .into_iter()
        .map(|(arm, handoff_ms, detection_ms)| trial(block, arm, instances, handoff_ms, detection_ms))
        .collect()
}

fn trial(block: u32, arm: &str, instances: u32, handoff_ms: u64, detection_ms: u64) -> TrialRecord {
    let mut record = TrialRecord {
        key: TrialKey { block, arm: arm.into(), scenario: "provision-deprovision".into() },
        position: 1,
        namespace: format!("block-{block}-{arm}").into(),
        samples: Vec::with_capacity(instances as usize),
        milestones: Vec::with_capacity(instances as usize),
        transitions: Vec::with_capacity(instances as usize * 8),
        truth: Vec::new(),
        problems: Vec::new(),
        warmup: false,
        cost: None,
        clock_skew: None,
        stopped: false,
    };
    for index in 0..instances {
        let seed = Seed::new(7).label(arm).index(block.into()).index(index.into());
        let draw = |label: &str, width_ms: u64| seed.label(label).stream().next_bits() % (width_ms * MS);
        let id = InstanceId::from_index(index);
        let create = 40 * MS + handoff_ms * MS + draw("handoff", 2_000);
        let waited = create + 400 * MS + draw("pending", 800);
        let done = waited + 126_000 * MS + draw("running", 7_000);
        let deleted = done + 5_000 * MS;
        let delete = deleted + 40 * MS + handoff_ms * MS + draw("handoff-2", 2_000);
        let deleting = delete + 500 * MS + draw("pending-2", 800);
        let removed = deleting + 64_000 * MS + draw("running-2", 4_000);
        let gone = removed + draw("detection", 2 * detection_ms + 60);
        let jobs = [("provision", [create, waited, done]), ("deprovision", [delete, deleting, removed])];
        for (job_type, at) in jobs {
            for (plane, late) in [(Plane::Backend, 0), (Plane::Observed, 35 * MS)] {
                let steps = [("", "Pending"), ("Pending", "Running"), ("Running", "Succeeded")];
                for ((from, to), at) in steps.into_iter().zip(at) {
                    record.transitions.push(Transition {
                        instance: id,
                        job_id: "1042".into(),
                        job_type: job_type.into(),
                        plane,
                        from: from.into(),
                        to: to.into(),
                        at_ns: Nanos::new(at + late),
                    });
                }
            }
        }
        let arm_is_eda = handoff_ms > 1_000;
        let provision = [0, create - handoff_ms * MS, create, waited, done, done + 10 * MS];
        let deprovision = [deleted, delete - handoff_ms * MS, delete, deleting, removed, gone];
        record.milestones.push(Milestones {
            instance: id,
            delete_accepted_ns: Some(Nanos::new(deleted + 2 * MS)),
            provision: operation(provision, arm_is_eda, false),
            deprovision: operation(deprovision, arm_is_eda, true),
        });
        record.samples.push(Sample {
            instance: id,
            outcome: Outcome::Succeeded,
            intended_ns: Nanos::ZERO,
            sent_ns: Nanos::new(MS),
            accepted_ns: Some(Nanos::new(3 * MS)),
            running_ns: Some(Nanos::new(done + 35 * MS)),
            delete_sent_ns: Some(Nanos::new(deleted)),
            gone_ns: Some(Nanos::new(gone + 35 * MS)),
            censored_ns: None,
            provision_jobs: 1,
            deprovision_jobs: 1,
            provision_state: "Succeeded".into(),
            orphans: 0,
        });
    }
    record
}

/// The milestones of an operation of which the operator and the backend tell, from its beginning, its launch, its job's
/// making, running and work done, and the operator's knowing.
fn operation(at: [u64; 6], is_eda: bool, is_delete: bool) -> OperationMilestones {
    let [start, launch, created, started, effect, known] = at;
    let time = |ns: u64| Some(Nanos::new(ns));
    let polled = is_delete && !is_eda;
    OperationMilestones {
        operator: Some(OperatorMilestones {
            reconciled_ns: time(start + 5 * MS),
            first_call_ns: time(launch - 2 * MS),
            call_ns: time(launch - 2 * MS),
            answered_ns: time(launch + 20 * MS),
            asked_ns: time(launch + 50 * MS).filter(|_| polled),
            answers: polled.then_some(3),
            known_ns: time(known),
            written_ns: time(known + 10 * MS),
            released_ns: time(known + 20 * MS).filter(|_| is_delete),
            ..OperatorMilestones::default()
        }),
        backend: Some(BackendMilestones {
            webhook_ns: time(launch).filter(|_| is_eda),
            created_ns: time(created),
            waiting_ns: time(created + 100 * MS),
            started_ns: time(started),
            effect_ns: time(effect),
            ended_ns: time(effect).filter(|_| polled),
            ..BackendMilestones::default()
        }),
    }
}
