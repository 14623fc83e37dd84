//! What an older operator left in the status: one job of each type in a field of its own, instead of `jobs[]`.

use compact_str::CompactString;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{
    compute_instance::ComputeInstanceStatus,
    job_types::{JobState, JobStatus, JobTime, JobType},
};

/// A job in the single field of an older operator. Every field may be missing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LegacyJob {
    /// The backend's ID; some versions called it `id`.
    #[serde(rename = "jobID", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub job_id: Option<CompactString>,
    /// The backend's ID under its other name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub id: Option<CompactString>,
    /// When it was launched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "JobTime")]
    pub timestamp: Option<JobTime>,
    /// Where it stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub state: Option<JobState>,
    /// What was said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub message: Option<Box<str>>,
    /// Whether the object had to stay when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "bool")]
    pub block_deletion_on_failure: Option<bool>,
}

impl LegacyJob {
    fn into_job(self, job_type: JobType, otherwise: Timestamp) -> JobStatus {
        JobStatus {
            // A job without an ID was never launched, or its answer was lost; it must still not vanish from the record.
            job_id: self
                .job_id
                .or(self.id)
                .filter(|id| !id.is_empty())
                .unwrap_or_else(|| compact_str::format_compact!("legacy-{job_type}")),
            job_type,
            timestamp: self.timestamp.unwrap_or(JobTime::in_seconds(otherwise)),
            state: self.state.unwrap_or(JobState::Unknown),
            message: self.message.unwrap_or_default(),
            block_deletion_on_failure: self.block_deletion_on_failure.unwrap_or(false),
        }
    }
}

/// Moves the single fields into `jobs`, provision before deprovision, and says whether there was anything to move.
///
/// A job whose ID is in the history already is not repeated. The history may end up above its cap: nothing is lost
/// here; the next job that is appended cuts it. `created` stands in for a timestamp that was not recorded.
pub fn carry_over(status: &mut ComputeInstanceStatus, created: Timestamp) -> bool {
    let fields =
        [(JobType::Provision, status.provision_job.take()), (JobType::Deprovision, status.deprovision_job.take())];
    let carried = fields.iter().any(|(_, field)| field.is_some());
    for (job_type, field) in fields {
        let Some(job) = field.map(|field| field.into_job(job_type, created)) else { continue };
        if status.jobs.find_job_by_id(&job.job_id).is_none() {
            status.jobs.append_job(job, usize::MAX);
        }
    }
    carried
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created() -> Timestamp {
        "2026-01-01T00:00:00Z".parse().expect("a timestamp")
    }

    fn carried(status: serde_json::Value) -> ComputeInstanceStatus {
        let mut status: ComputeInstanceStatus = serde_json::from_value(status).expect("a status");
        assert!(carry_over(&mut status, created()));
        assert_eq!((&status.provision_job, &status.deprovision_job), (&None, &None));
        status
    }

    #[test]
    fn both_single_fields_are_carried_into_the_history_with_everything_they_say() {
        let status = carried(serde_json::json!({
            "provisionJob": {"jobID": "7", "state": "Succeeded", "message": "fine", "timestamp": "2026-01-02T00:00:00Z"},
            "deprovisionJob": {"id": "8", "state": "Running", "blockDeletionOnFailure": true},
        }));
        let jobs: Vec<_> = status.jobs.iter().collect();
        assert_eq!(jobs.len(), 2);
        assert_eq!(
            (jobs[0].job_id.as_str(), jobs[0].job_type, jobs[0].state),
            ("7", JobType::Provision, JobState::Succeeded)
        );
        assert_eq!(
            (&*jobs[0].message, jobs[0].timestamp.timestamp().to_string().as_str()),
            ("fine", "2026-01-02T00:00:00Z")
        );
        assert_eq!(
            (jobs[1].job_id.as_str(), jobs[1].job_type, jobs[1].state),
            ("8", JobType::Deprovision, JobState::Running)
        );
        assert!(jobs[1].block_deletion_on_failure);
        assert_eq!(jobs[1].timestamp, JobTime::in_seconds(created()));
    }

    #[test]
    fn a_job_that_is_in_the_history_already_is_not_repeated() {
        let status = carried(serde_json::json!({
            "jobs": [{"jobID": "7", "type": "provision", "timestamp": "2026-01-02T00:00:00Z", "state": "Succeeded"}],
            "provisionJob": {"jobID": "7", "state": "Running"},
        }));
        assert_eq!(status.jobs.len(), 1);
    }

    #[test]
    fn a_job_without_an_id_does_not_vanish() {
        let status =
            carried(serde_json::json!({"provisionJob": {"jobID": "", "state": "Failed", "message": "no answer"}}));
        let job = status.jobs.find_job_by_id("legacy-provision").expect("the job");
        assert_eq!((job.state, &*job.message), (JobState::Failed, "no answer"));
    }

    #[test]
    fn a_status_without_the_fields_is_left_alone() {
        assert!(!carry_over(&mut ComputeInstanceStatus::default(), created()));
    }
}
