//! How a run is designed: what is left out, when it ends, and what it has to show.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The metrics that arms can be compared and gated on, by their names in files.
pub const COMPARED: [&str; 4] = ["provision_total", "deprovision_total", "total", "operator_cpu"];

/// What is decided about a run before its first trial, so that nothing can be chosen after the numbers were seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Design {
    /// The one metric that the experiment is about, of [`COMPARED`]; every other one is exploratory.
    pub primary: String,
    /// The relative difference of means that does not matter, such as 0.02; without it nothing is `equivalent`.
    pub margin: Option<f64>,
    /// Blocks that are run first, kept in the journal and left out of everything else.
    pub warmup: u32,
    /// When a run that does not have a fixed number of blocks ends.
    pub until: Option<Until>,
    /// The name of the arm that runs the baseline a second time with draws of its own, where there is one.
    pub audit: Option<String>,
    /// What must be shown.
    pub gates: Vec<Gate>,
}

impl Default for Design {
    fn default() -> Self {
        Self { primary: "total".to_owned(), margin: None, warmup: 0, until: None, audit: None, gates: Vec::new() }
    }
}

/// Sequential stopping: after some of the blocks one looks whether the primary metric is known well enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Until {
    /// Enough: half the width of the interval of each arm's difference, relative to the baseline's mean.
    pub half_width: f64,
    /// The end, known well enough or not.
    pub max_blocks: u32,
    /// The block counts at which one looks, ascending; the last is [`Until::max_blocks`].
    pub looks: Vec<u32>,
}

/// What a gate asks of an arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// To take less time than the baseline.
    Faster,
    /// To take more time than the baseline.
    Slower,
    /// Not to differ from the baseline by more than the margin.
    Equivalent,
    /// Not to take longer than the baseline by more than the margin.
    NotSlower,
    /// To have a mean below a limit.
    AtMost,
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::Equivalent => "equivalent",
            Self::NotSlower => "not slower",
            Self::AtMost => "at most",
        })
    }
}

/// A condition that a run has to meet; what it leaves open stands for everything that there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// The metric, of [`COMPARED`].
    pub metric: String,
    /// The arm; `None` for each but the baseline.
    pub arm: Option<String>,
    /// The scenario; `None` for each.
    pub scenario: Option<String>,
    /// What is asked.
    pub require: Requirement,
    /// The relative difference of means that does not matter, such as 0.02.
    pub margin: Option<f64>,
    /// The limit of [`Requirement::AtMost`], in nanoseconds.
    pub at_most_ns: Option<u64>,
}
