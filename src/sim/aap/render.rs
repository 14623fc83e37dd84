//! Jobs as the API writes them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Controller,
    catalogue::{Root, Template},
    job::{Job, JobKind, Status},
};
use crate::units::Nanos;

/// The body of a unified job.
#[derive(Serialize)]
pub(super) struct JobBody<'a> {
    id: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    pub(super) url: String,
    related: Related,
    summary_fields: Summary<'a>,
    created: String,
    modified: String,
    name: &'a str,
    description: &'static str,
    unified_job_template: Option<u64>,
    launch_type: &'static str,
    status: &'static str,
    failed: bool,
    started: Option<String>,
    finished: Option<String>,
    canceled_on: Option<String>,
    elapsed: f64,
    job_explanation: &'a str,
    result_traceback: &'a str,
    event_processing_finished: bool,
    execution_node: &'static str,
    launched_by: Named<'static>,
    work_unit_id: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_template: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_job_template: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    playbook: Option<&'static str>,
    inventory: Option<u64>,
    limit: &'a str,
    extra_vars: &'a RawValue,
    allow_simultaneous: bool,
}

#[derive(Serialize)]
struct Related {
    #[serde(skip_serializing_if = "Option::is_none")]
    unified_job_template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job_events: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_nodes: Option<String>,
    cancel: String,
}

#[derive(Serialize)]
struct Summary<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    unified_job_template: Option<TemplateSummary<'a>>,
}

#[derive(Serialize)]
struct TemplateSummary<'a> {
    id: u64,
    name: &'a str,
    description: &'static str,
    unified_job_type: &'static str,
}

#[derive(Serialize)]
struct Named<'a> {
    id: u64,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
}

/// The answer to a launch: the job, and what of the request it took.
#[derive(Serialize)]
pub(super) struct LaunchBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_job: Option<u64>,
    ignored_fields: BTreeMap<&'a str, &'a RawValue>,
    #[serde(flatten)]
    body: JobBody<'a>,
}

impl<'a> LaunchBody<'a> {
    pub(super) fn new(body: JobBody<'a>, ignored_fields: BTreeMap<&'a str, &'a RawValue>) -> Self {
        let is_workflow = body.workflow_job_template.is_some();
        let (job, workflow_job) = if is_workflow { (None, Some(body.id)) } else { (Some(body.id), None) };
        Self { job, workflow_job, ignored_fields, body }
    }
}

impl Controller {
    /// A point of this controller's time as the API writes it.
    pub(super) fn stamp(&self, at: Nanos) -> String {
        format!("{:.6}", self.epoch + std::time::Duration::from(at))
    }

    /// The body of a job under one of the API's roots.
    pub(super) fn job_body<'a>(&'a self, job: &'a Job, root: Root) -> JobBody<'a> {
        let template = job.template.map(|at| self.catalogue.template(at));
        let url = format!("{}{}/{}/", root.path(), job.kind.collection(), job.id);
        let is_workflow = job.kind == JobKind::WorkflowJob;
        let template_collection = if is_workflow { "workflow_job_templates" } else { "job_templates" };
        let end = job.finished.unwrap_or_else(|| self.clock.elapsed());
        JobBody {
            id: job.id,
            kind: job.kind.wire(),
            related: Related {
                unified_job_template: template
                    .map(|template| format!("{}{template_collection}/{}/", root.path(), template.id)),
                job_events: (job.kind == JobKind::Job).then(|| format!("{url}job_events/")),
                workflow_nodes: is_workflow.then(|| format!("{url}workflow_nodes/")),
                cancel: format!("{url}cancel/"),
            },
            url,
            summary_fields: Summary { unified_job_template: template.map(|template| summary(template, job.kind)) },
            created: self.stamp(job.created),
            modified: self.stamp(job.finished.or(job.started).unwrap_or(job.created)),
            name: template.map_or("Project update", |template| template.name.as_str()),
            description: "",
            unified_job_template: template.map(|template| template.id),
            launch_type: if template.is_some() { "manual" } else { "dependency" },
            status: job.status.wire(),
            failed: matches!(job.status, Status::Failed | Status::Canceled),
            started: job.started.map(|at| self.stamp(at)),
            finished: job.finished.map(|at| self.stamp(at)),
            canceled_on: job.finished.filter(|_| job.status == Status::Canceled).map(|at| self.stamp(at)),
            elapsed: job.started.map_or(0.0, |started| in_milliseconds(end - started)),
            job_explanation: job.failure.as_ref().map_or("", |failure| failure.explanation.as_str()),
            result_traceback: job.failure.as_ref().map_or("", |failure| failure.traceback.as_str()),
            event_processing_finished: job.status.is_terminal(),
            execution_node: "",
            launched_by: Named { id: 1, name: "admin", kind: "user" },
            work_unit_id: None,
            job_template: template.filter(|_| job.kind == JobKind::Job).map(|template| template.id),
            workflow_job_template: template.filter(|_| is_workflow).map(|template| template.id),
            job_type: (!is_workflow).then_some("run"),
            playbook: template.filter(|_| job.kind == JobKind::Job).map(|template| template.playbook.file()),
            inventory: (job.kind == JobKind::Job).then_some(1),
            limit: &job.limit,
            extra_vars: &job.extra_vars,
            allow_simultaneous: job.template.is_some_and(|at| self.catalogue.allows_simultaneous(at)),
        }
    }
}

fn summary(template: &Template, kind: JobKind) -> TemplateSummary<'_> {
    TemplateSummary { id: template.id, name: &template.name, description: "", unified_job_type: kind.wire() }
}

/// Seconds, to the millisecond as the API gives them.
fn in_milliseconds(duration: Nanos) -> f64 {
    (duration.get() / 1_000_000) as f64 / 1e3
}
