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
//! - Everything after that moves with it and takes as long as it took. That leaves out what another time of day would change
//!   (a backend's queue), and the load of the polls themselves.
//! - Provisioning ends with the playbook's annotation, an event: polls are not on its way. Nor are they with EDA.
//! - A delete comes when it came. In a scenario that deletes at a state as the watch shows it, polls decide when that is.

mod arms;
mod polls;
mod table;

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

pub use self::table::what_if_table;
use crate::{
    record::{ClockKind, Milestones, RunInfo, Sample, TrialRecord},
    report::{
        ledger::with_milestones,
        metric::Metric,
        what_if::{
            arms::{PolledArm, polled_arms},
            polls::{Interval, Polls},
        },
    },
    stats::summary::SampleSummary,
    units::{GoDuration, Nanos},
};

/// Why nothing can be predicted from a run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhatIfError {
    /// `run.json` does not have the arms' settings.
    #[error("run.json does not tell the settings of arm `{arm}` ({missing}); a run of this version of provbench does")]
    Settings {
        /// The arm.
        arm: String,
        /// What is missing.
        missing: String,
    },
    /// What a prediction starts from is not in the journal.
    #[error(
        "block {block}, {arm}, {instance}: the journal does not tell {missing}; a prediction needs a run of the operator in \
         this process against backends that say what they do"
    )]
    Hidden {
        /// The block, from 1.
        block: u32,
        /// The arm.
        arm: String,
        /// The instance.
        instance: String,
        /// What is missing.
        missing: &'static str,
    },
    /// The operator did not ask as it is known to.
    #[error(
        "block {block}, {arm}, {instance}: the operator asked more often than every {interval}; its polls don't follow the \
         setting, so that another setting can't be predicted"
    )]
    Irregular {
        /// The block, from 1.
        block: u32,
        /// The arm.
        arm: String,
        /// The instance.
        instance: String,
        /// The interval that is set.
        interval: GoDuration,
    },
    /// The runs can't be held against each other.
    #[error("the clock of one run is {ours}, of the other {theirs}; times of the two are never compared")]
    Clocks {
        /// That of the run.
        ours: &'static str,
        /// That of the other.
        theirs: &'static str,
    },
}

/// The totals of one arm in one scenario, in nanoseconds and in the order of [`Metric::TOTALS`].
type Totals = [Vec<u64>; 3];

/// By scenario and arm.
type ByArm = BTreeMap<(String, String), Totals>;

/// A prediction as it comes about.
#[derive(Clone, Debug)]
pub struct WhatIf {
    wanted: Duration,
    clock: ClockKind,
    scenarios: Vec<String>,
    arms: Vec<PolledArm>,
    measured: ByArm,
    predicted: ByArm,
    rerun: Option<(Vec<PolledArm>, ByArm)>,
}

impl WhatIf {
    /// A prediction of a run at a poll interval; `setting` is the name of the operator's setting, `default` its value where an
    /// arm does not set it.
    ///
    /// # Errors
    /// When the run does not tell how its arms were set.
    pub fn new(run: &RunInfo, wanted: Duration, setting: &str, default: Duration) -> Result<Self, WhatIfError> {
        let arms = polled_arms(run, setting, default)?;
        Ok(Self {
            wanted,
            clock: run.clock,
            scenarios: run.scenarios.clone(),
            arms,
            measured: BTreeMap::new(),
            predicted: BTreeMap::new(),
            rerun: None,
        })
    }

    /// Adds a trial of the run.
    ///
    /// # Errors
    /// When the trial lacks what a prediction needs, or its polls did not come as they are set.
    pub fn add(&mut self, trial: &TrialRecord) -> Result<(), WhatIfError> {
        let key = (trial.key.scenario.to_string(), trial.key.arm.to_string());
        let unknown = || WhatIfError::Settings { arm: key.1.clone(), missing: "it is in the journal only".to_owned() };
        let arm = self.arms.iter().find(|arm| arm.name == key.1).ok_or_else(unknown)?;
        let interval = Interval { current: arm.interval.0.into(), wanted: self.wanted.into() };
        let (measured, predicted) =
            (self.measured.entry(key.clone()).or_default(), self.predicted.entry(key.clone()).or_default());
        for (sample, milestones) in with_milestones(trial) {
            let deprovision = match sample.deprovision_total() {
                Some(total) => Some(deprovision(total, &milestones, interval).map_err(|refused| {
                    let (block, arm, instance) = (trial.key.block, key.1.clone(), sample.instance.to_string());
                    match refused {
                        Refused::Hidden(missing) => WhatIfError::Hidden { block, arm, instance, missing },
                        Refused::Irregular => {
                            let interval = self.arms.iter().find(|known| known.name == arm).map(|known| known.interval);
                            WhatIfError::Irregular { block, arm, instance, interval: interval.unwrap_or_default() }
                        }
                    }
                })?),
                None => None,
            };
            push(measured, sample, sample.deprovision_total());
            push(predicted, sample, deprovision);
        }
        Ok(())
    }

    /// Begins to take in another run, in which the same arms were run at the wanted interval.
    ///
    /// # Errors
    /// When it has another clock, or does not tell how its arms were set.
    pub fn against(&mut self, run: &RunInfo, setting: &str, default: Duration) -> Result<(), WhatIfError> {
        if run.clock != self.clock {
            return Err(WhatIfError::Clocks { ours: self.clock.as_str(), theirs: run.clock.as_str() });
        }
        self.rerun = Some((polled_arms(run, setting, default)?, BTreeMap::new()));
        Ok(())
    }

