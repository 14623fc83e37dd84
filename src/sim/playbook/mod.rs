//! The playbooks: what a job does to the cluster.
//!
//! **Flow, create:** set up; find the tenant; find the object and put the playbook's finalizer on it; make a secret, a
//! data volume and a virtual machine in the tenant's namespace; wait until the machine is ready; wrap up; annotate the object
//! with the version that the payload asked for.
//!
//! **Flow, delete:** set up; stop the machine; delete it, its volume and its secret, each waited for; wrap up; last, take
//! the playbook's finalizer off the object.
//!
//! **Guarantees:** both are idempotent. A playbook that is stopped ends between two steps, never within a request. It fails
//! at the first answer of the cluster that it does not expect, with the reason.
//!
//! **Deliberately so:** finalizers are read and then written as a whole list, without a resourceVersion, as the real
//! playbooks do: a finalizer that another adds in between is lost.
//!
//! Without a cluster ([`Runner::without_cluster`]) a playbook only takes its time.

mod cluster;
mod create;
mod delete;
mod objects;
mod payload;
mod steps;
mod timed;

use std::sync::Arc;

pub use self::payload::{Payload, PayloadError};
use self::steps::{Halt, Steps};
use super::{
    profile::{KubeVirtProfile, PlaybooksProfile},
    signal::Signal,
};
use crate::{
    clock::SharedClock,
    record::{TruthLog, Word},
    units::Seed,
};

/// Which playbook a template runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Playbook {
    /// Makes a virtual machine.
    Create,
    /// Removes it.
    Delete,
}

impl Playbook {
    /// The type of its jobs, as records write it.
    #[must_use]
    pub const fn job_type(self) -> &'static str {
        match self {
            Self::Create => "provision",
            Self::Delete => "deprovision",
        }
    }

    /// The name of its file.
    #[must_use]
    pub const fn file(self) -> &'static str {
        match self {
            Self::Create => "playbook_cloudkit_create_compute_instance.yml",
            Self::Delete => "playbook_cloudkit_delete_compute_instance.yml",
        }
    }
}

/// Why a playbook failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// One sentence: the job's explanation.
    pub explanation: String,
    /// The task and what it met: the job's traceback.
    pub traceback: String,
}

/// How a playbook ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was done.
    Done,
    /// A step failed.
    Failed(Failure),
    /// It was stopped between two steps.
    Stopped,
}

/// What playbooks need to run: a cluster, time, and their durations.
#[derive(Clone)]
pub struct Runner {
    place: Place,
    clock: SharedClock,
    seed: Seed,
    truth: TruthLog,
    profile: Arc<PlaybooksProfile>,
    names: Arc<ObjectNames>,
}

/// Which objects playbooks work for, and what they leave on them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectNames {
    /// `group/version`.
    pub api_version: String,
    /// The name of the collection.
    pub plural: String,
    /// The finalizer by which a playbook holds an object.
    pub finalizer: Word,
    /// The annotation by which a playbook says which version it has made true.
    pub version_annotation: String,
    /// Whether machines live in the namespace of a Tenant of the same group, and not in the object's own.
    pub tenants: bool,
}

impl Default for ObjectNames {
    fn default() -> Self {
        Self {
            api_version: "cloudkit.openshift.io/v1alpha1".to_owned(),
            plural: "computeinstances".to_owned(),
            finalizer: Word::const_new(FINALIZER),
            version_annotation: VERSION_ANNOTATION.to_owned(),
            tenants: true,
        }
    }
}

/// What a playbook acts on.
#[derive(Clone)]
enum Place {
    /// A cluster.
    Cluster(kube::Client),
    /// Nothing: machines boot in no cluster, and nobody asks what for.
    Nowhere(Arc<KubeVirtProfile>),
}

impl Runner {
    /// A runner against a cluster; `seed` is the block's.
    #[must_use]
    pub fn new(
        client: kube::Client,
        clock: SharedClock,
        seed: Seed,
        truth: TruthLog,
        profile: PlaybooksProfile,
    ) -> Self {
        Self { place: Place::Cluster(client), clock, seed, truth, profile: Arc::new(profile), names: Arc::default() }
    }

    /// The same for objects of another kind.
    #[must_use]
    pub fn for_objects(self, names: ObjectNames) -> Self {
        Self { names: Arc::new(names), ..self }
    }

    /// A runner whose playbooks take their time and do nothing: any variables will do, and no job fails.
    #[must_use]
    pub fn without_cluster(
        clock: SharedClock,
        seed: Seed,
        truth: TruthLog,
        profile: PlaybooksProfile,
        machines: KubeVirtProfile,
    ) -> Self {
        Self {
            place: Place::Nowhere(Arc::new(machines)),
            clock,
            seed,
            truth,
            profile: Arc::new(profile),
            names: Arc::default(),
        }
    }

    /// Runs a playbook to its end, or until `stop` is set. `attempt` counts the jobs of this kind for this object, from 0.
    pub(super) async fn run(
        &self,
        playbook: Playbook,
        payload: Result<Payload, PayloadError>,
        job_id: u64,
        attempt: u32,
        stop: &Signal,
    ) -> Outcome {
        let client = match &self.place {
            Place::Cluster(client) => client,
            Place::Nowhere(machines) => return timed::run(self, machines, playbook, payload.ok(), attempt, stop).await,
        };
        let steps = Steps::new(self, client, playbook, job_id, attempt, stop);
        let result = match payload {
            Err(error) => Err(Halt::Failed(Failure {
                explanation: error.to_string(),
                traceback: format!("TASK [{}] fatal: {error}", playbook.file()),
            })),
            Ok(payload) => match playbook {
                Playbook::Create => create::run(&steps.on(&payload), &payload, &self.profile).await,
                Playbook::Delete => delete::run(&steps.on(&payload), &payload, &self.profile).await,
            },
        };
        match result {
            Ok(()) => Outcome::Done,
            Err(Halt::Stopped) => Outcome::Stopped,
            Err(Halt::Failed(failure)) => Outcome::Failed(failure),
        }
    }
}

/// The finalizer by which a playbook holds an object.
const FINALIZER: &str = "cloudkit.openshift.io/computeinstance-aap";
/// The annotation by which a playbook says which version it has made true.
const VERSION_ANNOTATION: &str = "cloudkit.openshift.io/reconciled-config-version";
/// The label on everything that a playbook makes; its value is the object's name.
const LABEL: &str = "cloudkit.openshift.io/computeinstance";
