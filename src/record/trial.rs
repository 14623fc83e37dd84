//! All records of one trial: the unit in which a run is written, read and rendered.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::record::{ClockSkew, Cost, Milestones, Sample, Transition, Truth, Word};

/// Which trial of a run; `block 1, aap, provision-deprovision` in words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TrialKey {
    /// The block, from 1.
    pub block: u32,
    /// The arm's name.
    pub arm: Word,
    /// The scenario's name.
    pub scenario: Word,
}

impl fmt::Display for TrialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "block {}, {}, {}", self.block, self.arm, self.scenario)
    }
}

/// What one trial left. The samples are in the order of the instances, everything else in the order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrialRecord {
    /// Which trial.
    pub key: TrialKey,
    /// Its place in the order in which its block's trials were run, from 1.
    pub position: u32,
    /// The namespace that it ran in.
    pub namespace: Word,
    /// One for each instance that was created.
    pub samples: Vec<Sample>,
    /// What operator and backend did for each instance, in the order of the instances; those of which nothing but the sample
    /// is known may be missing.
    pub milestones: Vec<Milestones>,
    /// Every change of a job's state, on every plane.
    pub transitions: Vec<Transition>,
    /// Everything that the backends did.
    pub truth: Vec<Truth>,
    /// Broken invariants, one sentence each.
    pub problems: Vec<String>,
    /// Whether its block is one that only warms up: kept in the journal, left out of everything else.
    pub warmup: bool,
    /// What it cost the operator, where that can be seen.
    pub cost: Option<Cost>,
    /// The offset of the clock that the backend's times are by, where that is another host's.
    pub clock_skew: Option<ClockSkew>,
    /// Whether it ended because the run was to stop: who had not ended by then is censored, and no invariant is asked of it.
    pub stopped: bool,
}
