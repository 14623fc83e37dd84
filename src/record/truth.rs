//! What a simulated backend did, and when: the ground truth that measurements are held against.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::{record::Word, units::Nanos};

/// One thing that a backend did.
///
/// Fields that are empty are left out of the journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Truth {
    /// When, in nanoseconds since the epoch of the trial.
    pub at_ns: Nanos,
    /// Which backend: `aap`, `eda`, `playbook`, `kubevirt`.
    pub source: Word,
    /// What happened, in snake case: `job_state`, `webhook_received`, `launched`, `vm_ready`, ….
    pub event: Word,
    /// The name of the object that it was done for; empty when for none.
    #[serde(default, skip_serializing_if = "Word::is_empty")]
    pub object: Word,
    /// The backend's job; empty when none.
    #[serde(default, skip_serializing_if = "Word::is_empty")]
    pub job_id: Word,
    /// `provision` or `deprovision`; empty when no job.
    #[serde(default, skip_serializing_if = "Word::is_empty")]
    pub job_type: Word,
    /// For `job_state`: the state before, in the words of `JobState`; empty for a new job.
    #[serde(default, skip_serializing_if = "Word::is_empty")]
    pub from: Word,
    /// For `job_state`: the state after.
    #[serde(default, skip_serializing_if = "Word::is_empty")]
    pub to: Word,
    /// What else is worth knowing; usually empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// Where backends write what they do; all clones write into one list, in the order of the calls.
#[derive(Clone, Debug, Default)]
pub struct TruthLog {
    entries: Arc<Mutex<Vec<Truth>>>,
}

impl TruthLog {
    /// Adds an entry.
    pub fn push(&self, truth: Truth) {
        self.entries.lock().push(truth);
    }

    /// Takes out everything written so far.
    #[must_use]
    pub fn drain(&self) -> Vec<Truth> {
        std::mem::take(&mut *self.entries.lock())
    }
}
