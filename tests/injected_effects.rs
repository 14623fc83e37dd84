//! Effects that were put in are found as often as the power announced says, and no others.
//!
//! Twice: 200 seeds of whole runs, operator, cluster and simulated backends with profiles that differ by a known share; and, for
//! more blocks and for gates, block means that come from the latencies of a profile: what a job takes is drawn as the
//! simulators draw it, both arms meet the same draws of the job, and each has a hand-off of its own.

#![cfg(feature = "harness")]

#[path = "report_records/mod.rs"]
mod records;

use std::{fmt::Write as _, path::Path, sync::Arc, time::Duration};

use provbench::{
    harness::{
        Experiment,
        experiment::Overrides,
        runner::{self, RunOptions},
    },
    record::{Gate, Outcome, Requirement, RunInfo, Sample, TrialKey, TrialRecord},
    report::{Check, CheckOutcome, Digest, Report},
    sim::profile::Latency,
    stats::{
        compare::{ALPHA, Verdict},
        power::{Pilot, power},
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

/// Blocks of a run that is small enough to be run for every seed.
const FEW_BLOCKS: u32 = 8;

/// What the job of provisioning takes longer in the arms of [`many_arms`], as shares of the life of the first arm.
const SHIFTS: [f64; 4] = [0.0, 0.01, 0.05, 0.2];

/// A profile of AAP in which one step of the provisioning spreads, and only one: the arms of a block draw the same for the same
/// step, so that arms that differ in which it is have luck of their own.
fn profile(setup: &str, wrapup: &str) -> String {
    format!(
        "
aap:
  request_latency: {{fixed: 20ms}}
  commit_delay: {{fixed: 300ms}}
  worker_start: {{fixed: 700ms}}
  cancel_latency: {{fixed: 4s}}
  allow_simultaneous: true
eda:
  webhook_latency: {{fixed: 5ms}}
  handoff: {{fixed: 35ms}}
  strategy: parallel
  max_actions: 0
playbooks:
  create: {{setup: {setup}, wrapup: {wrapup}, teardown: {{fixed: 0s}}}}
  delete: {{setup: {{fixed: 1s}}, stop: {{fixed: 1s}}, wrapup: {{fixed: 1s}}, teardown: {{fixed: 0s}}}}
kubevirt:
  boot: {{fixed: 0s}}
"
    )
}

/// An experiment whose baseline spreads in the first step and whose other arms spread as much in the last, where each of them
/// takes longer by its share of `life_s`.
fn many_arms(folder: &Path, life_s: f64, shifts: &[f64], blocks: u32) -> String {
    let spread = |mean_s: f64| format!("{{lognormal: {{mean: {mean_s:.3}s, sd: 2.9s}}}}");
    let mut arms = vec![("now".to_owned(), profile(&spread(60.0), "{fixed: 30s}"))];
    for shift in shifts {
        let longer = profile("{fixed: 60s}", &spread(30.0 + shift * life_s));
        arms.push((format!("longer-{}", shift * 100.0), longer));
    }
    let mut text = format!(
        "name: injected\nblocks: {blocks}\ninstances: 1\nprimary: provision_total\n\
         scenarios: [{{kind: provision-deprovision, hold: 1s}}]\narms:\n"
    );
    for (name, profile) in arms {
        let file = folder.join(format!("{name}.yaml"));
        std::fs::write(&file, profile).expect("written");
        let file = file.display();
        writeln!(text, "  - {{name: {name}, provider: aap, poll_interval: 10m, profile: {file}}}").expect("written");
    }
    text
}

/// Runs an experiment on this thread: operator, cluster and simulated backends.
fn report_of(experiment: &str, seed: u64) -> Report {
    let overrides = Overrides { seed: Some(seed), ..Overrides::default() };
    let experiment = Experiment::from_yaml(experiment, Path::new("injected.yaml"), &overrides).expect("an experiment");
    let mut run = records::run(experiment.blocks(), experiment.instances());
    run.arms = experiment.arms().iter().map(|arm| arm.name().to_owned()).collect();
    run.design = experiment.design().clone();
    let mut report = Report::new(&run);
    let options = RunOptions {
        threads: 1,
        epoch: jiff::Timestamp::UNIX_EPOCH,
        stop: Arc::default(),
        ended: Arc::default(),
        external: None,
    };
    let mut record = |trial: TrialRecord| {
        assert_eq!(trial.problems, Vec::<String>::new());
        report.add(&trial);
        Ok::<(), std::io::Error>(())
    };
    runner::run(&experiment.into(), &options, &mut record).expect("runs");
    report
}

/// The central part of a binomial distribution that a count falls into with a probability of 99.9 %.
fn binomial_bounds(n: u64, p: f64) -> std::ops::RangeInclusive<u64> {
    if p > 0.5 {
        // From the side where the terms don't vanish.
        let other = binomial_bounds(n, 1.0 - p);
        return n - other.end()..=n - other.start();
    }
    let tail = 0.0005;
    let mut mass = (1.0 - p).powf(n as f64);
    let (mut below, mut low, mut high) = (0.0, 0, n);
    for count in 0..=n {
        if below + mass <= tail {
            low = count + 1;
        }
        below += mass;
        if below >= 1.0 - tail {
            high = count;
            break;
        }
        mass *= (n - count) as f64 / (count + 1) as f64 * p / (1.0 - p);
    }
    low..=high
}

#[test]
fn verdicts_of_200_whole_runs_come_as_often_as_announced() {
    let folder = tempfile::tempdir().expect("a folder");
    // The pilot, which knows of no shift: how long a life takes, and how much the differences of its blocks spread.
    let pilot = report_of(&many_arms(folder.path(), 0.0, &[0.0], 100), 987_654_321);
    let pilot = Digest::of(&pilot, &records::run(100, 1));
    let means = |arm: usize| &pilot.arms[arm].metrics["provision_total"].block_means_ns;
    let differences: Vec<f64> = means(0).iter().zip(means(1)).map(|(now, longer)| longer - now).collect();
    let life_ns = means(0).iter().sum::<f64>() / means(0).len() as f64;
    let sd = Pilot::of(&differences).expect("a pilot").sd();

    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let experiment = many_arms(folder.path(), life_ns / 1e9, &SHIFTS, FEW_BLOCKS);
    let of_seed = |seed: u64| {
        let summary = report_of(&experiment, seed).summary();
        let primary = summary.comparisons.iter().filter(|comparison| comparison.primary);
        let verdicts: Vec<Verdict> = primary.map(|comparison| comparison.verdict).collect();
        assert_eq!(verdicts.len(), SHIFTS.len());
        verdicts
    };
    let verdicts: Vec<Vec<Verdict>> = std::thread::scope(|scope| {
        let part =
            |thread: u64| -> Vec<_> { (1..=SEEDS).filter(|seed| seed % threads == thread).map(of_seed).collect() };
        let parts: Vec<_> = (0..threads).map(|thread| scope.spawn(move || part(thread))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("a thread")).collect()
    });

    let mut powers = Vec::new();
    for (place, shift) in SHIFTS.into_iter().enumerate() {
        let count = |wanted: Verdict| verdicts.iter().filter(|all| all[place] == wanted).count() as u64;
        let (slower, faster) = (count(Verdict::Slower), count(Verdict::Faster));
        println!("shift {shift}: {slower} slower, {faster} faster of {SEEDS}");
        if shift == 0.0 {
            let bounds = binomial_bounds(SEEDS, ALPHA);
            assert!(
                bounds.contains(&(slower + faster)),
                "{slower} + {faster} claims without an effect, not {bounds:?}"
            );
            continue;
        }
        let announced = power(shift * life_ns, sd, FEW_BLOCKS as usize, ALPHA).expect("a power");
        println!("  announced {announced:.3}");
        let bounds = binomial_bounds(SEEDS, announced);
        assert!(
            bounds.contains(&slower),
            "{shift}: found in {slower} of {SEEDS}, announced {announced}: not {bounds:?}"
        );
        // The wrong way at most as often as without an effect.
        assert!(faster <= *binomial_bounds(SEEDS, ALPHA / 2.0).end(), "{shift}: {faster} the wrong way");
        powers.push(announced);
    }
    // The shifts are chosen so that the test could fail on either side.
    assert!((0.06..0.3).contains(&powers[0]) && (0.6..0.98).contains(&powers[1]) && powers[2] > 0.999, "{powers:?}");
}

#[test]
fn binomial_bounds_hold_what_they_say() {
    // The quantiles at 0.0005 and 0.9995, from the coefficients in whole numbers (Python's math.comb).
    assert_eq!(binomial_bounds(200, 0.05), 2..=21);
    assert_eq!(binomial_bounds(200, 0.5), 77..=123);
    assert_eq!((binomial_bounds(200, 0.95), binomial_bounds(200, 1.0)), (179..=198, 200..=200));
}
