//! The part of the status that only mirrors what is seen.

use kube::ResourceExt;

use crate::{
    api::{ComputeInstance, ComputeInstanceStatus, legacy, names},
    operator::decide::{
        Seen, TenantSeen,
        conditions::{Reason, kind, set_condition},
    },
};

/// The object's status with everything in it that mirrors something, but for the VM: an older operator's jobs, the Tenant,
/// the version that a playbook reported.
pub(super) fn project(object: &ComputeInstance, seen: &Seen) -> ComputeInstanceStatus {
    let mut status = object.status.clone().unwrap_or_default();
    let created = object.creation_timestamp().map_or(seen.now, |time| time.0);
    legacy::carry_over(&mut status, created);
    accept(object, &mut status, seen);
    if let TenantSeen::Ready(reference) = &seen.tenant
        && status.tenant_reference.as_ref() != Some(reference)
    {
        status.tenant_reference = Some(reference.clone());
    }
    let reported = object.annotation(names::RECONCILED_ANNOTATION);
    if status.reconciled_config_version.as_deref() != reported {
        status.reconciled_config_version = reported.map(str::to_owned);
    }
    status
}

/// Whether the object can be worked on at all. Set once a pass: a condition that is set twice changes its time each pass.
fn accept(object: &ComputeInstance, status: &mut ComputeInstanceStatus, seen: &Seen) {
    if object.metadata.deletion_timestamp.is_none() && object.annotation(names::TENANT_ANNOTATION).is_none() {
        let message = format!("the annotation {} names no tenant; set it", names::TENANT_ANNOTATION);
        set_condition(status, kind::ACCEPTED, false, Reason::TenantMissing, &message, seen.now);
    } else {
        set_condition(status, kind::ACCEPTED, true, Reason::Accepted, "", seen.now);
    }
}

/// Puts the VM as it is seen into the status.
///
/// A job that makes or removes it changes it by the second, none of which is worth a write of its own: while one is under
/// way the VM stays as it is in the status, and comes with whatever tells of the job's end.
pub(super) fn project_vm(status: &mut ComputeInstanceStatus, seen: &Seen) {
    if let Some(vm) = &seen.vm {
        if status.virtual_machine_reference.as_ref() != Some(&vm.reference) {
            status.virtual_machine_reference = Some(vm.reference.clone());
        }
        let reason = if vm.ready { Reason::VmReady } else { Reason::VmNotReady };
        set_condition(status, kind::AVAILABLE, vm.ready, reason, "", seen.now);
    } else {
        status.virtual_machine_reference = None;
        set_condition(status, kind::AVAILABLE, false, Reason::NoVirtualMachine, "", seen.now);
    }
}
