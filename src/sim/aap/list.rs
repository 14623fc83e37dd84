//! Lists: filters, order and pages.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    Controller,
    api::Answer,
    catalogue::{Root, TemplateKind},
    job::{Job, JobKind},
    refusal::Refusal,
    render::Extent,
    state::State,
};
use crate::sim::{
    http::{JOB_SIZE, Query, encode_query, raw_json, write_json},
    profile::key,
};

const PAGE_SIZE: usize = 25;
const PAGE_SIZE_MAX: usize = 200;

/// Fields by which lists are filtered or ordered, but which select nothing here.
const KNOWN_FIELDS: [&str; 12] = [
    "created",
    "description",
    "elapsed",
    "failed",
    "finished",
    "job_template",
    "launch_type",
    "modified",
    "organization",
    "started",
    "type",
    "unified_job_template",
];

/// What stands in front of a page's results.
#[derive(Serialize)]
struct Head {
    count: usize,
    next: Option<String>,
    previous: Option<String>,
}

/// Which part of a list is asked for.
pub(super) struct Window {
    size: usize,
    number: usize,
}

impl Window {
    pub(super) fn of(query: Query<'_>) -> Result<Self, Refusal> {
        let size = query.get("page_size").and_then(|size| size.parse().ok()).filter(|size| *size > 0);
        let number = match query.get("page") {
            None => 1,
            Some(text) if text == "last" => usize::MAX,
            Some(text) => text.parse().ok().filter(|number| *number > 0).ok_or(Refusal::InvalidPage)?,
        };
        Ok(Self { size: size.unwrap_or(PAGE_SIZE).min(PAGE_SIZE_MAX), number })
    }

    /// The page of `items`, of which only those on it are written.
    pub(super) fn page<I: Copy>(
        &self,
        request: &Request<Bytes>,
        items: &[I],
        mut write: impl FnMut(I, &mut Vec<u8>),
    ) -> Result<Response<Bytes>, Refusal> {
        let pages = items.len().div_ceil(self.size).max(1);
        let number = if self.number == usize::MAX { pages } else { self.number };
        if number > pages {
            return Err(Refusal::InvalidPage);
        }
        let on_page = items.get((number - 1) * self.size..).unwrap_or_default();
        let on_page = &on_page[..on_page.len().min(self.size)];
        let head = Head {
            count: items.len(),
            next: (number < pages).then(|| self.link(request, number + 1)),
            previous: (number > 1).then(|| self.link(request, number - 1)),
        };
        let mut body = Vec::with_capacity(256 + 2 * JOB_SIZE * on_page.len());
        write_json(&head, &mut body);
        body.pop();
        body.extend_from_slice(b",\"results\":[");
        for (place, item) in on_page.iter().enumerate() {
            if place > 0 {
                body.push(b',');
            }
            write(*item, &mut body);
        }
        body.extend_from_slice(b"]}");
        Ok(raw_json(StatusCode::OK, body))
    }

    /// The request's path with another page; parameters come out sorted.
    fn link(&self, request: &Request<Bytes>, number: usize) -> String {
        let mut pairs: Vec<_> = Query::of(request)
            .pairs()
            .filter(|(name, _)| name != "page")
            .map(|(name, value)| match name.as_ref() {
                "page_size" => (name, self.size.to_string().into()),
                _ => (name, value),
            })
            .collect();
        pairs.push(("page".into(), number.to_string().into()));
        pairs.sort();
        let pairs: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{}={}", encode_query(name), encode_query(value))).collect();
        format!("{}?{}", request.uri().path(), pairs.join("&"))
    }
}

/// The filters of a list of jobs.
#[derive(Default)]
struct Filters {
    ids: Option<Vec<u64>>,
    name: Option<String>,
    /// The place of a template in the catalogue.
    template: Option<usize>,
    statuses: Option<Vec<String>>,
    /// Only jobs with a larger number.
    after_id: Option<u64>,
    /// Only jobs made at this time or later.
    created_since: Option<Timestamp>,
    descending: bool,
}

