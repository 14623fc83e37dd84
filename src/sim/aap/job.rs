//! One unified job: a job, a workflow job, or a project update.

use std::sync::Arc;

use super::{catalogue::TemplateKind, render::Rendered};
use crate::{
    record::Word,
    sim::{playbook::Failure, signal::Signal},
    units::Nanos,
};

/// The state of a job, in the controller's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Waiting,
    Running,
    Successful,
    Failed,
    Canceled,
}

impl Status {
    /// As the API writes it.
    pub(super) const fn wire(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Successful => "successful",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// As the ground truth writes it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Waiting => "Waiting",
            Self::Running => "Running",
            Self::Successful => "Succeeded",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
        }
    }

    /// Whether nothing comes after it.
    pub(super) const fn is_terminal(self) -> bool {
        matches!(self, Self::Successful | Self::Failed | Self::Canceled)
    }
}

/// What a unified job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum JobKind {
    Job,
    WorkflowJob,
    ProjectUpdate,
}

impl JobKind {
    /// The collection that it is read in.
    pub(super) const fn collection(self) -> &'static str {
        match self {
            Self::Job => "jobs",
            Self::WorkflowJob => "workflow_jobs",
            Self::ProjectUpdate => "project_updates",
        }
    }

    /// The name of its model.
    pub(super) const fn model(self) -> &'static str {
        match self {
            Self::Job => "Job",
            Self::WorkflowJob => "WorkflowJob",
            Self::ProjectUpdate => "ProjectUpdate",
        }
    }

    /// The word in its `type`.
    pub(super) const fn wire(self) -> &'static str {
        match self {
            Self::Job => "job",
            Self::WorkflowJob => "workflow_job",
            Self::ProjectUpdate => "project_update",
        }
    }
}

impl From<TemplateKind> for JobKind {
    fn from(kind: TemplateKind) -> Self {
        match kind {
            TemplateKind::Job => Self::Job,
            TemplateKind::Workflow => Self::WorkflowJob,
        }
    }
}

/// How others reach the task that runs a job.
#[derive(Debug, Default)]
pub(super) struct Control {
    /// The task manager has started it, or it was canceled before that.
    pub(super) started: Signal,
    /// It shall be canceled.
    pub(super) cancel: Signal,
}

/// A unified job as it is kept for ever.
pub(super) struct Job {
    pub(super) id: u64,
    pub(super) kind: JobKind,
    pub(super) status: Status,
    /// The place of its template in the catalogue; `None` for a project update.
    pub(super) template: Option<usize>,
    /// The name of the object that it works for; empty when its variables name none.
    pub(super) object: Word,
    pub(super) created: Nanos,
    pub(super) started: Option<Nanos>,
    pub(super) finished: Option<Nanos>,
    /// The variables as a JSON string, escaped already: they are written far more often than read.
    pub(super) extra_vars: Box<str>,
    pub(super) limit: Box<str>,
    pub(super) failure: Option<Box<Failure>>,
    /// How often it was asked about: the key of the answers' latencies.
    pub(super) reads: u32,
    /// Its text in its present state, once somebody has asked for it.
    pub(super) rendered: Option<Box<Rendered>>,
    /// While it is not finished.
    pub(super) control: Option<Arc<Control>>,
}
