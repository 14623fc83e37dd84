//! The conditions of an instance, and the reasons that decisions are remembered by.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{api::ComputeInstanceStatus, operator::decide::Seen};

/// The types of conditions that the operator sets.
pub(crate) mod kind {
    pub(crate) const ACCEPTED: &str = "Accepted";
    pub(crate) const PROGRESSING: &str = "Progressing";
    pub(crate) const AVAILABLE: &str = "Available";
    pub(crate) const DELETING: &str = "Deleting";
    pub(crate) const RESTART_IN_PROGRESS: &str = "RestartInProgress";
    pub(crate) const RESTART_FAILED: &str = "RestartFailed";
}

/// Why a condition is as it is. Some are what a decision is remembered by across restarts: see each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nothing speaks against the object.
    Accepted,
    /// The object does not say whose it is.
    TenantMissing,
    /// The Tenant is being made.
    TenantNotReady,
    /// A provision job is wanted, and could not be launched yet.
    ProvisionRequested,
    /// A provision job is under way.
    Provisioning,
    /// The latest provision job did not do it.
    ProvisionFailed,
    /// The object's annotations forbid jobs.
    ManagedByHand,
    /// The configuration is made.
    Reconciled,
    /// The VM is ready.
    VmReady,
    /// The VM is there, and not ready.
    VmNotReady,
    /// There is no VM.
    NoVirtualMachine,
    /// The running provision job was asked to stop: it is not asked again.
    CancelRequested,
    /// The running provision job can't be stopped and has to end first.
    WaitingForProvision,
    /// A deprovision job is wanted, and could not be launched yet.
    DeprovisionRequested,
    /// A deprovision job is under way.
    Deprovisioning,
    /// The latest deprovision job did not do it.
    DeprovisionFailed,
    /// Nothing is left to be removed.
    Removed,
    /// The VM is being made anew.
    Restarting,
    /// The VM was made anew.
    Restarted,
    /// The VM could not be made anew.
    RestartFailed,
}

impl Reason {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::TenantMissing => "TenantMissing",
            Self::TenantNotReady => "TenantNotReady",
            Self::ProvisionRequested => "ProvisionRequested",
            Self::Provisioning => "Provisioning",
            Self::ProvisionFailed => "ProvisionFailed",
            Self::ManagedByHand => "ManagedByHand",
            Self::Reconciled => "Reconciled",
            Self::VmReady => "VmReady",
            Self::VmNotReady => "VmNotReady",
            Self::NoVirtualMachine => "NoVirtualMachine",
            Self::CancelRequested => "CancelRequested",
            Self::WaitingForProvision => "WaitingForProvision",
            Self::DeprovisionRequested => "DeprovisionRequested",
            Self::Deprovisioning => "Deprovisioning",
            Self::DeprovisionFailed => "DeprovisionFailed",
            Self::Removed => "Removed",
            Self::Restarting => "Restarting",
            Self::Restarted => "Restarted",
            Self::RestartFailed => "RestartFailed",
        }
    }
}

/// Sets a condition. Its transition time is `now`, in whole seconds as the wire carries it, when its status changes, and
/// stays otherwise.
pub fn set_condition(
    status: &mut ComputeInstanceStatus,
    condition_type: &'static str,
    holds: bool,
    reason: Reason,
    message: &str,
    now: Timestamp,
) {
    let holds = if holds { "True" } else { "False" };
    let known = status.conditions.iter().position(|condition| condition.type_ == condition_type);
    let says_so = |condition: &Condition| {
        condition.status == holds && condition.reason == reason.as_str() && condition.message == message
    };
    if known.and_then(|at| status.conditions.get(at)).is_some_and(says_so) {
        return;
    }
    let at = Time(Timestamp::from_second(now.as_second()).unwrap_or(now));
    let conditions = status.conditions_mut();
    match known.and_then(|at| conditions.get_mut(at)) {
        Some(condition) => {
            if condition.status != holds {
                holds.clone_into(&mut condition.status);
                condition.last_transition_time = at;
            }
            reason.as_str().clone_into(&mut condition.reason);
            message.clone_into(&mut condition.message);
        }
        None => conditions.push(Condition {
            type_: condition_type.to_owned(),
            status: holds.to_owned(),
            reason: reason.as_str().to_owned(),
            message: message.to_owned(),
            last_transition_time: at,
            observed_generation: None,
        }),
    }
}

/// Says that a job is wanted; where its launch has failed before, the message goes on saying why.
pub(super) fn wish(status: &mut ComputeInstanceStatus, condition_type: &'static str, reason: Reason, seen: &Seen) {
    if !has_reason(status, condition_type, reason) || !is_true(status, condition_type) {
        set_condition(status, condition_type, true, reason, "", seen.now);
    }
}

/// Whether a condition has this reason.
pub(super) fn has_reason(status: &ComputeInstanceStatus, condition_type: &str, reason: Reason) -> bool {
    status.condition(condition_type).is_some_and(|condition| condition.reason == reason.as_str())
}

/// Whether a condition holds.
pub(super) fn is_true(status: &ComputeInstanceStatus, condition_type: &str) -> bool {
    status.condition(condition_type).is_some_and(|condition| condition.status == "True")
}
