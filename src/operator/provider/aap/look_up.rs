//! Jobs whose launch was not recorded, found again by the UID of their object.
//!
//! AAP takes no name for a job, and refuses to filter by its variables (AWX marks `extra_vars` as not searchable: 403). So the
//! newest jobs of the template are read, with their variables, down to the last that the object's history knows, or to the
//! object's creation.
//!
//! EDA launches its jobs here as well. What is in the history as EDA's stays EDA's: of the jobs that an event launched, so many
//! are passed over, the oldest first. One more than that is one whose record was lost.

use std::time::Duration;

use ::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, de::IgnoredAny};

use super::{Aap, Job, Kind, Page, Template, encoded};
use crate::{
    api::{ComputeInstance, JobType},
    operator::provider::{FoundJob, ProviderError},
};

/// Jobs on a page of a list, and how many pages are read of it. Ten thousand jobs launched since the one in question: it
/// would have been missed long before.
const PAGE_SIZE: usize = 200;
const PAGES_MAX: usize = 50;

/// How much the clock of AAP may be behind that of the API server.
const CLOCK_SKEW: Duration = Duration::from_secs(600);

#[derive(Deserialize)]
struct ListedJob {
    #[serde(flatten)]
    job: Job,
    /// A string of JSON. Absent where the list leaves it out.
    #[serde(default)]
    extra_vars: Option<String>,
}

/// Of what a job was told, by which object it was launched for and which configuration it is to make.
#[derive(Default, Deserialize)]
struct Told {
    #[serde(default)]
    ansible_eda: ToldEda,
}

#[derive(Default, Deserialize)]
struct ToldEda {
    /// Where an event launched the job.
    #[serde(default)]
    ruleset: Option<IgnoredAny>,
    #[serde(default)]
    event: ToldEvent,
}

#[derive(Default, Deserialize)]
struct ToldEvent {
    #[serde(default)]
    payload: ToldObject,
}

#[derive(Default, Deserialize)]
struct ToldObject {
    #[serde(default)]
    metadata: ToldMeta,
    #[serde(default)]
    status: ToldStatus,
}

#[derive(Default, Deserialize)]
struct ToldMeta {
    #[serde(default)]
    uid: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
}

impl ToldMeta {
    /// Whether it is this object that is told of. One that is made up from what it left behind has no UID.
    fn is_of(&self, object: &ComputeInstance) -> bool {
        let meta = &object.metadata;
        let same = |told: &str, known: &Option<String>| Some(told) == known.as_deref() && !told.is_empty();
        match &meta.uid {
            Some(_) => same(&self.uid, &meta.uid),
            None => same(&self.name, &meta.name) && same(&self.namespace, &meta.namespace),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldStatus {
    #[serde(default)]
    desired_config_version: Option<String>,
}

/// The filter for jobs that an object's history can't know yet: AAP counts its jobs, and a job of an object is not older
/// than the object.
fn newer_than_known(object: &ComputeInstance) -> String {
    let jobs = object.status.iter().flat_map(|status| &status.jobs);
    if let Some(newest) = jobs.filter_map(|job| job.job_id.parse::<u64>().ok()).max() {
        return format!("id__gt={newest}");
    }
    let created = object.metadata.creation_timestamp.as_ref().map_or(Timestamp::UNIX_EPOCH, |time| time.0);
    format!("created__gte={}", encoded(&(created - CLOCK_SKEW).to_string()))
}

/// The jobs of a kind in the history that EDA got after AAP got its latest.
fn known_to_eda(object: &ComputeInstance, job_type: JobType) -> usize {
    let jobs = || object.status.iter().flat_map(|status| &status.jobs);
    let newest = jobs().filter_map(|job| job.job_id.parse::<u64>().ok()).max();
    let after =
        newest.and_then(|newest| jobs().position(|job| job.job_id.parse() == Ok(newest))).map_or(0, |at| at + 1);
    jobs().skip(after).filter(|job| job.job_type == job_type && job.is_eda()).count()
}

impl Aap {
    /// The jobs of a template that were launched for an object and are not in its history, oldest first.
    pub(super) async fn look_up(
        &self,
        template: Template,
        job_type: JobType,
        object: &ComputeInstance,
    ) -> Result<Vec<FoundJob>, ProviderError> {
        let newer = newer_than_known(object);
        let mut found = Vec::new();
        for page in 1..=PAGES_MAX {
            let jobs = self.page(template, &newer, page).await?;
            for listed in jobs.results {
                let told = self.told(template.kind, &listed).await?.ansible_eda;
                let by_event = told.ruleset.is_some();
                let told = told.event.payload;
                if told.metadata.is_of(object) {
                    let job = listed.job.launched();
                    found.push((by_event, FoundJob { job, config_version: told.status.desired_config_version }));
                }
            }
            if jobs.next.is_none() {
                let mut known = known_to_eda(object, job_type);
                let mut is_news = |by_event: bool| {
                    let is_known = by_event && known > 0;
                    known -= usize::from(is_known);
                    !is_known
                };
                return Ok(found
                    .into_iter()
                    .rev()
                    .filter(|(by_event, _)| is_news(*by_event))
                    .map(|(_, job)| job)
                    .collect());
            }
        }
        let what = format!("GET {}/{}/{}/", self.base, template.kind.templates(), template.id);
        Err(ProviderError::TooMany { what, read: PAGES_MAX * PAGE_SIZE })
    }

    /// One page of the jobs of a template that are newer than what an object's history knows, the newest first, with their
    /// variables. AAP refuses to filter by those (AWX marks the field as not searchable).
    async fn page(&self, template: Template, newer: &str, page: usize) -> Result<Page<ListedJob>, ProviderError> {
        let list = format!("{}/{}/{}/{}/", self.base, template.kind.templates(), template.id, template.kind.jobs());
        let query = format!("{newer}&order_by=-id&page={page}&page_size={PAGE_SIZE}");
        let answer = self.http.get(&format!("{list}?include=extra_vars&{query}")).await?;
        // Servers that show the variables unasked don't know the parameter.
        if answer.status() == StatusCode::BAD_REQUEST {
            return self.http.get(&format!("{list}?{query}")).await?.successful()?.json();
        }
        answer.successful()?.json()
    }

    /// What a job was told; asked for by itself where the list does not show it.
    async fn told(&self, kind: Kind, listed: &ListedJob) -> Result<Told, ProviderError> {
        // Whoever launches by hand may tell a job anything: it is not one of ours then.
        let read = |text: &str| serde_json::from_str(text).unwrap_or_default();
        if let Some(text) = &listed.extra_vars {
            return Ok(read(text));
        }
        let url = format!("{}/{}/{}/", self.base, kind.jobs(), listed.job.id);
        let whole: ListedJob = self.http.get(&url).await?.successful()?.json()?;
        Ok(read(&whole.extra_vars.unwrap_or_default()))
    }
}

#[cfg(all(test, feature = "harness"))]
#[path = "look_up_tests.rs"]
mod tests;
