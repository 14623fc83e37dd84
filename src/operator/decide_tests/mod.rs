//! Situations, and what is decided in them: a row each, in words.

mod deprovision;
mod invariants;
mod jobs;
mod provision;
mod restart;
mod world;

use std::{fmt::Write as _, time::Duration};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{conditions::kind, *};
use crate::api::{ComputeInstanceSpec, JobState, JobTime, config_version};

const NOW: &str = "2026-02-12T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a timestamp")
}

fn ago(seconds: i64) -> Timestamp {
    now() - Duration::from_secs(u64::try_from(seconds).expect("the past"))
}

fn policy(provider: ProviderKind) -> Policy {
    Policy {
        provider,
        poll_interval: Duration::from_secs(30),
        retry: RetrySettings {
            first: Duration::from_secs(30),
            longest: Duration::from_secs(600),
            provision_attempts: 3,
            jitter: crate::units::Seed::new(0),
        },
        eda_patience: EdaPatience { sign_of_life: Duration::from_secs(600), completion: Duration::from_secs(1800) },
    }
}

/// An object, what else is seen, and the settings.
#[derive(Clone, Debug)]
struct Situation {
    object: ComputeInstance,
    seen: Seen,
    policy: Policy,
}

fn instance(provider: ProviderKind) -> Situation {
    let mut object = ComputeInstance::new(
        "vm-1",
        ComputeInstanceSpec { template_id: "osac.vm".into(), ..ComputeInstanceSpec::default() },
    );
    object.metadata.namespace = Some("vms".into());
    object.metadata.uid = Some("uid-1".into());
    object.metadata.creation_timestamp = Some(Time(ago(3600)));
    object.metadata.finalizers = Some(vec![names::FINALIZER.into()]);
    let tenant = TenantReference { name: "tenant-x".into(), namespace: "vms-x".into() };
    let memory = Memory { accounted: Accounted { provision: true, deprovision: true }, ..Memory::default() };
    let seen = Seen { now: now(), tenant: TenantSeen::Ready(tenant.clone()), vm: None, memory };
    let status = ComputeInstanceStatus { tenant_reference: Some(tenant), ..ComputeInstanceStatus::default() };
    Situation { object, seen, policy: policy(provider) }
        .annotated(names::TENANT_ANNOTATION, "acme")
        .status(|all| *all = status)
        .condition(kind::ACCEPTED, true, "Accepted", 3600)
        .condition(kind::AVAILABLE, false, "NoVirtualMachine", 3600)
}

/// An instance of AAP's.
fn aap() -> Situation {
    instance(ProviderKind::Aap)
}

/// An instance of EDA's.
fn eda() -> Situation {
    instance(ProviderKind::Eda)
}

impl Situation {
    fn desired(&self) -> String {
        config_version::of_object(&self.object.spec, "uid-1")
    }

    fn annotated(mut self, name: &str, value: &str) -> Self {
        self.object.metadata.annotations.get_or_insert_default().insert(name.into(), value.into());
        self
    }

    fn without_annotation(mut self, name: &str) -> Self {
        self.object.metadata.annotations.get_or_insert_default().remove(name);
        self
    }

    fn without_finalizer(mut self) -> Self {
        self.object.metadata.finalizers = None;
        self
    }

    fn status(mut self, change: impl FnOnce(&mut ComputeInstanceStatus)) -> Self {
        change(self.object.status.get_or_insert_default());
        self
    }

    fn phase(self, phase: crate::api::Phase) -> Self {
        self.status(|status| status.phase = Some(phase))
    }

    fn condition(self, condition_type: &str, holds: bool, reason: &str, since: i64) -> Self {
        let condition = Condition {
            type_: condition_type.into(),
            status: if holds { "True" } else { "False" }.into(),
            reason: reason.into(),
            message: String::new(),
            last_transition_time: Time(ago(since)),
            observed_generation: None,
        };
        self.status(|status| {
            status.conditions_mut().retain(|present| present.type_ != condition_type);
            status.conditions_mut().push(condition);
        })
    }

    /// A provision job is wanted, and its launch has failed.
    fn requested(self) -> Self {
        let desired = self.desired();
        self.phase(crate::api::Phase::Starting)
            .condition(kind::PROGRESSING, true, "ProvisionRequested", 600)
            .status(|status| status.desired_config_version = Some(desired))
    }

    /// A provision job was launched so many seconds ago.
    fn provisioned(self, id: &str, state: JobState, launched: i64) -> Self {
        self.requested().condition(kind::PROGRESSING, true, "Provisioning", launched.max(600)).job(
            id,
            JobType::Provision,
            state,
            launched,
        )
    }

    /// A deprovision job was launched so many seconds ago.
    fn deprovisioned(self, id: &str, state: JobState, launched: i64) -> Self {
        self.condition(kind::DELETING, true, "Deprovisioning", launched).job(id, JobType::Deprovision, state, launched)
    }

    fn job(self, id: &str, job_type: JobType, state: JobState, launched: i64) -> Self {
        let job = JobStatus {
            job_id: id.into(),
            job_type,
            timestamp: JobTime::in_seconds(ago(launched)),
            state,
            message: "".into(),
            block_deletion_on_failure: job_type == JobType::Deprovision && !id.starts_with("eda"),
        };
        self.status(|status| status.jobs.append_job(job, 10))
    }

    /// The playbook has reported the version that is wanted now.
    fn reported(self) -> Self {
        let desired = self.desired();
        self.annotated(names::RECONCILED_ANNOTATION, &desired)
    }

