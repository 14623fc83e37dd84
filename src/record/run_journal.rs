//! A journal that is read as the one of its run: held against what `run.json` says.
//!
//! Flow: [`RunJournal::open`] compares the head; each trial that is handed out is one of the plan that was not there before; at
//! the end [`RunJournal::lost`] tells what the plan has and the journal does not.
//! Guarantees: with a trial twice, or one that is not of the plan, nothing is missing unnoticed.
//! Assumptions: a run that was stopped may lack any trial, since those that were under way come yet when others were not begun;
//! a merged run has its blocks numbered through, and the seed, clock and epoch of the first run that went into it.

use std::{collections::BTreeSet, io::BufRead};

use crate::record::{
    RunInfo, RunStatus, TrialKey, TrialRecord,
    journal::{Head, JournalError, JournalReader},
};

/// How many trials with too few samples are named.
const NAMED_MAX: usize = 20;

/// Reads the journal of a run trial by trial.
#[derive(Debug)]
pub struct RunJournal<R> {
    reader: JournalReader<R>,
    planned: Planned,
}

impl<R: BufRead> RunJournal<R> {
    /// Opens the journal of a run.
    ///
    /// # Errors
    /// As for [`JournalReader::open`], and when it is of another run.
    pub fn open(input: R, run: &RunInfo) -> Result<Self, JournalError> {
        let reader = JournalReader::open(input)?;
        same_run(reader.head(), &Head::of(run))?;
        Ok(Self { reader, planned: Planned::of(run) })
    }

    /// The next trial, or `None` at the end.
    ///
    /// # Errors
    /// As for [`JournalReader::next_trial`], and when the trial is not of the plan or was there before.
    pub fn next_trial(&mut self) -> Result<Option<TrialRecord>, JournalError> {
        let trial = self.reader.next_trial()?;
        self.took(trial, 0)
    }

    /// The next trial as [`JournalReader::next_trial_into`] gives it.
    ///
    /// # Errors
    /// As for [`JournalReader::next_trial_into`], and when the trial is not of the plan or was there before.
    pub fn next_trial_into(&mut self, offset: u32, lines: &mut Vec<u8>) -> Result<Option<TrialRecord>, JournalError> {
        let trial = self.reader.next_trial_into(offset, lines)?;
        self.took(trial, offset)
    }

    /// What was lost of the trials that were read, a sentence each: call it at the end.
    #[must_use]
    pub fn lost(&self) -> Vec<String> {
        self.planned.lost()
    }

    fn took(&mut self, trial: Option<TrialRecord>, offset: u32) -> Result<Option<TrialRecord>, JournalError> {
        if let Some(trial) = &trial {
            self.planned.take(trial, offset).map_err(|what| self.reader.out_of_place(what))?;
        }
        Ok(trial)
    }
}

/// Refuses the journal of another run.
///
/// # Errors
/// With the first thing that differs.
fn same_run(journal: &Head, run: &Head) -> Result<(), JournalError> {
    let differs = |what, journal: &dyn ToString, run: &dyn ToString| {
        Err(JournalError::OtherRun { what, journal: journal.to_string(), run: run.to_string() })
    };
    if journal.experiment != run.experiment {
        return differs("experiment", &journal.experiment, &run.experiment);
    }
    if journal.seed != run.seed {
        return differs("seed", &journal.seed, &run.seed);
    }
    if journal.clock != run.clock {
        return differs("clock", &journal.clock, &run.clock);
    }
    match (&journal.epoch, &run.epoch) {
        (Some(began), Some(said)) if began != said => differs("epoch", began, said),
        // A journal of before does not tell when it began.
        _ => Ok(()),
    }
}

/// What a run was to have, and what of it was there.
#[derive(Debug)]
struct Planned {
    arms: Vec<String>,
    scenarios: Vec<String>,
    blocks: u32,
    instances: usize,
    is_complete: bool,
    /// Block, and scenario and arm by their places.
    seen: BTreeSet<(u32, usize, usize)>,
    /// Trials with too few samples, in words.
    short: Vec<String>,
    short_left_out: usize,
}

impl Planned {
    fn of(run: &RunInfo) -> Self {
        Self {
            arms: run.arms.clone(),
            scenarios: run.scenarios.clone(),
            blocks: run.blocks_in_all(),
            instances: run.instances as usize,
            is_complete: run.status == RunStatus::Complete,
            seen: BTreeSet::new(),
            short: Vec::new(),
            short_left_out: 0,
        }
    }

