//! A run reduced to what comparisons with other runs need: the means of its blocks, and where the time goes.
//!
//! It is small enough to be kept in a repository (`provbench baseline save`): twenty bytes a block, arm and metric, and a
//! kilobyte or two of configuration an arm. What came into it later may be missing, so that old baselines can still be read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    record::{ClockKind, RunInfo, SCHEMA_VERSION},
    report::{Report, accumulate::Series, ledger, metric::Metric},
    stats::summary::mean,
};

use super::{
    conditions::Conditions,
    ends::Ends,
    work::{setup_of, work_of},
};

/// The digest of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Digest {
    /// The version of this shape.
    pub schema_version: u32,
    /// The version of provbench that ran it.
    pub provbench_version: String,
    /// The experiment's name.
    pub experiment: String,
    /// Its clock.
    pub clock: ClockKind,
    /// Real seconds for a recorded second.
    pub time_scale: f64,
    /// Its seed.
    pub seed: u64,
    /// Instances a trial.
    pub instances: u32,
    /// The metric that it is about.
    pub primary: String,
    /// The relative difference that does not matter, where the experiment names one.
    pub margin: Option<f64>,
    /// The parts of the resolved configuration that define the work; null in a digest that is too old to tell.
    #[serde(default)]
    pub work: Value,
    /// Its arms in its scenarios.
    pub arms: Vec<ArmDigest>,
}

/// One arm in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmDigest {
    /// The arm.
    pub arm: String,
    /// The scenario.
    pub scenario: String,
    /// How its operator was set up: provider and settings; empty in a digest that is too old to tell.
    #[serde(default)]
    pub setup: Map<String, Value>,
    /// How its instances ended; missing in a digest that is too old to tell.
    #[serde(default)]
    pub ends: Option<Ends>,
    /// What was measured, by the metric's name.
    pub metrics: BTreeMap<String, BlockMeans>,
    /// Where the time goes: mean nanoseconds of the ledger's segments, or of the states of jobs where there is no ledger.
    pub parts_ns: BTreeMap<String, u64>,
}

/// The blocks of one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BlockMeans {
    /// The numbers of the blocks; empty in a digest that is too old to tell.
    #[serde(default)]
    pub blocks: Vec<u32>,
    /// The mean of each block, in nanoseconds, in the order of the blocks.
    pub block_means_ns: Vec<f64>,
    /// Observations that stand in them at their lower bounds.
    pub censored: usize,
}

impl Digest {
    /// The digest of a run.
    #[must_use]
    pub fn of(report: &Report, run: &RunInfo) -> Self {
        let arms = report.series.iter().filter(|(key, _)| !report.is_audit(key.arm)).map(|(key, series)| ArmDigest {
            arm: report.arms[key.arm].clone(),
            scenario: report.scenarios[key.scenario].clone(),
            setup: setup_of(&run.config, &report.arms[key.arm]),
            ends: Some(Ends::of(series)),
            metrics: metrics(series),
            parts_ns: parts(series),
        });
        Self {
            schema_version: SCHEMA_VERSION,
            provbench_version: run.provbench_version.clone(),
            experiment: run.experiment.clone(),
            clock: run.clock,
            time_scale: run.time_scale,
            seed: run.seed.get(),
            instances: run.instances,
            primary: run.design.primary.clone(),
            margin: run.design.margin,
            work: work_of(&run.config),
            arms: arms.collect(),
        }
    }

    /// Why this can't be compared with a digest of an earlier run, if so.
    ///
    /// # Errors
    /// With a sentence: another schema, clock, time scale, experiment, number of instances a trial, or other work in an arm or
    /// a scenario that both have.
    pub fn comparable(&self, earlier: &Self) -> Result<(), String> {
        Conditions::of_digest(self).alike(&Conditions::of_digest(earlier))
    }
}

fn metrics(series: &Series) -> BTreeMap<String, BlockMeans> {
    let compared = Metric::COMPARED.iter().filter_map(|metric| Some((metric, series.metrics.get(metric)?)));
    compared
        .map(|(metric, observations)| {
            let (blocks, block_means_ns) = observations.block_means().unzip();
            (metric.to_string(), BlockMeans { blocks, block_means_ns, censored: observations.bounds().len() })
        })
        .filter(|(_, means)| !means.block_means_ns.is_empty())
        .collect()
}

/// The segments of the ledger, which add up to the totals; of a run without one the states of jobs on every plane.
fn parts(series: &Series) -> BTreeMap<String, u64> {
    let ledger: BTreeMap<String, u64> = ledger::summaries(&series.ledgers)
        .into_iter()
        .flat_map(|operation| {
            let name = operation.operation;
            operation.segments.into_iter().map(move |part| (format!("{name} {}", part.segment), part.mean_ns))
        })
        .collect();
    if !ledger.is_empty() {
        return ledger;
    }
    let states = series.metrics.iter().filter_map(|(metric, observations)| match metric {
        Metric::State { plane, job_type, state } => {
            let mean = mean(observations.values().iter().copied())?;
            Some((format!("{job_type} {state} ({})", plane.as_str()), mean.get()))
        }
        _ => None,
    });
    states.collect()
}
