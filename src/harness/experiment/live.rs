//! Backends that are there already: an automation controller, the webhooks of an event-driven engine.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_saphyr::Spanned;

use super::{
    ArmOperator, Backend, EdaBackend, ExperimentError,
    raw::{RawBackend, RawEda, RawLiveAap, RawTokenPlace},
    resolve::Resolver,
};
use crate::{
    operator::config::{ProviderKind, Secret, showable},
    record::ClockKind,
};

/// An automation controller that is there already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveAap {
    url: String,
    token_from: TokenPlace,
    #[serde(skip)]
    token: Secret,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca_file: Option<PathBuf>,
    templates: Templates,
}

/// Where the token is; what it is stands in no record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenPlace {
    /// In a variable of the harness's environment, as it was when the run began.
    Env(String),
    /// In a file, which each trial reads anew.
    File(PathBuf),
}

/// The names of the templates that do the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Templates {
    /// Of the job that makes an instance.
    pub provision: String,
    /// Of the job that removes it.
    pub deprovision: String,
}

impl LiveAap {
    /// The controller's URL without a slash or a version at its end, such as `https://aap.example.com/api/controller`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its bearer token.
    #[must_use]
    pub fn token(&self) -> &Secret {
        &self.token
    }

    /// The certificates (PEM) that its server is verified against, instead of the system's.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Its templates.
    #[must_use]
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    /// The operator's settings that lead to it.
    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        let token = match (self.token.reveal(), &self.token_from) {
            (Err(_), TokenPlace::File(file)) => ("CLOUDKIT_AAP_TOKEN_FILE", file.display().to_string()),
            (token, _) => ("CLOUDKIT_AAP_TOKEN", token.unwrap_or_default().into_owned()),
        };
        let authorities = self.ca_file.iter().map(|file| ("CLOUDKIT_CA_FILE", file.display().to_string()));
        let settings = [
            ("CLOUDKIT_AAP_URL", self.url.clone()),
            token,
            ("CLOUDKIT_AAP_PROVISION_TEMPLATE", self.templates.provision.clone()),
            ("CLOUDKIT_AAP_DEPROVISION_TEMPLATE", self.templates.deprovision.clone()),
        ];
        settings.into_iter().chain(authorities).collect()
    }
}

/// The webhooks of an event-driven engine that is there already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveEda {
    #[serde(serialize_with = "shown")]
    provision_webhook: String,
    #[serde(serialize_with = "shown")]
    deprovision_webhook: String,
}

/// A webhook's query may be its key.
fn shown<S: serde::Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&showable(url))
}

impl LiveEda {
    /// Where new instances are posted.
    #[must_use]
    pub fn provision_webhook(&self) -> &str {
        &self.provision_webhook
    }

    /// Where instances that are to go are posted.
    #[must_use]
    pub fn deprovision_webhook(&self) -> &str {
        &self.deprovision_webhook
    }

    pub(super) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("CLOUDKIT_COMPUTE_INSTANCE_PROVISION_WEBHOOK", self.provision_webhook.clone()),
            ("CLOUDKIT_COMPUTE_INSTANCE_DEPROVISION_WEBHOOK", self.deprovision_webhook.clone()),
        ]
    }
}

