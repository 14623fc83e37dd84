//! Events (events.k8s.io/v1) on each change of a job's state, for whoever looks at an instance with `kubectl describe`.
//!
//! **Guarantee:** a pass neither waits for them nor fails with them. Changes that the server has go into a bounded queue; a task
//! of its own writes one after the other, and what does not fit, or is refused, is dropped and counted in a warning.
//!
//! The name of an Event is drawn from what it tells, so that a change that is told twice is one Event.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::MicroTime,
};
use kube::{
    Api, Client, Resource, ResourceExt,
    api::{ObjectMeta, PostParams},
};
use tokio::sync::mpsc;

use crate::{
    api::{ComputeInstance, JobHistory, JobState, JobStatus},
    clock::{self, SharedClock},
    units::Seed,
};

/// Changes that wait to be written: a burst of some hundred launches fits.
const WAITING_MAX: usize = 1024;
/// How long the API server may take for one.
const WRITE_TIME_MAX: Duration = Duration::from_secs(10);
/// How long nothing is written after the server has refused one: it is not to be asked in vain at every change.
const REFUSED_DELAY: Duration = Duration::from_secs(30);
/// How much of a job's message is repeated; the API takes notes of 1024 bytes, and a character has up to four.
const MESSAGE_CHARS_MAX: usize = 200;
/// Who tells.
const CONTROLLER: &str = "cloudkit.openshift.io/cloudkit-operator";

/// Where changes are told of.
pub(crate) struct Events {
    queue: mpsc::Sender<Event>,
    dropped: Arc<AtomicU64>,
    clock: SharedClock,
    instance: String,
}

impl Events {
    /// A place to tell, and the task that writes, which runs until nobody can tell any more. `instance` names this process.
    pub(crate) fn new(
        client: Client,
        clock: SharedClock,
        instance: &str,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (queue, waiting) = mpsc::channel(WAITING_MAX);
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = write_all(client, clock.clone(), waiting, dropped.clone());
        (Self { queue, dropped, clock, instance: instance.to_owned() }, writer)
    }

    /// Tells of every job that is new or has another state than before.
    pub(crate) fn jobs_changed(&self, object: &ComputeInstance, before: &JobHistory, after: &JobHistory) {
        for job in after {
            let from = match before.find_job_by_id(&job.job_id) {
                Some(known) if known.state == job.state => continue,
                Some(known) => Some(known.state),
                None => None,
            };
            if self.queue.try_send(self.event(object, job, from)).is_err() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn event(&self, object: &ComputeInstance, job: &JobStatus, from: Option<JobState>) -> Event {
        let (name, uid) = (object.name_any(), object.uid().unwrap_or_default());
        let told = Seed::new(0).label(&uid).label(&job.job_id).label(job.state.as_str());
        // A name has 253 characters at the most, all of ASCII, and this one ends in 17 of its own.
        let event_name = format!("{}.{:016x}", name.get(..236).unwrap_or(&name), told.get());
        let mut note = match from {
            Some(from) => format!("{} job {} is {}, {from} before", job.job_type, job.job_id, job.state),
            None => format!("{} job {} was launched: {}", job.job_type, job.job_id, job.state),
        };
        if !job.message.is_empty() {
            note.push_str(": ");
            note.extend(job.message.chars().take(MESSAGE_CHARS_MAX));
        }
        let is_bad = matches!(job.state, JobState::Failed | JobState::Canceled);
        Event {
            metadata: ObjectMeta { name: Some(event_name), namespace: object.namespace(), ..ObjectMeta::default() },
            event_time: Some(MicroTime(self.clock.now())),
            action: Some(capitalized(job.job_type.as_str())),
            reason: Some(format!("Job{}", job.state)),
            type_: Some(if is_bad { "Warning" } else { "Normal" }.to_owned()),
            note: Some(note),
            regarding: Some(ObjectReference {
                api_version: Some(ComputeInstance::api_version(&()).into_owned()),
                kind: Some(ComputeInstance::kind(&()).into_owned()),
                namespace: object.namespace(),
                name: Some(name),
                uid: Some(uid),
                ..ObjectReference::default()
            }),
            reporting_controller: Some(CONTROLLER.to_owned()),
            reporting_instance: Some(self.instance.clone()),
            ..Event::default()
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}

async fn write_all(client: Client, clock: SharedClock, mut waiting: mpsc::Receiver<Event>, dropped: Arc<AtomicU64>) {
    while let Some(event) = waiting.recv().await {
        let api: Api<Event> = Api::namespaced(client.clone(), event.metadata.namespace.as_deref().unwrap_or_default());
        let parameters = PostParams::default();
        let refusal = match clock::timeout(&*clock, WRITE_TIME_MAX, api.create(&parameters, &event)).await {
            Ok(Ok(_)) => continue,
            // It was told before.
            Ok(Err(kube::Error::Api(status))) if status.is_already_exists() => continue,
            // Its namespace goes, and all that is told of it.
            Ok(Err(kube::Error::Api(status))) if status.code == 403 && status.message.contains("being terminated") => {
                continue;
            }
            Ok(Err(error)) => error.to_string(),
            Err(late) => late.to_string(),
        };
        let lost = dropped.swap(0, Ordering::Relaxed) + 1;
        tracing::warn!(error = refusal, lost, "failed to write an Event; job changes are not told of for a while");
        clock.sleep(REFUSED_DELAY).await;
    }
}