    /// Adds a trial of the other run.
    pub fn add_rerun(&mut self, trial: &TrialRecord) {
        let Some((_, rerun)) = &mut self.rerun else { return };
        let totals = rerun.entry((trial.key.scenario.to_string(), trial.key.arm.to_string())).or_default();
        for sample in &trial.samples {
            push(totals, sample, sample.deprovision_total());
        }
    }

    /// The answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let mut arms = Vec::new();
        for ((scenario, name), measured) in &self.measured {
            let Some(arm) = self.arms.iter().find(|arm| arm.name == *name) else { continue };
            let predicted = &self.predicted[&(scenario.clone(), name.clone())];
            let rerun = self.rerun_of(arm, scenario);
            let metrics = Metric::TOTALS.into_iter().enumerate().filter_map(|(place, metric)| {
                Some(PredictedMetric {
                    metric,
                    measured: Numbers::of(&measured[place])?,
                    predicted: Numbers::of(&predicted[place])?,
                    rerun: rerun.and_then(|(_, totals)| Numbers::of(&totals[place])),
                })
            });
            arms.push(PredictedArm {
                scenario: scenario.clone(),
                arm: name.clone(),
                poll_interval: arm.interval,
                rerun_arm: rerun.map(|(name, _)| name.to_owned()),
                metrics: metrics.collect(),
            });
        }
        // In the order of the run, not of the alphabet.
        let scenario = |arm: &PredictedArm| self.scenarios.iter().position(|known| *known == arm.scenario);
        let place = |arm: &PredictedArm| self.arms.iter().position(|known| known.name == arm.arm);
        arms.sort_by_key(|arm| (scenario(arm), place(arm)));
        Answer { poll_interval: GoDuration(self.wanted), clock: self.clock, arms }
    }

    /// The totals of an arm that differs from this one in nothing but that it was run at the wanted interval.
    fn rerun_of(&self, arm: &PolledArm, scenario: &str) -> Option<(&str, &Totals)> {
        let (arms, totals) = match &self.rerun {
            Some((arms, totals)) => (arms, totals),
            None => (&self.arms, &self.measured),
        };
        let same = |other: &&PolledArm| other.identity == arm.identity && other.interval.0 == self.wanted;
        // In its own run an arm is not its own proof.
        let other = arms.iter().filter(same).find(|other| self.rerun.is_some() || other.name != arm.name)?;
        Some((&other.name, totals.get(&(scenario.to_owned(), other.name.clone()))?))
    }
}

fn push(totals: &mut Totals, sample: &Sample, deprovision: Option<Nanos>) {
    let provision = sample.provision_total();
    let both = provision.zip(deprovision).map(|(a, b)| Nanos::new(a.get().saturating_add(b.get())));
    for (values, total) in totals.iter_mut().zip([provision, deprovision, both]) {
        values.extend(total.map(Nanos::get));
    }
}

/// Why an instance can't be predicted.
enum Refused {
    Hidden(&'static str),
    Irregular,
}

/// The total of a deprovisioning at another interval.
fn deprovision(total: Nanos, milestones: &Milestones, interval: Interval) -> Result<Nanos, Refused> {
    let seen = &milestones.deprovision;
    let operator = seen.operator.as_ref().ok_or(Refused::Hidden("when the operator asked for the state of jobs"))?;
    // A job whose state was never asked for is learned of by an event, as all of EDA's.
    let asked = |first: Option<Nanos>, answers, known: Option<Nanos>, ended: fn(&_) -> Option<Nanos>| {
        let (Some(first), Some(answers), Some(known)) = (first, answers, known) else { return Ok(0) };
        let ended = seen.backend.as_ref().and_then(ended).ok_or(Refused::Hidden("when the job ended"))?;
        let polls = Polls { first, answers, known, ended };
        polls.moved(interval).ok_or(Refused::Irregular)
    };
    let stop =
        asked(operator.stop_asked_ns, operator.stop_answers, operator.stop_known_ns, |backend| backend.stopped_ns)?;
    let job = asked(operator.asked_ns, operator.answers, operator.known_ns, |backend| backend.ended_ns)?;
    let moved = stop.saturating_add(job);
    Ok(Nanos::new(total.get().saturating_add_signed(moved)))
}

/// What a run would have measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The interval that was asked about.
    pub poll_interval: GoDuration,
    /// The clock of all times.
    pub clock: ClockKind,
    /// Each arm in each scenario.
    pub arms: Vec<PredictedArm>,
}

/// One arm in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictedArm {
    /// The scenario.
    pub scenario: String,
    /// The arm.
    pub arm: String,
    /// The interval that it was run at.
    pub poll_interval: GoDuration,
    /// The arm that was run at the interval asked about, and differs from this one in nothing else; null where none was.
    pub rerun_arm: Option<String>,
    /// Its totals.
    pub metrics: Vec<PredictedMetric>,
}

/// One total.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictedMetric {
    /// Which.
    pub metric: Metric,
    /// As measured at the arm's interval.
    pub measured: Numbers,
    /// As predicted.
    pub predicted: Numbers,
    /// As measured at the interval asked about.
    pub rerun: Option<Numbers>,
}

/// A total in numbers; a quantile that `n` is too small for is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Numbers {
    /// Instances that came to the end of it.
    pub n: usize,
    /// The mean, rounded.
    pub mean_ns: u64,
    /// The median (type 7).
    pub p50_ns: Option<u64>,
    /// The 95th percentile (type 7).
    pub p95_ns: Option<u64>,
}

impl Numbers {
    fn of(values: &[u64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let summary = SampleSummary::of_sorted(&sorted)?;
        let given = |quantile: Result<Nanos, _>| quantile.ok().map(Nanos::get);
        Some(Self { n: summary.n, mean_ns: summary.mean.get(), p50_ns: given(summary.p50), p95_ns: given(summary.p95) })
    }
}
