//! The named instants of one instance's two operations, as far as each plane saw them.
//!
//! A sample has the milestones that a user sees; here are those of the operator and of the backend. What is missing as a whole
//! (`operator`, `backend`) was not visible; what is missing within one of them did not happen.

use serde::{Deserialize, Serialize};

use crate::units::{InstanceId, Nanos};

/// The milestones of one instance. All times are nanoseconds since the epoch of its trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Milestones {
    /// Which instance.
    pub instance: InstanceId,
    /// When the delete request was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_accepted_ns: Option<Nanos>,
    /// Of its provisioning.
    #[serde(default)]
    pub provision: OperationMilestones,
    /// Of its deprovisioning.
    #[serde(default)]
    pub deprovision: OperationMilestones,
}

impl Milestones {
    /// Of an instance of which nothing but its sample is known.
    #[must_use]
    pub fn hidden(instance: InstanceId) -> Self {
        Self {
            instance,
            delete_accepted_ns: None,
            provision: OperationMilestones::default(),
            deprovision: OperationMilestones::default(),
        }
    }
}

/// The milestones of one operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationMilestones {
    /// What the operator's own trace says; `None` when nobody listened to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<OperatorMilestones>,
    /// What the backend knows; `None` when it does not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<BackendMilestones>,
}

/// What the operator did for one operation, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorMilestones {
    /// When its first pass over the object as it was asked for began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconciled_ns: Option<Nanos>,
    /// Deprovisioning: when it was first answered about the provision job that had to end before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_asked_ns: Option<Nanos>,
    /// Deprovisioning: when it learned that the provision job had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_known_ns: Option<Nanos>,
    /// Deprovisioning: how many answers about that job it had until it knew, the first counted in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_answers: Option<u32>,
    /// When its first attempt to launch a job began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_call_ns: Option<Nanos>,
    /// When the launch began that led to the job that did the work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_ns: Option<Nanos>,
    /// When that launch was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_ns: Option<Nanos>,
    /// Deprovisioning: when it was first answered about the state of that job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_ns: Option<Nanos>,
    /// Deprovisioning: how many answers about that job it had until it knew, the first counted in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<u32>,
    /// When it learned that the work was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_ns: Option<Nanos>,
    /// When the status that says so was on the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_ns: Option<Nanos>,
    /// Deprovisioning: when its finalizer was off the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_ns: Option<Nanos>,
}

/// What the backend did for one operation, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendMilestones {
    /// Deprovisioning: when the provision job that was under way had ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_ns: Option<Nanos>,
    /// When the event of the job arrived; none where jobs are launched directly.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_ns: Option<Nanos>,
    /// When the job was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_ns: Option<Nanos>,
    /// When the job began to wait for a worker; not every job does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_ns: Option<Nanos>,
    /// When the job began to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_ns: Option<Nanos>,
    /// When its work showed on the object: the version that it annotated, the finalizer that it removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect_ns: Option<Nanos>,
    /// When the job had ended, where its end is what the operator waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ns: Option<Nanos>,
}
