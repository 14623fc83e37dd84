//! What can be launched.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{json, value::RawValue};

use crate::sim::{playbook::Playbook, profile::AapProfile};

/// The kind of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TemplateKind {
    /// Of single jobs.
    Job,
    /// Of workflows; the simulated workflow runs its playbook itself.
    Workflow,
}

/// A template; [`Template::job`] and [`Template::workflow`] make one with the usual flags.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags of the API, each on its own")]
pub struct Template {
    /// Its id, unique among all templates.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: TemplateKind,
    /// What its jobs run.
    pub playbook: Playbook,
    /// The organization that owns it.
    pub organization: String,
    /// Whether a launch may bring variables: otherwise a job ignores them and a workflow refuses them.
    pub ask_variables_on_launch: bool,
    /// Whether a launch may bring a limit.
    pub ask_limit_on_launch: bool,
    /// Whether a launch may bring labels.
    pub ask_labels_on_launch: bool,
    /// Whether its jobs may run side by side; `None`: as the profile says.
    pub allow_simultaneous: Option<bool>,
    /// Whether its project is updated in front of its jobs, if the profile has an update's duration.
    pub update_on_launch: bool,
    /// Variables without which a launch is refused.
    pub required_variables: Vec<String>,
    /// Resources that somebody forgot to set, such as `inventory`: each launch is refused.
    pub missing_resources: Vec<String>,
    /// Whether the token's user may launch it.
    pub may_execute: bool,
}

impl Template {
    /// A job template that takes variables, a limit and labels.
    #[must_use]
    pub fn job(id: u64, name: &str, playbook: Playbook) -> Self {
        Self {
            id,
            name: name.to_owned(),
            kind: TemplateKind::Job,
            playbook,
            organization: "Default".to_owned(),
            ask_variables_on_launch: true,
            ask_limit_on_launch: true,
            ask_labels_on_launch: true,
            allow_simultaneous: None,
            update_on_launch: false,
            required_variables: Vec::new(),
            missing_resources: Vec::new(),
            may_execute: true,
        }
    }

    /// A workflow template that takes variables, a limit and labels.
    #[must_use]
    pub fn workflow(id: u64, name: &str, playbook: Playbook) -> Self {
        Self { kind: TemplateKind::Workflow, ..Self::job(id, name, playbook) }
    }
}

/// The two places under which the API is served: what it is called in the URLs of its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// Directly.
    Controller,
    /// Behind the platform's gateway.
    Gateway,
}

impl Root {
    /// The beginning of every path.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Controller => "/api/v2/",
            Self::Gateway => "/api/controller/v2/",
        }
    }
}

/// All templates, found by id and by name.
pub(super) struct Catalogue {
    entries: Vec<Entry>,
    by_id: BTreeMap<u64, usize>,
    by_name: BTreeMap<String, Vec<usize>>,
    organizations: Vec<String>,
}

struct Entry {
    template: Template,
    allow_simultaneous: bool,
    /// The template's body under each [`Root`], written once.
    bodies: [Box<RawValue>; 2],
}

impl Catalogue {
    pub(super) fn new(templates: Vec<Template>, profile: &AapProfile, created: Timestamp) -> Self {
        let mut organizations = vec!["Default".to_owned()];
        let mut entries = Vec::with_capacity(templates.len());
        for template in templates {
            if !organizations.contains(&template.organization) {
                organizations.push(template.organization.clone());
            }
            let allow_simultaneous = template.allow_simultaneous.unwrap_or(profile.allow_simultaneous);
            let organization = position(&organizations, &template.organization);
            let body = |root| template_body(&template, allow_simultaneous, organization, created, root);
            let bodies = [body(Root::Controller), body(Root::Gateway)];
            entries.push(Entry { template, allow_simultaneous, bodies });
        }
        let by_id = entries.iter().enumerate().map(|(at, entry)| (entry.template.id, at)).collect();
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, entry) in entries.iter().enumerate() {
            by_name.entry(entry.template.name.clone()).or_default().push(at);
        }
        Self { entries, by_id, by_name, organizations }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn template(&self, at: usize) -> &Template {
        &self.entries[at].template
    }

    /// Whether a template's jobs may run side by side.
    pub(super) fn allows_simultaneous(&self, at: usize) -> bool {
        self.entries[at].allow_simultaneous
    }

    pub(super) fn body(&self, at: usize, root: Root) -> &RawValue {
        &self.entries[at].bodies[root as usize]
    }

