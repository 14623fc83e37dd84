//! The load: instances are created when they are meant to be, whether or not earlier ones were answered.

use std::{sync::Arc, time::Duration};

use futures::{StreamExt, TryStreamExt};
use kube::{
    Api, Client, Resource,
    api::{DeleteParams, Patch, PatchParams, PostParams, Request},
};
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};

use crate::{
    api::{ComputeInstance, ComputeInstanceSpec, names},
    clock::SharedClock,
    harness::{Experiment, experiment::Subject, history},
    units::{InstanceId, Nanos},
};

/// Requests in flight at once: more would only queue in the client, unseen. A request that waits here keeps its intended
/// time, so that the wait is measured.
const IN_FLIGHT_MAX: u32 = 256;

/// Instances that are given their history at once.
const PREPARED_AT_ONCE: usize = 16;

/// Attempts at a request that the server did not answer well; each later one waits a second longer.
const ATTEMPTS_MAX: u32 = 5;

/// What became of a request.
#[derive(Debug)]
pub(crate) enum Report {
    Created { instance: InstanceId, sent: Nanos, answered: Nanos },
    DeleteSent { instance: InstanceId, sent: Nanos },
    DeleteAccepted { instance: InstanceId, answered: Nanos },
    Failed { instance: InstanceId, what: &'static str, error: String },
}

/// The requests for instances of one namespace. Of the answers only the code is looked at: what became of an object is the
/// watch's to tell.
#[derive(Clone)]
struct Instances {
    client: Client,
    namespace: Arc<str>,
    requests: Arc<Request>,
    subject: Option<Arc<Subject>>,
}

impl Instances {
    fn new(client: Client, namespace: &str, subject: Option<Arc<Subject>>) -> Self {
        let path = match &subject {
            None => ComputeInstance::url_path(&(), Some(namespace)),
            Some(subject) => subject.path(namespace),
        };
        Self { client, namespace: namespace.into(), requests: Arc::new(Request::new(path)), subject }
    }

    /// The body of the request that makes an instance.
    fn body(&self, experiment: &Experiment, instance: InstanceId) -> serde_json::Result<Vec<u8>> {
        match &self.subject {
            None => serde_json::to_vec(&manifest(experiment, instance)),
            Some(subject) => serde_json::to_vec(&subject.manifest(instance, &self.namespace, experiment.tenants())),
        }
    }

    async fn create(&self, body: Vec<u8>) -> kube::Result<()> {
        let request = self.requests.create(&PostParams::default(), body).map_err(kube::Error::BuildRequest)?;
        self.client.request_text(request).await.map(drop)
    }

    async fn patch(&self, name: &str, merge: &serde_json::Value) -> kube::Result<()> {
        let request = self.requests.patch(name, &PatchParams::default(), &Patch::Merge(merge));
        self.client.request_text(request.map_err(kube::Error::BuildRequest)?).await.map(drop)
    }

    async fn delete(&self, name: &str) -> kube::Result<()> {
        let request = self.requests.delete(name, &DeleteParams::default()).map_err(kube::Error::BuildRequest)?;
        self.client.request_text(request).await.map(drop)
    }
}

/// Sends the requests of one trial.
#[derive(Clone)]
pub(crate) struct Load {
    api: Instances,
    clock: SharedClock,
    reports: mpsc::Sender<Report>,
    in_flight: Arc<Semaphore>,
    old_jobs: u32,
}

impl Load {
    /// `old_jobs`: how many jobs of long ago each instance has when it arrives.
    pub(crate) fn new(
        client: Client,
        namespace: &str,
        clock: SharedClock,
        reports: mpsc::Sender<Report>,
        old_jobs: u32,
        subject: Option<Arc<Subject>>,
    ) -> Self {
        let api = Instances::new(client, namespace, subject);
        Self { api, clock, reports, in_flight: Arc::new(Semaphore::new(IN_FLIGHT_MAX as usize)), old_jobs }
    }

    /// Makes instances that have a history before the clock of any of them starts: they are created as nobody's business
    /// (management state `unmanaged`) and get their old jobs; their arrival is when the operator is let at them.
    pub(crate) async fn prepare(&self, experiment: &Experiment) -> Result<(), kube::Error> {
        if self.old_jobs == 0 {
            return Ok(());
        }
        let status = json!({"status": {"jobs": history::old_jobs(self.old_jobs)}});
        let patch = &Patch::Merge(&status);
        let api: Api<ComputeInstance> = Api::namespaced(self.api.client.clone(), &self.api.namespace);
        let api = &api;
        let instances = (0..experiment.instances()).map(InstanceId::from_index);
        futures::stream::iter(instances)
            .map(|instance| async move {
                let mut object = manifest(experiment, instance);
                object
                    .metadata
                    .annotations
                    .get_or_insert_default()
                    .insert(names::MANAGEMENT_STATE_ANNOTATION.to_owned(), "unmanaged".to_owned());
                api.create(&PostParams::default(), &object).await?;
                api.patch_status(&instance.to_string(), &PatchParams::default(), patch).await.map(drop)
            })
            .buffer_unordered(PREPARED_AT_ONCE)
            .try_collect()
            .await
    }

