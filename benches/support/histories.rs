//! Histories of jobs to measure on.

use jiff::Timestamp;
use provbench::api::{JobHistory, JobState, JobStatus, JobTime, JobType};

/// The sizes that are measured.
pub(crate) const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// A job as EDA's are, launched at second `number`.
#[must_use]
pub(crate) fn job(number: usize) -> JobStatus {
    let second = 1_770_854_400 + i64::try_from(number).unwrap_or(0);
    JobStatus {
        job_id: compact_str::format_compact!("eda-webhook-{number}"),
        job_type: if number.is_multiple_of(2) { JobType::Provision } else { JobType::Deprovision },
        timestamp: JobTime::in_seconds(Timestamp::from_second(second).unwrap_or_default()),
        state: JobState::Running,
        message: Box::default(),
        block_deletion_on_failure: false,
    }
}

/// A history of that many jobs, oldest first.
#[must_use]
pub(crate) fn history(size: usize) -> JobHistory {
    (1..=size).map(job).collect()
}
