//! What the operator did for one instance, and when.

use crate::units::Nanos;

/// What a call to a backend was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Launch,
    Poll,
    Cancel,
}

impl Verb {
    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "launch" => Some(Self::Launch),
            "poll" => Some(Self::Poll),
            "cancel" => Some(Self::Cancel),
            _ => None,
        }
    }
}

/// One call to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) verb: Verb,
    pub(crate) of_provision: bool,
    pub(crate) began: Nanos,
    /// `None` while it has no answer.
    pub(crate) ended: Option<Nanos>,
}

/// A write that is under way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Write {
    pub(super) of_status: bool,
    pub(super) phase_running: bool,
    pub(super) began: Nanos,
    pub(super) accepted: bool,
}

/// What the operator did for one instance, each list in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct OperatorMarks {
    /// When its passes began.
    pub(crate) passes: Vec<Nanos>,
    pub(crate) calls: Vec<Call>,
    /// When it first set out to write phase Running.
    pub(crate) running_known: Option<Nanos>,
    /// When the server first had phase Running.
    pub(crate) running_written: Option<Nanos>,
    /// The last write of the status that the server took: when it began and ended.
    pub(crate) status_written: Option<(Nanos, Nanos)>,
    /// When the last write of the finalizers that the server took ended.
    pub(crate) finalizers_written: Option<Nanos>,
}

impl OperatorMarks {
    pub(super) fn wrote(&mut self, write: Write, ended: Nanos) {
        if !write.accepted {
            return;
        }
        if !write.of_status {
            self.finalizers_written = Some(ended);
            return;
        }
        self.status_written = Some((write.began, ended));
        if write.phase_running {
            self.running_written.get_or_insert(ended);
        }
    }
}
