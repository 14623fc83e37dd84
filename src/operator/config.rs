//! The operator's settings, from the environment.

mod retry;
mod secret;

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

pub use self::{retry::RetrySettings, secret::Secret};
use crate::{
    api::JobStatus,
    units::{Seed, parse_duration},
};

/// Which backend new jobs go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProviderKind {
    /// AAP's REST API, called directly.
    Aap,
    /// EDA, by webhook.
    Eda,
}

impl ProviderKind {
    /// Where a job was launched.
    #[must_use]
    pub fn of(job: &JobStatus) -> Self {
        if job.is_eda() { Self::Eda } else { Self::Aap }
    }

    /// The word in the environment and in traces.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aap => "aap",
            Self::Eda => "eda",
        }
    }
}

impl fmt::Display for ProviderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProviderKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "aap" => Ok(Self::Aap),
            "eda" => Ok(Self::Eda),
            _ => Err("expected eda or aap".to_owned()),
        }
    }
}

/// How to reach AAP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AapSettings {
    /// The API's base: ends in `/api` or `/api/controller`, without a slash behind it; `/v2` is appended.
    pub url: String,
    /// The bearer token.
    pub token: Secret,
    /// The name of the template that provisions.
    pub provision_template: String,
    /// The name of the template that deprovisions.
    pub deprovision_template: String,
}

/// How to reach EDA.
#[derive(Clone, PartialEq, Eq)]
pub struct EdaSettings {
    /// Where to post an object to have it provisioned.
    pub provision_webhook: String,
    /// Where to post an object to have it deprovisioned.
    pub deprovision_webhook: String,
}

impl fmt::Debug for EdaSettings {
    /// Without the queries, which may carry a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdaSettings")
            .field("provision_webhook", &showable(&self.provision_webhook))
            .field("deprovision_webhook", &showable(&self.deprovision_webhook))
            .finish()
    }
}

/// A URL as it may be shown: without its query, and without a user and a password.
pub(crate) fn showable(url: &str) -> Cow<'_, str> {
    let shown = url.split(['?', '#']).next().unwrap_or(url);
    let Some((scheme, rest)) = shown.split_once("://") else { return shown.into() };
    let end = rest.find('/').unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]).into(),
        None => shown.into(),
    }
}

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where new jobs go.
    pub provider: ProviderKind,
    /// Jobs kept in an object's history, at least 1.
    pub max_job_history: usize,
    /// The namespace whose ComputeInstances are looked after.
    pub namespace: String,
    /// The least time between two posts to one webhook for one object; zero for none.
    pub minimum_request_interval: Duration,
    /// How often AAP is asked for a job's state.
    pub status_poll_interval: Duration,
    /// AAP, where it is set up; jobs that were launched there are followed even when the provider is EDA.
    pub aap: Option<AapSettings>,
    /// EDA, where it is set up.
    pub eda: Option<EdaSettings>,
    /// Objects worked on at once.
    pub workers: usize,
    /// When and how often failed jobs are tried again.
    pub retry: RetrySettings,
    /// How long EDA's jobs may stay silent.
    pub eda_patience: EdaPatience,
    /// How long a VM may name an object that does not exist before it is removed; zero to leave such VMs alone.
    pub orphan_grace: Duration,
    /// Whether an Event is written on each change of a job's state.
    pub events: bool,
    /// What this process is called in them.
    pub instance: String,
}

/// How long a job that went to EDA may stay silent before it counts as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdaPatience {
    /// Until the playbook's finalizer must have appeared.
    pub sign_of_life: Duration,
    /// Until the playbook must have ended.
    pub completion: Duration,
}

impl Config {
    /// Where the backends are that are set up.
    pub fn backend_urls(&self) -> impl Iterator<Item = &str> {
        let aap = self.aap.iter().map(|aap| aap.url.as_str());
        let eda = self.eda.iter().flat_map(|eda| [&eda.provision_webhook, &eda.deprovision_webhook]);
        aap.chain(eda.map(String::as_str))
    }

    /// The defaults, with no backend set up.
    #[must_use]
    pub fn with_defaults(provider: ProviderKind) -> Self {
        Self {
            provider,
            max_job_history: 10,
            namespace: "cloudkit-computeinstance".to_owned(),
            minimum_request_interval: Duration::ZERO,
            status_poll_interval: Duration::from_secs(30),
            aap: None,
            eda: None,
            workers: 64,
            retry: RetrySettings {
                first: Duration::from_secs(30),
                longest: Duration::from_secs(600),
                provision_attempts: 5,
                jitter: Seed::new(0),
            },
            eda_patience: EdaPatience { sign_of_life: Duration::from_secs(600), completion: Duration::from_secs(1800) },
            orphan_grace: Duration::from_secs(300),
            events: true,
            instance: "cloudkit-operator".to_owned(),
        }
    }
}

