//! Jobs as the API writes them.
//!
//! A job is asked for many times between two changes of its state, so its text is made once for each state. What is left
//! for each answer is the time that it has been running, and its variables, which are kept as text anyway. Lists leave out
//! the traceback and, unless they are asked to include them, the variables.

use std::{collections::BTreeMap, io::Write};

use serde::Serialize;
use serde_json::value::RawValue;

use super::{
    Controller,
    catalogue::{Root, Template},
    job::{Job, JobKind, Status},
};
use crate::units::Nanos;

/// The text of a job in one state under one root of the API, but for two values.
pub(super) struct Rendered {
    root: Root,
    /// Up to the value of `elapsed`.
    before: Box<str>,
    /// From there to the end of what a list shows.
    after: Box<str>,
    /// The fields that only the job itself shows, but for its variables.
    detail: Box<str>,
}

/// How much of a job is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// Everything: the job itself.
    Whole,
    /// As in a list.
    Listed,
    /// As in a list that was asked to include the variables.
    ListedWithVariables,
}

#[derive(Serialize)]
struct Detail<'a> {
    result_traceback: &'a str,
    event_processing_finished: bool,
}

/// The body of a unified job, but for its variables.
#[derive(Serialize)]
struct JobBody<'a> {
    id: u64,
    #[serde(rename = "type")]
    kind: &'static str,
    url: &'a str,
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
    /// Where the text is cut.
    elapsed: Cut,
    job_explanation: &'a str,
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
    allow_simultaneous: bool,
}

/// Written as `null`, to be replaced.
#[derive(Serialize)]
struct Cut;

const CUT: &str = "\"elapsed\":null";

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

/// What stands in front of the job in the answer to a launch: what of the request it took.
#[derive(Serialize)]
struct LaunchHead<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workflow_job: Option<u64>,
    ignored_fields: &'a BTreeMap<&'a str, &'a RawValue>,
}

impl Controller {
    /// A point of this controller's time as the API writes it.
    pub(super) fn stamp(&self, at: Nanos) -> String {
        format!("{:.6}", self.epoch + std::time::Duration::from(at))
    }

    /// Where a job is found.
    pub(super) fn job_url(job: &Job, root: Root) -> String {
        format!("{}{}/{}/", root.path(), job.kind.collection(), job.id)
    }

    /// Writes the body of a job.
    pub(super) fn write_job(&self, job: &mut Job, root: Root, extent: Extent, out: &mut Vec<u8>) {
        let rendered = match job.rendered.take() {
            Some(rendered) if rendered.root == root => rendered,
            _ => Box::new(self.render(job, root)),
        };
        let end = job.finished.unwrap_or_else(|| self.clock.elapsed());
        let elapsed_ms = job.started.map_or(0, |started| (end - started).get() / 1_000_000);
        out.extend_from_slice(rendered.before.as_bytes());
        // A vector takes whatever is written.
        let _ = write!(out, "{}.{:03}", elapsed_ms / 1000, elapsed_ms % 1000);
        out.extend_from_slice(rendered.after.as_bytes());
        if extent == Extent::Whole {
            out.extend_from_slice(rendered.detail.as_bytes());
        }
        if extent != Extent::Listed {
            out.extend_from_slice(b",\"extra_vars\":");
            out.extend_from_slice(job.extra_vars.as_bytes());
        }
        out.push(b'}');
        job.rendered = Some(rendered);
    }

    /// Writes the answer to a launch.
    pub(super) fn write_launched(
        &self,
        job: &mut Job,
        root: Root,
        ignored: &BTreeMap<&str, &RawValue>,
        out: &mut Vec<u8>,
    ) {
        let is_workflow = job.kind == JobKind::WorkflowJob;
        let (id, workflow_id) = if is_workflow { (None, Some(job.id)) } else { (Some(job.id), None) };
        let head = LaunchHead { job: id, workflow_job: workflow_id, ignored_fields: ignored };
        // Our own types serialise. Two objects become one: a comma for the brace between them.
        let _ = serde_json::to_writer(&mut *out, &head);
        out.pop();
        let joint = out.len();
        self.write_job(job, root, Extent::Whole, out);
        if let Some(brace) = out.get_mut(joint) {
            *brace = b',';
        }
    }

    fn render(&self, job: &Job, root: Root) -> Rendered {
        let url = Self::job_url(job, root);
        let text = serde_json::to_string(&self.body(job, root, &url)).unwrap_or_default();
        let (before, after) = text.split_once(CUT).unwrap_or((&text, ""));
        let detail = Detail {
            result_traceback: job.failure.as_ref().map_or("", |failure| failure.traceback.as_str()),
            event_processing_finished: job.status.is_terminal(),
        };
        let detail = serde_json::to_string(&detail).unwrap_or_default();
        Rendered {
            root,
            before: format!("{before}\"elapsed\":").into(),
            after: after.trim_end_matches('}').into(),
            detail: detail.replacen('{', ",", 1).trim_end_matches('}').into(),
        }
    }

    fn body<'a>(&'a self, job: &'a Job, root: Root, url: &'a str) -> JobBody<'a> {
        let template = job.template.map(|at| self.catalogue.template(at));
        let is_workflow = job.kind == JobKind::WorkflowJob;
        let template_collection = if is_workflow { "workflow_job_templates" } else { "job_templates" };
        JobBody {
            id: job.id,
            kind: job.kind.wire(),
            url,
            related: Related {
                unified_job_template: template
                    .map(|template| format!("{}{template_collection}/{}/", root.path(), template.id)),
                job_events: (job.kind == JobKind::Job).then(|| format!("{url}job_events/")),
                workflow_nodes: is_workflow.then(|| format!("{url}workflow_nodes/")),
                cancel: format!("{url}cancel/"),
            },
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
            elapsed: Cut,
            job_explanation: job.failure.as_ref().map_or("", |failure| failure.explanation.as_str()),
            execution_node: "",
            launched_by: Named { id: 1, name: "admin", kind: "user" },
            work_unit_id: None,
            job_template: template.filter(|_| job.kind == JobKind::Job).map(|template| template.id),
            workflow_job_template: template.filter(|_| is_workflow).map(|template| template.id),
            job_type: (!is_workflow).then_some("run"),
            playbook: template.filter(|_| job.kind == JobKind::Job).map(|template| template.playbook.file()),
            inventory: (job.kind == JobKind::Job).then_some(1),
            limit: &job.limit,
            allow_simultaneous: job.template.is_some_and(|at| self.catalogue.allows_simultaneous(at)),
        }
    }
}

fn summary(template: &Template, kind: JobKind) -> TemplateSummary<'_> {
    TemplateSummary { id: template.id, name: &template.name, description: "", unified_job_type: kind.wire() }
}
