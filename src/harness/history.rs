//! Jobs of long ago: the history that an arm's instances have when they arrive (`old_jobs`).
//!
//! They are provision jobs that ended well, a minute apart, long before any run. The operator never asks a backend about a
//! job that is over, so that none of them has to exist there; the harness passes over them by their IDs.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// What the IDs of old jobs begin with; no backend names a job so.
const ID_PREFIX: &str = "old-";

/// When the first of them was launched: 1 January 2026.
const FIRST: Timestamp = Timestamp::constant(1_767_225_600, 0);

/// So many of them as they stand in `status.jobs`, the oldest first.
pub(crate) fn old_jobs(count: u32) -> Vec<Value> {
    (0..count)
        .map(|index| {
            json!({
                "jobID": format!("{ID_PREFIX}{:05}", index + 1),
                "type": "provision",
                "timestamp": (FIRST + SignedDuration::from_mins(index.into())).to_string(),
                "state": "Succeeded",
                "message": "",
                "blockDeletionOnFailure": true,
            })
        })
        .collect()
}

/// Whether a job is one of them.
pub(crate) fn is_old(job_id: &str) -> bool {
    job_id.starts_with(ID_PREFIX)
}