    /// Everything is as it should be.
    fn running(self) -> Self {
        let desired = self.desired();
        self.reported().phase(crate::api::Phase::Running).condition(kind::PROGRESSING, false, "Reconciled", 300).status(
            |status| {
                status.desired_config_version = Some(desired.clone());
                status.reconciled_config_version = Some(desired);
            },
        )
    }

    fn other_spec(mut self) -> Self {
        self.object.spec.template_id = "osac.other".into();
        self
    }

    fn deleting(mut self) -> Self {
        self.object.metadata.deletion_timestamp = Some(Time(ago(1)));
        self.phase(crate::api::Phase::Deleting)
    }

    /// The playbook's finalizer is on it.
    fn held(mut self) -> Self {
        self.object.metadata.finalizers.get_or_insert_default().push(names::PLAYBOOK_FINALIZER.into());
        self
    }

    fn vm(mut self, ready: bool) -> Self {
        let reference =
            VirtualMachineReference { namespace: "vms-x".into(), kube_virt_virtual_machine_name: "vm-1".into() };
        self.seen.vm = Some(VmSeen { reference, ready, since: None, created: None, kept: false });
        self
    }

    /// The VM and its readiness are in the status.
    fn with_vm(self) -> Self {
        let this = self.vm(true);
        let reference = this.seen.vm.as_ref().map(|vm| vm.reference.clone());
        this.condition(kind::AVAILABLE, true, "VmReady", 300)
            .status(|status| status.virtual_machine_reference = reference)
    }

    fn tenant(mut self, tenant: TenantSeen) -> Self {
        self.seen.tenant = tenant;
        self
    }

    fn created(mut self, seconds: i64) -> Self {
        self.object.metadata.creation_timestamp = Some(Time(ago(seconds)));
        self
    }

    fn remembers(mut self, change: impl FnOnce(&mut Memory)) -> Self {
        change(&mut self.seen.memory);
        self
    }

    /// A process that was just started: it can't know what the one before it did last.
    fn restarted(self) -> Self {
        self.remembers(|memory| *memory = Memory::default())
    }

    fn polled(self, id: &str, seconds: i64) -> Self {
        self.remembers(|memory| memory.last_poll = Some((id.into(), ago(seconds))))
    }

    fn learned_of_the_end(self, id: &str, seconds: i64) -> Self {
        self.remembers(|memory| memory.failure_seen = Some((id.into(), ago(seconds))))
    }

    fn decide(&self) -> Step {
        decide(&self.object, &self.seen, &self.policy)
    }

    /// The decisions up to the first that is no write, in words.
    fn course(mut self) -> String {
        let mut words = Vec::new();
        for _ in 0..10 {
            let step = self.decide();
            words.push(in_words(&step, &self));
            let Step::Write { status } = step else { return words.join(" → ") };
            self.object.status = Some(*status);
        }
        panic!("writes without end: {}", words.join(" → "));
    }
}

fn in_words(step: &Step, at: &Situation) -> String {
    match step {
        Step::Wait { until: None } => "wait".into(),
        Step::Wait { until: Some(until) } => format!("wait {:.0}s", until.duration_since(at.seen.now).as_secs_f64()),
        Step::AddFinalizer => "add finalizer".into(),
        Step::EnsureTenant { tenant } => format!("ensure tenant {tenant}"),
        Step::Write { status } => {
            let before = at.object.status.clone().unwrap_or_default();
            format!("write{}", changes(&before, status))
        }
        Step::Find { job_type } => format!("find {job_type}"),
        Step::Launch { job_type, status } => {
            let before = at.object.status.clone().unwrap_or_default();
            format!("launch {job_type}{}", changes(&before, status))
        }
        Step::Poll { job } => format!("poll {}", job.job_id),
        Step::Cancel { job } => format!("cancel {}", job.job_id),
        Step::Restart { reference, .. } => format!("restart {}", reference.kube_virt_virtual_machine_name),
        Step::RemoveFinalizer => "remove finalizer".into(),
    }
}

fn changes(before: &ComputeInstanceStatus, after: &ComputeInstanceStatus) -> String {
    let mut text = String::new();
    let mut say = |what: &str| write!(text, " {what}").expect("a string takes all");
    if before.phase != after.phase {
        say(after.phase.map_or("no phase", crate::api::Phase::as_str));
    }
    for condition in after.conditions.iter().filter(|condition| !before.conditions.contains(condition)) {
        let not = if condition.status == "True" { "" } else { "not " };
        say(&format!("{not}{}/{}", condition.type_, condition.reason));
    }
    if before.desired_config_version != after.desired_config_version {
        say("desired");
    }
    if before.reconciled_config_version != after.reconciled_config_version {
        say("reconciled");
    }
    if before.tenant_reference != after.tenant_reference {
        say("tenant");
    }
    if before.virtual_machine_reference != after.virtual_machine_reference {
        say(if after.virtual_machine_reference.is_some() { "vm" } else { "no vm" });
    }
    for job in after.jobs.iter().filter(|job| before.jobs.find_job_by_id(&job.job_id) != Some(*job)) {
        say(&format!("{}:{}", job.job_id, job.state));
    }
    text
}

/// Checks all rows, and shows all that differ.
fn check(rows: Vec<(&str, Situation, &str)>) {
    let wrong: Vec<String> = rows
        .into_iter()
        .filter_map(|(name, situation, expected)| {
            let course = situation.course();
            (course != expected).then(|| format!("{name}:\n  expected {expected}\n  decided  {course}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
