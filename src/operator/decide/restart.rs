//! Restarts on request: the VirtualMachineInstance goes, and KubeVirt makes it anew.
//!
//! Flow: `spec.restartRequestedAt` lies after `status.lastRestartedAt` → the instance is deleted, unless it is younger than
//! the request → `lastRestartedAt`, RestartInProgress → the VM is ready again → done. A crash in between repeats no restart:
//! what is younger than the request stays.

use jiff::Timestamp;

use crate::{
    api::{ComputeInstance, ComputeInstanceStatus},
    operator::decide::{
        Seen, Step, call_in_turn,
        conditions::{Reason, is_true, kind, set_condition},
    },
};

/// What a restart asks for now; nothing when none is wanted.
pub(super) fn step(object: &ComputeInstance, status: &mut ComputeInstanceStatus, seen: &Seen) -> Option<Step> {
    let last = status.last_restarted_at.as_ref().map(|time| time.0);
    let wanted = object.spec.restart_requested_at.as_ref().map(|time| time.0);
    let Some(requested) = wanted.filter(|requested| last.is_none_or(|last| *requested > last)) else {
        watch(status, last, seen);
        return None;
    };
    let Some(reference) = status.virtual_machine_reference.clone() else {
        let message = "there is no VM to restart";
        set_condition(status, kind::RESTART_FAILED, true, Reason::NoVirtualMachine, message, seen.now);
        return None;
    };
    Some(call_in_turn(Step::Restart { reference, requested }, seen))
}

/// Notes that a restart has come to its end.
fn watch(status: &mut ComputeInstanceStatus, restarted: Option<Timestamp>, seen: &Seen) {
    let (true, Some(restarted)) = (is_true(status, kind::RESTART_IN_PROGRESS), restarted) else { return };
    // A readiness from before the restart, which the cache may still show, does not count.
    let is_back = seen.vm.as_ref().is_some_and(|vm| vm.ready && vm.since.is_none_or(|since| since >= restarted));
    if is_back {
        set_condition(status, kind::RESTART_IN_PROGRESS, false, Reason::Restarted, "", seen.now);
    }
}

/// Records that a VM was restarted.
pub(crate) fn after_restart(status: &mut ComputeInstanceStatus, requested: Timestamp, now: Timestamp) {
    // A request from a clock that is ahead must not be served again and again.
    let restarted = Timestamp::from_second(now.as_second()).unwrap_or(now).max(requested);
    status.last_restarted_at = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(restarted));
    set_condition(status, kind::RESTART_IN_PROGRESS, true, Reason::Restarting, "", now);
    if is_true(status, kind::RESTART_FAILED) {
        set_condition(status, kind::RESTART_FAILED, false, Reason::Restarting, "", now);
    }
}

/// Records why a VM could not be restarted.
pub(crate) fn after_failed_restart(status: &mut ComputeInstanceStatus, error: &str, now: Timestamp) {
    let message = format!("failed to delete the VirtualMachineInstance: {error}; to be tried again");
    set_condition(status, kind::RESTART_FAILED, true, Reason::RestartFailed, &message, now);
}
