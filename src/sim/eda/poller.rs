//! Asks for the jobs in flight, many at a time, until they have ended.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::Method;
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::{Shared, scan};
use crate::record::Word;

/// The jobs whose end somebody waits for. While there is one, one task asks for all.
#[derive(Default)]
pub(super) struct Poller {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By collection and id.
    in_flight: BTreeMap<(Word, u64), oneshot::Sender<()>>,
    is_running: bool,
}

impl Shared {
    /// Waits until a job has ended, or is not known any more.
    pub(super) async fn until_ended(self: &Arc<Self>, collection: &str, id: u64) {
        let (ended, wait) = oneshot::channel();
        let starts = {
            let mut state = self.poller.state.lock();
            state.in_flight.insert((collection.into(), id), ended);
            !std::mem::replace(&mut state.is_running, true)
        };
        if starts {
            tokio::spawn(Arc::clone(self).poll());
        }
        // The poller drops the other end only with the job.
        let _ = wait.await;
    }

    /// Asks at once and then at every interval, while there is a job to ask for.
    async fn poll(self: Arc<Self>) {
        loop {
            let began = self.clock.elapsed();
            for (collection, ids) in self.batches() {
                self.poll_batch(&collection, &ids).await;
            }
            {
                let mut state = self.poller.state.lock();
                if state.in_flight.is_empty() {
                    state.is_running = false;
                    return;
                }
            }
            let took = Duration::from(self.clock.elapsed() - began);
            self.wait(self.profile.poll_interval.saturating_sub(took)).await;
        }
    }

    /// The jobs in flight, by collection, as many together as one request asks for.
    fn batches(&self) -> Vec<(Word, Vec<u64>)> {
        let state = self.poller.state.lock();
        let mut batches: Vec<(Word, Vec<u64>)> = Vec::new();
        for (collection, id) in state.in_flight.keys() {
            match batches.last_mut() {
                Some((last, ids)) if last == collection && ids.len() < self.profile.poll_batch.get() => ids.push(*id),
                _ => batches.push((collection.clone(), vec![*id])),
            }
        }
        batches
    }

    async fn poll_batch(&self, collection: &Word, ids: &[u64]) {
        let list: Vec<String> = ids.iter().map(u64::to_string).collect();
        let path = format!("{collection}?id__in={}&page_size={}", list.join(","), ids.len());
        // A controller that does not answer is asked again at the next interval.
        let Ok(page) = self.ask(Method::GET, &path, Bytes::new()).await else { return };
        let Some(jobs) = scan::jobs(&page) else { return };
        let going_on: Vec<u64> = jobs.iter().filter(|job| !is_terminal(job.status)).map(|job| job.id).collect();
        let mut state = self.poller.state.lock();
        for id in ids.iter().filter(|id| !going_on.contains(id)) {
            if let Some(ended) = state.in_flight.remove(&(collection.clone(), *id)) {
                // Nobody waits any more when the engine was dropped.
                let _ = ended.send(());
            }
        }
    }
}

fn is_terminal(status: &str) -> bool {
    matches!(status, "successful" | "failed" | "error" | "canceled")
}
