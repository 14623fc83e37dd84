//! What a run would have measured at another poll interval of AAP's job states, predicted from its records.
//!
//! Flow: [`WhatIf::add`] each trial of the run; each arm of the answer then has its totals as they were measured, as they are
//! predicted and, where the same arm was run at that interval (in this run or another), as they were measured there.
//!
//! What a prediction rests on:
//! - An AAP job's end is learned of by a poll alone. The first poll of a job follows its launch (or the request to cancel it), each
//!   other one the interval after the answer to the one before: `polls` counts forward to the first that could know.
//! - A poll tells the state at the time when it was sent. What an answer takes beyond the interval is taken from the record of
//!   the same job.
//! - Everything after that moves with it and takes as long as it took, the load of the polls themselves aside. Where a backend
//!   has so little room that jobs wait for each other and launches move, `queue` replays the trial; what can't be replayed is
//!   refused.
//! - Provisioning ends with the playbook's annotation, an event: polls are not on its way. Nor are they with EDA.
//! - A delete comes when it came. In a scenario that deletes at a state as the watch shows it, polls decide when that is.
//! - Who failed or was cut off has no total. Who did not is a selection, and the answer's warnings say so.

mod answer;
mod arms;
mod error;
mod polls;
mod queue;
mod rerun;
mod table;
mod trial;
mod warnings;

use std::{collections::BTreeMap, time::Duration};

pub use self::{
    answer::{Answer, Numbers, PredictedArm, PredictedMetric},
    error::WhatIfError,
    rerun::Rerun,
    table::what_if_table,
};
use crate::{
    record::{RunInfo, Sample, TrialRecord},
    report::{
        Outcomes,
        metric::Metric,
        verdict::conditions,
        what_if::{
            arms::{PolledArm, deleting_at_a_state, polled_arms},
            polls::Interval,
            rerun::same_at,
            trial::{Asked, Predicted},
        },
    },
    units::{GoDuration, Nanos},
};

/// How far the mean time of a replayed queue may be off what was measured, as a share.
const REPLAY_OFF_MAX: f64 = 0.02;

/// The instances of one arm in one scenario.
#[derive(Clone, Debug, Default)]
struct Instances {
    /// In nanoseconds and in the order of [`Metric::TOTALS`].
    totals: [Vec<u64>; 3],
    outcomes: Outcomes,
}

impl Instances {
    fn add(&mut self, sample: &Sample, deprovision: Option<Nanos>) {
        self.outcomes.count(sample.outcome);
        let provision = sample.provision_total();
        let both = provision.zip(deprovision).map(|(a, b)| Nanos::new(a.get().saturating_add(b.get())));
        for (values, total) in self.totals.iter_mut().zip([provision, deprovision, both]) {
            values.extend(total.map(Nanos::get));
        }
    }
}

/// By scenario and arm.
type ByArm<T> = BTreeMap<(String, String), T>;

/// A prediction as it comes about.
#[derive(Clone, Debug)]
pub struct WhatIf {
    wanted: Duration,
    run: RunInfo,
    deleting_at_a_state: Vec<String>,
    arms: Vec<PolledArm>,
    measured: ByArm<Instances>,
    predicted: ByArm<Instances>,
    /// What is predicted in other courses that the run may take, where a queue was replayed.
    courses: ByArm<Vec<Instances>>,
    /// Of queues that were replayed: what was measured, and what the replay makes of that.
    replays_ns: ByArm<(u64, u64)>,
    rerun: Option<Rerun>,
}

impl WhatIf {
    /// A prediction of a run at a poll interval; `setting` is the name of the operator's setting, `default` its value where an
    /// arm does not set it.
    ///
    /// # Errors
    /// When the run does not tell how its arms were set.
    pub fn new(run: &RunInfo, wanted: Duration, setting: &str, default: Duration) -> Result<Self, WhatIfError> {
        Ok(Self {
            wanted,
            run: run.clone(),
            deleting_at_a_state: deleting_at_a_state(run),
            arms: polled_arms(run, setting, default)?,
            measured: BTreeMap::new(),
            predicted: BTreeMap::new(),
            courses: BTreeMap::new(),
            replays_ns: BTreeMap::new(),
            rerun: None,
        })
    }

