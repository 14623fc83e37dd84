//! One change of a job's state, as one plane saw it.

use serde::{Deserialize, Serialize};

use crate::{
    record::Word,
    units::{InstanceId, Nanos},
};

/// Who saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Plane {
    /// The plan.
    Intended,
    /// The load generator, when its request left.
    Sent,
    /// The watch, as a user sees it.
    Observed,
    /// The operator, by its own trace.
    Operator,
    /// The backend: the truth.
    Backend,
}

impl Plane {
    /// The word in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Sent => "sent",
            Self::Observed => "observed",
            Self::Operator => "operator",
            Self::Backend => "backend",
        }
    }
}

/// One change of a job's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// Whose job.
    pub instance: InstanceId,
    /// The job's ID on this plane: the history's on `observed` and `operator`, the backend's own on `backend`.
    pub job_id: Word,
    /// `provision` or `deprovision`.
    pub job_type: Word,
    /// Who saw it.
    pub plane: Plane,
    /// The state before; empty for a job that was not there before.
    pub from: Word,
    /// The state after.
    pub to: Word,
    /// When, in nanoseconds since the epoch of the trial.
    pub at_ns: Nanos,
}
