//! Effects that were put in are found as often as the power announced says, and no others.
//!
//! Block means come from the latencies of a profile: what a job takes is drawn as the simulators draw it, both arms meet the
//! same draws of the job, and each has a hand-off of its own. One arm's job is longer by a known share.

#![cfg(feature = "harness")]

#[path = "report_records/mod.rs"]
mod records;

use std::{path::Path, sync::Arc, time::Duration};

use provbench::{
    harness::{
        Experiment,
        experiment::Overrides,
        runner::{self, RunOptions},
    },
    record::{Gate, Outcome, Requirement, RunInfo, Sample, TrialKey, TrialRecord},
    report::{Check, CheckOutcome, Report},
    sim::profile::Latency,
    stats::{
        compare::{ALPHA, Verdict},
        power::power,
    },
    units::{InstanceId, Nanos, Seed},
};

const BLOCKS: u32 = 24;
const INSTANCES: u32 = 3;
const SEEDS: u64 = 200;

/// Standard errors that a rate may lie off; with eight rates one in a few hundred seeds would by luck.
const BOUND: f64 = 3.3;

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// What an instance takes in one arm: the job, which both arms share the luck of, and the arm's own hand-off.
fn total_ns(block: Seed, arm: &str, index: u32, shift: f64) -> u64 {
    let job = Latency::lognormal(seconds(100.0), seconds(10.0)).expect("valid");
    let handoff = Latency::lognormal(seconds(20.0), seconds(15.0)).expect("valid");
    let instance = block.index(index.into());
    let job = job.draw(instance.label("job"));
    let handoff = handoff.draw(instance.label("handoff").label(arm));
    // The shift is one of the total's mean, which is 120 s.
    u64::try_from((job + handoff + seconds(120.0 * shift)).as_nanos()).expect("fits")
}

fn trial(run: Seed, block: u32, arm: &str, shift: f64) -> TrialRecord {
    let seed = run.label("block").index(block.into());
    let samples = (0..INSTANCES).map(|index| {
        let total = total_ns(seed, arm, index, shift);
        Sample {
            instance: InstanceId::from_index(index),
            outcome: Outcome::Succeeded,
            intended_ns: Nanos::ZERO,
            sent_ns: Nanos::ZERO,
            accepted_ns: Some(Nanos::ZERO),
            running_ns: Some(Nanos::new(total)),
            delete_sent_ns: Some(Nanos::new(total)),
            gone_ns: Some(Nanos::new(total)),
            censored_ns: None,
            provision_jobs: 1,
            deprovision_jobs: 1,
            provision_state: "Succeeded".into(),
            orphans: 0,
        }
    });
    TrialRecord {
        key: TrialKey { block, arm: arm.into(), scenario: "provision-deprovision".into() },
        samples: samples.collect(),
        ..records::block(1, 0).remove(0)
    }
}

fn run_info(require: Requirement, margin: Option<f64>) -> RunInfo {
    let mut run = records::run(BLOCKS, INSTANCES);
    run.design.gates =
        vec![Gate { metric: "total".to_owned(), arm: None, scenario: None, require, margin, at_most_ns: None }];
    run
}

/// The answer of a gate on a run with a shift.
fn answer(seed: u64, shift: f64, require: Requirement, margin: Option<f64>) -> Check {
    let mut report = Report::new(&run_info(require, margin));
    for block in 1..=BLOCKS {
        report.add(&trial(Seed::new(seed), block, "eda", 0.0));
        report.add(&trial(Seed::new(seed), block, "aap", shift));
    }
    report.gates().remove(0)
}

/// The verdict on a run with a shift.
fn verdict(seed: u64, shift: f64) -> &'static str {
    answer(seed, shift, Requirement::Faster, None).verdict.expect("a verdict")
}

/// The standard deviation of a block's difference, from many blocks that no test uses.
fn spread_of_differences() -> f64 {
    let blocks = 4_000;
    let differences: Vec<f64> = (0..blocks)
        .map(|block| {
            let seed = Seed::new(987_654_321).label("pilot").index(block);
            let mean = |arm: &str| (0..INSTANCES).map(|i| total_ns(seed, arm, i, 0.0) as f64).sum::<f64>();
            (mean("aap") - mean("eda")) / f64::from(INSTANCES)
        })
        .collect();
    let mean = differences.iter().sum::<f64>() / blocks as f64;
    (differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (blocks as f64 - 1.0)).sqrt()
}

/// Whether a rate of `count` among all seeds is what a probability makes likely.
fn fits(count: usize, probability: f64) -> bool {
    let n = SEEDS as f64;
    let allowed = BOUND * (probability * (1.0 - probability) / n).sqrt() + 1.0 / n;
    (count as f64 / n - probability).abs() <= allowed
}

