//! The ledger, on every instance of experiments as they are run: no segment is negative, all add up to the total to the
//! nanosecond, and what the simulated backends did stands in it as they wrote it down themselves.

#![cfg(feature = "harness")]

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::Path,
    sync::{Arc, atomic::AtomicBool},
};

use proptest::prelude::*;
use provbench::{
    harness::{
        Experiment,
        experiment::Overrides,
        runner::{self, RunOptions},
    },
    record::{Milestones, Outcome, Sample, TrialRecord, Truth},
    report::{Entry, Operation, ledger},
    units::{InstanceId, Nanos},
};

/// Runs an experiment of the repository.
fn run(file: &str, seed: u64, blocks: u32, set: &[&str]) -> Vec<TrialRecord> {
    let overrides = Overrides {
        set: set.iter().map(|&set| set.to_owned()).collect(),
        seed: Some(seed),
        blocks: Some(blocks),
        ..Overrides::default()
    };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments").join(file);
    let experiment = Arc::new(Experiment::load(&path, &overrides).expect("an experiment"));
    let options = RunOptions {
        threads: 1,
        epoch: jiff::Timestamp::UNIX_EPOCH,
        stop: Arc::new(AtomicBool::new(false)),
        ended: Arc::default(),
        external: None,
    };
    let mut trials = Vec::new();
    runner::run(&experiment, &options, &mut |trial| {
        trials.push(trial);
        Ok::<(), std::convert::Infallible>(())
    })
    .expect("a run");
    trials
}

/// The lengths of an operation's segments by name.
fn by_name(entries: &[Entry]) -> BTreeMap<String, Nanos> {
    entries.iter().map(|entry| (entry.segment.to_string(), entry.takes())).collect()
}

/// Checks one operation of one instance; returns whether it had a ledger.
fn check(operation: Operation, sample: &Sample, milestones: &Milestones, truth: &[&Truth], is_eda: bool) -> bool {
    let (start, total) = match operation {
        Operation::Provision => (Some(sample.intended_ns), sample.provision_total()),
        Operation::Deprovision => (sample.delete_sent_ns, sample.deprovision_total()),
    };
    let ledger = ledger(operation, sample, milestones);
    assert_eq!(ledger.is_some(), total.is_some(), "{sample:?}");
    let (Some(ledger), Some(start), Some(total)) = (ledger, start, total) else { return false };
    let entries: Vec<Entry> = ledger.entries().collect();
    let mut at = start;
    for entry in &entries {
        assert!(entry.start == at && entry.end >= entry.start, "{operation} of {sample:?}: {entries:?}");
        assert!(entry.segment.is_whole(), "everything is visible here: {entries:?}");
        at = entry.end;
    }
    assert_eq!(at - start, total);
    assert_eq!(ledger.total(), total);
    backend_segments_are_the_truth(operation, &by_name(&entries), truth, is_eda, at);
    true
}

/// Recomputes the backend's segments from the journal by another way than the harness does: from the end of the operation
/// backwards.
fn backend_segments_are_the_truth(
    operation: Operation,
    segments: &BTreeMap<String, Nanos>,
    truth: &[&Truth],
    is_eda: bool,
    end: Nanos,
) {
    let Some(running) = segments.get("running") else {
        assert!(truth.iter().all(|entry| entry.job_type != operation.as_str() || entry.event != "job_state"));
        return;
    };
    let of_operation: Vec<&Truth> =
        truth.iter().copied().filter(|entry| entry.job_type == operation.as_str() && entry.at_ns <= end).collect();
    let job = &of_operation.iter().rfind(|entry| entry.event == "job_state").expect("a job").job_id;
    let of_job = |event: &str, to: &str| {
        let matches =
            |entry: &&&Truth| entry.job_id == *job && entry.event == event && (to.is_empty() || entry.to == to);
        of_operation.iter().find(matches).map(|entry| entry.at_ns)
    };
    let (created, waiting) = (of_job("job_state", "Pending"), of_job("job_state", "Waiting"));
    let (created, waiting) = (created.expect("a job is made"), waiting.expect("a job waits"));
    let started = of_job("job_state", "Running").expect("a job runs");
    let effect = match operation {
        Operation::Provision => of_job("annotated", ""),
        Operation::Deprovision => of_job("finalizer_removed", ""),
    };
    let job_end = of_job("job_state", "Succeeded");
    assert_eq!(segments["pending"], waiting - created);
    assert_eq!(segments["waiting"], started - waiting);
    assert_eq!(*running, effect.or(job_end).expect("an end") - started);
    let webhook = of_operation.iter().find(|entry| entry.event == "webhook_received").map(|entry| entry.at_ns);
    assert_eq!(is_eda, webhook.is_some());
    assert_eq!(segments.get("handoff").copied(), webhook.map(|webhook| created - webhook));
    let teardown = (operation == Operation::Deprovision && !is_eda).then(|| Some(job_end? - effect?)).flatten();
    assert_eq!(segments.get("teardown").copied(), teardown);
}

