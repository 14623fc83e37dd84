//! Jobs as `status.jobs[]` records them, and the rules of their history.
//!
//! The history is oldest first and capped. Its timestamps have a resolution of seconds on the wire, so that two jobs can
//! carry the same one: the tie goes to the job that was appended last.

mod history;

use std::{fmt, time::Duration};

use compact_str::CompactString;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

pub use self::history::JobHistory;

/// What a job is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobType {
    /// It makes the VM.
    Provision,
    /// It removes the VM.
    Deprovision,
}

impl JobType {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Deprovision => "deprovision",
        }
    }
}

impl fmt::Display for JobType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a job stands. Flow: Pending → Waiting → Running → one of the terminal states Succeeded, Failed, Canceled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum JobState {
    /// The backend has it, and has not looked at it yet.
    Pending,
    /// It has a place and waits for a worker.
    Waiting,
    /// It runs.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended badly.
    Failed,
    /// It was stopped.
    Canceled,
    /// The backend says something that this operator does not know. NOT terminal.
    #[serde(other)]
    Unknown,
}

impl JobState {
    /// Every state, in the order of a job's life.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::Waiting, Self::Running, Self::Succeeded, Self::Failed, Self::Canceled, Self::Unknown];

    /// Whether the job has ended. Unknown has not.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Waiting => "Waiting",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
            Self::Unknown => "Unknown",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A job's timestamp: RFC 3339 on the wire, nanoseconds since 1970 in memory (years 1677 to 2262).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobTime(i64);

impl JobTime {
    /// The second that `timestamp` lies in: what Kubernetes' own times can carry.
    #[must_use]
    pub fn in_seconds(timestamp: Timestamp) -> Self {
        Self(timestamp.as_second().saturating_mul(1_000_000_000))
    }

    /// The time in full.
    ///
    /// # Panics
    /// Never: every value lies within the years that a [`Timestamp`] can hold.
    #[must_use]
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.0)).expect("64 bits of nanoseconds fit a timestamp")
    }

    /// How long ago it was at `now`; zero where it lies ahead.
    #[must_use]
    pub fn age(self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.timestamp())).unwrap_or(Duration::ZERO)
    }
}

impl Serialize for JobTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.timestamp())
    }
}

impl<'de> Deserialize<'de> for JobTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let timestamp = Timestamp::deserialize(deserializer)?;
        i64::try_from(timestamp.as_nanosecond())
            .map(Self)
            .map_err(|_| D::Error::custom(format!("{timestamp} lies outside the years 1677 to 2262")))
    }
}

impl JsonSchema for JobTime {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "JobTime".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date-time" })
    }
}

/// One job, as the status records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobStatus {
    /// The backend's ID of the job: AAP's number, or `eda-webhook-N`.
    #[serde(rename = "jobID")]
    #[schemars(with = "String")]
    pub job_id: CompactString,
    /// What the job is for.
    #[serde(rename = "type")]
    pub job_type: JobType,
    /// When the job was launched.
    pub timestamp: JobTime,
    /// Where the job stands, as the operator last learned it.
    pub state: JobState,
    /// What else the backend or the operator has to say about it.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    #[schemars(with = "String")]
    pub message: Box<str>,
    /// Whether the object must stay when this job fails.
    #[serde(default)]
    pub block_deletion_on_failure: bool,
}

/// What the IDs of jobs that went to EDA start with.
pub const EDA_JOB_ID_PREFIX: &str = "eda-webhook-";

impl JobStatus {
    /// Whether the job was handed to EDA: it has no status to poll.
    #[must_use]
    pub fn is_eda(&self) -> bool {
        self.job_id.starts_with(EDA_JOB_ID_PREFIX)
    }
}

#[cfg(test)]
mod tests;
