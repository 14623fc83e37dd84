//! What a user sees: the watch of the instances, as it delivers.
//!
//! Flow: a list, then a watch from there on; a watch that ends in good order is followed by one from where it was; after
//! anything else comes a new list. Beside kube's watcher, which reads whole objects, this one reads as little of each as is
//! measured, from the bytes as they came: a user's watch costs the harness as little as it can.

mod lines;
mod other;

use std::{borrow::Cow, fmt, sync::Arc, time::Duration};

use futures::Stream;
use http::Request;
use http_body_util::BodyExt;
use kube::{Client, Resource, client::Body, core::WatchEvent};
use serde::{Deserialize, de::DeserializeOwned};

use self::lines::Lines;
use crate::{
    api::ComputeInstance,
    clock::{SharedClock, Sleep},
    harness::experiment::Subject,
    record::Word,
    units::InstanceId,
};

/// How long one watch lasts: the server ends it then.
const WATCH_SECONDS: u64 = 290;

/// A watch that the server has not ended by then is a connection that broke down unnoticed.
const WATCH_LIMIT: Duration = Duration::from_secs(WATCH_SECONDS + 30);

/// Objects in one page of a list.
const PAGE: u32 = 500;

/// The wait after a failure; it doubles with each further one.
const RETRY_FIRST: Duration = Duration::from_millis(800);
const RETRY_LONGEST: Duration = Duration::from_secs(30);

/// As much of the status as is measured, in the words that stand there.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ObservedStatus {
    #[serde(default)]
    pub(crate) phase: Option<Word>,
    #[serde(default)]
    pub(crate) jobs: Vec<ObservedJob>,
}

/// One job in the status.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ObservedJob {
    #[serde(rename = "jobID")]
    pub(crate) job_id: Word,
    #[serde(rename = "type")]
    pub(crate) job_type: Word,
    pub(crate) state: Word,
}

/// An instance with nothing of it but what is measured.
#[derive(Debug, Deserialize)]
struct Observed<'a> {
    #[serde(borrow, default)]
    metadata: Meta<'a>,
    #[serde(default)]
    status: ObservedStatus,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta<'a> {
    #[serde(borrow, default)]
    name: Cow<'a, str>,
    #[serde(borrow, default)]
    resource_version: Cow<'a, str>,
}

/// One page of a list.
#[derive(Deserialize)]
struct Page {
    metadata: PageMeta,
    #[serde(default)]
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageMeta {
    resource_version: String,
    #[serde(default, rename = "continue")]
    more: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    metadata: ItemMeta,
    #[serde(default)]
    status: ObservedStatus,
}

#[derive(Deserialize)]
struct ItemMeta {
    name: String,
}

/// One thing that the watch showed.
#[derive(Debug)]
pub(crate) enum Sight {
    /// An instance as it is now.
    Present { instance: InstanceId, status: ObservedStatus },
    /// An instance that is gone, as it last was.
    Gone { instance: InstanceId, status: ObservedStatus },
    /// A list begins: what is not in it is gone.
    ListBegins,
    /// The list is complete.
    ListEnds,
    /// The watch broke off and begins again.
    Broken(String),
}

/// The sights of a namespace, in the order of the watch. They never end.
pub(crate) fn sights(
    client: Client,
    namespace: &str,
    clock: SharedClock,
    subject: Option<Arc<Subject>>,
) -> impl Stream<Item = Sight> + use<> {
    let path = match &subject {
        None => ComputeInstance::url_path(&(), Some(namespace)),
        Some(subject) => subject.path(namespace),
    };
    let watch = Watch { client, clock, path, subject, failures: 0, place: Place::Begin };
    futures::stream::unfold(watch, |mut watch| async move { Some((watch.next().await, watch)) })
}

struct Watch {
    client: Client,
    clock: SharedClock,
    path: String,
    subject: Option<Arc<Subject>>,
    failures: u32,
    place: Place,
}

/// How far it is.
enum Place {
    /// A list is to begin.
    Begin,
    /// The next page is to be asked for.
    Ask { more: Option<String> },
    /// A page is being told.
    Tell { items: std::vec::IntoIter<Item>, more: Option<String>, version: String },
    /// A watch is to begin.
    Listed { version: String },
    /// A watch is under way.
    Watch(Box<Open>),
}

struct Open {
    body: Body,
    lines: Lines,
    limit: Sleep,
    version: String,
}

impl Watch {
    async fn next(&mut self) -> Sight {
        loop {
            match self.step().await {
                Ok(Some(sight)) => return sight,
                Ok(None) => {}
                Err(error) => {
                    self.place = Place::Begin;
                    self.failures += 1;
                    return Sight::Broken(error);
                }
            }
        }
    }

