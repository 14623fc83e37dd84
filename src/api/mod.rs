//! The API group `cloudkit.openshift.io/v1alpha1`, one file a concept.
//!
//! **Invariant:** [`job_types`] is the only place that knows the states and types of jobs and the rules of their history.

pub mod compute_instance;
pub mod config_version;
pub mod crd;
pub mod job_types;
pub mod legacy;
pub mod names;
pub mod tenant;
pub mod virtual_machine;

pub use compute_instance::{ComputeInstance, ComputeInstanceSpec, ComputeInstanceStatus, Phase};
pub use job_types::{JobHistory, JobState, JobStatus, JobTime, JobType};
pub use tenant::{Tenant, TenantPhase, TenantSpec, TenantStatus};
pub use virtual_machine::{VirtualMachine, VirtualMachineStatus};
