//! The history of jobs, and what is asked of it.
//!
//! What is asked for again and again is kept up to date instead of looked for: which job is the latest of its type, and which
//! carries EDA's largest counter. Only when one of those is dropped for its age, or changes, is the history gone through.

use std::{
    borrow::Cow,
    collections::{VecDeque, vec_deque},
};

use compact_str::CompactString;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{EDA_JOB_ID_PREFIX, JobStatus, JobTime, JobType};

/// The jobs of one object, oldest first, newest last.
#[derive(Clone, Debug, Default)]
pub struct JobHistory {
    // A ring, so that dropping the oldest of 10 000 costs the same as of 10.
    jobs: VecDeque<JobStatus>,
    /// Jobs dropped so far. A job's number is this and its place, and stays when older ones go.
    dropped: u64,
    /// The latest provision job and the latest deprovision job.
    latest: [Option<Latest>; 2],
    /// The largest counter in the ID of a job of EDA's, and the number of that job.
    largest_counter: Option<(u64, u64)>,
}

/// The latest job of a type: its number and its time.
#[derive(Clone, Copy, Debug)]
struct Latest {
    number: u64,
    timestamp: JobTime,
}

const fn slot(job_type: JobType) -> usize {
    match job_type {
        JobType::Provision => 0,
        JobType::Deprovision => 1,
    }
}

impl JobHistory {
    /// An empty history.
    #[must_use]
    pub const fn new() -> Self {
        Self { jobs: VecDeque::new(), dropped: 0, latest: [None; 2], largest_counter: None }
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
    pub fn iter(&self) -> vec_deque::Iter<'_, JobStatus> {
        self.jobs.iter()
    }

    fn numbered(&self, number: u64) -> Option<&JobStatus> {
        self.jobs.get(usize::try_from(number.wrapping_sub(self.dropped)).ok()?)
    }

    /// The job of a type with the latest timestamp, wherever in the array it stands; of several with that timestamp, the
    /// one that was appended last.
    #[must_use]
    pub fn find_latest_job_by_type(&self, job_type: JobType) -> Option<&JobStatus> {
        self.numbered(self.latest[slot(job_type)]?.number)
    }

    /// The job with an ID; should an ID occur twice, the newest.
    #[inline]
    #[must_use]
    pub fn find_job_by_id(&self, job_id: &str) -> Option<&JobStatus> {
        // Nearly always the newest is asked for.
        let newest = self.jobs.back()?;
        if is_same(newest.job_id.as_bytes(), job_id.as_bytes()) { Some(newest) } else { self.search(job_id) }
    }

    #[inline(never)]
    fn search(&self, job_id: &str) -> Option<&JobStatus> {
        let (front, back) = self.jobs.as_slices();
        find_newest(back, job_id).or_else(|| find_newest(front, job_id))
    }

    /// Appends a job and keeps the newest `max_history` (at least one).
    pub fn append_job(&mut self, job: JobStatus, max_history: usize) {
        let keep = max_history.max(1);
        let mut dropped_one_in_use = false;
        while self.jobs.len() >= keep {
            self.jobs.pop_front();
            let is_gone = |number: u64| number == self.dropped;
            dropped_one_in_use |= self.latest.iter().flatten().any(|latest| is_gone(latest.number))
                || self.largest_counter.is_some_and(|(_, number)| is_gone(number));
            self.dropped += 1;
        }
        if dropped_one_in_use {
            self.index_all();
        }
        self.index(&job, self.dropped + self.jobs.len() as u64);
        self.jobs.push_back(job);
    }

    /// Replaces the job that has the same ID, in its place. False when there is none: nothing changes then.
    pub fn update_job(&mut self, job: JobStatus) -> bool {
        let id = job.job_id.as_bytes();
        match self.jobs.iter_mut().rev().find(|present| is_same(present.job_id.as_bytes(), id)) {
            Some(present) => {
                let moves = (present.job_type, present.timestamp) != (job.job_type, job.timestamp);
                *present = job;
                if moves {
                    self.index_all();
                }
                true
            }
            None => false,
        }
    }