    /// Takes note of a trial.
    ///
    /// # Errors
    /// With what is out of place.
    fn take(&mut self, trial: &TrialRecord, offset: u32) -> Result<(), String> {
        let key = TrialKey { block: trial.key.block.saturating_sub(offset), ..trial.key.clone() };
        let arm = self.arms.iter().position(|arm| *arm == key.arm);
        let arm = arm.ok_or_else(|| format!("{key}: the run has no such arm"))?;
        let scenario = self.scenarios.iter().position(|scenario| *scenario == key.scenario);
        let scenario = scenario.ok_or_else(|| format!("{key}: the run has no such scenario"))?;
        if !(1..=self.blocks).contains(&key.block) {
            return Err(format!("{key}: the blocks of the run are 1 to {}", self.blocks));
        }
        if !self.seen.insert((key.block, scenario, arm)) {
            return Err(format!("{key}: the trial is there twice"));
        }
        let found = self.found(trial);
        if found < self.instances {
            if self.short.len() < NAMED_MAX {
                self.short.push(format!(
                    "samples were lost: {key} has {found} of {}: the journal was changed",
                    self.instances
                ));
            } else {
                self.short_left_out += 1;
            }
        } else if trial.samples.len() > self.instances {
            return Err(format!("{key}: {} samples of {} instances", trial.samples.len(), self.instances));
        }
        Ok(())
    }

    /// How many of the instances have a sample.
    fn found(&self, trial: &TrialRecord) -> usize {
        let places = || trial.samples.iter().map(|sample| sample.instance.index() as usize);
        if places().eq(0..self.instances) {
            return self.instances;
        }
        places().filter(|place| *place < self.instances).collect::<BTreeSet<_>>().len()
    }

    fn lost(&self) -> Vec<String> {
        let mut lost = self.short.clone();
        if self.short_left_out > 0 {
            lost.push(format!("samples were lost: and of {} more trials", self.short_left_out));
        }
        if let Some(first) = self.first_missing().filter(|_| self.is_complete) {
            let planned = self.blocks as usize * self.arms.len() * self.scenarios.len();
            lost.push(format!(
                "samples were lost: the journal has {} whole trials of {planned}: it was cut off or changed; the first that is \
                 missing is {first}",
                self.seen.len(),
            ));
        }
        lost
    }

