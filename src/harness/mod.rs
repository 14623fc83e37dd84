//! The harness: an experiment file becomes a plan, the plan is run trial by trial, each trial leaves a record.
//!
//! Flow: [`experiment`] (parse → typed) → [`plan`] (seeded order) → [`runner`] (which trials, on which threads) →
//! `trial` (one arm × one scenario × N instances: [`load`] creates, `observe` watches, [`target`] is what is measured).
//!
//! **Invariant:** the measurement sees the operator only through the API, the backends' own journal, and the operator's
//! production traces.

pub mod experiment;
mod history;
mod host;
mod invariants;
pub mod load;
mod milestones;
mod observe;
mod operator_trace;
pub mod plan;
pub mod runner;
pub mod target;
mod trial;

pub use experiment::{Experiment, ExperimentError};
pub use host::host_info;
pub use milestones::without_operator;