impl Filters {
    fn of(query: Query<'_>, model: &str) -> Result<Self, Refusal> {
        let mut filters = Self::default();
        for (field, value) in query.pairs() {
            match field.as_ref() {
                "id" | "id__in" | "id__exact" => {
                    let ids: Result<Vec<u64>, _> = value.split(',').map(|id| id.trim().parse()).collect();
                    let mut ids =
                        ids.map_err(|_| Refusal::detail(format!("Field 'id' expected a number but got '{value}'.")))?;
                    ids.sort_unstable();
                    ids.dedup();
                    filters.ids = Some(ids);
                }
                "id__gt" => {
                    let id = value.parse();
                    filters.after_id =
                        Some(id.map_err(|_| {
                            Refusal::detail(format!("Field 'id' expected a number but got '{value}'."))
                        })?);
                }
                "created__gte" => {
                    let since = value.parse();
                    filters.created_since = Some(since.map_err(|_| {
                        Refusal::detail(format!("'{value}' value has an invalid format. It must be in YYYY-MM-DD HH:MM[:ss[.uuuuuu]][TZ] format."))
                    })?);
                }
                // The variables may hold secrets: nobody may try them out by searching.
                field if field == "extra_vars" || field.starts_with("extra_vars__") => {
                    return Err(Refusal::Unsearchable("extra_vars"));
                }
                "name" | "name__exact" => filters.name = Some(value.into_owned()),
                "status" | "status__in" | "status__exact" => {
                    filters.statuses = Some(value.split(',').map(str::to_owned).collect());
                }
                "order_by" => filters.descending = value.starts_with('-'),
                // A simulated workflow has no jobs beneath it.
                "unified_job_node__workflow_job" => filters.ids = Some(Vec::new()),
                "page" | "page_size" | "format" | "search" | "include" | "count_disabled" => {}
                other => {
                    let field = other.split("__").next().unwrap_or(other);
                    if !KNOWN_FIELDS.contains(&field) {
                        return Err(Refusal::detail(format!("{model} has no field named '{field}'")));
                    }
                }
            }
        }
        Ok(filters)
    }

    fn holds(&self, controller: &Controller, job: &Job) -> bool {
        let name = || job.template.map_or("", |at| controller.catalogue.template(at).name.as_str());
        self.name.as_deref().is_none_or(|wanted| wanted == name())
            && self.template.is_none_or(|wanted| job.template == Some(wanted))
            && self.after_id.is_none_or(|after| job.id > after)
            && self.created_since.is_none_or(|since| controller.epoch + Duration::from(job.created) >= since)
            && self.statuses.as_ref().is_none_or(|statuses| statuses.iter().any(|status| status == job.status.wire()))
    }

    fn is_by_kind_only(&self) -> bool {
        self.name.is_none()
            && self.template.is_none()
            && self.statuses.is_none()
            && self.after_id.is_none()
            && self.created_since.is_none()
    }

    /// The ids of the jobs that pass, in order. Only a filter by name, template or status looks at every job.
    fn select(&self, controller: &Controller, state: &State, kind: Option<JobKind>) -> Vec<u64> {
        let is_of_kind = |job: &&Job| kind.is_none_or(|kind| job.kind == kind);
        let mut ids: Vec<u64> = match (&self.ids, kind) {
            (Some(ids), _) => ids
                .iter()
                .filter_map(|id| state.jobs.get(*id))
                .filter(is_of_kind)
                .filter(|job| self.holds(controller, job))
                .map(|job| job.id)
                .collect(),
            (None, Some(kind)) if self.is_by_kind_only() => state.jobs.of_kind(kind).to_vec(),
            (None, _) => {
                let jobs = state.jobs.all().iter().filter(is_of_kind);
                jobs.filter(|job| self.holds(controller, job)).map(|job| job.id).collect()
            }
        };
        if self.descending {
            ids.reverse();
        }
        ids
    }
}

impl Controller {
    /// A list of templates.
    pub(super) fn list_templates(
        &self,
        root: Root,
        request: &Request<Bytes>,
        kinds: &[TemplateKind],
    ) -> Result<Response<Bytes>, Refusal> {
        let query = Query::of(request);
        let window = Window::of(query)?;
        let name = query.get("name").or_else(|| query.get("name__exact"));
        let places = self.catalogue.list(kinds, name.as_deref());
        window.page(request, &places, |at, out| out.extend_from_slice(self.catalogue.body(at, root).get().as_bytes()))
    }

    /// A list of jobs of a kind, or of all kinds; of one template, where one is given.
    pub(super) fn list_jobs(
        &self,
        root: Root,
        request: &Request<Bytes>,
        kind: Option<JobKind>,
        template: Option<usize>,
    ) -> Result<Answer, Refusal> {
        let query = Query::of(request);
        let window = Window::of(query)?;
        let model = kind.map_or("UnifiedJob", JobKind::model);
        let filters = Filters { template, ..Filters::of(query, model)? };
        let includes_variables =
            query.get("include").is_some_and(|fields| fields.split(',').any(|field| field == "extra_vars"));
        let extent = if includes_variables { Extent::ListedWithVariables } else { Extent::Listed };
        let mut state = self.state.lock();
        let ids = filters.select(self, &state, kind);
        // The first job of a batch stands for it.
        let (object, reads) = ids.first().and_then(|id| state.jobs.get_mut(*id)).map_or_else(Default::default, |job| {
            job.reads += 1;
            (job.object.clone(), job.reads)
        });
        let response = window.page(request, &ids, |id, out| {
            if let Some(job) = state.jobs.get_mut(id) {
                self.write_job(job, root, extent, out);
            }
        })?;
        Ok(Answer::keyed(response, key(self.seed, &object, "aap.list", reads)))
    }
}
