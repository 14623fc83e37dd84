//! The part of the status that only mirrors what is seen.

use kube::ResourceExt;

use crate::{
    api::{ComputeInstance, ComputeInstanceStatus, JobType, legacy, names},
    operator::decide::{
        Seen, TenantSeen,
        conditions::{Reason, kind, set_condition},
        current_job,
    },
};

/// The object's status with everything in it that mirrors something: an older operator's jobs, the Tenant, the VM, the
/// version that a playbook reported.
pub(super) fn project(object: &ComputeInstance, seen: &Seen) -> ComputeInstanceStatus {
    let mut status = object.status.clone().unwrap_or_default();
    let created = object.creation_timestamp().map_or(seen.now, |time| time.0);
    legacy::carry_over(&mut status, created);
    accept(object, &mut status, seen);
    if let TenantSeen::Ready(reference) = &seen.tenant {
        status.tenant_reference = Some(reference.clone());
    }
    status.reconciled_config_version = object.annotation(names::RECONCILED_ANNOTATION).map(str::to_owned);
    // While a job removes the VM, its going is not worth a write of its own: the job's end tells it.
    let going = object.metadata.deletion_timestamp.is_some()
        && current_job(&status, JobType::Deprovision).is_some_and(|job| !job.state.is_terminal());
    if !going {
        project_vm(&mut status, seen);
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

fn project_vm(status: &mut ComputeInstanceStatus, seen: &Seen) {
    if let Some(vm) = &seen.vm {
        // A VM that a job is still making changes by the second: its reference comes with its readiness, in one write.
        let under_way =
            status.jobs.find_latest_job_by_type(JobType::Provision).is_some_and(|job| !job.state.is_terminal());
        if vm.ready || !under_way || status.virtual_machine_reference.is_some() {
            status.virtual_machine_reference = Some(vm.reference.clone());
            let reason = if vm.ready { Reason::VmReady } else { Reason::VmNotReady };
            set_condition(status, kind::AVAILABLE, vm.ready, reason, "", seen.now);
        }
    } else {
        status.virtual_machine_reference = None;
        set_condition(status, kind::AVAILABLE, false, Reason::NoVirtualMachine, "", seen.now);
    }
}
