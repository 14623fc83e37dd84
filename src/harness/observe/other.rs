//! Objects of a subject, read from their JSON by its paths.

use kube::core::WatchEvent;
use serde::Deserialize;
use serde_json::Value;

use super::{Item, ItemMeta, ObservedJob, ObservedStatus, Open, Page, PageMeta, Sight, named};
use crate::{api::Phase, harness::experiment::Subject, record::Word};

/// One page of a list.
#[derive(Deserialize)]
pub(super) struct OtherPage {
    metadata: PageMeta,
    #[serde(default)]
    items: Vec<Value>,
}

/// The page, with as much of it as is measured.
pub(super) fn page(subject: &Subject, page: OtherPage) -> Page {
    let item = |object: Value| Item {
        metadata: ItemMeta { name: text(&object, "/metadata/name").to_owned() },
        status: status(subject, &object),
    };
    Page { metadata: page.metadata, items: page.items.into_iter().map(item).collect() }
}

fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The phase and the jobs of an object, in the words of ours.
fn status(subject: &Subject, object: &Value) -> ObservedStatus {
    let phase = if subject.has_failed(object) {
        Some(Phase::Failed)
    } else if subject.is_ready(object) {
        Some(Phase::Running)
    } else {
        None
    };
    let jobs = subject.jobs(object).into_iter();
    ObservedStatus {
        phase: phase.map(|phase| Word::from(phase.as_str())),
        jobs: jobs.map(|job| ObservedJob { job_id: job.id, job_type: job.kind, state: job.state }).collect(),
    }
}

impl Open {
    /// As [`Open::read`], for a subject.
    pub(super) fn read_other(&mut self, line: &[u8], subject: &Subject) -> Result<Option<Sight>, String> {
        let event: WatchEvent<Value> =
            serde_json::from_slice(line).map_err(|error| format!("a line that can't be read: {error}"))?;
        let is_there = !matches!(event, WatchEvent::Deleted(_));
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object) => {
                self.at(text(&object, "/metadata/resourceVersion"));
                let status = status(subject, &object);
                Ok(named(text(&object, "/metadata/name")).map(|instance| {
                    if is_there { Sight::Present { instance, status } } else { Sight::Gone { instance, status } }
                }))
            }
            WatchEvent::Bookmark(bookmark) => {
                self.at(&bookmark.metadata.resource_version);
                Ok(None)
            }
            WatchEvent::Error(status) => Err(status.message.clone()),
        }
    }
}
