//! Everything in a controller that changes.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    job::{JobKind, Status},
    jobs::Jobs,
};
use crate::{record::Word, sim::playbook::Playbook};

/// A controller's jobs, and what its task manager needs to choose among them without looking at each.
pub(super) struct State {
    pub(super) jobs: Jobs,
    /// By the template's place in the catalogue.
    pub(super) queues: Vec<Queue>,
    /// Jobs that are waiting or running and count against the capacity.
    pub(super) active_jobs: usize,
    /// Launched, but not looked at for what must run in front of them.
    pub(super) unprocessed: Vec<u64>,
    /// The project update that is not finished yet.
    pub(super) project_update: Option<u64>,
    /// Whether the task manager will run by itself.
    pub(super) tick_armed: bool,
    /// How often the task manager has hit its limit: the key of what it draws then.
    pub(super) full_runs: u64,
    /// How many jobs of a kind an object has had.
    pub(super) attempts: BTreeMap<(Word, Playbook), u32>,
    /// The names of the labels; a label's id is its place, from 1.
    pub(super) labels: Vec<(String, u64)>,
}

/// The jobs of one template that are not finished.
#[derive(Default)]
pub(super) struct Queue {
    pub(super) pending: BTreeSet<u64>,
    pub(super) active: usize,
}

impl State {
    pub(super) fn new(templates: usize) -> Self {
        Self {
            jobs: Jobs::default(),
            queues: std::iter::repeat_with(Queue::default).take(templates).collect(),
            active_jobs: 0,
            unprocessed: Vec::new(),
            project_update: None,
            tick_armed: false,
            full_runs: 0,
            attempts: BTreeMap::new(),
            labels: Vec::new(),
        }
    }

    /// Whether a job waits for the task manager.
    pub(super) fn has_pending(&self) -> bool {
        self.queues.iter().any(|queue| !queue.pending.is_empty())
    }

    /// Which of an object's jobs of a kind this is, from 0.
    pub(super) fn next_attempt(&mut self, object: &Word, playbook: Playbook) -> u32 {
        let count = self.attempts.entry((object.clone(), playbook)).or_default();
        *count += 1;
        *count - 1
    }

    /// Keeps the queues right when a job of a template leaves one state for another.
    pub(super) fn account(&mut self, id: u64, template: usize, kind: JobKind, from: Status, to: Status) {
        let is_active = |status| matches!(status, Status::Waiting | Status::Running);
        let queue = &mut self.queues[template];
        if from == Status::Pending {
            queue.pending.remove(&id);
        }
        match (is_active(from), is_active(to)) {
            (false, true) => {
                queue.active += 1;
                self.active_jobs += usize::from(kind == JobKind::Job);
            }
            (true, false) => {
                queue.active -= 1;
                self.active_jobs -= usize::from(kind == JobKind::Job);
            }
            _ => {}
        }
    }
}