/// A setting that can't be used; the default is used instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The environment variable.
    pub variable: &'static str,
    /// Its value.
    pub value: String,
    /// What is wrong with it, and what is used.
    pub reason: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={:?}: {}", self.variable, self.value, self.reason)
    }
}

/// The operator can't start with this environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Something that the chosen provider needs is not set.
    #[error("the provider {provider} needs {}; set {} in the operator's environment", .variables.join(", "), if .variables.len() == 1 { "it" } else { "them" })]
    Missing {
        /// The chosen provider.
        provider: ProviderKind,
        /// What is missing.
        variables: Vec<&'static str>,
    },
    /// A URL that no request could be sent to.
    #[error("{variable}={value:?} is not a URL that can be used: {reason}")]
    BadUrl {
        /// The environment variable.
        variable: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A variable that the operator reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// What it sets, with its default.
    pub help: &'static str,
}

macro_rules! variables {
    ($($ident:ident = $name:literal, $help:literal;)*) => {
        $(const $ident: &str = $name;)*
        /// Every variable, in the order of the help text.
        pub const VARIABLES: &[Variable] = &[$(Variable { name: $name, help: $help }),*];
    };
}

variables! {
    PROVIDER = "CLOUDKIT_PROVISIONING_PROVIDER", "Where new jobs go: eda (default) or aap";
    HISTORY = "CLOUDKIT_MAX_JOB_HISTORY", "Jobs kept in an object's history, at least 1 (default 10)";
    NAMESPACE = "CLOUDKIT_COMPUTE_INSTANCE_NAMESPACE", "The namespace that is watched (default cloudkit-computeinstance)";
    PROVISION_WEBHOOK = "CLOUDKIT_COMPUTE_INSTANCE_PROVISION_WEBHOOK", "EDA's URL for provisioning (required for eda)";
    DEPROVISION_WEBHOOK = "CLOUDKIT_COMPUTE_INSTANCE_DEPROVISION_WEBHOOK", "EDA's URL for deprovisioning (required for eda)";
    REQUEST_INTERVAL = "CLOUDKIT_MINIMUM_REQUEST_INTERVAL", "Least time between two posts to one webhook for one object (default 0, off)";
    AAP_URL = "CLOUDKIT_AAP_URL", "AAP's URL, ending in /api or /api/controller (required for aap)";
    AAP_TOKEN = "CLOUDKIT_AAP_TOKEN", "AAP's bearer token (required for aap, unless it is in a file)";
    AAP_TOKEN_FILE = "CLOUDKIT_AAP_TOKEN_FILE", "A file with AAP's bearer token, read anew for each request";
    AAP_PROVISION = "CLOUDKIT_AAP_PROVISION_TEMPLATE", "The template that provisions (required for aap)";
    AAP_DEPROVISION = "CLOUDKIT_AAP_DEPROVISION_TEMPLATE", "The template that deprovisions (required for aap)";
    POLL_INTERVAL = "CLOUDKIT_AAP_STATUS_POLL_INTERVAL", "How often AAP is asked for a job's state (default 30s)";
    WORKERS = "CLOUDKIT_MAX_CONCURRENT_RECONCILES", "Objects worked on at once (default 64)";
    RETRY_FIRST = "CLOUDKIT_RETRY_FIRST", "Wait after a job's first failure, doubling with each further one (default 30s)";
    RETRY_LONGEST = "CLOUDKIT_RETRY_LONGEST", "The longest such wait (default 10m)";
    RETRY_ATTEMPTS = "CLOUDKIT_PROVISION_ATTEMPTS", "Provision jobs launched for one configuration before giving up (default 5)";
    SIGN_OF_LIFE = "CLOUDKIT_EDA_SIGN_OF_LIFE_TIMEOUT", "How long an EDA job may show nothing before it is sent again (default 10m)";
    ORPHAN_GRACE = "CLOUDKIT_ORPHAN_GRACE", "How long a VM may name an instance that does not exist before it is removed (default 5m; 0 leaves it alone)";
    EVENTS = "CLOUDKIT_EVENTS", "Whether a Kubernetes Event is written on each change of a job's state: true (default) or false";
    COMPLETION = "CLOUDKIT_EDA_COMPLETION_TIMEOUT", "How long an EDA job may run before it counts as failed (default 30m)";
}

/// What the pod is called, by the usual name of the variable; it is no setting of the operator's.
const POD_NAME: &str = "POD_NAME";

