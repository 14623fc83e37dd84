//! What to do next with a ComputeInstance: a pure function of the object and of what else the operator sees.
//!
//! Flow: [`decide`] names one [`Step`]; whoever performs it shows the result and asks again, until the step is to wait.
//!
//! Guarantees: a launch is only ever asked for when the operator's finalizer is on the object, no job of that kind is under
//! way, and every earlier launch of that kind is accounted for (see [`Accounted`]). At most one of the two playbooks runs at
//! a time. Nothing here reads a clock, draws a random number or does I/O.
//!
//! Assumptions: the API server refuses new finalizers on an object that is being deleted, so that a create playbook which
//! starts after the delete fails before it makes a VM.

mod backoff;
mod conditions;
mod deprovision;
mod jobs;
mod projection;
mod provision;
mod restart;

use std::time::Duration;

use jiff::Timestamp;

pub(crate) use self::{
    backoff::wait_after,
    jobs::record_job,
    restart::{after_failed_restart, after_restart},
};
pub use self::{
    conditions::{Reason, set_condition},
    jobs::{after_find, after_launch, after_poll},
};
use crate::{
    api::{
        ComputeInstance, ComputeInstanceStatus, JobStatus, JobType,
        compute_instance::{ManagementState, TenantReference, VirtualMachineReference},
        names,
    },
    operator::config::{Config, EdaPatience, ProviderKind, RetrySettings},
};

/// What the settings say about decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Where new jobs go.
    pub provider: ProviderKind,
    /// How often a job's state is asked for.
    pub poll_interval: Duration,
    /// When and how often failed jobs are tried again.
    pub retry: RetrySettings,
    /// How long EDA's jobs may stay silent.
    pub eda_patience: EdaPatience,
}

impl Policy {
    /// The part of the settings that decisions depend on.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        let mut retry = config.retry;
        // Attempts are counted in the history: one that is shorter can't count further.
        retry.provision_attempts =
            retry.provision_attempts.min(u32::try_from(config.max_job_history).unwrap_or(u32::MAX));
        Self {
            provider: config.provider,
            poll_interval: config.status_poll_interval,
            retry,
            eda_patience: config.eda_patience,
        }
    }
}

/// The Tenant of an instance, as the cache shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TenantSeen {
    /// There is none, or not one that could be used.
    Absent,
    /// It is being made (or unmade).
    NotReady,
    /// VMs can be made in it.
    Ready(TenantReference),
}

/// The VM of an instance, as the cache shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VmSeen {
    /// Where it is.
    pub reference: VirtualMachineReference,
    /// Whether its condition Ready is True.
    pub ready: bool,
    /// Since when it is as it is; `None` where it does not say.
    pub since: Option<Timestamp>,
    /// When it was made; `None` where it does not say.
    pub created: Option<Timestamp>,
    /// Whether its annotations say that it is in somebody's own hands.
    pub kept: bool,
}

/// Of which kinds of jobs this process knows every launch: it is in the history, or was never made.
///
/// The object itself is the intent: its finalizer says that a provision job may have been launched, its deletion that a
/// deprovision job may have been. What a process that died between a launch and its record left behind is looked up at the
/// backend before anything is launched again ([`Step::Find`]), which saves the write of an intent before each launch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accounted {
    /// Provision jobs.
    pub provision: bool,
    /// Deprovision jobs.
    pub deprovision: bool,
}

impl Accounted {
    /// Whether every launch of a kind is known.
    #[must_use]
    pub const fn knows(self, job_type: JobType) -> bool {
        match job_type {
            JobType::Provision => self.provision,
            JobType::Deprovision => self.deprovision,
        }
    }

    /// Notes whether every launch of a kind is known.
    pub const fn set(&mut self, job_type: JobType, known: bool) {
        match job_type {
            JobType::Provision => self.provision = known,
            JobType::Deprovision => self.deprovision = known,
        }
    }
}

/// What this process remembers of an object; all of it can be lost without harm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The job that was last asked for, and when.
    pub last_poll: Option<(compact_str::CompactString, Timestamp)>,
    /// When the latest failure of a job was learned of.
    pub failure_seen: Option<(compact_str::CompactString, Timestamp)>,
    /// A launch or a cancel that failed, or came too soon, is not tried again before this.
    pub call_not_before: Option<Timestamp>,
    /// Launches and cancels that failed in a row.
    pub failed_calls: u32,
    /// The job that was asked to stop, should that not have reached the status.
    pub cancel_asked: Option<compact_str::CompactString>,
    /// The kinds of jobs of which every launch is known.
    pub accounted: Accounted,
    /// Whether it is gone, whatever the cache shows.
    pub gone: bool,
}

/// Everything besides the object that a decision depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The time.
    pub now: Timestamp,
    /// Its Tenant.
    pub tenant: TenantSeen,
    /// Its VM.
    pub vm: Option<VmSeen>,
    /// What this process remembers.
    pub memory: Memory,
}

