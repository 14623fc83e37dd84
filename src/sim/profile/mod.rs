//! Profiles: how long everything takes in a simulated backend, and how it schedules.
//!
//! A profile is a YAML file. Durations are in Go's notation; a latency is one of
//!
//! ```yaml
//! fixed: 30s
//! uniform: {min: 13s, max: 22s}
//! lognormal: {mean: 30s, sd: 3s}            # or {median: 29s, p95: 36s}; `min` and `max` truncate
//! empirical: {samples: [28s, 31s, 40s]}     # linear between the samples
//! ```
//!
//! Unknown fields are errors, and each error names its line and column.

pub mod duration;
mod forecast;
mod latency;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};

pub(in crate::sim) use self::forecast::key;
pub use self::{
    forecast::{CreateForecast, DeleteForecast, create_forecast, delete_forecast, first_poll_after, handoff_forecast},
    latency::{Latency, LatencyError},
};

/// Everything that a simulated deployment's timing is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The automation controller.
    pub aap: AapProfile,
    /// The event-driven engine.
    pub eda: EdaProfile,
    /// The playbooks that jobs run.
    pub playbooks: PlaybooksProfile,
    /// Virtual machines.
    pub kubevirt: KubeVirtProfile,
}

/// The automation controller's timing and scheduling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AapProfile {
    /// What an API request waits for its answer; what it asks for is done when it arrives.
    pub request_latency: Latency,
    /// From a change in the database to the task manager's run.
    pub commit_delay: Latency,
    /// From waiting to running: a worker takes the job up.
    pub worker_start: Latency,
    /// From the request to cancel a running job to its playbook being stopped.
    pub cancel_latency: Latency,
    /// How often the task manager runs without being asked, while something is pending.
    #[serde(with = "duration::positive", default = "twenty_seconds")]
    pub tick: Duration,
    /// The most jobs that one run of the task manager starts.
    #[serde(default = "hundred")]
    pub starts_per_run: NonZeroUsize,
    /// The most jobs at once; 0 is no limit.
    #[serde(default)]
    pub max_concurrent_jobs: usize,
    /// Whether one template's jobs may run side by side, for templates that do not say it themselves.
    pub allow_simultaneous: bool,
    /// How long a project update runs, where a template asks for one in front of its jobs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project_update: Option<Latency>,
}

/// The event-driven engine's timing and scheduling.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdaProfile {
    /// From a webhook's arrival to its event being queued.
    pub webhook_latency: Latency,
    /// From an event being taken from the queue to its action asking the controller.
    pub handoff: Latency,
    /// Whether actions run side by side.
    pub strategy: Strategy,
    /// The most actions at once under [`Strategy::Parallel`], those that wait for their job counted in; 0 is no limit.
    pub max_actions: usize,
    /// How often the jobs in flight are asked about.
    #[serde(with = "duration::positive", default = "ten_seconds")]
    pub poll_interval: Duration,
    /// How many jobs one request asks about.
    #[serde(default = "twenty_five")]
    pub poll_batch: NonZeroUsize,
    /// How often a launch that was answered 429, 502 or 503 is tried again.
    #[serde(default = "five")]
    pub launch_retries: u32,
    /// How long it waits before that.
    #[serde(with = "duration", default = "one_second")]
    pub retry_delay: Duration,
}

/// How an engine runs its actions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// One after the other: an event waits for the job of the event before it.
    Sequential,
    /// Side by side.
    Parallel,
}

/// What the playbooks take, beside what they wait for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaybooksProfile {
    /// The playbook that makes a virtual machine.
    pub create: CreateProfile,
    /// The playbook that removes one.
    pub delete: DeleteProfile,
    /// How often a playbook looks whether what it waits for has come.
    #[serde(with = "duration::positive", default = "five_seconds")]
    pub check_interval: Duration,
    /// How long it does so before it fails.
    #[serde(with = "duration", default = "ten_minutes")]
    pub check_limit: Duration,
}

/// What the creating playbook takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateProfile {
    /// Before its first request to the cluster: pod, inventory, facts, roles.
    pub setup: Latency,
    /// From a ready machine to the annotation.
    pub wrapup: Latency,
    /// From the annotation to the job's end.
    pub teardown: Latency,
}

