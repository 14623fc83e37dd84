//! Tenant: the namespace and the network that the VMs of one tenant share.

use data_encoding::BASE32_NOPAD;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::units::fnv1a_64;

/// What a Tenant is.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "cloudkit.openshift.io",
    version = "v1alpha1",
    kind = "Tenant",
    plural = "tenants",
    namespaced,
    status = "TenantStatus",
    derive = "PartialEq",
    derive = "Default",
    printcolumn = r#"{"name":"Name","type":"string","jsonPath":".spec.name"}"#,
    printcolumn = r#"{"name":"Phase","type":"string","jsonPath":".status.phase"}"#
)]
pub struct TenantSpec {
    /// The tenant's name, as instances give it in their annotation.
    pub name: String,
}

/// Where a Tenant stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum TenantPhase {
    /// Its namespace or its network is being made.
    Progressing,
    /// VMs can be made in its namespace.
    Ready,
    /// It can't be made; the operator goes on trying.
    Failed,
    /// On its way out.
    Deleting,
}

/// What the operator reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TenantStatus {
    /// In one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "TenantPhase")]
    pub phase: Option<TenantPhase>,
    /// The tenant's own namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub namespace: Option<String>,
}

/// A tenant's name in a form that fits an object's name: lower-case base32 (RFC 4648, no padding) of its FNV-1a 64.
#[must_use]
pub fn tenant_key(tenant: &str) -> String {
    let mut key = BASE32_NOPAD.encode(&fnv1a_64(tenant.as_bytes()).to_be_bytes());
    key.make_ascii_lowercase();
    key
}

/// The name of the Tenant object of a tenant.
#[must_use]
pub fn tenant_object_name(tenant: &str) -> String {
    tenant_object_of_suffix(&tenant_key(tenant))
}

/// The tenant's own namespace, for instances in `namespace`.
#[must_use]
pub fn tenant_namespace(namespace: &str, tenant: &str) -> String {
    format!("{namespace}-{}", tenant_key(tenant))
}

/// The tenant's key in the name of a tenant's own namespace, for instances in `namespace`; `None` for any other namespace.
#[must_use]
pub fn suffix_of_namespace<'a>(namespace: &str, tenants_own: &'a str) -> Option<&'a str> {
    let key = tenants_own.strip_prefix(namespace)?.strip_prefix('-')?;
    // 64 bits in base32.
    let is_key = key.len() == 13 && key.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'));
    is_key.then_some(key)
}

/// The name of the Tenant object with a key.
#[must_use]
pub fn tenant_object_of_suffix(key: &str) -> String {
    ["tenant-", key].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenants_key_is_lower_case_base32_of_its_hash() {
        // FNV-1a 64 of "a" is af63dc4c8601ec8c; RFC 4648 base32 of those eight bytes.
        assert_eq!(tenant_key("a"), "v5r5ytegahwiy");
        assert_eq!(tenant_object_name("a"), "tenant-v5r5ytegahwiy");
        assert_eq!(tenant_namespace("vms", "a"), "vms-v5r5ytegahwiy");
    }

    #[test]
    fn a_tenants_own_namespace_is_told_from_others() {
        let own = tenant_namespace("vms", "a");
        let key = suffix_of_namespace("vms", &own).expect("a key");
        assert_eq!(tenant_object_of_suffix(key), tenant_object_name("a"));
        for other in [
            "vms",
            "vms-",
            "vms-blue",
            "vms-blue-v5r5ytegahwiy",
            "vmsv5r5ytegahwiy",
            "x-v5r5ytegahwiy",
            "vms-v5r5ytegahwi1",
        ] {
            assert_eq!(suffix_of_namespace("vms", other), None, "{other}");
        }
    }

    #[test]
    fn any_name_of_a_tenant_gives_a_name_that_kubernetes_takes() {
        for tenant in ["", "Ünïcode ☃", &"x".repeat(500), "UPPER/slash"] {
            let key = tenant_key(tenant);
            assert_eq!(key.len(), 13);
            assert!(key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()), "{key}");
        }
    }
}
