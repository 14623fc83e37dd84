//! What was asked of a run, and the answer: what gates, `compare` and `baseline check` have in common.

use serde::Serialize;

/// The answer to something that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckOutcome {
    /// As it should be.
    Passed,
    /// Not as it should be.
    Failed,
    /// The records don't tell.
    Inconclusive,
}

impl CheckOutcome {
    /// The word in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Something that was asked, with its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What was asked: `aap not slower than eda on total (margin 2 %)`.
    pub name: String,
    /// Where: the scenario.
    pub scenario: String,
    /// The answer.
    pub outcome: CheckOutcome,
    /// The verdict behind it; null for a limit.
    pub verdict: Option<&'static str>,
    /// The p-value of what is claimed; null when nothing is.
    pub p_value: Option<f64>,
    /// The same after Holm's adjustment for all that was asked.
    pub p_adjusted: Option<f64>,
    /// The answer in a sentence, with the figures.
    pub message: String,
}

/// The answer to all of it: failed if any failed, else inconclusive if any is.
#[must_use]
pub fn overall(checks: &[Check]) -> CheckOutcome {
    let any = |outcome| checks.iter().any(|check| check.outcome == outcome);
    if any(CheckOutcome::Failed) {
        CheckOutcome::Failed
    } else if any(CheckOutcome::Inconclusive) {
        CheckOutcome::Inconclusive
    } else {
        CheckOutcome::Passed
    }
}
