//! One instance's life, in one row.

use serde::{Deserialize, Serialize};

use crate::{
    record::Word,
    units::{InstanceId, Nanos},
};

/// How an instance's life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It got through its scenario.
    Succeeded,
    /// The operator reported phase Failed before the scenario was through, or the server refused the instance. It is
    /// cleaned up then, so that a later attempt of the operator's is not waited for.
    Failed,
    /// Its provisioning was cut short by a delete, as the scenario wanted, and it is gone.
    Canceled,
    /// The deadline came first: its times are lower bounds.
    Censored,
}

impl Outcome {
    /// The word in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::Censored => "censored",
        }
    }
}

/// What was measured of one instance. All times are nanoseconds since the epoch of its trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Which instance.
    pub instance: InstanceId,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was meant to be created; the clock of the instance starts here.
    pub intended_ns: Nanos,
    /// When the create request was sent.
    pub sent_ns: Nanos,
    /// When the create request was answered.
    pub accepted_ns: Option<Nanos>,
    /// When the watch first showed phase Running.
    pub running_ns: Option<Nanos>,
    /// When the delete request was sent.
    pub delete_sent_ns: Option<Nanos>,
    /// When the watch showed that the object was gone.
    pub gone_ns: Option<Nanos>,
    /// When the deadline cut the observation off, for a censored instance.
    pub censored_ns: Option<Nanos>,
    /// Provision jobs that the object's history ever showed.
    pub provision_jobs: u32,
    /// Deprovision jobs that the object's history ever showed.
    pub deprovision_jobs: u32,
    /// The last state shown of the provision job; empty when there was none.
    pub provision_state: Word,
    /// Virtual machines of this instance that were left when everything had come to rest.
    pub orphans: u32,
}

impl Sample {
    /// Intended arrival to phase Running as the watch showed it (response time).
    #[must_use]
    pub fn provision_total(&self) -> Option<Nanos> {
        self.running_ns?.since(self.intended_ns)
    }

    /// The same from the actual send (service time).
    #[must_use]
    pub fn provision_service(&self) -> Option<Nanos> {
        self.running_ns?.since(self.sent_ns)
    }

    /// Delete sent to object gone as the watch showed it.
    #[must_use]
    pub fn deprovision_total(&self) -> Option<Nanos> {
        self.gone_ns?.since(self.delete_sent_ns?)
    }

    /// Provision and deprovision together, where both are known.
    #[must_use]
    pub fn total(&self) -> Option<Nanos> {
        Some(Nanos::new(self.provision_total()?.get().saturating_add(self.deprovision_total()?.get())))
    }
}