    /// By its id, its name, or its name and organization (`name++organization`), as they stand in a URL.
    pub(super) fn find(&self, kind: TemplateKind, reference: &str) -> Option<usize> {
        if let Ok(id) = reference.parse::<u64>() {
            return self.by_id.get(&id).copied().filter(|at| self.template(*at).kind == kind);
        }
        if let Some((name, organization)) = reference.split_once("++") {
            return self.named(kind, name).find(|at| self.template(*at).organization == organization);
        }
        // A bare name works for job templates only, and only where it is the one of that name.
        let mut named = self.named(TemplateKind::Job, reference);
        match (kind, named.next(), named.next()) {
            (TemplateKind::Job, Some(at), None) => Some(at),
            _ => None,
        }
    }

    fn named(&self, kind: TemplateKind, name: &str) -> impl Iterator<Item = usize> {
        let named = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        named.iter().copied().filter(move |at| self.template(*at).kind == kind)
    }

    /// All of the kinds, in the order of their ids; of one name, where one is given.
    pub(super) fn list(&self, kinds: &[TemplateKind], name: Option<&str>) -> Vec<usize> {
        let of_kind = |at: &usize| kinds.contains(&self.template(*at).kind);
        match name {
            Some(name) => {
                let named = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
                named.iter().copied().filter(of_kind).collect()
            }
            None => self.by_id.values().copied().filter(of_kind).collect(),
        }
    }

    /// The names of all organizations; an organization's id is its place, from 1.
    pub(super) fn organizations(&self) -> &[String] {
        &self.organizations
    }
}

fn position(organizations: &[String], name: &str) -> usize {
    organizations.iter().position(|organization| organization == name).unwrap_or_default() + 1
}

fn template_body(
    template: &Template,
    allow_simultaneous: bool,
    organization: usize,
    created: Timestamp,
    root: Root,
) -> Box<RawValue> {
    let (kind, collection) = match template.kind {
        TemplateKind::Job => ("job_template", "job_templates"),
        TemplateKind::Workflow => ("workflow_job_template", "workflow_job_templates"),
    };
    let url = format!("{}{collection}/{}/", root.path(), template.id);
    let jobs = match template.kind {
        TemplateKind::Job => "jobs",
        TemplateKind::Workflow => "workflow_jobs",
    };
    let mut body = json!({
        "id": template.id,
        "type": kind,
        "url": url,
        "related": {
            "named_url": format!("{}{collection}/{}++{}/", root.path(), template.name, template.organization),
            "organization": format!("{}organizations/{organization}/", root.path()),
            "launch": format!("{url}launch/"),
            jobs: format!("{url}{jobs}/"),
        },
        "summary_fields": {
            "organization": {"id": organization, "name": template.organization, "description": ""},
            "user_capabilities": {"edit": true, "delete": true, "start": template.may_execute, "schedule": true, "copy": true},
            "labels": {"count": 0, "results": []},
            "recent_jobs": [],
        },
        "created": format!("{created:.6}"),
        "modified": format!("{created:.6}"),
        "name": template.name,
        "description": "",
        "organization": organization,
        "last_job_run": null,
        "last_job_failed": false,
        "next_job_run": null,
        "status": "never updated",
        "extra_vars": "---",
        "limit": "",
        "allow_simultaneous": allow_simultaneous,
        "survey_enabled": !template.required_variables.is_empty(),
        "ask_variables_on_launch": template.ask_variables_on_launch,
        "ask_limit_on_launch": template.ask_limit_on_launch,
        "ask_labels_on_launch": template.ask_labels_on_launch,
        "ask_inventory_on_launch": false,
        "ask_scm_branch_on_launch": false,
        "ask_tags_on_launch": false,
        "ask_skip_tags_on_launch": false,
    });
    if template.kind == TemplateKind::Job
        && let Some(body) = body.as_object_mut()
    {
        body.insert("job_type".into(), "run".into());
        body.insert("inventory".into(), if template.missing_resources.is_empty() { 1.into() } else { json!(null) });
        body.insert("project".into(), 1.into());
        body.insert("playbook".into(), template.playbook.file().into());
        for flag in ["ask_credential_on_launch", "ask_job_type_on_launch", "ask_verbosity_on_launch"] {
            body.insert(flag.into(), false.into());
        }
    }
    serde_json::value::to_raw_value(&body).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
