//! AAP called directly: the REST API of its controller (AWX `/api/v2/`).
//!
//! Templates are looked up by name once and then used by number, since names in URLs fail through AAP's gateway. The kind
//! of a template (job or workflow) decides under which path its jobs are read and cancelled. Wire format: AWX API reference,
//! `job_templates`, `workflow_job_templates`, `jobs`, `workflow_jobs`.

mod job;
mod look_up;

use std::collections::BTreeMap;

use ::http::StatusCode;
use async_trait::async_trait;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use self::job::Job;
use crate::{
    api::{ComputeInstance, JobState, JobType},
    clock::SharedClock,
    operator::{
        config::AapSettings,
        provider::{
            Canceled, FoundJob, Launch, Polled, Provider, ProviderError,
            http::{ANSWER_TIME_MAX, HttpClient, Transport},
        },
    },
};

/// AAP's controller.
#[derive(Debug)]
pub struct Aap {
    http: HttpClient,
    /// Ends in `/v2`.
    base: String,
    provision_template: String,
    deprovision_template: String,
    templates: Mutex<BTreeMap<String, Template>>,
}

/// What kind of template it is, and so what kind of job it makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Job,
    Workflow,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Job, Self::Workflow];

    const fn templates(self) -> &'static str {
        match self {
            Self::Job => "job_templates",
            Self::Workflow => "workflow_job_templates",
        }
    }

    const fn jobs(self) -> &'static str {
        match self {
            Self::Job => "jobs",
            Self::Workflow => "workflow_jobs",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::Job => Self::Workflow,
            Self::Workflow => Self::Job,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Template {
    id: u64,
    kind: Kind,
}

#[derive(Deserialize)]
struct Page<T> {
    #[serde(default)]
    next: Option<serde::de::IgnoredAny>,
    results: Vec<T>,
}

#[derive(Deserialize)]
struct Named {
    id: u64,
    name: String,
}

#[derive(Serialize)]
struct LaunchBody<'a> {
    extra_vars: ExtraVars<'a>,
}

#[derive(Serialize)]
struct ExtraVars<'a> {
    ansible_eda: AnsibleEda<'a>,
}

#[derive(Serialize)]
struct AnsibleEda<'a> {
    event: Event<'a>,
}

#[derive(Serialize)]
struct Event<'a> {
    payload: &'a ComputeInstance,
}

impl Aap {
    /// An AAP behind a transport.
    #[must_use]
    pub fn new(settings: &AapSettings, transport: Transport, clock: SharedClock) -> Self {
        Self {
            http: HttpClient::new(transport, clock, Some(settings.token.clone()), ANSWER_TIME_MAX),
            base: format!("{}/v2", settings.url),
            provision_template: settings.provision_template.clone(),
            deprovision_template: settings.deprovision_template.clone(),
            templates: Mutex::new(BTreeMap::new()),
        }
    }

    fn template_name(&self, job_type: JobType) -> &str {
        match job_type {
            JobType::Provision => &self.provision_template,
            JobType::Deprovision => &self.deprovision_template,
        }
    }

    /// The template of a name: remembered, or looked up among job templates first and workflow job templates then.
    async fn template(&self, name: &str) -> Result<Template, ProviderError> {
        if let Some(template) = self.templates.lock().get(name) {
            return Ok(*template);
        }
        for kind in Kind::ALL {
            let url = format!("{}/{}/?name={}", self.base, kind.templates(), encoded(name));
            let page: Page<Named> = self.http.get(&url).await?.successful()?.json()?;
            if let Some(found) = page.results.iter().find(|template| template.name == name) {
                let template = Template { id: found.id, kind };
                self.templates.lock().insert(name.to_owned(), template);
                return Ok(template);
            }
        }
        Err(ProviderError::NoTemplate { name: name.to_owned() })
    }