impl Resolver<'_> {
    /// What is not simulated has its own clock, and is as fast as it is. An operator that is deployed has its backends already;
    /// of them the harness reads the records.
    pub(super) fn backend(
        &self,
        raw: &Spanned<RawBackend>,
        provider: ProviderKind,
        operator: &ArmOperator,
    ) -> Result<Backend, ExperimentError> {
        let RawBackend { eda, aap } = &raw.value;
        let is_engine = matches!(eda.as_ref().map(|eda| &eda.value), Some(RawEda { engine: Some(_), .. }));
        let (what, speed) = if is_engine {
            ("a real engine", "choose a profile of short jobs")
        } else {
            ("a live backend", "its jobs take the time that they take")
        };
        let is_deployed = *operator == ArmOperator::None;
        let eda_is_needed = provider == ProviderKind::Eda && eda.is_none() && !is_deployed;
        let problem = if is_deployed && eda.is_some() {
            "an operator that is deployed already has its EDA already; give `aap:` alone, whose job records are read"
                .to_owned()
        } else if eda.is_none() && aap.is_none() {
            "`backend` names none; give `eda:` or `aap:`, or leave it out for simulated ones".to_owned()
        } else if eda.is_some() && provider != ProviderKind::Eda {
            if is_engine { "an engine of EDA needs `provider: eda`" } else { "webhooks of EDA need `provider: eda`" }
                .to_owned()
        } else if eda_is_needed || is_engine && aap.is_some() {
            "with `provider: eda` a live AAP needs a live EDA that launches on it; add `eda: {provisionWebhook: …, \
             deprovisionWebhook: …}`, or use `provider: aap`"
                .to_owned()
        } else if self.clock() != ClockKind::Real {
            format!("{what} needs the real clock; set `clock: real`, or run with --clock real")
        } else if (self.time_scale() - 1.0).abs() > f64::EPSILON {
            format!("{what} is as fast as it is; leave `time_scale` (--time-scale) at 1: {speed}")
        } else {
            return Ok(Backend {
                eda: eda.as_ref().map(|eda| self.eda(eda)).transpose()?,
                aap: aap.as_ref().map(|aap| self.live_aap(aap)).transpose()?,
            });
        };
        Err(self.invalid(raw, problem))
    }

    fn eda(&self, raw: &Spanned<RawEda>) -> Result<EdaBackend, ExperimentError> {
        match &raw.value {
            RawEda { engine: Some(engine), provision_webhook: None, deprovision_webhook: None } => {
                Ok(EdaBackend::Engine(*engine))
            }
            RawEda { engine: None, provision_webhook: Some(provision), deprovision_webhook: Some(deprovision) } => {
                Ok(EdaBackend::Live(LiveEda {
                    provision_webhook: self.live_url(provision)?,
                    deprovision_webhook: self.live_url(deprovision)?,
                }))
            }
            _ => Err(self.invalid(raw, "give either `engine`, or both of `provisionWebhook` and `deprovisionWebhook`")),
        }
    }

    fn live_aap(&self, raw: &Spanned<RawLiveAap>) -> Result<LiveAap, ExperimentError> {
        let RawLiveAap { url, token_from, ca_file, templates } = &raw.value;
        let url = match url.value.find(['?', '#']) {
            Some(_) => return Err(self.invalid(url, "the controller's URL has a query; it ends in /api/controller")),
            None => self.live_url(url)?,
        };
        let beside = |path: &Path| self.places.file.parent().unwrap_or(Path::new(".")).join(path);
        let ca_file = match ca_file {
            Some(file) if !beside(&file.value).is_file() => {
                let message = format!("there is no file {} with certificates", beside(&file.value).display());
                return Err(self.invalid(file, message));
            }
            file => file.as_ref().map(|file| beside(&file.value)),
        };
        let (token_from, token) = match &token_from.value {
            RawTokenPlace::Env(name) => {
                let token = std::env::var(name).unwrap_or_default().trim().to_owned();
                if token.is_empty() {
                    let message = format!("the environment has no {name}; export it with the controller's token");
                    return Err(self.invalid(token_from, message));
                }
                (TokenPlace::Env(name.clone()), Secret::new(token))
            }
            RawTokenPlace::File(file) => {
                let file = beside(file);
                let token = Secret::in_file(file.clone());
                let problem = match token.reveal() {
                    Ok(token) if !token.is_empty() => None,
                    Ok(_) => Some("it is empty".to_owned()),
                    Err(error) => Some(error.to_string()),
                };
                if let Some(problem) = problem {
                    let message = format!("can't read the token in {}: {problem}", file.display());
                    return Err(self.invalid(token_from, message));
                }
                (TokenPlace::File(file), token)
            }
        };
        for name in [&templates.provision, &templates.deprovision] {
            if name.value.is_empty() {
                return Err(self.invalid(name, "a template has a name; give the one that the controller shows"));
            }
        }
        let templates = Templates {
            provision: templates.provision.value.clone(),
            deprovision: templates.deprovision.value.clone(),
        };
        let url = url.trim_end_matches('/').trim_end_matches("/v2").to_owned();
        Ok(LiveAap { url, token_from, token, ca_file, templates })
    }

    /// A URL that may be recorded; no message repeats one that has something secret in it.
    fn live_url(&self, raw: &Spanned<String>) -> Result<String, ExperimentError> {
        let uri = raw.value.parse::<http::Uri>().ok();
        let authority = uri.as_ref().and_then(http::Uri::authority);
        if authority.map_or_else(|| raw.value.contains('@'), |authority| authority.as_str().contains('@')) {
            let message = "credentials don't belong into a URL, which is recorded; take them out, and name the token's \
                           place in `tokenFrom`";
            return Err(self.invalid(raw, message));
        }
        let fits = uri.as_ref().is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
        });
        if !fits {
            let message = format!("`{}` is no URL of a backend; use https://HOST/PATH", showable(&raw.value));
            return Err(self.invalid(raw, message));
        }
        Ok(raw.value.clone())
    }
}
