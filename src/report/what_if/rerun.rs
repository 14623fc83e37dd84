//! What a prediction is held against: arms that were run at the wanted interval.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    record::{RunInfo, TrialRecord},
    report::what_if::{
        ByArm, Instances,
        arms::{PolledArm, polled_arms},
        error::WhatIfError,
        warnings,
    },
};

/// Another run, in which an arm may have been run at the wanted interval.
#[derive(Clone, Debug)]
pub struct Rerun {
    pub(super) arms: Vec<PolledArm>,
    run: RunInfo,
    instances: ByArm<Instances>,
}

impl Rerun {
    /// A run with nothing of its trials yet.
    ///
    /// # Errors
    /// When it does not tell how its arms were set.
    pub(super) fn new(run: &RunInfo, setting: &str, default: Duration) -> Result<Self, WhatIfError> {
        Ok(Self { arms: polled_arms(run, setting, default)?, instances: BTreeMap::new(), run: run.clone() })
    }

    /// Adds a trial; one that was stopped with its run, or that warms up, counts for nothing.
    pub fn add(&mut self, trial: &TrialRecord) {
        warnings::note_problems(&mut self.run, trial);
        if trial.stopped || trial.warmup {
            return;
        }
        let key = (trial.key.scenario.to_string(), trial.key.arm.to_string());
        let instances = self.instances.entry(key).or_default();
        for sample in &trial.samples {
            instances.add(sample, sample.deprovision_total());
        }
    }

    /// The instances of an arm that differs from this one in nothing but that it was run at the wanted interval.
    pub(super) fn of(&self, arm: &PolledArm, scenario: &str, wanted: Duration) -> Option<(&str, &Instances)> {
        same_at(&self.arms, &self.instances, arm, scenario, wanted)
    }

    /// What is wrong with it.
    pub(super) fn warnings(&self) -> Vec<String> {
        warnings::of_run(&self.run, "the run that it is held against")
    }

    /// Its arms with their intervals.
    pub(super) fn arms_in_words(&self) -> String {
        let words = self.arms.iter().map(|arm| {
            if arm.is_polled {
                format!("{} at {}", arm.name, arm.interval)
            } else {
                format!("{} (not polled)", arm.name)
            }
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

/// The first of some arms that is like this one, but was run at the wanted interval.
pub(super) fn same_at<'a>(
    arms: impl IntoIterator<Item = &'a PolledArm>,
    instances: &'a ByArm<Instances>,
    arm: &PolledArm,
    scenario: &str,
    wanted: Duration,
) -> Option<(&'a str, &'a Instances)> {
    let same = |other: &&PolledArm| other.identity == arm.identity && other.interval.0 == wanted;
    let other = arms.into_iter().find(same)?;
    Some((&other.name, instances.get(&(scenario.to_owned(), other.name.clone()))?))
}
