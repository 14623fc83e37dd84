//! ComputeInstance: one virtual machine, as its owner wants it and as the operator reports it.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::api::{job_types::JobHistory, legacy::LegacyJob, names};

/// What the owner of a ComputeInstance wants.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "cloudkit.openshift.io",
    version = "v1alpha1",
    kind = "ComputeInstance",
    plural = "computeinstances",
    shortname = "ci",
    namespaced,
    status = "ComputeInstanceStatus",
    derive = "PartialEq",
    derive = "Default",
    printcolumn = r#"{"name":"Template","type":"string","jsonPath":".spec.templateID"}"#,
    printcolumn = r#"{"name":"Phase","type":"string","jsonPath":".status.phase"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct ComputeInstanceSpec {
    /// The template that the VM is made from.
    #[serde(rename = "templateID")]
    #[schemars(regex(pattern = r"^[a-zA-Z_][a-zA-Z0-9._]*$"))]
    pub template_id: String,
    /// The template's parameters: a JSON map, encoded as a string.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub template_parameters: Option<String>,
    /// A restart is wanted when this is later than `status.lastRestartedAt`.
    #[serde(default, deserialize_with = "time_or_none", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Time")]
    pub restart_requested_at: Option<Time>,
}

/// A time, and none where it can't be read: Kubernetes checks a `date-time` by a pattern, which lets offsets pass that no zone
/// has (`+99:99`), and whoever may create an object must not keep all others from being read.
fn time_or_none<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Time>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.and_then(|text| text.parse().ok()).map(Time))
}

/// Where a ComputeInstance stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// On its way to what its owner wants.
    Starting,
    /// As its owner wants it.
    Running,
    /// A provision job failed.
    Failed,
    /// On its way out.
    Deleting,
}

impl Phase {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "Starting",
            Self::Running => "Running",
            Self::Failed => "Failed",
            Self::Deleting => "Deleting",
        }
    }
}

/// Where the VM is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualMachineReference {
    /// The VM's namespace.
    pub namespace: String,
    /// The name of the KubeVirt VirtualMachine.
    pub kube_virt_virtual_machine_name: String,
}

/// Which Tenant the instance belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantReference {
    /// The name of the Tenant object, in the instance's namespace.
    pub name: String,
    /// The tenant's own namespace, where its VMs are.
    pub namespace: String,
}

/// What the operator reports.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComputeInstanceStatus {
    /// In one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Phase")]
    pub phase: Option<Phase>,
    /// In detail: Accepted, Progressing, Available, Deleting, RestartInProgress, RestartFailed.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub conditions: Arc<Vec<Condition>>,
    /// The VM, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "VirtualMachineReference")]
    pub virtual_machine_reference: Option<VirtualMachineReference>,
    /// The Tenant, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TenantReference")]
    pub tenant_reference: Option<TenantReference>,
    /// The configuration version that the latest provision job was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub desired_config_version: Option<String>,
    /// The configuration version that a playbook has reported as made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub reconciled_config_version: Option<String>,
    /// When the VM was last restarted on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Time")]
    pub last_restarted_at: Option<Time>,
    /// The jobs, oldest first, newest last, capped.
    #[serde(default, skip_serializing_if = "JobHistory::is_empty")]
    pub jobs: JobHistory,
    /// An older operator's only provision job; carried into `jobs` and removed on the first reconcile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LegacyJob")]
    pub provision_job: Option<LegacyJob>,
    /// An older operator's only deprovision job; carried into `jobs` and removed on the first reconcile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "LegacyJob")]
    pub deprovision_job: Option<LegacyJob>,
}

/// Whether there is nothing in a shared list.
fn is_empty<T>(list: &Arc<Vec<T>>) -> bool {
    list.is_empty()
}

impl ComputeInstanceStatus {
    /// The conditions, to be changed. A status is copied far more often than its conditions change: the copies share them.
    pub fn conditions_mut(&mut self) -> &mut Vec<Condition> {
        Arc::make_mut(&mut self.conditions)
    }

    /// The condition of a type, where there is one.
    #[must_use]
    pub fn condition(&self, condition_type: &str) -> Option<&Condition> {
        self.conditions.iter().find(|condition| condition.type_ == condition_type)
    }
}

/// How far the operator may go with an instance (annotation `management-state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagementState {
    /// All the way.
    Managed,
    /// No jobs.
    Manual,
    /// Hands off.
    Unmanaged,
}

impl ManagementState {
    /// What an object's annotation says; any other word means managed.
    #[must_use]
    pub fn of(object: &impl ResourceExt) -> Self {
        match object.annotations().get(names::MANAGEMENT_STATE_ANNOTATION).map(String::as_str) {
            Some("manual") => Self::Manual,
            Some("unmanaged") => Self::Unmanaged,
            _ => Self::Managed,
        }
    }
}

impl ComputeInstance {
    /// How far the operator may go.
    #[must_use]
    pub fn management_state(&self) -> ManagementState {
        ManagementState::of(self)
    }

    /// An annotation's value, where it is there and not empty.
    #[must_use]
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.annotations().get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a finalizer is on the object.
    #[must_use]
    pub fn has_finalizer(&self, finalizer: &str) -> bool {
        self.finalizers().iter().any(|present| present == finalizer)
    }
}
