//! The lifecycle script of each instance.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::operator::Disturbance;
use crate::{
    api::{JobState, JobType},
    record::Sample,
    units::GoDuration,
};

/// When an instance is deleted while it is being provisioned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeleteWhen {
    /// When the watch first shows its provision job in this state.
    State(JobState),
    /// This long after its create request was sent.
    After(GoDuration),
}

/// What happens to an instance after it was created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioKind {
    /// It gets to Running, is held for a while, and is deleted.
    ProvisionDeprovision {
        /// How long.
        hold: GoDuration,
    },
    /// It is deleted before it gets there.
    DeleteDuringProvision {
        /// When.
        delete: DeleteWhen,
    },
}

/// What must be true of every instance of an arm, beyond what always must.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Expectation {
    /// The last state of its provision job.
    pub provision_state: Option<JobState>,
    /// Provision jobs in its history.
    pub provision_jobs: Option<u32>,
    /// Deprovision jobs in its history.
    pub deprovision_jobs: Option<u32>,
}

impl Expectation {
    /// What is not as expected of an instance that was not censored.
    #[must_use]
    pub fn violations(&self, sample: &Sample) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(state) = self.provision_state
            && sample.provision_state != state.as_str()
        {
            let shown = if sample.provision_state.is_empty() { "no job" } else { &sample.provision_state };
            found.push(format!("its provision job ended as {shown}, expected {state}"));
        }
        let counts = [
            (JobType::Provision, self.provision_jobs, sample.provision_jobs),
            (JobType::Deprovision, self.deprovision_jobs, sample.deprovision_jobs),
        ];
        for (job_type, expected, found_jobs) in counts {
            if let Some(expected) = expected
                && expected != found_jobs
            {
                found.push(format!("it has {found_jobs} {job_type} jobs, expected {expected}"));
            }
        }
        found
    }
}

/// A scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Scenario {
    pub(super) name: String,
    #[serde(flatten)]
    pub(super) kind: ScenarioKind,
    /// The operator ends in the middle of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) operator: Option<Disturbance>,
    pub(super) expect: BTreeMap<String, Expectation>,
}

impl Scenario {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What happens in it.
    #[must_use]
    pub fn kind(&self) -> ScenarioKind {
        self.kind
    }

    /// How the operator ends in the middle of it, if it does.
    #[must_use]
    pub fn disturbance(&self) -> Option<Disturbance> {
        self.operator
    }

    /// Whether it gets instances to Running.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        matches!(self.kind, ScenarioKind::ProvisionDeprovision { .. })
    }

    /// What must be true of an arm's instances.
    #[must_use]
    pub fn expectation(&self, arm: &str) -> Option<&Expectation> {
        self.expect.get(arm)
    }

    /// How long an instance is held in phase Running.
    #[must_use]
    pub fn hold(&self) -> Duration {
        match self.kind {
            ScenarioKind::ProvisionDeprovision { hold } => hold.0,
            ScenarioKind::DeleteDuringProvision { .. } => Duration::ZERO,
        }
    }
}
