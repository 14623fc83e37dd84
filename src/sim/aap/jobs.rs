//! All unified jobs, in the order of their ids.

use super::job::{Job, JobKind};

/// The jobs of a controller; ids count from 1 over all kinds.
#[derive(Default)]
pub(super) struct Jobs {
    jobs: Vec<Job>,
    /// The ids of each [`JobKind`], ascending.
    by_kind: [Vec<u64>; 3],
}

impl Jobs {
    /// The id of the next job.
    pub(super) fn next_id(&self) -> u64 {
        self.jobs.len() as u64 + 1
    }

    /// Adds a job, whose id is [`Jobs::next_id`].
    pub(super) fn push(&mut self, job: Job) {
        debug_assert_eq!(job.id, self.next_id(), "ids have no gaps");
        self.by_kind[job.kind as usize].push(job.id);
        self.jobs.push(job);
    }

    pub(super) fn get(&self, id: u64) -> Option<&Job> {
        self.jobs.get(index(id)?)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Job> {
        self.jobs.get_mut(index(id)?)
    }

    /// All jobs, oldest first.
    pub(super) fn all(&self) -> &[Job] {
        &self.jobs
    }

    /// The ids of a kind, ascending.
    pub(super) fn of_kind(&self, kind: JobKind) -> &[u64] {
        &self.by_kind[kind as usize]
    }
}

fn index(id: u64) -> Option<usize> {
    usize::try_from(id.checked_sub(1)?).ok()
}
