//! Jobs as `status.jobs[]` records them, and the rules of their history.
//!
//! The history is oldest first and capped. Its timestamps have a resolution of seconds on the wire, so that two jobs can
//! carry the same one: the tie goes to the job that was appended last.

use std::{collections::VecDeque, fmt, time::Duration};

use compact_str::CompactString;
use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

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

/// The jobs of one object, oldest first, newest last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct JobHistory {
    // A ring, so that dropping the oldest of 10 000 costs the same as of 10.
    #[schemars(with = "Vec<JobStatus>")]
    jobs: VecDeque<JobStatus>,
}

impl JobHistory {
    /// An empty history.
    #[must_use]
    pub const fn new() -> Self {
        Self { jobs: VecDeque::new() }
    }

    /// The number of jobs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.jobs.len()
    }

    /// Whether there is no job at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    /// The jobs, oldest first.
    #[must_use]
    pub fn iter(&self) -> std::collections::vec_deque::Iter<'_, JobStatus> {
        self.jobs.iter()
    }

    /// The job of a type with the latest timestamp, wherever in the array it stands; of several with that timestamp, the
    /// one that was appended last.
    #[must_use]
    pub fn find_latest_job_by_type(&self, job_type: JobType) -> Option<&JobStatus> {
        let (front, back) = self.jobs.as_slices();
        latest_in(back, job_type, latest_in(front, job_type, None))
    }

    /// The job with an ID; should an ID occur twice, the newest.
    #[must_use]
    pub fn find_job_by_id(&self, job_id: &str) -> Option<&JobStatus> {
        // Nearly always the newest is asked for.
        let (front, back) = self.jobs.as_slices();
        find_newest(back, job_id).or_else(|| find_newest(front, job_id))
    }

    /// Appends a job and keeps the newest `max_history` (at least one).
    pub fn append_job(&mut self, job: JobStatus, max_history: usize) {
        let keep = max_history.max(1);
        while self.jobs.len() >= keep {
            self.jobs.pop_front();
        }
        self.jobs.push_back(job);
    }

    /// Replaces the job that has the same ID, in its place. False when there is none: nothing changes then.
    pub fn update_job(&mut self, job: JobStatus) -> bool {
        match self.jobs.iter_mut().rev().find(|present| present.job_id == job.job_id) {
            Some(present) => {
                *present = job;
                true
            }
            None => false,
        }
    }

    /// The ID for the next job that goes to EDA: `eda-webhook-N`, where N is one more than the largest in the history.
    /// Other IDs are ignored.
    #[must_use]
    pub fn generate_eda_job_id(&self) -> CompactString {
        let (front, back) = self.jobs.as_slices();
        let largest_in = |jobs: &[JobStatus]| {
            jobs.iter().fold(0, |largest, job| eda_counter(job.job_id.as_bytes()).unwrap_or(0).max(largest))
        };
        let largest: u64 = largest_in(front).max(largest_in(back));
        let mut digits = [0_u8; 20];
        let mut start = digits.len();
        let mut rest = largest.saturating_add(1);
        while rest > 0 {
            start -= 1;
            digits[start] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        let mut id = CompactString::const_new(EDA_JOB_ID_PREFIX);
        id.push_str(std::str::from_utf8(&digits[start..]).unwrap_or("1"));
        id
    }
}

/// The latest of `jobs` and `best`, which stands before them: a tie goes to the later in the array.
fn latest_in<'a>(jobs: &'a [JobStatus], job_type: JobType, mut best: Option<&'a JobStatus>) -> Option<&'a JobStatus> {
    let mut latest = best.map_or(JobTime(i64::MIN), |job| job.timestamp);
    for job in jobs {
        if job.job_type == job_type && job.timestamp >= latest {
            latest = job.timestamp;
            best = Some(job);
        }
    }
    best
}

fn find_newest<'a>(jobs: &'a [JobStatus], job_id: &str) -> Option<&'a JobStatus> {
    let wanted = job_id.as_bytes();
    jobs.iter().rev().find(|job| {
        let id = job.job_id.as_bytes();
        // IDs differ at their end, where most of them can be told apart by one byte.
        id.len() == wanted.len() && id.last() == wanted.last() && id == wanted
    })
}

/// N of `eda-webhook-N`; `None` for any other ID.
fn eda_counter(id: &[u8]) -> Option<u64> {
    let (prefix, digits) = id.split_first_chunk::<{ EDA_JOB_ID_PREFIX.len() }>()?;
    if prefix != EDA_JOB_ID_PREFIX.as_bytes() || digits.is_empty() {
        return None;
    }
    let mut number = 0_u64;
    if digits.len() < 20 {
        // So many digits can't overflow: no check for each.
        for byte in digits {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number = number * 10 + u64::from(digit);
        }
        return Some(number);
    }
    let all_digits = digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| all_digits)?.parse().ok()
}

impl FromIterator<JobStatus> for JobHistory {
    fn from_iter<I: IntoIterator<Item = JobStatus>>(jobs: I) -> Self {
        Self { jobs: jobs.into_iter().collect() }
    }
}

impl<'a> IntoIterator for &'a JobHistory {
    type Item = &'a JobStatus;
    type IntoIter = std::collections::vec_deque::Iter<'a, JobStatus>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
#[path = "job_types_tests.rs"]
mod tests;