    fn first_missing(&self) -> Option<TrialKey> {
        let places = |block| {
            let scenarios = 0..self.scenarios.len();
            scenarios.flat_map(move |scenario| (0..self.arms.len()).map(move |arm| (block, scenario, arm)))
        };
        let (block, scenario, arm) = (1..=self.blocks).flat_map(places).find(|place| !self.seen.contains(place))?;
        let (arm, scenario) = (self.arms[arm].as_str().into(), self.scenarios[scenario].as_str().into());
        Some(TrialKey { block, arm, scenario })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::record::journal::JournalWriter;

    fn run(changed: Value) -> RunInfo {
        let mut info = json!({
            "schema_version": 1, "provbench_version": "0", "experiment": "x", "description": "", "seed": 7,
            "clock": "virtual", "time_scale": 1.0, "epoch": "2026-02-12T00:00:00Z", "blocks": 2, "instances": 3,
            "arms": ["eda", "aap"], "scenarios": ["life"], "config": {}, "status": "complete", "problems": [],
            "host": {"os": "linux", "arch": "x86_64", "cpu": "", "cpus": 1},
        });
        if let Value::Object(members) = changed {
            info.as_object_mut().expect("a run").extend(members);
        }
        serde_json::from_value(info).expect("a run")
    }

    fn trial(block: u32, arm: &str, instances: &[u32]) -> TrialRecord {
        let sample = |index: &u32| {
            serde_json::from_value(json!({
                "instance": format!("ci-{:04}", index + 1), "outcome": "censored", "intended_ns": 0, "sent_ns": 0,
                "provision_jobs": 0, "deprovision_jobs": 0, "provision_state": "", "orphans": 0,
            }))
            .expect("a sample")
        };
        TrialRecord {
            key: TrialKey { block, arm: arm.into(), scenario: "life".into() },
            position: 1,
            namespace: "ns".into(),
            samples: instances.iter().map(sample).collect(),
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

    /// What the reader of a journal says, which was written with one `run.json` and is read with another.
    fn read(written: &RunInfo, read: &RunInfo, trials: &[TrialRecord]) -> Result<Vec<String>, String> {
        let mut bytes = Vec::new();
        let mut writer = JournalWriter::begin(&mut bytes, written).expect("begun");
        for trial in trials {
            writer.trial(trial).expect("written");
        }
        let mut journal = RunJournal::open(bytes.as_slice(), read).map_err(|error| error.to_string())?;
        while journal.next_trial().map_err(|error| error.to_string())?.is_some() {}
        Ok(journal.lost())
    }

    fn of(run: &RunInfo, trials: &[TrialRecord]) -> Result<Vec<String>, String> {
        read(run, run, trials)
    }

    fn whole(block: u32, arm: &str) -> TrialRecord {
        trial(block, arm, &[0, 1, 2])
    }

    #[test]
    fn a_journal_with_everything_that_was_planned_has_lost_nothing() {
        let trials = [whole(1, "aap"), whole(1, "eda"), whole(2, "eda"), whole(2, "aap")];
        assert_eq!(of(&run(json!({})), &trials), Ok(vec![]));
        // One that was put together from two runs of a block each, which warmed up for one.
        let part = json!({"seed": 7, "epoch": "", "provbench_version": "0", "blocks": 1, "offset": 0});
        let merged = json!({"merged": [part, part], "design": {"warmup": 1}, "blocks": 2});
        let trials: Vec<_> = (1..=4).flat_map(|block| [whole(block, "eda"), whole(block, "aap")]).collect();
        assert_eq!(of(&run(merged), &trials), Ok(vec![]));
    }

    #[test]
    fn what_a_journal_lacks_is_named() {
        let trials = [whole(1, "aap"), trial(1, "eda", &[0, 2]), whole(2, "eda")];
        let lost = of(&run(json!({})), &trials).expect("it can be read");
        assert_eq!(
            lost,
            [
                "samples were lost: block 1, eda, life has 2 of 3: the journal was changed",
                "samples were lost: the journal has 3 whole trials of 4: it was cut off or changed; the first that is missing is \
                 block 2, aap, life",
            ]
        );
        // A run that was stopped may lack trials, but no sample of those that it has.
        let stopped = of(&run(json!({"status": "incomplete"})), &trials).expect("it can be read");
        assert_eq!(stopped, lost[..1]);
        let twice = of(&run(json!({"blocks": 1})), &[whole(1, "aap"), trial(1, "eda", &[0, 2, 2])]).expect("readable");
        assert_eq!(twice, lost[..1], "one that is there twice stands for no other");
    }

    #[test]
    fn a_trial_that_is_not_of_the_plan_is_out_of_place() {
        for (trials, expected) in [
            (vec![whole(1, "aap"), whole(1, "aap")], "block 1, aap, life: the trial is there twice"),
            (vec![whole(1, "gcp")], "block 1, gcp, life: the run has no such arm"),
            (vec![whole(3, "aap")], "block 3, aap, life: the blocks of the run are 1 to 2"),
            (vec![trial(1, "aap", &[0, 1, 2, 2])], "block 1, aap, life: 4 samples of 3 instances"),
        ] {
            let error = of(&run(json!({})), &trials).expect_err(expected);
            assert!(error.contains(expected) && error.contains("is out of place"), "{error}");
        }
        let other = run(json!({"scenarios": ["death"]}));
        let error = of(&other, &[whole(1, "aap")]).expect_err("another scenario");
        assert!(error.contains("block 1, aap, life: the run has no such scenario"), "{error}");
    }

    #[test]
    fn a_journal_of_another_run_is_refused() {
        let real = json!({"clock": "real"});
        let later = json!({"clock": "real", "epoch": "2026-02-13T00:00:00Z"});
        for (written, read_with, expected) in [
            (json!({}), json!({"seed": 8}), "its seed is 7, that of run.json 8"),
            (json!({}), json!({"experiment": "y"}), "its experiment is x, that of run.json y"),
            (json!({}), real.clone(), "its clock is virtual, that of run.json real"),
            (real.clone(), later, "its epoch is 2026-02-12T00:00:00Z, that of run.json 2026-02-13T00:00:00Z"),
        ] {
            let error = read(&run(written), &run(read_with), &[]).expect_err(expected);
            assert!(error.starts_with("the journal is of another run: ") && error.contains(expected), "{error}");
        }
        // Journals of before don't tell when they began.
        let old = br#"{"kind":"run","schema_version":1,"experiment":"x","seed":7,"clock":"real"}"#;
        let journal =
            RunJournal::open([&old[..], b"\n"].concat().as_slice(), &run(real)).map(|journal| journal.lost().len());
        assert_eq!(journal.expect("it can be read"), 1);
    }
}
