//! Watches: a position in a log, and the wish to be woken.
//!
//! # Flow
//! Lines of objects that were there at the start (where the client asked for them), then the log from the position on,
//! then waiting. A watch ends when its time is up, when its resource goes, or with a 410 when the log has dropped
//! the position.
//!
//! # Guarantees
//! Every event that the selection covers exactly once, in the order of the revisions. Nothing is buffered for a watcher
//! that does not read, but for one small batch.

use std::{
    collections::VecDeque,
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    call::Call,
    create::to_bytes,
    embedded::Shared,
    event::{self, Change, Event},
    kinds::Kind,
    log::{Dropped, Position},
    meta,
    query::Query,
    read,
    selection::Selection,
    state::State,
    status::Refusal,
};
use crate::clock::Sleep;

/// How many lines are taken from a log under one lock: enough to make locking cheap, few enough to hold back nobody.
const BATCH: usize = 64;

/// How many events are looked at under one lock where most are for others.
const LOOKED_AT: usize = 4096;

/// The longest time limit that is taken, in seconds: a year.
const LONGEST: u64 = 31_536_000;

/// A running watch.
pub(super) struct Watch {
    shared: Arc<Shared>,
    /// The resource, and this watcher of it.
    resource: u64,
    id: u64,
    kind: Arc<Kind>,
    selection: Selection,
    position: Position,
    /// Events up to this revision are known to the client, or from before a future that it asked for.
    known: u64,
    /// Objects that were there at the start and have not been sent.
    initial: std::vec::IntoIter<Bytes>,
    /// Whether the end of the initial objects is still to be marked, and with which revision.
    initial_end: Option<u64>,
    /// Lines to be sent before anything else.
    ready: VecDeque<Bytes>,
    timeout: Option<Sleep>,
    bookmark: Option<Sleep>,
    over: bool,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("id", &self.id).field("position", &self.position).finish_non_exhaustive()
    }
}

impl Watch {
    /// Starts a watch; the state is that of `shared`, locked.
    ///
    /// # Errors
    /// 400 where the revision is no number.
    pub(super) fn start(
        shared: &Arc<Shared>,
        state: &mut State,
        call: &Call<'_>,
        selection: Selection,
        query: &Query<'_>,
    ) -> Result<Self, Refusal> {
        let asked = match query.resource_version.as_deref() {
            None => 0,
            Some(text) => text.parse::<u64>().map_err(|_| {
                Refusal::bad_request(format!("Invalid value: {text:?}: resourceVersion must be a number"))
            })?,
        };
        let id = state.next_id();
        let missing = || Refusal::not_found(&call.kind, "");
        let resource = state.resources.get(call.at).ok_or_else(missing)?;
        if query.send_initial_events == Some(true) && asked > state.revision {
            return Err(Refusal::too_large_resource_version(asked, state.revision));
        }
        // Without `sendInitialEvents` a watch from nowhere begins with what is there, as the API concepts have it.
        let with_objects = query.send_initial_events.unwrap_or(asked == 0);
        let (position, over, ready) = if with_objects || asked == 0 {
            (resource.log.end(), false, VecDeque::new())
        } else {
            match resource.log.after(asked) {
                Ok(position) => (position, false, VecDeque::new()),
                Err(dropped) => (resource.log.end(), true, VecDeque::from([gone(asked, dropped)])),
            }
        };
        let (resource_id, initial) =
            (resource.id, if with_objects { read::selected(state, call, &selection) } else { Vec::new() });
        if let Some(resource) = state.resources.get_mut(call.at) {
            resource.log.has_read(id, position);
        }
        let clock = &shared.options.clock;
        Ok(Self {
            shared: shared.clone(),
            resource: resource_id,
            id,
            kind: call.kind.clone(),
            selection,
            position,
            known: if with_objects { 0 } else { asked },
            initial: initial.into_iter(),
            initial_end: (query.send_initial_events == Some(true) && query.bookmarks).then_some(state.revision),
            ready,
            timeout: query
                .timeout_seconds
                .filter(|limit| *limit > 0)
                .map(|limit| clock.sleep(Duration::from_secs(limit.min(LONGEST)))),
            bookmark: query.bookmarks.then(|| clock.sleep(shared.options.bookmark_interval)),
            over,
        })
    }

