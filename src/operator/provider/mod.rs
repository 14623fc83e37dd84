//! Backends of jobs, behind one trait: AAP called directly, and EDA by webhook.
//!
//! Guarantees: a call changes one thing at the backend at most once; it never retries by itself, so that whoever calls
//! decides whether a second attempt could launch a second job.

pub mod aap;
pub mod eda;
mod error;
pub mod http;
#[cfg(all(test, feature = "harness"))]
mod recorder;

use std::time::Duration;

use async_trait::async_trait;
use compact_str::CompactString;

pub use self::error::ProviderError;
use crate::api::{ComputeInstance, JobState, JobType};

/// A job that a backend has taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaunchedJob {
    /// The backend's ID; `None` where it gives none (EDA) and the history counts instead.
    pub job_id: Option<CompactString>,
    /// The state that it starts in.
    pub state: JobState,
    /// What the backend said.
    pub message: String,
    /// Whether the object must stay when a deprovision job of this backend fails.
    pub block_deletion_on_failure: bool,
}

/// What came of a launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Launch {
    /// The backend took it.
    Launched(LaunchedJob),
    /// Nothing was sent: the last request is too recent. Try again after this.
    TooSoon(Duration),
}

/// A job that a backend has, and that the object's history may not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundJob {
    /// The job.
    pub job: LaunchedJob,
    /// The configuration version that it was asked for.
    pub config_version: Option<String>,
}

/// What a backend says about a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// It has it.
    Job {
        /// Where it stands.
        state: JobState,
        /// What there is to say about it; empty for nothing.
        message: String,
    },
    /// It has no such job (any more).
    Purged,
}

/// What came of a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canceled {
    /// The backend will stop the job.
    Requested,
    /// There was nothing to stop: it has ended, or is not there.
    AlreadyEnded,
}

/// A backend of jobs.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Launches a job for an object.
    ///
    /// # Errors
    /// When the backend did not take it. Where the answer was lost, it may have: see [`ProviderError`].
    async fn launch(&self, job_type: JobType, object: &ComputeInstance) -> Result<Launch, ProviderError>;

    /// Looks for jobs that were launched for an object after the latest in its history, oldest first: launches whose answer
    /// or whose record was lost. A backend that keeps no list of its jobs has none to show.
    ///
    /// # Errors
    /// When the backend gave no answer that could be used.
    async fn find(&self, job_type: JobType, object: &ComputeInstance) -> Result<Vec<FoundJob>, ProviderError>;

    /// Asks where a job stands.
    ///
    /// # Errors
    /// When the backend gave no answer that could be used.
    async fn poll(&self, job_type: JobType, job_id: &str) -> Result<Polled, ProviderError>;

    /// Asks that a job be stopped.
    ///
    /// # Errors
    /// When the backend gave no answer that could be used.
    async fn cancel(&self, job_type: JobType, job_id: &str) -> Result<Canceled, ProviderError>;
}
