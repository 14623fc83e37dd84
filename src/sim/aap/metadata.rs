//! `OPTIONS`: what a client may do, and with which fields.
//!
//! The official command-line client builds its arguments from `actions` and its verbs from the `Allow` header.

use bytes::Bytes;
use http::{Response, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::sim::http::{json, with_header};

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
    /// The root of the API, or of a version of it.
    Root,
    /// A single thing that can only be read.
    ReadOnly,
    /// A list that can only be read.
    ReadOnlyList,
    /// A list of templates.
    Templates,
    /// A list of jobs.
    Jobs,
    /// A list of labels.
    Labels,
    /// Where a caller gets a session or a token.
    Login,
    /// A template.
    Template,
    /// A job.
    Job,
    /// Where a template is launched.
    Launch,
    /// Where a job is canceled.
    Cancel,
}

impl Resource {
    /// The methods that are allowed, as the header lists them.
    pub(super) const fn allow(self) -> &'static str {
        match self {
            Self::Launch | Self::Cancel | Self::Labels | Self::Login => "GET, POST, HEAD, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Root => "API Root",
            Self::ReadOnly => "Detail",
            Self::ReadOnlyList => "List",
            Self::Templates => "Job Template List",
            Self::Jobs => "Job List",
            Self::Labels => "Label List",
            Self::Login => "Login",
            Self::Template => "Job Template Detail",
            Self::Job => "Job Detail",
            Self::Launch => "Job Template Launch",
            Self::Cancel => "Job Cancel",
        }
    }

    fn is_list(self) -> bool {
        matches!(self, Self::ReadOnlyList | Self::Templates | Self::Jobs | Self::Labels)
    }

    fn actions(self) -> Value {
        match self {
            Self::Root | Self::ReadOnly | Self::Cancel | Self::Login => json!({}),
            Self::ReadOnlyList => json!({"GET": fields(&BASIC)}),
            Self::Labels => json!({"GET": fields(&BASIC), "POST": fields(&LABEL)}),
            Self::Templates | Self::Template => json!({"GET": fields(&TEMPLATE)}),
            Self::Jobs | Self::Job => json!({"GET": fields(&JOB)}),
            Self::Launch => json!({"POST": fields(&LAUNCH)}),
        }
    }
}

/// A field: its name, type and label, and whether it is required.
type Field = (&'static str, &'static str, &'static str, bool);

const BASIC: [Field; 3] =
    [("id", "integer", "ID", false), ("type", "choice", "Type", false), ("name", "string", "Name", true)];

const LABEL: [Field; 2] = [("name", "string", "Name", true), ("organization", "id", "Organization", true)];

const TEMPLATE: [Field; 9] = [
    ("id", "integer", "ID", false),
    ("name", "string", "Name", true),
    ("description", "string", "Description", false),
    ("job_type", "string", "Job type", false),
    ("inventory", "id", "Inventory", false),
    ("project", "id", "Project", false),
    ("playbook", "string", "Playbook", false),
    ("organization", "id", "Organization", false),
    ("status", "string", "Status", false),
];

const JOB: [Field; 9] = [
    ("id", "integer", "ID", false),
    ("name", "string", "Name", true),
    ("unified_job_template", "id", "Unified job template", false),
    ("launch_type", "string", "Launch type", false),
    ("status", "string", "Status", false),
    ("failed", "boolean", "Failed", false),
    ("started", "datetime", "Started", false),
    ("finished", "datetime", "Finished", false),
    ("elapsed", "decimal", "Elapsed", false),
];

const LAUNCH: [Field; 3] = [
    ("extra_vars", "json", "Extra vars", false),
    ("limit", "string", "Limit", false),
    ("labels", "list_of_ids", "Labels", false),
];

fn fields(fields: &[Field]) -> Map<String, Value> {
    let field = |&(name, kind, label, required): &Field| {
        (name.to_owned(), json!({"type": kind, "required": required, "label": label, "filterable": true}))
    };
    fields.iter().map(field).collect()
}

/// The answer to `OPTIONS`.
pub(super) fn options(resource: Resource) -> Response<Bytes> {
    let mut body = json!({
        "name": resource.name(),
        "description": "",
        "renders": ["application/json", "text/html"],
        "parses": ["application/json"],
    });
    if let Some(body) = body.as_object_mut() {
        let actions = resource.actions();
        if actions.as_object().is_some_and(|actions| !actions.is_empty()) {
            body.insert("actions".to_owned(), actions);
        }
        if resource.is_list() {
            body.insert("search_fields".to_owned(), json!(["description", "name"]));
            body.insert("related_search_fields".to_owned(), json!([]));
            body.insert("max_page_size".to_owned(), json!(200));
        }
    }
    with_header(json(StatusCode::OK, &body), header::ALLOW, resource.allow())
}