    /// The ID for the next job that goes to EDA: `eda-webhook-N`, where N is one more than the largest in the history.
    /// Other IDs are ignored.
    #[must_use]
    pub fn generate_eda_job_id(&self) -> CompactString {
        const PREFIX: usize = EDA_JOB_ID_PREFIX.len();
        let largest = self.largest_counter.map_or(0, |(counter, _)| counter);
        let mut rest = largest.saturating_add(1);
        let mut digits = [0_u8; 20];
        let mut start = digits.len();
        while rest > 0 {
            start -= 1;
            digits[start] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        let digits = &digits[start..];
        let mut text = [0_u8; PREFIX + 20];
        text[..PREFIX].copy_from_slice(EDA_JOB_ID_PREFIX.as_bytes());
        text[PREFIX..PREFIX + digits.len()].copy_from_slice(digits);
        CompactString::from_utf8(&text[..PREFIX + digits.len()]).unwrap_or_default()
    }

    /// Takes note of a job and its number, all before it being known.
    #[inline]
    fn index(&mut self, job: &JobStatus, number: u64) {
        let latest = &mut self.latest[slot(job.job_type)];
        if latest.is_none_or(|latest| job.timestamp >= latest.timestamp) {
            *latest = Some(Latest { number, timestamp: job.timestamp });
        }
        if let Some(counter) = eda_counter(job.job_id.as_bytes())
            && self.largest_counter.is_none_or(|(largest, _)| counter >= largest)
        {
            self.largest_counter = Some((counter, number));
        }
    }

    fn index_all(&mut self) {
        self.latest = [None; 2];
        self.largest_counter = None;
        let jobs = std::mem::take(&mut self.jobs);
        for (number, job) in (self.dropped..).zip(&jobs) {
            self.index(job, number);
        }
        self.jobs = jobs;
    }
}

/// Whether two IDs are the same. IDs are short, and differ at their ends where they do: two overlapping words decide without
/// a call.
#[inline]
fn is_same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    if let (Some(one_end), Some(other_end)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        if u64::from_ne_bytes(*one_end) != u64::from_ne_bytes(*other_end) {
            return false;
        }
        if one.len() <= 16 {
            return one.first_chunk::<8>() == other.first_chunk::<8>();
        }
        return one == other;
    }
    if let (Some(one_end), Some(other_end)) = (one.last_chunk::<4>(), other.last_chunk::<4>()) {
        return one_end == other_end && one.first_chunk::<4>() == other.first_chunk::<4>();
    }
    one == other
}

fn find_newest<'a>(jobs: &'a [JobStatus], job_id: &str) -> Option<&'a JobStatus> {
    let wanted = job_id.as_bytes();
    let last = wanted.last();
    jobs.iter().rev().find(|job| {
        let id = job.job_id.as_bytes();
        // Most are told apart by one byte.
        id.last() == last && is_same(id, wanted)
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

/// Histories are the same when their jobs are, whatever was dropped from them.
impl PartialEq for JobHistory {
    fn eq(&self, other: &Self) -> bool {
        self.jobs == other.jobs
    }
}

impl Eq for JobHistory {}

impl FromIterator<JobStatus> for JobHistory {
    fn from_iter<I: IntoIterator<Item = JobStatus>>(jobs: I) -> Self {
        let mut history = Self { jobs: jobs.into_iter().collect(), ..Self::new() };
        history.index_all();
        history
    }
}

impl<'a> IntoIterator for &'a JobHistory {
    type Item = &'a JobStatus;
    type IntoIter = vec_deque::Iter<'a, JobStatus>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Serialize for JobHistory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.jobs.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JobHistory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut history = Self { jobs: VecDeque::deserialize(deserializer)?, ..Self::new() };
        history.index_all();
        Ok(history)
    }
}

impl JsonSchema for JobHistory {
    fn schema_name() -> Cow<'static, str> {
        Vec::<JobStatus>::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<JobStatus>::json_schema(generator)
    }
}
