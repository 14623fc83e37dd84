//! The segments by name.

use std::fmt;

use serde::{Serialize, Serializer};

/// What an instance goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// From its intended arrival to phase Running.
    Provision,
    /// From its delete to its being gone.
    Deprovision,
}

impl Operation {
    /// Both, in the order of a life.
    pub const ALL: [Self; 2] = [Self::Provision, Self::Deprovision];

    /// The word in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provision => "provision",
            Self::Deprovision => "deprovision",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A part of an operation that one milestone ends, in the order in which they follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Provisioning: until the create request is sent.
    Queueing,
    /// Until the API server has answered the request.
    Admission,
    /// Until the operator's first pass over the object begins.
    Pickup,
    /// Deprovisioning: until the provision job that was under way has ended.
    Stopping,
    /// Until the operator knows that.
    StopDetection,
    /// Until the operator begins to launch a job: finalizer, tenant, intent.
    Preparation,
    /// Until it begins the launch that led to the job that did the work; only where that was not the first.
    EarlierAttempts,
    /// Until the backend has the launch.
    Trigger,
    /// Behind a webhook: until the job is made.
    Handoff,
    /// Until the job's dependencies and capacity are there.
    Pending,
    /// Until a worker has begun it; not every job waits.
    Waiting,
    /// Until the job's work shows on the object.
    Running,
    /// Deprovisioning through AAP: until the job has ended too, since that is what the operator waits for.
    Teardown,
    /// Until the operator knows.
    Detection,
    /// Until the status that says so is on the server.
    Writeback,
    /// Deprovisioning: until the operator's finalizer is off the object.
    Release,
    /// Until the watch shows it.
    Delivery,
}

impl Part {
    const NAMES: [&'static str; 17] = [
        "queueing",
        "admission",
        "pickup",
        "stopping",
        "stop_detection",
        "preparation",
        "earlier_attempts",
        "trigger",
        "handoff",
        "pending",
        "waiting",
        "running",
        "teardown",
        "detection",
        "writeback",
        "release",
        "delivery",
    ];

    const fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// A segment of a ledger: a part of an operation, or several that nobody could tell apart.
///
/// Written as its name: `handoff`; `handoff+pending` where the end of the first was not visible, `pickup+..+detection` where
/// that of several was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Segment {
    pub(super) first: Part,
    pub(super) last: Part,
}

impl Segment {
    /// Its name, where it is one part.
    pub(super) fn whole_name(self) -> Option<&'static str> {
        self.is_whole().then(|| self.first.name())
    }

    /// Whether it is one part, and not several that nobody could tell apart.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.first == self.last
    }

    /// Where it stands among the parts of its operation, from 0, by its first part.
    #[must_use]
    pub fn place(self) -> usize {
        self.first as usize
    }

    /// Whether they share a part.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Both, and what lies between.
    pub(super) fn joined(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.first.name(), self.last.name());
        match self.last as usize - self.first as usize {
            0 => f.write_str(first),
            1 => write!(f, "{first}+{last}"),
            _ => write!(f, "{first}+..+{last}"),
        }
    }
}

impl Serialize for Segment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_names_what_it_joins() {
        let segment = |first, last| Segment { first, last };
        assert_eq!(segment(Part::Handoff, Part::Handoff).to_string(), "handoff");
        assert_eq!(segment(Part::Handoff, Part::Pending).to_string(), "handoff+pending");
        assert_eq!(segment(Part::Pickup, Part::Delivery).to_string(), "pickup+..+delivery");
        assert_eq!(Part::Delivery as usize, Part::NAMES.len() - 1);
    }
}
