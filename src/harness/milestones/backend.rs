//! What the backends did for each instance, from their ground truth.

use crate::{
    harness::milestones::{TERMINAL, place_of},
    record::{Sample, Truth, Word},
    units::{InstanceId, Nanos},
};

/// One job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Job {
    id: Word,
    of_provision: bool,
    pub(super) created: Option<Nanos>,
    pub(super) waiting: Option<Nanos>,
    pub(super) started: Option<Nanos>,
    pub(super) effect: Option<Nanos>,
    pub(super) ended: Option<Nanos>,
}

/// An event that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Webhook {
    of_provision: bool,
    at: Nanos,
}

/// The jobs of one instance and the events that asked for them, in the order of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct BackendMarks {
    jobs: Vec<Job>,
    webhooks: Vec<Webhook>,
    /// Whether nobody told when jobs had their effects: a controller's records don't.
    effects_hidden: bool,
}

/// What the backends did for each sample.
pub(super) fn by_instance(truth: &[Truth], samples: &[Sample]) -> Vec<BackendMarks> {
    let effects_hidden = !truth.iter().any(|entry| entry.source == "playbook");
    let mut marks = Vec::new();
    marks.resize_with(samples.len(), || BackendMarks { effects_hidden, ..BackendMarks::default() });
    for entry in truth {
        let instance = entry.object.parse().map(InstanceId::index);
        if let Some(place) = instance.ok().and_then(|index| place_of(samples, index)) {
            marks[place].take(entry);
        }
    }
    marks
}

impl BackendMarks {
    fn take(&mut self, entry: &Truth) {
        let of_provision = entry.job_type == "provision";
        let at = Some(entry.at_ns);
        match entry.event.as_str() {
            "webhook_received" => self.webhooks.push(Webhook { of_provision, at: entry.at_ns }),
            "job_state" if entry.from.is_empty() => {
                let id = entry.job_id.clone();
                self.jobs.push(Job { id, of_provision, created: at, ..Job::default() });
            }
            "job_state" => {
                let Some(job) = self.job(&entry.job_id) else { return };
                match entry.to.as_str() {
                    "Waiting" => job.waiting = at,
                    "Running" => job.started = at,
                    state if TERMINAL.contains(&state) => job.ended = at,
                    _ => {}
                }
            }
            "annotated" | "finalizer_removed" => {
                if let Some(job) = self.job(&entry.job_id) {
                    job.effect = at;
                }
            }
            _ => {}
        }
    }

    fn job(&mut self, id: &str) -> Option<&mut Job> {
        self.jobs.iter_mut().rfind(|job| job.id == id)
    }

    /// The job of a kind whose effect was the last until `end`; where effects are not told, the last that was under way.
    pub(super) fn job_with_effect(&self, of_provision: bool, end: Nanos) -> Option<&Job> {
        let mut jobs = self.jobs.iter().filter(|job| job.of_provision == of_provision);
        if self.effects_hidden {
            return jobs.rfind(|job| job.started.is_some_and(|at| at <= end));
        }
        jobs.filter(|job| job.effect.is_some_and(|at| at <= end)).max_by_key(|job| job.effect)
    }

    /// The last deprovision job that had its effect, or else its end, until `end`. Its end is after the effect: where effects are
    /// not told, the last that was under way will do.
    pub(super) fn last_job_over(&self, end: Nanos) -> Option<&Job> {
        let over = |job: &&Job| job.effect.or(job.ended).is_some_and(|at| at <= end);
        let mut jobs = self.jobs.iter().filter(|job| !job.of_provision);
        let found = jobs.clone().rfind(over);
        found.or_else(|| jobs.rfind(|job| self.effects_hidden && job.started.is_some_and(|at| at <= end)))
    }

    /// The event that led to a job: the last of its kind that had arrived when the job was made.
    pub(super) fn webhook_before(&self, job: &Job) -> Option<Nanos> {
        let arrived = |webhook: &&Webhook| webhook.of_provision == job.of_provision && Some(webhook.at) <= job.created;
        self.webhooks.iter().rfind(arrived).map(|webhook| webhook.at)
    }

    /// When the provisioning that was known to be over at `known` was over: behind a webhook that is the work's effect, else the
    /// job's end.
    pub(super) fn provision_over(&self, known: Nanos) -> Option<Nanos> {
        let behind_webhook = !self.webhooks.is_empty();
        let ends = self.jobs.iter().filter(|job| job.of_provision);
        let ends = ends.filter_map(|job| if behind_webhook { job.effect } else { job.ended });
        ends.filter(|at| *at <= known).max()
    }
}
