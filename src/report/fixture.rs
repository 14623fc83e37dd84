//! Records made up for the tests of the reports.

use crate::{
    record::{
        BackendMilestones, ClockKind, Design, HostInfo, Milestones, OperationMilestones, OperatorMilestones, Outcome,
        Plane, RunInfo, RunStatus, SCHEMA_VERSION, Sample, Transition, TrialKey, TrialRecord,
    },
    report::Report,
    units::{InstanceId, Nanos, Seed},
};

/// A second in nanoseconds.
pub(super) const S: u64 = 1_000_000_000;

/// A run of `eda` (the baseline) and `aap` over one scenario.
pub(super) fn run(blocks: u32) -> RunInfo {
    RunInfo {
        schema_version: SCHEMA_VERSION,
        provbench_version: "0.1.0".into(),
        experiment: "february".into(),
        description: "EDA against AAP direct, three instances each".into(),
        seed: Seed::new(42),
        clock: ClockKind::Virtual,
        time_scale: 1.0,
        epoch: "2026-02-12T09:00:00Z".into(),
        blocks,
        instances: 3,
        arms: vec!["eda".into(), "aap".into()],
        scenarios: vec!["provision-deprovision".into()],
        config: serde_json::json!({"profile": {"assumptions": ["create job 130 s"]}}),
        host: HostInfo { os: "linux".into(), arch: "x86_64".into(), cpu: "A processor".into(), cpus: 2 },
        status: RunStatus::Complete,
        problems: Vec::new(),
        design: Design::default(),
        merged: Vec::new(),
        clock_skews: Vec::new(),
    }
}

/// A sample without any time but its start.
pub(super) fn sample(index: u32) -> Sample {
    Sample {
        instance: InstanceId::from_index(index),
        outcome: Outcome::Succeeded,
        intended_ns: Nanos::ZERO,
        sent_ns: Nanos::ZERO,
        accepted_ns: None,
        running_ns: None,
        delete_sent_ns: None,
        gone_ns: None,
        censored_ns: None,
        provision_jobs: 1,
        deprovision_jobs: 1,
        provision_state: "Succeeded".into(),
        orphans: 0,
    }
}

/// A sample that lived its whole life.
pub(super) fn lived(index: u32, provision_ns: u64, deprovision_ns: u64) -> Sample {
    let running = provision_ns;
    let deleted = running + 5 * S;
    Sample {
        sent_ns: Nanos::new(1_000_000),
        accepted_ns: Some(Nanos::new(3_000_000)),
        running_ns: Some(Nanos::new(running)),
        delete_sent_ns: Some(Nanos::new(deleted)),
        gone_ns: Some(Nanos::new(deleted + deprovision_ns)),
        ..sample(index)
    }
}

/// A change of a provision job.
pub(super) fn transition(index: u32, job_id: &str, plane: Plane, from: &str, to: &str, at_ns: u64) -> Transition {
    Transition {
        instance: InstanceId::from_index(index),
        job_id: job_id.into(),
        job_type: "provision".into(),
        plane,
        from: from.into(),
        to: to.into(),
        at_ns: Nanos::new(at_ns),
    }
}

/// A trial of the scenario of [`run`].
pub(super) fn trial(block: u32, arm: &str, samples: Vec<Sample>) -> TrialRecord {
    TrialRecord {
        key: TrialKey { block, arm: arm.into(), scenario: "provision-deprovision".into() },
        position: 1,
        namespace: "ns".into(),
        samples,
        milestones: Vec::new(),
        transitions: Vec::new(),
        truth: Vec::new(),
        problems: Vec::new(),
        warmup: false,
        cost: None,
        clock_skew: None,
        stopped: false,
    }
}

/// The milestones of a sample that lived its whole life, of an operator that was listened to and a simulated backend.
pub(super) fn milestones(sample: &Sample, is_eda: bool) -> Milestones {
    let operation = |start: u64, end: u64, deprovision: bool| {
        let after = |ns: u64| Some(Nanos::new(start + ns));
        let before = |ns: u64| Some(Nanos::new(end - ns));
        let handoff = if is_eda { 17 * S } else { 0 };
        let polled = deprovision && !is_eda;
        OperationMilestones {
            operator: Some(OperatorMilestones {
                reconciled_ns: after(4_000_000),
                first_call_ns: after(9_000_000),
                call_ns: after(9_000_000),
                answered_ns: after(40_000_000),
                known_ns: before(3_000_000),
                written_ns: before(2_000_000),
                released_ns: before(1_000_000).filter(|_| deprovision),
                ..OperatorMilestones::default()
            }),
            backend: Some(BackendMilestones {
                webhook_ns: after(10_000_000).filter(|_| is_eda),
                created_ns: after(10_000_000 + handoff),
                waiting_ns: after(S / 2 + handoff),
                started_ns: after(S + handoff),
                effect_ns: before(if polled { 16 * S } else { 4_000_000 }),
                ended_ns: before(15 * S).filter(|_| polled),
                ..BackendMilestones::default()
            }),
        }
    };
    let at = |time: Option<Nanos>| time.unwrap_or_default().get();
    let (deleted, gone) = (at(sample.delete_sent_ns), at(sample.gone_ns));
    Milestones {
        instance: sample.instance,
        delete_accepted_ns: Some(Nanos::new(deleted + 2_000_000)),
        provision: operation(sample.intended_ns.get(), at(sample.running_ns), false),
        deprovision: operation(deleted, gone, true),
    }
}

/// The trials of [`run`], with a spread that depends on block and instance only.
pub(super) fn trials(blocks: u32) -> Vec<TrialRecord> {
    let mut trials = Vec::new();
    for block in 1..=blocks {
        for (arm, provision_ms, deprovision_ms) in [("eda", 147_700, 83_700), ("aap", 129_900, 82_000)] {
            let mut record = trial(block, arm, Vec::new());
            for index in 0..3 {
                let draw = |label: &str| {
                    let seed = Seed::new(1).label(label).label(arm).index(block.into()).index(index.into());
                    seed.stream().below(2_000_000_000) as u64
                };
                let (provision, deprovision) =
                    (provision_ms * 1_000_000 + draw("p"), deprovision_ms * 1_000_000 + draw("d"));
                let sample = lived(index, provision, deprovision);
                record.milestones.push(milestones(&sample, arm == "eda"));
                record.samples.push(sample);
                let steps = [
                    ("", "Pending", 40),
                    ("Pending", "Running", 2_000),
                    ("Running", "Succeeded", provision / 1_000_000),
                ];
                for (from, to, at_ms) in steps {
                    for (plane, late_ms) in [(Plane::Observed, 30), (Plane::Backend, 0)] {
                        record.transitions.push(transition(index, "7", plane, from, to, (at_ms + late_ms) * 1_000_000));
                    }
                }
            }
            trials.push(record);
        }
    }
    trials
}

/// The report of [`trials`].
pub(super) fn report(blocks: u32) -> Report {
    let mut report = Report::new(&run(blocks));
    for trial in trials(blocks) {
        report.add(&trial);
    }
    report
}
