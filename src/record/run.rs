//! The facts about a run that hold for all its records.

use serde::{Deserialize, Serialize};

use crate::{
    record::{ArmClockSkew, Design},
    units::Seed,
};

/// The version of every file that a run writes; a reader refuses versions that it does not know.
pub const SCHEMA_VERSION: u32 = 1;

/// Which clock the times of a run were read from. Runs of different clocks are never compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockKind {
    /// Simulated time: it passes only while everybody waits, and leaves CPU cost out.
    Virtual,
    /// The machine's time, possibly scaled.
    Real,
}

impl ClockKind {
    /// The word in files and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Virtual => "virtual",
            Self::Real => "real",
        }
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Every planned trial was run.
    Complete,
    /// It was stopped before its plan was done; what was measured is kept.
    Incomplete,
}

/// The machine that ran it, as far as it matters for a figure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInfo {
    /// Operating system, such as `linux`.
    pub os: String,
    /// Processor architecture, such as `x86_64`.
    pub arch: String,
    /// The processor's own name, where the system tells it.
    pub cpu: String,
    /// Processors that the process may use.
    pub cpus: usize,
}

/// `run.json`: what is needed to read the records and to run the same again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// The version of provbench that ran it.
    pub provbench_version: String,
    /// The experiment's name.
    pub experiment: String,
    /// What the experiment is for, in its author's words.
    pub description: String,
    /// The seed of all random draws.
    pub seed: Seed,
    /// Which clock.
    pub clock: ClockKind,
    /// Real seconds for a second of recorded time; 1 in virtual time.
    pub time_scale: f64,
    /// The wall time that time 0 of each trial stands for (RFC 3339).
    pub epoch: String,
    /// Blocks planned, without those that warm up; of a run that ended when it knew enough, those that it took.
    pub blocks: u32,
    /// Instances a trial.
    pub instances: u32,
    /// The arms in the order of the experiment file; the first is the baseline.
    pub arms: Vec<String>,
    /// The scenarios in the order of the experiment file.
    pub scenarios: Vec<String>,
    /// The experiment as resolved: file, profiles, overrides and defaults.
    pub config: serde_json::Value,
    /// The machine.
    pub host: HostInfo,
    /// How it ended.
    pub status: RunStatus,
    /// Broken invariants, one sentence each; a run with any is invalid.
    pub problems: Vec<String>,
    /// What was decided before the first trial.
    #[serde(default)]
    pub design: Design,
    /// The runs that this one was put together from; empty for one that was run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub merged: Vec<MergedRun>,
    /// By arm, how far the clocks of live backends are from ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub clock_skews: Vec<ArmClockSkew>,
}

impl RunInfo {
    /// The number of its last block: those that count, and those that warm up, which every merged run has of its own.
    #[must_use]
    pub fn blocks_in_all(&self) -> u32 {
        let runs = u32::try_from(self.merged.len().max(1)).unwrap_or(u32::MAX);
        self.design.warmup.saturating_mul(runs).saturating_add(self.blocks)
    }
}

/// A run that went into a merged one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergedRun {
    /// Its seed.
    pub seed: Seed,
    /// Its epoch (RFC 3339).
    pub epoch: String,
    /// The version of provbench that ran it.
    pub provbench_version: String,
    /// Its blocks, without those that warm up.
    pub blocks: u32,
    /// What is added to the number of a block of it: its block 1 is block `offset + 1` of the merged run.
    pub offset: u32,
}
