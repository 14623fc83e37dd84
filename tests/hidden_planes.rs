//! Arms whose operator can't be seen, as one in another process: what is not visible is joined and named so, everything else stays, and
//! the ledger of each instance still adds up to the nanosecond.

#![cfg(feature = "harness")]

#[path = "report_records/mod.rs"]
#[expect(dead_code, reason = "only the facts about a run are of use here; its trials are real ones")]
mod records;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

use provbench::{
    harness::{
        Experiment,
        experiment::Overrides,
        runner::{self, RunOptions},
        without_operator,
    },
    record::{Milestones, Plane, RunInfo, Sample, TrialRecord},
    report::{Artifact, Entry, Operation, RenderOptions, Report, ledger, render},
    units::Nanos,
};

/// The segments that have to be told whatever the operator hides, by provider and operation, with those of which nobody can say where
/// one ends.
const HIDDEN: [(&str, Operation, &[&str]); 4] = [
    (
        "aap",
        Operation::Provision,
        &["queueing", "admission", "pickup+..+trigger", "pending", "waiting", "running", "detection+..+delivery"],
    ),
    (
        "aap",
        Operation::Deprovision,
        &["admission", "pickup+..+trigger", "pending", "waiting", "running", "teardown", "detection+..+delivery"],
    ),
    (
        "eda",
        Operation::Provision,
        &[
            "queueing",
            "admission",
            "pickup+..+trigger",
            "handoff",
            "pending",
            "waiting",
            "running",
            "detection+..+delivery",
        ],
    ),
    (
        "eda",
        Operation::Deprovision,
        &["admission", "pickup+..+trigger", "handoff", "pending", "waiting", "running", "detection+..+delivery"],
    ),
];

fn run(file: &str) -> (RunInfo, Vec<TrialRecord>) {
    let overrides = Overrides { seed: Some(7), blocks: Some(6), ..Overrides::default() };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(file);
    let experiment = Arc::new(Experiment::load(&path, &overrides).expect("an experiment"));
    let mut info = records::run(experiment.blocks(), experiment.instances());
    info.arms = experiment.arms().iter().map(|arm| arm.name().to_owned()).collect();
    info.scenarios = experiment.scenarios().iter().map(|scenario| scenario.name().to_owned()).collect();
    info.design = experiment.design().clone();
    let options = RunOptions {
        threads: 2,
        epoch: jiff::Timestamp::UNIX_EPOCH,
        stop: Arc::default(),
        ended: Arc::default(),
        external: None,
    };
    let mut trials = Vec::new();
    runner::run(&experiment, &options, &mut |trial| {
        trials.push(trial);
        Ok::<(), std::convert::Infallible>(())
    })
    .expect("a run");
    (info, trials)
}

/// The segments of an operation, checked: without gap or overlap, from its beginning to its end.
fn entries(operation: Operation, sample: &Sample, milestones: &Milestones) -> Option<Vec<Entry>> {
    let (start, total) = match operation {
        Operation::Provision => (sample.intended_ns, sample.provision_total()?),
        Operation::Deprovision => (sample.delete_sent_ns?, sample.deprovision_total()?),
    };
    let ledger = ledger(operation, sample, milestones).expect("what has a total has a ledger");
    let entries: Vec<Entry> = ledger.entries().collect();
    let mut at = start;
    for entry in &entries {
        assert!(entry.start == at && entry.end >= entry.start, "{operation} of {sample:?}: {entries:?}");
        at = entry.end;
    }
    let sum: u64 = entries.iter().map(|entry| entry.takes().get()).sum();
    assert_eq!((at - start, Nanos::new(sum)), (total, total), "{operation} of {sample:?}");
    Some(entries)
}

/// Checks that what is still told is what was told, and that a joined segment is as long as those that it joins. Returns how many
/// ledgers there were.
fn compare(seen: &TrialRecord, hidden: &TrialRecord) -> usize {
    assert_eq!(seen.samples, hidden.samples);
    let mut ledgers = 0;
    for (sample, (seen, hidden)) in seen.samples.iter().zip(seen.milestones.iter().zip(&hidden.milestones)) {
        for operation in Operation::ALL {
            let Some(seen) = entries(operation, sample, seen) else { continue };
            let hidden = entries(operation, sample, hidden).expect("a ledger");
            let ends: BTreeSet<Nanos> = seen.iter().map(|entry| entry.end).collect();
            for entry in &hidden {
                assert!(ends.contains(&entry.end), "a boundary that nobody saw before: {entry:?} in {seen:?}");
                let same = |other: &&Entry| other.segment == entry.segment;
                match seen.iter().find(same) {
                    Some(other) => assert_eq!(entry, other, "what was visible stays"),
                    None => assert!(!entry.segment.is_whole(), "{entry:?} is not visible by itself"),
                }
            }
            assert!(hidden.len() < seen.len(), "{hidden:?}");
            ledgers += 1;
        }
    }
    ledgers
}

