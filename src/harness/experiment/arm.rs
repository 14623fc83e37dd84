//! One operator configuration under comparison.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    live::{LiveAap, LiveEda},
    operator::ArmOperator,
    resolve::POLL_INTERVAL,
};
use crate::{
    operator::config::{Config, ConfigError, ProviderKind, Warning, showable},
    sim::profile::Profile,
    units::GoDuration,
};

/// The bearer token of the simulated AAP; there is nothing behind it to protect.
pub(crate) const SIMULATED_TOKEN: &str = "simulated";

/// The names of the simulated AAP's templates.
pub(crate) const PROVISION_TEMPLATE: &str = "create-compute-instance";
pub(crate) const DEPROVISION_TEMPLATE: &str = "delete-compute-instance";

/// What the names of our operator's variables begin with.
pub(crate) const OUR_PREFIX: &str = "CLOUDKIT_";

/// How often an operator polls that is not told otherwise.
const DEFAULT_POLL_INTERVAL: Duration = Duration::from_secs(30);

/// Where an arm's operator finds its surroundings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// The namespace of the instances.
    pub namespace: String,
    /// AAP's URL, ending in `/api/controller`.
    pub aap_url: String,
    /// EDA's URL, without a path.
    pub eda_url: String,
}

/// A program that stands in for the simulated EDA.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EdaEngine {
    /// The engine that EDA itself runs, with the rulebook that ships.
    AnsibleRulebook,
}

/// What stands in for the simulated EDA.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum EdaBackend {
    /// A program that each trial starts.
    #[serde(serialize_with = "as_engine")]
    Engine(EdaEngine),
    /// One that is there already.
    Live(LiveEda),
}

/// What stands in for an arm's simulated backends; what is not here is simulated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Backend {
    /// EDA's engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eda: Option<EdaBackend>,
    /// The controller: with EDA, the one that it launches on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aap: Option<LiveAap>,
}

impl Backend {
    fn is_simulated(&self) -> bool {
        *self == Self::default()
    }

    /// The program that stands in for EDA.
    #[must_use]
    pub fn engine(&self) -> Option<EdaEngine> {
        match self.eda {
            Some(EdaBackend::Engine(engine)) => Some(engine),
            Some(EdaBackend::Live(_)) | None => None,
        }
    }

    /// The webhooks of an EDA that is there already.
    #[must_use]
    pub fn live_eda(&self) -> Option<&LiveEda> {
        match &self.eda {
            Some(EdaBackend::Live(eda)) => Some(eda),
            Some(EdaBackend::Engine(_)) | None => None,
        }
    }

    /// Whether its backends are there already: nothing is simulated then.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.aap.is_some() || self.live_eda().is_some()
    }
}

/// As the experiment file writes it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn as_engine<S: serde::Serializer>(engine: &EdaEngine, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map([("engine", engine)])
}

/// An arm.
#[derive(Clone, Debug, Serialize)]
pub struct Arm {
    pub(super) name: String,
    #[serde(serialize_with = "as_word")]
    pub(super) provider: ProviderKind,
    /// Environment variables of the operator.
    #[serde(serialize_with = "without_secrets")]
    pub(super) settings: BTreeMap<String, String>,
    /// Jobs of long ago that each instance has in its history when it arrives.
    #[serde(skip_serializing_if = "is_none_old")]
    pub(super) old_jobs: u32,
    /// Whether it repeats the baseline to see how far equal arms lie apart.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) audit: bool,
    #[serde(skip_serializing_if = "Backend::is_simulated")]
    pub(super) backend: Backend,
    /// Whose latency this is about.
    #[serde(skip_serializing_if = "ArmOperator::is_in_process")]
    pub(super) operator: ArmOperator,
    /// The namespace that a deployed operator works in, where it does not work in all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) namespace: Option<String>,
    pub(super) profile_name: String,
    pub(super) profile: Profile,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn is_none_old(old_jobs: &u32) -> bool {
    *old_jobs == 0
}

/// As a record may show them: neither a token nor the query of a webhook's URL.
fn without_secrets<S: serde::Serializer>(
    settings: &BTreeMap<String, String>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(settings.iter().map(|(name, value)| match name.as_str() {
        name_of_secret if is_secret(name_of_secret) => (name, "(secret)".into()),
        name_of_url if name_of_url.ends_with("_WEBHOOK") => (name, showable(value)),
        _ => (name, value.as_str().into()),
    }))
}

/// Whether a variable holds something that no record may show. The path of a file that has it in it may be shown.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    !name.ends_with("_FILE")
        && ["TOKEN", "SECRET", "PASSWORD", "CREDENTIAL", "KEY"].iter().any(|word| name.contains(word))
}