    /// The next line; nothing when the watch is over.
    pub(super) fn poll_line(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        if let Some(line) = self.ready.pop_front() {
            return Poll::Ready(Some(line));
        }
        if self.over {
            return Poll::Ready(None);
        }
        if let Some(object) = self.initial.next() {
            return Poll::Ready(Some(event::line(Change::Added, &object)));
        }
        if let Some(revision) = self.initial_end.take() {
            return Poll::Ready(Some(bookmark(&self.kind, revision, true)));
        }
        if self.timeout.as_mut().is_some_and(|timeout| timeout.as_mut().poll(context).is_ready()) {
            self.over = true;
            return Poll::Ready(None);
        }
        let goes_on = self.take_batch(context);
        if let Some(line) = self.ready.pop_front() {
            return Poll::Ready(Some(line));
        }
        if !goes_on {
            return Poll::Ready(None);
        }
        self.poll_bookmark(context)
    }

    /// Fills `ready` from the log, or waits for the next event where there is none. False where the
    /// stream ends here, after what is ready.
    fn take_batch(&mut self, context: &mut Context<'_>) -> bool {
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        let Some(resource) = state.resource_mut(self.resource) else {
            self.over = true;
            return false;
        };
        let events = match resource.log.from(self.position) {
            Ok(events) => events,
            Err(dropped) => {
                self.over = true;
                self.ready.push_back(lagged(dropped));
                return false;
            }
        };
        for (next, event) in events.take(LOOKED_AT) {
            self.position = next;
            if event.revision > self.known {
                self.ready.extend(self.selection.line(event));
            }
            if self.ready.len() >= BATCH {
                break;
            }
        }
        resource.log.has_read(self.id, self.position);
        if self.ready.is_empty() {
            if self.position == resource.log.end() {
                resource.log.wait(self.id, context.waker().clone());
            } else {
                // Many events that are for others: let others run before looking at the rest.
                context.waker().wake_by_ref();
            }
        }
        true
    }

    /// Sends a bookmark where it is time for one. Everything up to the present revision has been sent when this runs.
    fn poll_bookmark(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let Some(due) = &mut self.bookmark else { return Poll::Pending };
        if due.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        self.bookmark = Some(self.shared.options.clock.sleep(self.shared.options.bookmark_interval));
        let mut state = self.shared.state.lock();
        let revision = state.revision;
        match state.resource_mut(self.resource) {
            Some(resource) if resource.log.end() == self.position => {
                drop(state);
                Poll::Ready(Some(bookmark(&self.kind, revision, false)))
            }
            // Something has happened in between; the bookmark can wait for the next interval.
            _ => {
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        if let Some(resource) = state.resource_mut(self.resource) {
            resource.log.leave(self.id);
        }
    }
}

impl Selection {
    /// The line that a watcher of this selection gets for an event, if any.
    pub(super) fn line(&self, event: &Event) -> Option<Bytes> {
        if !self.covers(&event.namespace, &event.name) {
            return None;
        }
        let is = self.picks(&event.labels, || event.object());
        // What is in them keeps the same for the kinds that can be selected by it.
        let was = event.before.as_ref().map_or(is, |before| self.picks(&before.labels, || before.object.clone()));
        match (was, is) {
            (true, true) => Some(event.line.clone()),
            (false, false) => None,
            (false, true) => Some(event::line(Change::Added, &event.object())),
            // It leaves: the client gets what it knew, with the revision of the change.
            (true, false) => {
                let before = event.before.as_ref()?;
                let mut object: Value = serde_json::from_slice(&before.object).ok()?;
                meta::set_revision(&mut object, event.revision);
                Some(event::line(Change::Deleted, &to_bytes(&object)))
            }
        }
    }
}

fn bookmark(kind: &Kind, revision: u64, end_of_initial: bool) -> Bytes {
    let mut metadata = json!({"resourceVersion": revision.to_string()});
    if end_of_initial {
        metadata["annotations"] = json!({"k8s.io/initial-events-end": "true"});
    }
    let object = json!({"kind": kind.name, "apiVersion": kind.api_version(), "metadata": metadata});
    terminated(&json!({"type": "BOOKMARK", "object": object}))
}

fn gone(asked: u64, dropped: Dropped) -> Bytes {
    error(&Refusal::expired(format!("too old resource version: {asked} ({})", dropped.oldest)))
}

fn lagged(dropped: Dropped) -> Bytes {
    let sentence = "the watcher is too slow: events that it has not seen are no longer kept";
    error(&Refusal::expired(format!("{sentence} (oldest: {})", dropped.oldest)))
}

fn error(refusal: &Refusal) -> Bytes {
    let mut line = br#"{"type":"ERROR","object":"#.to_vec();
    line.extend_from_slice(&refusal.to_json());
    line.extend_from_slice(event::SUFFIX);
    line.into()
}

fn terminated(value: &Value) -> Bytes {
    let mut line = to_bytes(value).to_vec();
    line.push(b'\n');
    line.into()
}