fn files(info: &RunInfo, trials: &[TrialRecord]) -> BTreeMap<String, String> {
    let mut report = Report::new(info);
    for trial in trials {
        report.add(trial);
    }
    let artifacts = render(&report, info, &report.summary(), &RenderOptions { plots: false }).expect("a report");
    let text = |Artifact { path, bytes }: Artifact| Some((path, String::from_utf8(bytes).ok()?));
    artifacts.into_iter().filter_map(text).collect()
}

#[test]
fn an_operator_that_is_not_visible_leaves_joined_segments_that_still_add_up() {
    let (info, trials) = run("aap-vs-eda.yaml");
    let hidden: Vec<TrialRecord> = trials.iter().cloned().map(without_operator).collect();
    let ledgers: usize = trials.iter().zip(&hidden).map(|(seen, hidden)| compare(seen, hidden)).sum();
    assert_eq!(ledgers, 6 * 2 * 3 * 2, "blocks, arms, instances, operations");
    for trial in &hidden {
        assert!(trial.transitions.iter().all(|change| change.plane != Plane::Operator));
        assert!(trial.transitions.iter().any(|change| change.plane == Plane::Backend));
        for (arm, operation, names) in HIDDEN.iter().filter(|(arm, ..)| trial.key.arm == *arm) {
            for (sample, milestones) in trial.samples.iter().zip(&trial.milestones) {
                let entries = entries(*operation, sample, milestones).expect("a ledger");
                let told: Vec<String> = entries.iter().map(|entry| entry.segment.to_string()).collect();
                assert_eq!(told, *names, "{arm}, {operation}");
            }
        }
    }

    let (seen, hidden) = (files(&info, &trials), files(&info, &hidden));
    for file in ["comparison.md", "report.html"] {
        assert!(hidden[file].contains("pickup+..+trigger"), "{file}");
        assert!(hidden[file].contains("detection+..+delivery"), "{file}");
        assert!(hidden[file].contains("joins segments whose boundary was not visible"), "{file}");
        assert!(!seen[file].contains("pickup+..+trigger"), "{file}");
    }
    assert!(!seen["comparison.md"].contains("was not visible"), "everything was");
    // What the operator does not tell, nobody makes up.
    assert!(seen["summary.json"].contains("state_operator_") && !hidden["summary.json"].contains("state_operator_"));
}

#[test]
fn deletes_in_the_middle_of_provisioning_add_up_without_the_operator() {
    let (_, trials) = run("delete-during-provision.yaml");
    let ledgers: usize = trials.iter().map(|seen| compare(seen, &without_operator(seen.clone()))).sum();
    assert_eq!(ledgers, 6 * 2 * 2 * 3, "blocks, arms, scenarios, instances; none of them was provisioned");
}

#[test]
fn one_arm_that_is_not_visible_is_compared_with_one_that_is() {
    let (info, trials) = run("aap-vs-eda.yaml");
    let hide = |trial: TrialRecord| if trial.key.arm == "aap" { without_operator(trial) } else { trial };
    let trials: Vec<TrialRecord> = trials.into_iter().map(hide).collect();
    let files = files(&info, &trials);
    // The difference is told in the coarser segments of the two.
    assert!(files["comparison.md"].contains("| pickup+..+trigger |"), "{}", files["comparison.md"]);
    assert!(files["comparison.md"].contains("| handoff |"));
    let summary: serde_json::Value = serde_json::from_str(&files["comparison.json"]).expect("JSON");
    let ledger = summary["ledger"].as_array().expect("differences");
    assert_eq!(ledger.len(), 2);
    for difference in ledger {
        let parts = difference["segments"].as_array().expect("segments");
        let sum: f64 = parts.iter().filter_map(|part| part["difference_ns"].as_f64()).sum();
        let total = difference["difference_ns"].as_f64().expect("a total");
        // Each is rounded to the nanosecond by itself.
        assert!((sum - total).abs() <= parts.len() as f64, "{sum} of {total}");
    }
}