    /// The kind of job that a type's template makes.
    async fn kind(&self, job_type: JobType) -> Result<Kind, ProviderError> {
        match self.template(self.template_name(job_type)).await {
            Ok(template) => Ok(template.kind),
            // The template may have been removed since; its jobs are still there.
            Err(ProviderError::NoTemplate { .. }) => Ok(Kind::Job),
            Err(error) => Err(error),
        }
    }

    async fn launch_once(&self, template: Template, object: &ComputeInstance) -> Result<Option<Job>, ProviderError> {
        let url = format!("{}/{}/{}/launch/", self.base, template.kind.templates(), template.id);
        let extra_vars = ExtraVars { ansible_eda: AnsibleEda { event: Event { payload: object } } };
        let answer = self.http.post(&url, &LaunchBody { extra_vars }).await?;
        if answer.is_missing() {
            return Ok(None);
        }
        let answer = answer.successful()?;
        match (answer.read(Job::read), answer.location_id()) {
            // The job runs, whatever became of the answer's body on its way: without its number it would be launched again.
            (Err(_), Some(id)) if answer.status() == StatusCode::CREATED => Ok(Some(Job::just_launched(id))),
            (job, _) => job.map(Some),
        }
    }

    async fn read(&self, kind: Kind, job_id: &str) -> Result<Option<Job>, ProviderError> {
        let answer = self.http.get(&format!("{}/{}/{job_id}/", self.base, kind.jobs())).await?;
        if answer.is_missing() {
            return Ok(None);
        }
        answer.successful()?.read(Job::read).map(Some)
    }

    async fn stop(&self, kind: Kind, job_id: &str) -> Result<Option<Canceled>, ProviderError> {
        let url = format!("{}/{}/{job_id}/cancel/", self.base, kind.jobs());
        let answer = self.http.post(&url, &serde_json::Map::new()).await?;
        match answer.status() {
            StatusCode::NOT_FOUND if answer.is_missing() => Ok(None),
            StatusCode::METHOD_NOT_ALLOWED => Ok(Some(Canceled::AlreadyEnded)),
            _ => answer.successful()?.of_the_api().map(|()| Some(Canceled::Requested)),
        }
    }
}

#[async_trait]
impl Provider for Aap {
    async fn launch(&self, job_type: JobType, object: &ComputeInstance) -> Result<Launch, ProviderError> {
        let name = self.template_name(job_type);
        let mut launched = self.launch_once(self.template(name).await?, object).await?;
        if launched.is_none() {
            // The template was made anew under another number: nothing was launched, so that a second attempt is safe.
            self.templates.lock().remove(name);
            launched = self.launch_once(self.template(name).await?, object).await?;
        }
        let job = launched.ok_or_else(|| ProviderError::NoTemplate { name: name.to_owned() })?;
        Ok(Launch::Launched(job.launched()))
    }

    async fn find(&self, job_type: JobType, object: &ComputeInstance) -> Result<Vec<FoundJob>, ProviderError> {
        self.look_up(self.template(self.template_name(job_type)).await?, job_type, object).await
    }

    async fn poll(&self, job_type: JobType, job_id: &str) -> Result<Polled, ProviderError> {
        let kind = self.kind(job_type).await?;
        let job = match self.read(kind, job_id).await? {
            Some(job) => Some(job),
            // Before it counts as purged: the template may have been replaced by one of the other kind.
            None => self.read(kind.other(), job_id).await?,
        };
        Ok(job.map_or(Polled::Purged, |job| {
            let state = job.state();
            let message = match state {
                JobState::Unknown => format!("AAP reports the status {:?}", job.status),
                _ => job.message(),
            };
            Polled::Job { state, message }
        }))
    }

    async fn cancel(&self, job_type: JobType, job_id: &str) -> Result<Canceled, ProviderError> {
        let kind = self.kind(job_type).await?;
        if let Some(canceled) = self.stop(kind, job_id).await? {
            return Ok(canceled);
        }
        Ok(self.stop(kind.other(), job_id).await?.unwrap_or(Canceled::AlreadyEnded))
    }
}

/// A query value, percent-encoded (RFC 3986, unreserved characters stay).
fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(all(test, feature = "harness"))]
mod tests;