struct Reader<F> {
    lookup: F,
    warnings: Vec<Warning>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn text(&self, variable: &'static str) -> Option<String> {
        (self.lookup)(variable).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn parsed<T>(
        &mut self,
        variable: &'static str,
        target: &mut T,
        shown_default: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) {
        let Some(value) = self.text(variable) else { return };
        match parse(&value) {
            Ok(parsed) => *target = parsed,
            Err(reason) => {
                let reason = format!("{reason}; using the default, {shown_default}");
                self.warnings.push(Warning { variable, value, reason });
            }
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse::<usize>() {
        Ok(number) if number >= 1 => Ok(number),
        _ => Err("expected a whole number, at least 1".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}

fn some_time(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be longer than 0s".to_owned()),
        duration => Ok(duration),
    }
}

impl Config {
    /// Reads the settings from an environment; `lookup` gives a variable's value.
    ///
    /// A value that can't be used gives a warning and the default.
    ///
    /// # Errors
    /// When what the chosen provider needs is missing, or a URL is none.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Result<(Self, Vec<Warning>), ConfigError> {
        let mut reader = Reader { lookup, warnings: Vec::new() };
        let mut config = Self::with_defaults(ProviderKind::Eda);
        reader.parsed(PROVIDER, &mut config.provider, "eda", str::parse);
        reader.parsed(HISTORY, &mut config.max_job_history, "10", at_least_one);
        reader.parsed(REQUEST_INTERVAL, &mut config.minimum_request_interval, "0 (off)", duration);
        reader.parsed(POLL_INTERVAL, &mut config.status_poll_interval, "30s", some_time);
        reader.parsed(WORKERS, &mut config.workers, "64", at_least_one);
        reader.parsed(RETRY_FIRST, &mut config.retry.first, "30s", some_time);
        reader.parsed(RETRY_LONGEST, &mut config.retry.longest, "10m", some_time);
        reader.parsed(RETRY_ATTEMPTS, &mut config.retry.provision_attempts, "5", |text| {
            at_least_one(text).and_then(|number| u32::try_from(number).map_err(|_| "too large".to_owned()))
        });
        reader.bound_first_wait(&mut config.retry);
        reader.parsed(SIGN_OF_LIFE, &mut config.eda_patience.sign_of_life, "10m", some_time);
        reader.parsed(COMPLETION, &mut config.eda_patience.completion, "30m", some_time);
        reader.parsed(ORPHAN_GRACE, &mut config.orphan_grace, "5m", duration);
        reader.parsed(EVENTS, &mut config.events, "true", |text| {
            text.parse().map_err(|_| "expected true or false".to_owned())
        });
        if let Some(name) = reader.text(POD_NAME) {
            config.instance = name;
        }
        if let Some(namespace) = reader.text(NAMESPACE) {
            config.namespace = namespace;
        }
        config.eda = reader.eda(config.provider)?;
        config.aap = reader.aap(config.provider)?;
        Ok((config, reader.warnings))
    }
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn eda(&self, provider: ProviderKind) -> Result<Option<EdaSettings>, ConfigError> {
        let variables = [PROVISION_WEBHOOK, DEPROVISION_WEBHOOK];
        let Some([provision, deprovision]) = self.all(variables, provider, ProviderKind::Eda)? else {
            return Ok(None);
        };
        check_url(PROVISION_WEBHOOK, &provision)?;
        check_url(DEPROVISION_WEBHOOK, &deprovision)?;
        Ok(Some(EdaSettings { provision_webhook: provision, deprovision_webhook: deprovision }))
    }

    fn aap(&self, provider: ProviderKind) -> Result<Option<AapSettings>, ConfigError> {
        let file = self.text(AAP_TOKEN_FILE);
        let token = if file.is_some() { AAP_TOKEN_FILE } else { AAP_TOKEN };
        let variables = [AAP_URL, token, AAP_PROVISION, AAP_DEPROVISION];
        let Some([url, token, provision_template, deprovision_template]) =
            self.all(variables, provider, ProviderKind::Aap)?
        else {
            return Ok(None);
        };
        check_url(AAP_URL, &url)?;
        let url = url.trim_end_matches('/').trim_end_matches("/v2").to_owned();
        let token = if file.is_some() { Secret::in_file(token.into()) } else { Secret::new(token) };
        Ok(Some(AapSettings { url, token, provision_template, deprovision_template }))
    }

    /// The values of all variables; `None` when some are missing and the provider is not the chosen one.
    fn all<const N: usize>(
        &self,
        variables: [&'static str; N],
        chosen: ProviderKind,
        owner: ProviderKind,
    ) -> Result<Option<[String; N]>, ConfigError> {
        let values = variables.map(|variable| self.text(variable));
        let missing: Vec<&'static str> =
            variables.iter().zip(&values).filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
        if missing.is_empty() {
            Ok(Some(values.map(Option::unwrap_or_default)))
        } else if chosen == owner {
            Err(ConfigError::Missing { provider: chosen, variables: missing })
        } else {
            Ok(None)
        }
    }
}

fn check_url(variable: &'static str, value: &str) -> Result<(), ConfigError> {
    let wrong = |reason: String| ConfigError::BadUrl { variable, value: showable(value).into_owned(), reason };
    let uri: http::Uri = value.parse().map_err(|error: http::uri::InvalidUri| wrong(error.to_string()))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none_or(str::is_empty) {
        return Err(wrong("it must begin with http:// or https:// and name a host".to_owned()));
    }
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        return Err(wrong("a user and a password in it would not be sent; take them out, and set a token".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
