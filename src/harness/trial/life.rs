//! The life of one instance, as the watch and the answers to its requests tell it.

use crate::{
    api::{JobType, Phase},
    harness::{
        experiment::{DeleteWhen, ScenarioKind},
        history,
        observe::ObservedStatus,
    },
    record::{Outcome, Plane, Sample, Transition, Word},
    units::{InstanceId, Nanos},
};

/// What a life wants of the load after a sight of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    Nothing,
    /// To be deleted; `measured` when that is part of its scenario, and not just cleaning up.
    Delete { measured: bool },
}

/// A job as it was last seen.
struct SeenJob {
    id: Word,
    kind: Word,
    state: Word,
}

pub(super) struct Life {
    sample: Sample,
    jobs: Vec<SeenJob>,
    seen: bool,
    /// A delete was asked for.
    leaving: bool,
    /// Nothing more will be seen of it.
    over: bool,
    delete_accepted: Option<Nanos>,
}

impl Life {
    pub(super) fn new(instance: InstanceId, intended: Nanos) -> Self {
        let sample = Sample {
            instance,
            outcome: Outcome::Censored,
            intended_ns: intended,
            sent_ns: intended,
            accepted_ns: None,
            running_ns: None,
            delete_sent_ns: None,
            gone_ns: None,
            censored_ns: None,
            provision_jobs: 0,
            deprovision_jobs: 0,
            provision_state: Word::default(),
            orphans: 0,
        };
        Self { sample, jobs: Vec::new(), seen: false, leaving: false, over: false, delete_accepted: None }
    }

    pub(super) fn was_seen(&self) -> bool {
        self.seen
    }

    pub(super) fn created(&mut self, sent: Nanos, answered: Nanos) {
        self.sample.sent_ns = sent;
        self.sample.accepted_ns = Some(answered);
    }

    /// The server does not want it; whether that ends its life now.
    pub(super) fn refused(&mut self) -> bool {
        self.sample.outcome = Outcome::Failed;
        !std::mem::replace(&mut self.over, true)
    }

    /// A delete is on its way.
    pub(super) fn wish_delete(&mut self) {
        self.leaving = true;
    }

    pub(super) fn delete_sent(&mut self, at: Nanos) {
        self.sample.delete_sent_ns.get_or_insert(at);
    }

    pub(super) fn delete_accepted(&mut self, at: Nanos) {
        self.delete_accepted.get_or_insert(at);
    }

    /// The watch shows it.
    pub(super) fn present(
        &mut self,
        status: &ObservedStatus,
        now: Nanos,
        scenario: ScenarioKind,
        transitions: &mut Vec<Transition>,
    ) -> Wish {
        self.seen = true;
        let reached = self.follow_jobs(status, now, scenario, transitions);
        let phase = status.phase.as_deref();
        let is = |wanted: Phase| phase == Some(wanted.as_str());
        if is(Phase::Running) && self.sample.running_ns.is_none() {
            self.sample.running_ns = Some(now);
        }
        if self.leaving || self.over {
            return Wish::Nothing;
        }
        let running = self.sample.running_ns.is_some();
        match scenario {
            ScenarioKind::ProvisionDeprovision { .. } if running => self.leave(true),
            ScenarioKind::DeleteDuringProvision { .. } if reached || running => self.leave(true),
            _ if is(Phase::Failed) => {
                self.sample.outcome = Outcome::Failed;
                self.leave(false)
            }
            _ => Wish::Nothing,
        }
    }

    fn leave(&mut self, measured: bool) -> Wish {
        self.leaving = true;
        Wish::Delete { measured }
    }

    /// Takes note of every change of a job's state; whether the one that the scenario waits for was among them.
    fn follow_jobs(
        &mut self,
        status: &ObservedStatus,
        now: Nanos,
        scenario: ScenarioKind,
        transitions: &mut Vec<Transition>,
    ) -> bool {
        let awaited = match scenario {
            ScenarioKind::DeleteDuringProvision { delete: DeleteWhen::State(state) } => Some(state.as_str()),
            _ => None,
        };
        let mut reached = false;
        for job in status.jobs.iter().filter(|job| !history::is_old(&job.job_id)) {
            let known = self.jobs.iter_mut().find(|known| known.id == job.job_id);
            let from = match known {
                Some(known) if known.state == job.state => continue,
                Some(known) => std::mem::replace(&mut known.state, job.state.clone()),
                None => {
                    self.jobs.push(SeenJob {
                        id: job.job_id.clone(),
                        kind: job.job_type.clone(),
                        state: job.state.clone(),
                    });
                    Word::default()
                }
            };
            reached |= job.job_type == JobType::Provision.as_str() && Some(job.state.as_str()) == awaited;
            transitions.push(Transition {
                instance: self.sample.instance,
                job_id: job.job_id.clone(),
                job_type: job.job_type.clone(),
                plane: Plane::Observed,
                from,
                to: job.state.clone(),
                at_ns: now,
            });
        }
        reached
    }

    /// The watch shows that it is gone; whether that ends its life now.
    pub(super) fn gone(
        &mut self,
        last: Option<&ObservedStatus>,
        now: Nanos,
        scenario: ScenarioKind,
        transitions: &mut Vec<Transition>,
    ) -> bool {
        if let Some(last) = last {
            self.follow_jobs(last, now, scenario, transitions);
        }
        if self.over {
            return false;
        }
        self.over = true;
        self.sample.gone_ns = Some(now);
        if self.sample.outcome != Outcome::Failed {
            self.sample.outcome = match scenario {
                // Gone without ever having been what its owner wanted, and nobody asked for that.
                ScenarioKind::ProvisionDeprovision { .. } if self.sample.running_ns.is_none() => Outcome::Failed,
                ScenarioKind::ProvisionDeprovision { .. } => Outcome::Succeeded,
                ScenarioKind::DeleteDuringProvision { .. } if self.sample.running_ns.is_some() => Outcome::Succeeded,
                ScenarioKind::DeleteDuringProvision { .. } => Outcome::Canceled,
            };
        }
        true
    }

    /// The deadline has come.
    pub(super) fn cut_off(&mut self, now: Nanos) {
        if !self.over {
            self.over = true;
            self.sample.outcome = Outcome::Censored;
            self.sample.censored_ns = Some(now);
        }
    }

    /// The instance, where it is ours and was not seen to go.
    pub(super) fn left(&self) -> Option<InstanceId> {
        (self.sample.accepted_ns.is_some() && self.sample.gone_ns.is_none()).then_some(self.sample.instance)
    }

    /// What was measured, and when the delete was answered.
    pub(super) fn into_sample(mut self) -> (Sample, Option<Nanos>) {
        let count = |job_type: JobType| {
            let jobs = self.jobs.iter().filter(|job| job.kind == job_type.as_str()).count();
            u32::try_from(jobs).unwrap_or(u32::MAX)
        };
        self.sample.provision_jobs = count(JobType::Provision);
        self.sample.deprovision_jobs = count(JobType::Deprovision);
        if let Some(job) = self.jobs.iter().rev().find(|job| job.kind == JobType::Provision.as_str()) {
            self.sample.provision_state = job.state.clone();
        }
        (self.sample, self.delete_accepted)
    }
}