    /// Adds a trial of the run; one that was stopped with it, or that warms up, counts for nothing.
    ///
    /// # Errors
    /// When the trial lacks what a prediction needs, its polls did not come as they are set, or what they decide can't be told.
    pub fn add(&mut self, trial: &TrialRecord) -> Result<(), WhatIfError> {
        warnings::note_problems(&mut self.run, trial);
        if trial.stopped || trial.warmup {
            return Ok(());
        }
        let key = (trial.key.scenario.to_string(), trial.key.arm.to_string());
        let unknown = || WhatIfError::Settings { arm: key.1.clone(), missing: "it is in the journal only".to_owned() };
        let arm = self.arms.iter().find(|arm| arm.name == key.1).ok_or_else(unknown)?;
        let interval = Interval { current: arm.interval.0.into(), wanted: self.wanted.into() };
        let deletes_at_a_state = self.deleting_at_a_state.contains(&key.0);
        let found = Asked { trial, arm, interval, deletes_at_a_state }.predict()?;
        self.add_courses(&key, trial, &found);
        let measured = self.measured.entry(key.clone()).or_default();
        let predicted = self.predicted.entry(key.clone()).or_default();
        for (sample, deprovision) in trial.samples.iter().zip(&found.deprovisions) {
            measured.add(sample, sample.deprovision_total());
            predicted.add(sample, *deprovision);
        }
        if let Some((recorded, replayed)) = found.replay_ns {
            let sums = self.replays_ns.entry(key).or_default();
            *sums = (sums.0.saturating_add(recorded), sums.1.saturating_add(replayed));
        }
        Ok(())
    }

    /// Adds a trial to the other courses of the run; must come before it is added to the predicted one.
    fn add_courses(&mut self, key: &(String, String), trial: &TrialRecord, found: &Predicted) {
        if found.courses.is_empty() && !self.courses.contains_key(key) {
            return;
        }
        let before = self.predicted.get(key).cloned().unwrap_or_default();
        let courses = self.courses.entry(key.clone()).or_insert_with(|| vec![before; found.courses.len()]);
        for (place, course) in courses.iter_mut().enumerate() {
            // A trial in which no launch moves takes the same course always.
            let deprovisions = found.courses.get(place).unwrap_or(&found.deprovisions);
            for (sample, deprovision) in trial.samples.iter().zip(deprovisions) {
                course.add(sample, *deprovision);
            }
        }
    }

