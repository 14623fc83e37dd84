//! From a request to what answers it.

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::{
    Controller,
    catalogue::{Root, TemplateKind},
    job::JobKind,
    life::Cancel,
    login,
    metadata::{Resource, options},
    organization::{api_root, config, index, ping},
    refusal::Refusal,
    render::Extent,
};
use crate::{
    sim::{
        http::{JOB_SIZE, decode_path, empty, json, raw_json},
        profile::key,
    },
    units::Seed,
};

/// An answer and the key of its latency; without one, what was asked and when is the key.
pub(super) struct Answer {
    pub(super) response: Response<Bytes>,
    pub(super) key: Option<Seed>,
}

impl Answer {
    /// An answer that belongs to an object.
    pub(super) fn keyed(response: Response<Bytes>, key: Seed) -> Self {
        Self { response, key: Some(key) }
    }
}

impl From<Response<Bytes>> for Answer {
    fn from(response: Response<Bytes>) -> Self {
        Self { response, key: None }
    }
}

/// What a path leads to.
#[derive(Clone, Copy, Debug)]
enum Target<'a> {
    ApiRoot,
    Login,
    Index,
    Ping,
    Config,
    Me,
    PersonalTokens(&'a str),
    Organizations,
    Organization(&'a str),
    Labels,
    Templates(Option<TemplateKind>),
    Template(TemplateKind, &'a str),
    Launch(TemplateKind, &'a str),
    TemplateJobs(TemplateKind, &'a str),
    Jobs(Option<JobKind>),
    Job(JobKind, &'a str),
    Cancel(JobKind, &'a str),
    JobEvents(&'a str),
    WorkflowNodes(&'a str),
}

impl<'a> Target<'a> {
    fn parse(segments: &[&'a str]) -> Option<Self> {
        Some(match *segments {
            [] => Self::Index,
            ["ping"] => Self::Ping,
            ["config"] => Self::Config,
            ["me"] => Self::Me,
            ["users", name, "personal_tokens"] => Self::PersonalTokens(name),
            ["organizations"] => Self::Organizations,
            ["organizations", id] => Self::Organization(id),
            ["labels"] => Self::Labels,
            ["unified_job_templates"] => Self::Templates(None),
            ["unified_jobs"] => Self::Jobs(None),
            ["jobs", id, "job_events"] => Self::JobEvents(id),
            ["workflow_jobs", id, "workflow_nodes"] => Self::WorkflowNodes(id),
            [collection] => match template_kind(collection) {
                Some(kind) => Self::Templates(Some(kind)),
                None => Self::Jobs(Some(job_kind(collection)?)),
            },
            [collection, id] => match template_kind(collection) {
                Some(kind) => Self::Template(kind, id),
                None => Self::Job(job_kind(collection)?, id),
            },
            ["job_templates", id, "jobs"] => Self::TemplateJobs(TemplateKind::Job, id),
            ["workflow_job_templates", id, "workflow_jobs"] => Self::TemplateJobs(TemplateKind::Workflow, id),
            [collection, id, "launch"] => Self::Launch(template_kind(collection)?, id),
            [collection, id, "cancel"] => Self::Cancel(job_kind(collection)?, id),
            _ => return None,
        })
    }

    const fn resource(self) -> Resource {
        match self {
            Self::ApiRoot | Self::Index => Resource::Root,
            Self::Ping | Self::Config | Self::Organization(_) => Resource::ReadOnly,
            Self::Me | Self::Organizations | Self::JobEvents(_) | Self::WorkflowNodes(_) => Resource::ReadOnlyList,
            Self::Labels => Resource::Labels,
            Self::Login | Self::PersonalTokens(_) => Resource::Login,
            Self::Templates(_) => Resource::Templates,
            Self::Template(..) => Resource::Template,
            Self::Launch(..) => Resource::Launch,
            Self::Jobs(_) | Self::TemplateJobs(..) => Resource::Jobs,
            Self::Job(..) => Resource::Job,
            Self::Cancel(..) => Resource::Cancel,
        }
    }

    /// Whether everybody may read it.
    const fn is_public(self) -> bool {
        matches!(self, Self::ApiRoot | Self::Login | Self::Index | Self::Ping)
    }
}

fn template_kind(collection: &str) -> Option<TemplateKind> {
    match collection {
        "job_templates" => Some(TemplateKind::Job),
        "workflow_job_templates" => Some(TemplateKind::Workflow),
        _ => None,
    }
}

fn job_kind(collection: &str) -> Option<JobKind> {
    match collection {
        "jobs" => Some(JobKind::Job),
        "workflow_jobs" => Some(JobKind::WorkflowJob),
        "project_updates" => Some(JobKind::ProjectUpdate),
        _ => None,
    }
}

const fn no_template(kind: TemplateKind) -> Refusal {
    Refusal::NoMatch(match kind {
        TemplateKind::Job => "JobTemplate",
        TemplateKind::Workflow => "WorkflowJobTemplate",
    })
}

const fn not_allowed(method: Method, resource: Resource) -> Refusal {
    Refusal::NotAllowed(method, resource.allow())
}

const fn no_job(kind: JobKind) -> Refusal {
    Refusal::NoMatch(kind.model())
}

impl Controller {
    /// Does what a request asks for, at once.
    pub(super) fn handle(self: &Arc<Self>, request: &Request<Bytes>) -> Answer {
        self.route(request).unwrap_or_else(|refusal| refusal.response().into())
    }

    fn route(self: &Arc<Self>, request: &Request<Bytes>) -> Result<Answer, Refusal> {
        let path = request.uri().path();
        if !path.ends_with('/') {
            let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
            return Err(Refusal::Moved(format!("{path}/{query}")));
        }
        let (root, rest) = split_root(path).ok_or(Refusal::NoResource)?;
        let segments: Vec<_> = rest.iter().map(|segment| decode_path(segment)).collect();
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        let target = match segments.as_slice() {
            ["v2", rest @ ..] => Target::parse(rest).ok_or(Refusal::NoResource)?,
            [] => Target::ApiRoot,
            ["login"] => Target::Login,
            _ => return Err(Refusal::NoResource),
        };
        if !target.is_public() && !self.knows(request.headers()) {
            return Err(Refusal::Unauthenticated);
        }
        match *request.method() {
            Method::OPTIONS => Ok(options(target.resource()).into()),
            Method::GET | Method::HEAD => self.read(root, request, target),
            Method::POST => self.write(root, request, target),
            ref other => Err(not_allowed(other.clone(), target.resource())),
        }
    }

    /// `GET`.
    fn read(&self, root: Root, request: &Request<Bytes>, target: Target<'_>) -> Result<Answer, Refusal> {
        let response = match target {
            Target::ApiRoot => api_root(root),
            Target::Login => login::page(StatusCode::OK),
            Target::PersonalTokens(_) => return Err(not_allowed(Method::GET, target.resource())),
            Target::Index => index(root),
            Target::Ping => ping(),
            Target::Config => config(),
            Target::Me => self.me(root, request)?,
            Target::Organizations => self.list_organizations(root, request)?,
            Target::Organization(id) => self.organization(root, id).ok_or(Refusal::NoMatch("Organization"))?,
            Target::Labels => self.list_labels(root, request)?,
            Target::Templates(Some(kind)) => self.list_templates(root, request, &[kind])?,
            Target::Templates(None) => {
                self.list_templates(root, request, &[TemplateKind::Job, TemplateKind::Workflow])?
            }
            Target::Template(kind, reference) => {
                let at = self.catalogue.find(kind, reference).ok_or(no_template(kind))?;
                raw_json(StatusCode::OK, self.catalogue.body(at, root).get().to_owned())
            }
            Target::Launch(kind, reference) => {
                let at = self.catalogue.find(kind, reference).ok_or(no_template(kind))?;
                self.launch_requirements(at)
            }
            Target::Jobs(kind) => return self.list_jobs(root, request, kind, None),
            Target::TemplateJobs(kind, reference) => {
                let at = self.catalogue.find(kind, reference).ok_or(no_template(kind))?;
                return self.list_jobs(root, request, Some(kind.into()), Some(at));
            }
            Target::Job(kind, id) => return self.read_job(root, kind, id),
            Target::Cancel(kind, id) => {
                let id = self.job_id(kind, id)?;
                let can_cancel = self.state.lock().jobs.get(id).is_some_and(|job| !job.status.is_terminal());
                json(StatusCode::OK, &json!({ "can_cancel": can_cancel }))
            }
            Target::JobEvents(id) => {
                let id = self.job_id(JobKind::Job, id)?;
                let state = self.state.lock();
                self.job_events(root, request, state.jobs.get(id).ok_or(no_job(JobKind::Job))?)?
            }
            Target::WorkflowNodes(id) => {
                self.job_id(JobKind::WorkflowJob, id)?;
                json(StatusCode::OK, &json!({"count": 0, "next": null, "previous": null, "results": []}))
            }
        };
        Ok(response.into())
    }

    /// `POST`.
    fn write(self: &Arc<Self>, root: Root, request: &Request<Bytes>, target: Target<'_>) -> Result<Answer, Refusal> {
        match target {
            Target::Launch(kind, reference) => {
                let at = self.catalogue.find(kind, reference).ok_or(no_template(kind))?;
                self.launch(root, at, request.body())
            }
            Target::Cancel(kind, id) => {
                let id = self.job_id(kind, id)?;
                match self.cancel(id) {
                    Some(Cancel::Accepted) => Ok(empty(StatusCode::ACCEPTED).into()),
                    Some(Cancel::Ended) => Err(not_allowed(request.method().clone(), Resource::Cancel)),
                    None => Err(no_job(kind)),
                }
            }
            Target::Labels => Ok(self.create_label(root, request.body())?.into()),
            Target::Login => Ok(self.log_in(request.body()).into()),
            Target::PersonalTokens(name) => Ok(self.personal_token(name)?.into()),
            other => Err(not_allowed(request.method().clone(), other.resource())),
        }
    }

    /// The id of a job in a collection: one kind's jobs are not found among another's.
    fn job_id(&self, kind: JobKind, id: &str) -> Result<u64, Refusal> {
        let id = id.parse::<u64>().map_err(|_| no_job(kind))?;
        let state = self.state.lock();
        state.jobs.get(id).filter(|job| job.kind == kind).map(|job| job.id).ok_or(no_job(kind))
    }

    /// `GET jobs/{id}/`.
    fn read_job(&self, root: Root, kind: JobKind, id: &str) -> Result<Answer, Refusal> {
        let id = self.job_id(kind, id)?;
        let mut state = self.state.lock();
        let job = state.jobs.get_mut(id).ok_or(no_job(kind))?;
        job.reads += 1;
        let mut body = Vec::with_capacity(2 * JOB_SIZE);
        self.write_job(job, root, Extent::Whole, &mut body);
        let response = raw_json(StatusCode::OK, body);
        Ok(Answer::keyed(response, key(self.seed, &job.object, "aap.read", job.reads)))
    }
}

/// Whose URL a path is, and its segments from the version on.
fn split_root(path: &str) -> Option<(Root, Vec<&str>)> {
    let rest = path.strip_prefix("/api/")?;
    let (root, rest) = match rest.strip_prefix("controller/") {
        Some(rest) => (Root::Gateway, rest),
        None => (Root::Controller, rest),
    };
    let rest = rest.trim_end_matches('/');
    let segments = if rest.is_empty() { Vec::new() } else { rest.split('/').collect() };
    Some((root, segments))
}