fn as_word<T: std::fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Arm {
    /// An arm outside of any experiment.
    #[must_use]
    pub fn new(
        name: &str,
        provider: ProviderKind,
        settings: BTreeMap<String, String>,
        profile_name: &str,
        profile: Profile,
    ) -> Self {
        let (name, profile_name) = (name.to_owned(), profile_name.to_owned());
        Self {
            name,
            provider,
            settings,
            old_jobs: 0,
            audit: false,
            backend: Backend::default(),
            operator: ArmOperator::InProcess,
            namespace: None,
            profile_name,
            profile,
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its provider.
    #[must_use]
    pub fn provider(&self) -> ProviderKind {
        self.provider
    }

    /// Jobs of long ago that each instance has in its history when it arrives.
    #[must_use]
    pub fn old_jobs(&self) -> u32 {
        self.old_jobs
    }

    /// Whether it repeats the baseline, with draws of its own.
    #[must_use]
    pub fn is_audit(&self) -> bool {
        self.audit
    }

    /// What stands in for its simulated backends.
    #[must_use]
    pub fn backend(&self) -> &Backend {
        &self.backend
    }

    /// Its operator.
    #[must_use]
    pub fn operator(&self) -> &ArmOperator {
        &self.operator
    }

    /// The namespace that its deployed operator works in; `None` where each trial has one of its own.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// How its backends behave.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The operator's environment, as this arm sets it up: surroundings first, the arm's own settings over them.
    #[must_use]
    pub fn environment(&self, endpoints: &Endpoints) -> BTreeMap<String, String> {
        environment(self.provider, &self.backend, &self.settings, endpoints)
    }

    /// The environment of an operator on the machine's own clock, where one recorded second takes `time_scale` real ones:
    /// durations among the settings are scaled, names begin with `prefix`, the program's own variables stand over everything as they are.
    #[must_use]
    pub fn environment_of_program(
        &self,
        endpoints: &Endpoints,
        time_scale: f64,
        prefix: &str,
    ) -> BTreeMap<String, String> {
        let mut environment = self.environment(endpoints);
        environment.entry(POLL_INTERVAL.to_owned()).or_insert_with(|| GoDuration(DEFAULT_POLL_INTERVAL).to_string());
        for value in environment.values_mut() {
            if let Ok(duration) = value.parse::<GoDuration>() {
                *value = GoDuration(duration.0.mul_f64(time_scale)).to_string();
            }
        }
        let mut environment: BTreeMap<String, String> = environment
            .into_iter()
            .map(|(name, value)| match name.strip_prefix(OUR_PREFIX) {
                Some(rest) => (format!("{prefix}{rest}"), value),
                None => (name, value),
            })
            .collect();
        if let Some(program) = self.operator.program() {
            environment.extend(program.env().clone());
        }
        environment
    }

    /// The operator's configuration, read from its environment as production does.
    ///
    /// # Errors
    /// When the environment is not one that an operator could start with.
    pub fn operator_config(&self, endpoints: &Endpoints) -> Result<Config, ConfigError> {
        read_config(&self.environment(endpoints)).map(|(config, _)| config)
    }
}

pub(super) fn environment(
    provider: ProviderKind,
    backend: &Backend,
    settings: &BTreeMap<String, String>,
    endpoints: &Endpoints,
) -> BTreeMap<String, String> {
    let eda = &endpoints.eda_url;
    let surroundings = [
        ("CLOUDKIT_PROVISIONING_PROVIDER", provider.as_str().to_owned()),
        ("CLOUDKIT_COMPUTE_INSTANCE_NAMESPACE", endpoints.namespace.clone()),
        ("CLOUDKIT_COMPUTE_INSTANCE_PROVISION_WEBHOOK", format!("{eda}/create-compute-instance")),
        ("CLOUDKIT_COMPUTE_INSTANCE_DEPROVISION_WEBHOOK", format!("{eda}/delete-compute-instance")),
        ("CLOUDKIT_AAP_URL", endpoints.aap_url.clone()),
        ("CLOUDKIT_AAP_TOKEN", SIMULATED_TOKEN.to_owned()),
        ("CLOUDKIT_AAP_PROVISION_TEMPLATE", PROVISION_TEMPLATE.to_owned()),
        ("CLOUDKIT_AAP_DEPROVISION_TEMPLATE", DEPROVISION_TEMPLATE.to_owned()),
        // Nobody reads them here, and each is a request; an arm may switch them on.
        ("CLOUDKIT_EVENTS", false.to_string()),
    ];
    let mut environment: BTreeMap<String, String> =
        surroundings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let live = backend
        .aap
        .iter()
        .flat_map(LiveAap::settings)
        .chain(backend.live_eda().into_iter().flat_map(LiveEda::settings));
    for (name, value) in live {
        if name == "CLOUDKIT_AAP_TOKEN_FILE" {
            environment.remove("CLOUDKIT_AAP_TOKEN");
        }
        environment.insert(name.to_owned(), value);
    }
    environment.extend(settings.clone());
    environment
}

pub(super) fn read_config(environment: &BTreeMap<String, String>) -> Result<(Config, Vec<Warning>), ConfigError> {
    Config::from_env(|name| environment.get(name).cloned())
}