/// What the deleting playbook takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeleteProfile {
    /// Before its first request to the cluster: pod, inventory, facts, roles.
    pub setup: Latency,
    /// The guest's shutdown.
    pub stop: Latency,
    /// From everything being gone to the removal of the finalizer.
    pub wrapup: Latency,
    /// From the removal of the finalizer to the job's end.
    pub teardown: Latency,
}

/// What virtual machines take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KubeVirtProfile {
    /// From a machine's object to its being ready.
    pub boot: Latency,
}

/// A profile that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file cannot be read.
    #[error("cannot read the profile {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something that no profile says.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// From 1; 0 where the error has no place.
        line: u64,
        /// From 1; 0 where the error has no place.
        column: u64,
        /// What is wrong and how to fix it.
        message: String,
    },
}

impl Profile {
    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is no profile.
    pub fn load(path: &Path) -> Result<Self, ProfileError> {
        let yaml =
            std::fs::read_to_string(path).map_err(|source| ProfileError::Read { path: path.to_owned(), source })?;
        Self::from_yaml(&yaml, path)
    }

    /// Reads a text; `path` is what its errors name.
    ///
    /// # Errors
    /// When it is no profile.
    pub fn from_yaml(yaml: &str, path: &Path) -> Result<Self, ProfileError> {
        let options = serde_saphyr::options! { with_snippet: false };
        serde_saphyr::from_str_with_options(yaml, options).map_err(|error| {
            let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
            let message = bare_message(&error.to_string());
            ProfileError::Parse { path: path.to_owned(), line, column, message }
        })
    }
}

const fn twenty_seconds() -> Duration {
    Duration::from_secs(20)
}

const fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

const fn five_seconds() -> Duration {
    Duration::from_secs(5)
}

const fn one_second() -> Duration {
    Duration::from_secs(1)
}

const fn ten_minutes() -> Duration {
    Duration::from_secs(600)
}

const fn hundred() -> NonZeroUsize {
    NonZeroUsize::new(100).unwrap()
}

const fn twenty_five() -> NonZeroUsize {
    NonZeroUsize::new(25).unwrap()
}

const fn five() -> u32 {
    5
}

/// An error's text without the place, which stands in front of it.
fn bare_message(text: &str) -> String {
    match text.rfind(" at line ") {
        Some(place) => text[..place].to_owned(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
pub(in crate::sim) mod tests {
    use super::*;

    /// A profile that ships with the project.
    pub(in crate::sim) fn shipped(name: &str) -> Profile {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/profiles").join(format!("{name}.yaml"));
        Profile::load(&path).expect("a profile that ships is valid")
    }

    fn error_in(name: &str, from: &str, to: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/profiles").join(format!("{name}.yaml"));
        let yaml = std::fs::read_to_string(path).expect("readable");
        assert!(yaml.contains(from));
        Profile::from_yaml(&yaml.replacen(from, to, 1), Path::new("p.yaml")).expect_err(to).to_string()
    }

    #[test]
    fn every_profile_that_ships_is_valid_and_survives_being_written() {
        for name in ["vmaas-dev-2026-02", "instant", "quiet-engine"] {
            let profile = shipped(name);
            let yaml = serde_saphyr::to_string(&profile).expect("serialises");
            assert_eq!(Profile::from_yaml(&yaml, Path::new("again")).expect(&yaml), profile);
        }
    }

    #[test]
    fn an_error_names_what_where_and_how() {
        let error = error_in("instant", "boot: {fixed: 0s}", "boot: {fixed: -5s}");
        assert_eq!(error, "p.yaml:28:17: `-5s` is negative; a duration starts at 0s");
        let error = error_in("instant", "  commit_delay", "  comit_delay");
        assert!(error.starts_with("p.yaml:4:3: ") && error.contains("comit_delay"), "{error}");
        let error = error_in("instant", "boot: {fixed: 0s}", "boot: {uniform: {min: 2s, max: 1s}}");
        assert!(error.starts_with("p.yaml:28:") && error.contains("`min` (2s) is above `max` (1s)"), "{error}");
        let error = error_in("instant", "poll_interval: 100ms", "poll_interval: 0s");
        assert_eq!(error, "p.yaml:14:18: no time at all is not possible here: write more than 0s");
        let error = error_in("instant", "max_actions: 0", "max_actions: 0\n  poll_batch: 0");
        assert!(error.starts_with("p.yaml:14:") && error.contains("nonzero"), "{error}");
        let error = error_in("instant", "kubevirt:", "virt:");
        assert!(error.contains("virt"), "{error}");
    }
}