    /// One step on, and what it shows, if anything.
    async fn step(&mut self) -> Result<Option<Sight>, String> {
        match &mut self.place {
            Place::Begin => {
                if let Some(doublings) = self.failures.checked_sub(1) {
                    let wait = RETRY_FIRST.saturating_mul(1 << doublings.min(16)).min(RETRY_LONGEST);
                    self.clock.sleep(wait).await;
                }
                self.place = Place::Ask { more: None };
                Ok(Some(Sight::ListBegins))
            }
            Place::Ask { more } => {
                let more = more.as_ref().map(|more| format!("&continue={more}")).unwrap_or_default();
                let query = format!("limit={PAGE}{more}");
                let page: Page = match &self.subject {
                    None => self.ask(&query).await?,
                    Some(subject) => other::page(subject, self.ask(&query).await?),
                };
                let PageMeta { resource_version: version, more } = page.metadata;
                self.place =
                    Place::Tell { items: page.items.into_iter(), more: more.filter(|more| !more.is_empty()), version };
                Ok(None)
            }
            Place::Tell { items, more, version } => match items.next() {
                Some(item) => {
                    Ok(named(&item.metadata.name).map(|instance| Sight::Present { instance, status: item.status }))
                }
                None if more.is_some() => {
                    self.place = Place::Ask { more: more.take() };
                    Ok(None)
                }
                None => {
                    self.place = Place::Listed { version: std::mem::take(version) };
                    Ok(Some(Sight::ListEnds))
                }
            },
            Place::Listed { version } => {
                let version = std::mem::take(version);
                let query = format!(
                    "watch=true&timeoutSeconds={WATCH_SECONDS}&allowWatchBookmarks=true&resourceVersion={version}"
                );
                let body = self.send(&query).await?;
                let limit = self.clock.sleep(WATCH_LIMIT);
                self.failures = 0;
                self.place = Place::Watch(Box::new(Open { body, lines: Lines::default(), limit, version }));
                Ok(None)
            }
            Place::Watch(open) => {
                if let Some(line) = open.lines.next() {
                    return match &self.subject {
                        None => open.read(&line),
                        Some(subject) => open.read_other(&line, subject),
                    };
                }
                if !open.more().await? {
                    let version = std::mem::take(&mut open.version);
                    self.place = Place::Listed { version };
                }
                Ok(None)
            }
        }
    }

    async fn send(&self, query: &str) -> Result<Body, String> {
        let request = Request::get(format!("{}?{query}", self.path)).body(Body::empty()).map_err(|e| e.to_string())?;
        let answer = self.client.send(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = answer.into_body();
        if status.is_success() {
            return Ok(body);
        }
        let text = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        Err(format!("{status}: {}", String::from_utf8_lossy(&text)))
    }

    async fn ask<T: DeserializeOwned>(&self, query: &str) -> Result<T, String> {
        let text = self.send(query).await?.collect().await.map_err(|error| error.to_string())?.to_bytes();
        serde_json::from_slice(&text).map_err(|error| error.to_string())
    }
}

impl Open {
    /// Reads on; false where the watch is over.
    async fn more(&mut self) -> Result<bool, String> {
        let frame = tokio::select! {
            biased;
            frame = self.body.frame() => frame,
            () = &mut self.limit => None,
        };
        match frame {
            Some(Ok(frame)) => {
                if let Ok(piece) = frame.into_data() {
                    self.lines.push(piece);
                }
                Ok(true)
            }
            Some(Err(error)) => Err(error.to_string()),
            None => Ok(false),
        }
    }

    fn read(&mut self, line: &[u8]) -> Result<Option<Sight>, String> {
        let unreadable = |error: &dyn fmt::Display| format!("a line that can't be read: {error}");
        let line = std::str::from_utf8(line).map_err(|error| unreadable(&error))?;
        let event: WatchEvent<Observed<'_>> = serde_json::from_str(line).map_err(|error| unreadable(&error))?;
        let is_there = !matches!(event, WatchEvent::Deleted(_));
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object) => {
                self.at(&object.metadata.resource_version);
                let status = object.status;
                Ok(named(&object.metadata.name).map(|instance| {
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

    fn at(&mut self, version: &str) {
        version.clone_into(&mut self.version);
    }
}

/// Objects that the harness did not create are none of its business.
fn named(name: &str) -> Option<InstanceId> {
    name.parse().ok()
}
