//! As much of KubeVirt's VirtualMachine as the operator reads.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The spec is KubeVirt's and the playbooks' business; nothing of it is kept.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "kubevirt.io",
    version = "v1",
    kind = "VirtualMachine",
    plural = "virtualmachines",
    namespaced,
    status = "VirtualMachineStatus"
)]
pub struct VirtualMachineSpec {}

/// As much of the status as tells whether the VM is ready.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VirtualMachineStatus {
    /// KubeVirt's conditions; only their type, status and time are kept.
    #[serde(default)]
    pub conditions: Vec<VirtualMachineCondition>,
}

/// One condition of KubeVirt's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct VirtualMachineCondition {
    /// Which.
    #[serde(rename = "type", default)]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    #[serde(default)]
    pub status: String,
    /// Since when.
    #[serde(rename = "lastTransitionTime", default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Time")]
    pub last_transition_time: Option<Time>,
}

impl VirtualMachine {
    /// Whether the condition Ready is True.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready_condition().is_some_and(|condition| condition.status == "True")
    }

    /// The condition Ready.
    #[must_use]
    pub fn ready_condition(&self) -> Option<&VirtualMachineCondition> {
        self.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == "Ready")
    }
}
