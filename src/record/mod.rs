//! What a run leaves behind: the versioned schema of its records.
//!
//! **Invariant:** nothing here knows the operator, the API types or a simulator. States and types of jobs are words, so
//! that another operator with other words can be recorded too.
//!
//! The journal ([`journal`]) holds the truth, a line a fact; every other output is rendered from [`TrialRecord`]s,
//! which are read from it or come straight from the harness.

mod clock_skew;
mod cost;
mod design;
pub mod journal;
mod milestones;
mod run;
mod run_journal;
mod sample;
mod transition;
mod trial;
mod truth;

pub use clock_skew::{ArmClockSkew, ClockSkew};
pub use cost::{Cost, ProcessCost};
pub use design::{COMPARED, Design, Gate, Requirement, Until};
pub use milestones::{BackendMilestones, Milestones, OperationMilestones, OperatorMilestones};
pub use run::{ClockKind, HostInfo, MergedRun, RunInfo, RunStatus, SCHEMA_VERSION};
pub use run_journal::RunJournal;
pub use sample::{Outcome, Sample};
pub use transition::{Plane, Transition};
pub use trial::{TrialKey, TrialRecord};
pub use truth::{Truth, TruthLog};

/// A short word that many records repeat: inline up to 24 bytes.
pub type Word = compact_str::CompactString;
