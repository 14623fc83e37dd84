//! Experiment files: YAML, parsed into something that can only be valid.

pub(in crate::harness) mod arm;
mod choice;
mod design;
mod error;
mod json_path;
pub(in crate::harness) mod live;
mod operator;
mod operator_resolve;
mod overrides;
mod places;
mod raw;
mod raw_operator;
mod resolve;
mod scenario;
mod share;
mod subject;
mod subject_file;
mod written;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde::Serialize;

use self::places::Places;
pub use self::{
    arm::{Arm, Backend, EdaBackend, EdaEngine, Endpoints},
    error::ExperimentError,
    live::{LiveAap, LiveEda, Templates, TokenPlace},
    operator::{ArmOperator, Disturbance, Ending, Program, Ready},
    scenario::{DeleteWhen, Expectation, Scenario, ScenarioKind},
    share::{NotAShare, Share},
    subject::{NotServed, Subject},
};
pub(crate) use self::{
    arm::{SIMULATED_TOKEN, is_secret},
    resolve::POLL_INTERVAL,
};
use crate::{
    record::{ClockKind, Design},
    units::{GoDuration, Seed},
};

/// What an invocation may set beside the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--set PATH=VALUE`, in their order.
    pub set: Vec<String>,
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--blocks`.
    pub blocks: Option<u32>,
    /// `--clock`.
    pub clock: Option<ClockKind>,
    /// `--time-scale`.
    pub time_scale: Option<f64>,
}

/// An experiment: every value is there and makes sense.
#[derive(Clone, Debug, Serialize)]
pub struct Experiment {
    #[serde(skip)]
    file: PathBuf,
    name: String,
    description: String,
    seed: Seed,
    clock: ClockKind,
    time_scale: f64,
    blocks: u32,
    design: Design,
    instances: u32,
    tenants: u32,
    arrival_spacing: GoDuration,
    deadline: GoDuration,
    template_id: String,
    template_parameters: Option<String>,
    /// What is created; our own kind where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Arc<Subject>>,
    arms: Vec<Arm>,
    scenarios: Vec<Scenario>,
}

impl Experiment {
    /// Reads an experiment file and applies what the invocation sets beside it.
    ///
    /// # Errors
    /// When the file, or a profile that it names, can't be read or says something that makes no sense; the error names the
    /// file, the line and the column.
    pub fn load(file: &Path, overrides: &Overrides) -> Result<Self, ExperimentError> {
        Self::from_yaml(&error::read_text(file)?, file, overrides)
    }

    /// Like [`Self::load`], from a text; `file` is what errors name and where profiles are looked for.
    ///
    /// # Errors
    /// As for [`Self::load`].
    pub fn from_yaml(text: &str, file: &Path, overrides: &Overrides) -> Result<Self, ExperimentError> {
        let file = Places::of_file(file);
        let raw = raw::parse(text, &file)?;
        if overrides.set.is_empty() {
            return resolve::resolve(&raw, &file, overrides);
        }
        let (text, origins) = overrides::apply(text, &file, &overrides.set)?;
        // What is right by itself and wrong with the values set over it is theirs to mend, wherever it shows.
        let set = |error: ExperimentError| match error {
            ExperimentError::Invalid { .. } => ExperimentError::Option {
                option: overrides.set.iter().map(|setting| places::shown(setting)).collect::<Vec<_>>().join(" "),
                message: error.to_string(),
            },
            error => error,
        };
        let changed = raw::parse(&text, &origins).map_err(set)?;
        resolve::resolve(&changed, &origins, overrides)
            .map_err(|error| if resolve::resolve(&raw, &file, overrides).is_ok() { set(error) } else { error })
    }

    /// The file that it was read from.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Its name; also the name of its folder under `reports/`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is for.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The seed of all random draws.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    /// Which clock it runs on.
    #[must_use]
    pub fn clock(&self) -> ClockKind {
        self.clock
    }

    /// Real seconds for one second of recorded time; 1 in virtual time.
    #[must_use]
    pub fn time_scale(&self) -> f64 {
        self.time_scale
    }

    /// What is left out, when the run ends, and what it has to show.
    #[must_use]
    pub fn design(&self) -> &Design {
        &self.design
    }

    /// Blocks without those that warm up, at least 1; with [`Design::until`] the most that there can be.
    #[must_use]
    pub fn blocks(&self) -> u32 {
        self.blocks
    }

    /// Parallel instances a trial, at least 1.
    #[must_use]
    pub fn instances(&self) -> u32 {
        self.instances
    }

    /// Tenants that the instances of a trial are spread over in turn, at least 1.
    #[must_use]
    pub fn tenants(&self) -> u32 {
        self.tenants
    }

    /// The time between two arrivals; zero for all at once.
    #[must_use]
    pub fn arrival_spacing(&self) -> Duration {
        self.arrival_spacing.0
    }

    /// When a trial is cut off, counted from its start.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline.0
    }

    /// `spec.templateID` of each instance.
    #[must_use]
    pub fn template_id(&self) -> &str {
        &self.template_id
    }

    /// `spec.templateParameters` of each instance.
    #[must_use]
    pub fn template_parameters(&self) -> Option<&str> {
        self.template_parameters.as_deref()
    }

    /// What is created, where it is not our own ComputeInstance.
    #[must_use]
    pub fn subject(&self) -> Option<&Arc<Subject>> {
        self.subject.as_ref()
    }

    /// The arms, at least one; the first is the baseline.
    #[must_use]
    pub fn arms(&self) -> &[Arm] {
        &self.arms
    }

    /// The scenarios, at least one.
    #[must_use]
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }
}

#[cfg(test)]
#[path = "../experiment_tests.rs"]
mod tests;