/// Checks every instance of a run; returns how many ledgers there were.
fn check_all(trials: &[TrialRecord]) -> usize {
    let mut ledgers = 0;
    for trial in trials {
        assert_eq!(trial.problems, Vec::<String>::new());
        assert_eq!(trial.milestones.len(), trial.samples.len());
        let mut truth: BTreeMap<InstanceId, Vec<&Truth>> = BTreeMap::new();
        for entry in &trial.truth {
            if let Ok(instance) = entry.object.parse() {
                truth.entry(instance).or_default().push(entry);
            }
        }
        let is_eda = trial.truth.iter().any(|entry| entry.source == "eda");
        for (sample, milestones) in trial.samples.iter().zip(&trial.milestones) {
            assert_eq!(sample.instance, milestones.instance);
            assert_ne!(sample.outcome, Outcome::Censored);
            for operation in Operation::ALL {
                ledgers += usize::from(check(operation, sample, milestones, &truth[&sample.instance], is_eda));
            }
        }
    }
    ledgers
}

/// The profile of February with something in it replaced.
fn profile(replace: &str, by: &str) -> tempfile::NamedTempFile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/profiles/vmaas-dev-2026-02.yaml");
    let text = fs::read_to_string(path).expect("the profile");
    assert!(text.contains(replace));
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file");
    file.write_all(text.replace(replace, by).as_bytes()).expect("written");
    file
}

fn samples(trials: &[TrialRecord]) -> usize {
    trials.iter().map(|trial| trial.samples.len()).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn february_adds_up_for_every_seed_and_poll_interval(seed in any::<u64>(), poll_s in 1_u32..60) {
        let poll = format!("arms.aap.poll_interval={poll_s}s");
        let trials = run("aap-vs-eda.yaml", seed, 2, &[&poll]);
        prop_assert_eq!(check_all(&trials), 2 * samples(&trials));
    }

    #[test]
    fn an_engine_that_does_one_thing_at_a_time_adds_up_and_its_queue_is_handoff(seed in any::<u64>()) {
        let sequential = profile("strategy: parallel", "strategy: sequential");
        let arm = format!("arms.eda.profile={}", sequential.path().display());
        let trials = run("aap-vs-eda.yaml", seed, 1, &["instances=4", &arm, "deadline=4h"]);
        prop_assert_eq!(check_all(&trials), 2 * samples(&trials));
        let eda = trials.iter().find(|trial| trial.key.arm == "eda").expect("the arm");
        let longest = eda.samples.iter().zip(&eda.milestones).filter_map(|(sample, milestones)| {
            let ledger = ledger(Operation::Provision, sample, milestones)?;
            ledger.entries().find(|entry| entry.segment.to_string() == "handoff").map(|entry| entry.takes())
        });
        prop_assert!(longest.max() > Some(Nanos::new(300_000_000_000)), "the fourth waits for three jobs");
    }

    #[test]
    fn a_controller_with_little_room_adds_up(seed in any::<u64>()) {
        let narrow = profile("max_concurrent_jobs: 0", "max_concurrent_jobs: 2");
        let name = narrow.path().display().to_string();
        let trials = run("aap-vs-eda.yaml", seed, 1, &["instances=5", &format!("profile={name}"), "deadline=4h"]);
        prop_assert_eq!(check_all(&trials), 2 * samples(&trials));
    }

    #[test]
    fn deletes_during_provisioning_add_up_for_every_seed(seed in any::<u64>()) {
        let trials = run("delete-during-provision.yaml", seed, 2, &[]);
        // None of them was ever provisioned.
        prop_assert_eq!(check_all(&trials), samples(&trials));
    }

    #[test]
    fn every_poll_interval_of_that_experiment_adds_up(seed in any::<u64>()) {
        let trials = run("poll-interval.yaml", seed, 1, &[]);
        // Some of its instances are deleted before they were ever provisioned.
        let whole = trials.iter().flat_map(|trial| &trial.samples).filter(|sample| sample.running_ns.is_some()).count();
        prop_assert!(whole > 0);
        prop_assert_eq!(check_all(&trials), samples(&trials) + whole);
    }

    #[test]
    fn many_lives_at_once_add_up(seed in any::<u64>(), provider in prop::sample::select(vec!["aap", "eda"])) {
        let trials = run("scale.yaml", seed, 1, &["instances=40", &format!("arms.arm.provider={provider}")]);
        prop_assert_eq!(check_all(&trials), 2 * samples(&trials));
    }
}

#[test]
fn lives_on_the_real_clock_add_up_whatever_their_history() {
    let trials = run("jobs-array-regression.yaml", 1, 1, &["instances=2", "warmup=0"]);
    assert_eq!(check_all(&trials), 2 * samples(&trials));
}
