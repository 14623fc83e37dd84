//! The group's finalizers, annotations and labels.

/// The API group.
pub const GROUP: &str = "cloudkit.openshift.io";

/// The finalizer by which the operator holds a ComputeInstance.
pub const FINALIZER: &str = "cloudkit.openshift.io/computeinstance";

/// The finalizer by which a playbook holds a ComputeInstance while its VM exists.
pub const PLAYBOOK_FINALIZER: &str = "cloudkit.openshift.io/computeinstance-aap";

/// The finalizer by which the operator holds a Tenant.
pub const TENANT_FINALIZER: &str = "cloudkit.openshift.io/tenant";

/// The annotation that names the tenant of a ComputeInstance.
pub const TENANT_ANNOTATION: &str = "cloudkit.openshift.io/tenant";

/// The annotation that takes a ComputeInstance out of the operator's hands: `manual` (no jobs) or `unmanaged` (ignored).
pub const MANAGEMENT_STATE_ANNOTATION: &str = "cloudkit.openshift.io/management-state";

/// The annotation in which a playbook answers with the configuration version that it has made.
pub const RECONCILED_ANNOTATION: &str = "cloudkit.openshift.io/reconciled-config-version";

/// The label on everything that a playbook creates: the name of the ComputeInstance.
pub const INSTANCE_LABEL: &str = "cloudkit.openshift.io/computeinstance";

/// The label by which OVN-Kubernetes finds namespaces with a primary user-defined network.
pub const UDN_LABEL: &str = "k8s.ovn.org/primary-user-defined-network";