    /// The request that an instance arrives with.
    async fn arrive(&self, instance: InstanceId, object: &[u8]) -> Result<(), kube::Error> {
        if self.old_jobs == 0 {
            return self.api.create(object.to_vec()).await;
        }
        let release = json!({"metadata": {"annotations": {names::MANAGEMENT_STATE_ANNOTATION: null}}});
        self.api.patch(&instance.to_string(), &release).await
    }

    /// Creates the instances of a trial, each at its intended time; `intended[i]` is that of instance i.
    pub(crate) async fn create_all(self, experiment: Arc<Experiment>, intended: Vec<Nanos>) {
        for (index, at) in (0_u32..).zip(intended) {
            let wait = at - self.clock.elapsed();
            if wait > Nanos::ZERO {
                self.clock.sleep(wait.into()).await;
            }
            let instance = InstanceId::from_index(index);
            let Ok(object) = self.api.body(&experiment, instance) else { continue };
            let load = self.clone();
            tokio::spawn(async move { load.create(instance, object).await });
        }
    }

    async fn create(&self, instance: InstanceId, object: Vec<u8>) {
        let Ok(_place) = self.in_flight.acquire().await else { return };
        let sent = self.clock.elapsed();
        let mut attempt = 0;
        let report = loop {
            attempt += 1;
            match self.arrive(instance, &object).await {
                Ok(()) => break Report::Created { instance, sent, answered: self.clock.elapsed() },
                Err(error) if attempt == ATTEMPTS_MAX || is_refusal(&error) => {
                    break Report::Failed { instance, what: "create", error: error.to_string() };
                }
                Err(_) => self.clock.sleep(Duration::from_secs(u64::from(attempt))).await,
            }
        };
        let _ = self.reports.send(report).await;
    }

    /// Deletes an instance after a while; only a delete that is measured is reported when it is sent and when it is answered.
    pub(crate) fn delete_after(&self, instance: InstanceId, wait: Duration, measured: bool) {
        let load = self.clone();
        tokio::spawn(async move {
            if !wait.is_zero() {
                load.clock.sleep(wait).await;
            }
            load.delete(instance, measured).await;
        });
    }

    /// Is done when every request that was sent has been answered and reported.
    pub(crate) async fn answered(&self) {
        let _all = self.in_flight.acquire_many(IN_FLIGHT_MAX).await;
    }

    async fn delete(&self, instance: InstanceId, measured: bool) {
        let Ok(_place) = self.in_flight.acquire().await else { return };
        let sent = self.clock.elapsed();
        if measured {
            let _ = self.reports.send(Report::DeleteSent { instance, sent }).await;
        }
        let mut attempt = 0;
        loop {
            attempt += 1;
            match self.api.delete(&instance.to_string()).await {
                Ok(()) => break,
                Err(kube::Error::Api(status)) if status.is_not_found() => break,
                Err(error) if attempt == ATTEMPTS_MAX || is_refusal(&error) => {
                    let report = Report::Failed { instance, what: "delete", error: error.to_string() };
                    let _ = self.reports.send(report).await;
                    return;
                }
                Err(_) => self.clock.sleep(Duration::from_secs(u64::from(attempt))).await,
            }
        }
        if measured {
            let _ = self.reports.send(Report::DeleteAccepted { instance, answered: self.clock.elapsed() }).await;
        }
    }
}

/// An answer that the same request will get again.
fn is_refusal(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if (400..500).contains(&status.code) && status.code != 429)
}

/// The object of an instance.
fn manifest(experiment: &Experiment, instance: InstanceId) -> ComputeInstance {
    let spec = ComputeInstanceSpec {
        template_id: experiment.template_id().to_owned(),
        template_parameters: experiment.template_parameters().map(str::to_owned),
        restart_requested_at: None,
    };
    let mut object = ComputeInstance::new(&instance.to_string(), spec);
    let tenant = format!("tenant-{}", instance.index() % experiment.tenants() + 1);
    object.metadata.annotations = Some([(names::TENANT_ANNOTATION.to_owned(), tenant)].into());
    object
}

/// When each instance is meant to be created, from `start` on.
pub(crate) fn intended_arrivals(experiment: &Experiment, start: Nanos) -> Vec<Nanos> {
    let spacing = Nanos::from(experiment.arrival_spacing()).get();
    (0..u64::from(experiment.instances())).map(|index| Nanos::new(start.get() + index * spacing)).collect()
}