/// The next thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Nothing, until something changes or this time comes.
    Wait {
        /// When to look again, should nothing change before.
        until: Option<Timestamp>,
    },
    /// Put the operator's finalizer on the object.
    AddFinalizer,
    /// Make the Tenant of this name.
    EnsureTenant {
        /// The tenant's name.
        tenant: String,
    },
    /// Write this status.
    Write {
        /// The whole status as it should be.
        status: Box<ComputeInstanceStatus>,
    },
    /// Ask the backend for jobs of this kind that were launched and are not in the history.
    Find {
        /// Which kind.
        job_type: JobType,
    },
    /// Launch a job for the object with this status, and write that with the job.
    Launch {
        /// Which kind.
        job_type: JobType,
        /// The whole status as the job is to see it.
        status: Box<ComputeInstanceStatus>,
    },
    /// Ask for the state of a job.
    Poll {
        /// The job as recorded.
        job: JobStatus,
    },
    /// Ask that a job be stopped.
    Cancel {
        /// The job as recorded.
        job: JobStatus,
    },
    /// Have the VM made anew by KubeVirt.
    Restart {
        /// Which VM.
        reference: VirtualMachineReference,
        /// When that was asked for.
        requested: Timestamp,
    },
    /// Let the object go.
    RemoveFinalizer,
}

impl Step {
    /// What it is called in messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Wait { .. } => "to wait",
            Self::AddFinalizer => "to add the finalizer",
            Self::EnsureTenant { .. } => "to make the tenant",
            Self::Write { .. } => "to write the status",
            Self::Find { .. } => "to look for jobs",
            Self::Launch { .. } => "to launch a job",
            Self::Poll { .. } => "to ask for a job's state",
            Self::Cancel { .. } => "to stop a job",
            Self::Restart { .. } => "to restart the VM",
            Self::RemoveFinalizer => "to remove the finalizer",
        }
    }
}

/// The next step for an object.
#[must_use]
pub fn decide(object: &ComputeInstance, seen: &Seen, policy: &Policy) -> Step {
    let management = object.management_state();
    if management == ManagementState::Unmanaged {
        return Step::Wait { until: None };
    }
    if object.metadata.deletion_timestamp.is_some() {
        return if object.has_finalizer(names::FINALIZER) {
            deprovision::decide(object, seen, policy, management)
        } else {
            Step::Wait { until: None }
        };
    }
    if !object.has_finalizer(names::FINALIZER) {
        return Step::AddFinalizer;
    }
    provision::decide(object, seen, policy, management)
}

/// `then`, once the server has this status.
fn settle(object: &ComputeInstance, status: ComputeInstanceStatus, then: Step) -> Step {
    let same = object.status.as_ref().map_or_else(|| status == ComputeInstanceStatus::default(), |now| *now == status);
    if same { then } else { Step::Write { status: Box::new(status) } }
}

/// The job of a kind that a decision is about: the latest of those that are under way (two are, where an older operator
/// launched twice), the latest of all where none is.
fn current_job(status: &ComputeInstanceStatus, job_type: JobType) -> Option<&JobStatus> {
    let latest = status.jobs.find_latest_job_by_type(job_type)?;
    if !latest.state.is_terminal() {
        return Some(latest);
    }
    let under_way = status.jobs.iter().filter(|job| job.job_type == job_type && !job.state.is_terminal());
    Some(under_way.max_by_key(|job| job.timestamp).unwrap_or(latest))
}

/// Asks for a job's state when its turn has come.
fn poll_in_turn(job: &JobStatus, seen: &Seen, policy: &Policy) -> Step {
    let last = seen.memory.last_poll.as_ref().filter(|(job_id, _)| *job_id == job.job_id);
    let due = last.map_or(seen.now, |(_, at)| *at + policy.poll_interval);
    if due <= seen.now { Step::Poll { job: job.clone() } } else { Step::Wait { until: Some(due) } }
}

/// Launches a job for the object with this status, when nothing speaks against it yet, and every earlier launch is known.
fn launch_in_turn(object: &ComputeInstance, job_type: JobType, status: ComputeInstanceStatus, seen: &Seen) -> Step {
    if let Some(later) = seen.memory.call_not_before.filter(|later| *later > seen.now) {
        return settle(object, status, Step::Wait { until: Some(later) });
    }
    find_first(job_type, seen).unwrap_or_else(|| Step::Launch { job_type, status: Box::new(status) })
}

/// The look-up that has to come before whatever depends on every launch of a kind being known.
fn find_first(job_type: JobType, seen: &Seen) -> Option<Step> {
    (!seen.memory.accounted.knows(job_type)).then(|| call_in_turn(Step::Find { job_type }, seen))
}

/// A request that changes something at the backend, when none that failed is too recent.
fn call_in_turn(call: Step, seen: &Seen) -> Step {
    match seen.memory.call_not_before {
        Some(later) if later > seen.now => Step::Wait { until: Some(later) },
        _ => call,
    }
}

#[cfg(test)]
#[path = "../decide_tests/mod.rs"]
mod tests;