    /// Whether no trial was added that counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.measured.is_empty()
    }

    /// Begins to take in another run, in which the same arms may have been run at the wanted interval.
    ///
    /// # Errors
    /// When it is not comparable, or does not tell how its arms were set.
    pub fn rerun(&self, run: &RunInfo, setting: &str, default: Duration) -> Result<Rerun, WhatIfError> {
        conditions::comparable(&self.run, run).map_err(WhatIfError::Unlike)?;
        Rerun::new(run, setting, default)
    }

    /// Holds the prediction against another run whose trials were added; comes after those of the run itself.
    ///
    /// # Errors
    /// When no arm was run at the wanted interval there.
    pub fn against(&mut self, rerun: Rerun) -> Result<(), WhatIfError> {
        let was_run = |(scenario, name): &(String, String)| {
            let arm = self.arms.iter().find(|arm| arm.name == *name);
            arm.is_some_and(|arm| rerun.of(arm, scenario, self.wanted).is_some())
        };
        if !self.measured.keys().any(was_run) {
            return Err(WhatIfError::NoRerun { wanted: GoDuration(self.wanted), has: rerun.arms_in_words() });
        }
        self.rerun = Some(rerun);
        Ok(())
    }

    /// The answer.
    ///
    /// # Errors
    /// When a queue that was replayed did not go in the run as the replay says.
    pub fn answer(&self) -> Result<Answer, WhatIfError> {
        let mut arms = Vec::new();
        for ((scenario, name), measured) in &self.measured {
            let Some(arm) = self.arms.iter().find(|arm| arm.name == *name) else { continue };
            let key = (scenario.clone(), name.clone());
            self.ensure_replays_hold(&key)?;
            let predicted = &self.predicted[&key];
            let rerun = self.rerun_of(arm, scenario);
            let mut metrics = Vec::new();
            for (place, metric) in Metric::TOTALS.into_iter().enumerate() {
                let of = |instances: &Instances| Numbers::of(&instances.totals[place]);
                let Some((measured, predicted)) = of(measured).zip(of(predicted)) else { continue };
                let courses: Vec<Numbers> = self.courses.get(&key).into_iter().flatten().filter_map(of).collect();
                let (predicted, uncertain) = predicted.as_far_as_known(&courses);
                if uncertain.contains(&"mean_ns") {
                    return Err(WhatIfError::QueueByChance { arm: key.1, scenario: key.0, metric });
                }
                let rerun = rerun.and_then(|(_, instances)| of(instances));
                metrics.push(PredictedMetric { metric, measured, predicted, uncertain, rerun });
            }
            arms.push(PredictedArm {
                scenario: scenario.clone(),
                arm: name.clone(),
                poll_interval: arm.interval,
                is_polled: arm.is_polled,
                outcomes: measured.outcomes,
                queue_replayed: self.replays_ns.contains_key(&key),
                rerun_arm: rerun.map(|(name, _)| name.to_owned()),
                metrics,
            });
        }
        // In the order of the run, not of the alphabet.
        let scenario = |arm: &PredictedArm| self.run.scenarios.iter().position(|known| *known == arm.scenario);
        let place = |arm: &PredictedArm| self.arms.iter().position(|known| known.name == arm.arm);
        arms.sort_by_key(|arm| (scenario(arm), place(arm)));
        Ok(Answer {
            poll_interval: GoDuration(self.wanted),
            clock: self.run.clock,
            warnings: self.all_warnings(&arms),
            assumptions: warnings::assumptions(arms.iter().any(|arm| arm.queue_replayed)),
            arms,
        })
    }

    fn all_warnings(&self, arms: &[PredictedArm]) -> Vec<String> {
        let mut all = warnings::of_run(&self.run, "the run");
        if let Some(rerun) = &self.rerun {
            all.extend(rerun.warnings());
        }
        for arm in arms {
            all.extend(warnings::of_outcomes(arm));
            all.extend(warnings::of_what_is_uncertain(arm));
            let moves = arm.is_polled && arm.poll_interval.0 != self.wanted;
            if moves && !arm.has_deprovisioned() {
                all.push(warnings::of_nothing_deprovisioned(arm));
            }
            if moves && self.deleting_at_a_state.contains(&arm.scenario) {
                all.push(warnings::of_deletes_at_a_state(arm));
            }
        }
        all
    }

    fn ensure_replays_hold(&self, key: &(String, String)) -> Result<(), WhatIfError> {
        let Some((recorded, replayed)) = self.replays_ns.get(key) else { return Ok(()) };
        let off = *replayed as f64 / (*recorded).max(1) as f64 - 1.0;
        if off.abs() <= REPLAY_OFF_MAX {
            return Ok(());
        }
        let (scenario, arm) = key.clone();
        Err(WhatIfError::QueueUnlike { arm, scenario, off_percent: 100.0 * off })
    }

    /// The instances of an arm that differs from this one in nothing but that it was run at the wanted interval, in the other
    /// run if that has it, or else in this one.
    fn rerun_of(&self, arm: &PolledArm, scenario: &str) -> Option<(&str, &Instances)> {
        let elsewhere = self.rerun.as_ref().and_then(|rerun| rerun.of(arm, scenario, self.wanted));
        // In its own run an arm is not its own proof.
        let others = || self.arms.iter().filter(|other| other.name != arm.name);
        elsewhere.or_else(|| same_at(others(), &self.measured, arm, scenario, self.wanted))
    }
}