#[test]
fn verdicts_come_as_often_as_the_announced_power_says() {
    let sd = spread_of_differences();
    let mut powers = Vec::new();
    for shift in [0.01, 0.05, 0.2] {
        let announced = power(shift * 120e9, sd, BLOCKS as usize, ALPHA).expect("a power");
        let verdicts: Vec<&str> = (0..SEEDS).map(|seed| verdict(seed, shift)).collect();
        let found = verdicts.iter().filter(|verdict| **verdict == "slower").count();
        let wrong = verdicts.iter().filter(|verdict| **verdict == "faster").count();
        assert!(fits(found, announced), "{shift}: found in {found} of {SEEDS}, announced {announced}");
        assert!(fits(wrong, 0.0) || wrong as f64 / SEEDS as f64 <= ALPHA / 2.0, "{shift}: {wrong} the wrong way");
        powers.push(announced);
    }
    // The shifts are chosen so that the test could fail on either side.
    assert!(powers[0] < 0.3 && (0.6..0.95).contains(&powers[1]) && powers[2] > 0.999, "{powers:?}");
}

#[test]
fn without_an_effect_claims_are_as_rare_as_the_level_says() {
    let claims = (1_000..1_000 + SEEDS).filter(|seed| verdict(*seed, 0.0) != "inconclusive").count();
    assert!(fits(claims, ALPHA), "{claims} of {SEEDS}");
}

#[test]
fn a_gate_lets_pass_what_does_not_matter_and_stops_what_does() {
    let outcomes = |shift: f64, outcome: CheckOutcome| {
        let answer = |seed| answer(seed, shift, Requirement::NotSlower, Some(0.05));
        (0..60).filter(|seed| answer(*seed).outcome == outcome).count()
    };
    assert_eq!(outcomes(0.2, CheckOutcome::Failed), 60, "20 % slower");
    assert_eq!(outcomes(0.2, CheckOutcome::Passed), 0);
    assert!(outcomes(0.0, CheckOutcome::Passed) > 30, "no difference, a margin of 5 %");
    // At the margin itself 5 % may pass at most; the two-sided interval makes it half of that.
    assert!(outcomes(0.05, CheckOutcome::Passed) <= 6, "as slow as the margin");
}

const EXPERIMENT: &str = "
name: injected
blocks: 6
instances: 1
margin: 2%
arms:
  - {name: now, provider: eda, profile: quiet-engine}
  - {name: same, provider: eda, profile: quiet-engine}
  - {name: slower, provider: eda, profile: SLOWER}
scenarios:
  - kind: provision-deprovision
    hold: 60s
";

#[test]
fn an_effect_in_a_profile_is_found_from_end_to_end() {
    let experiments = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
    let profile = std::fs::read_to_string(experiments.join("profiles/quiet-engine.yaml")).expect("a profile");
    let folder = tempfile::tempdir().expect("a folder");
    let slower = folder.path().join("slower.yaml");
    // A life takes about 197 s here: the job's first step becomes longer by 39 s, a fifth of it.
    let step = "lognormal: {mean: 72s, sd: 2.3s}";
    assert!(profile.contains(step));
    std::fs::write(&slower, profile.replacen(step, "lognormal: {mean: 111s, sd: 2.3s}", 1)).expect("written");
    let text = EXPERIMENT.replace("SLOWER", slower.to_str().expect("a path"));
    let overrides = |seed| Overrides { seed: Some(seed), ..Overrides::default() };
    for seed in 1..=3 {
        let experiment =
            Experiment::from_yaml(&text, &experiments.join("injected.yaml"), &overrides(seed)).expect("an experiment");
        let mut run = run_info(Requirement::Faster, None);
        run.arms = experiment.arms().iter().map(|arm| arm.name().to_owned()).collect();
        run.design = experiment.design().clone();
        let mut report = Report::new(&run);
        let options = RunOptions {
            threads: 2,
            epoch: jiff::Timestamp::UNIX_EPOCH,
            stop: Arc::default(),
            ended: Arc::default(),
            external: None,
        };
        let mut record = |trial: TrialRecord| {
            report.add(&trial);
            Ok::<(), std::io::Error>(())
        };
        runner::run(&experiment.into(), &options, &mut record).expect("runs");
        let summary = report.summary();
        let of = |arm: &str| {
            let found = summary.comparisons.iter().find(|c| c.primary && c.arm == arm);
            found.map(|c| (c.verdict, c.difference_ns)).expect("compared")
        };
        assert_eq!(of("same"), (Verdict::Equivalent, Some(0)), "both meet the same draws");
        let (verdict, difference_ns) = of("slower");
        let seconds = difference_ns.expect("a difference") as f64 / 1e9;
        assert!(verdict == Verdict::Slower && (seconds - 39.0).abs() < 2.0, "{verdict:?}, {seconds} s");
    }
}
