//! A laboratory: the whole operator on an embedded API server in virtual time, with a small AAP and EDA of its own, and
//! faults wherever a test wants them.

#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod api;
pub(crate) mod backend;
pub(crate) mod cut;

use std::{sync::Arc, time::Duration};

use kube::{
    Api, Client,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use parking_lot::Mutex;
use provbench::{
    api::{ComputeInstance, ComputeInstanceSpec, JobState, JobType, Phase, crd, names},
    clock::{ModelClock, SharedClock},
    cluster::{Cluster, Options},
    operator::{
        Operator, OperatorParts,
        config::{AapSettings, Config, EdaSettings, ProviderKind, Secret},
        probes::Probes,
    },
    units::Seed,
};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};

use self::{api::ApiServer, backend::Backend, cut::Cut};

pub(crate) const NAMESPACE: &str = "vms";
pub(crate) const TOKEN: &str = "t0ps3cret";

/// What happened, in the order in which it happened.
pub(crate) type Log = Arc<Mutex<Vec<String>>>;

pub(crate) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn config(provider: ProviderKind) -> Config {
    let mut config = Config::with_defaults(provider);
    config.namespace = NAMESPACE.into();
    config.status_poll_interval = seconds(1);
    // Tests count requests; those of the Events switch them on.
    config.events = false;
    config.aap = Some(AapSettings {
        url: "http://aap/api/controller".into(),
        token: Secret::new(TOKEN.into()),
        provision_template: "create-vm".into(),
        deprovision_template: "delete-vm".into(),
    });
    config.eda = Some(EdaSettings {
        provision_webhook: "http://eda:5000/create-compute-instance".into(),
        deprovision_webhook: "http://eda:5000/delete-compute-instance".into(),
    });
    config
}

struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

pub(crate) struct Lab {
    pub(crate) clock: SharedClock,
    pub(crate) cluster: Cluster,
    /// Past the faults.
    pub(crate) client: Client,
    pub(crate) server: ApiServer,
    pub(crate) backend: Backend,
    pub(crate) log: Log,
    pub(crate) cut: Cut,
    pub(crate) probes: Arc<Probes>,
    config: Config,
    running: Option<Running>,
}

impl Lab {
    pub(crate) async fn start(provider: ProviderKind) -> Self {
        Self::start_with(config(provider)).await
    }

    pub(crate) async fn start_with(config: Config) -> Self {
        let mut lab = Self::without_operator(config).await;
        lab.start_operator();
        lab
    }

    pub(crate) async fn without_operator(config: Config) -> Self {
        let clock: SharedClock = Arc::new(ModelClock::start("2026-02-12T00:00:00Z".parse().expect("a timestamp")));
        let cluster = Cluster::new(Options::new(clock.clone(), Seed::new(1)));
        for (_, definition) in crd::all().expect("definitions") {
            cluster.install_crd(&definition).expect("a definition that the server takes");
        }
        let client = cluster.client(NAMESPACE);
        let log = Log::default();
        let cut = Cut::default();
        let server = ApiServer::new(cluster.service(), clock.clone(), log.clone(), cut.clone());
        let backend = Backend::new(client.clone(), clock.clone(), log.clone(), cut.clone());
        let lab =
            Self { clock, cluster, client, server, backend, log, cut, probes: Arc::default(), config, running: None };
        lab.create_namespace(NAMESPACE).await;
        lab
    }

    pub(crate) async fn create_namespace(&self, name: &str) {
        let api: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(self.client.clone());
        let namespace = serde_json::from_value(json!({"metadata": {"name": name}})).expect("a namespace");
        api.create(&PostParams::default(), &namespace).await.expect("a namespace");
    }

    pub(crate) fn start_operator(&mut self) {
        let parts = OperatorParts {
            client: self.server.client(NAMESPACE),
            clock: self.clock.clone(),
            config: self.config.clone(),
            transport: self.backend.transport(),
        };
        let operator = Operator::start_probed(parts, self.probes.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(operator.run(async move {
            let _ = stopped.await;
        }));
        self.running = Some(Running { stop, task });
    }

    /// The provider of the next operator.
    pub(crate) fn set_provider(&mut self, provider: ProviderKind) {
        self.config.provider = provider;
    }

    /// The settings of the next operator.
    pub(crate) fn set_config(&mut self, config: Config) {
        self.config = config;
    }

    /// As a kill does: whatever is in work is lost.
    pub(crate) async fn kill_operator(&mut self) {
        let running = self.running.take().expect("an operator");
        running.task.abort();
        let _ = running.task.await;
    }

    /// Asks the operator to end and waits for it.
    pub(crate) async fn stop_operator(&mut self) {
        let running = self.running.take().expect("an operator");
        running.stop.send(()).expect("an operator that listens");
        running.task.await.expect("an operator that ends well");
    }

    pub(crate) fn instances(&self) -> Api<ComputeInstance> {
        Api::namespaced(self.client.clone(), NAMESPACE)
    }

    pub(crate) async fn create(&self, name: &str) -> ComputeInstance {
        self.create_for(name, "acme").await
    }

    pub(crate) async fn create_for(&self, name: &str, tenant: &str) -> ComputeInstance {
        self.create_annotated(name, &[(names::TENANT_ANNOTATION, tenant)]).await
    }

    pub(crate) async fn create_annotated(&self, name: &str, annotations: &[(&str, &str)]) -> ComputeInstance {
        let annotations = annotations.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let instance = ComputeInstance {
            metadata: ObjectMeta {
                name: Some(name.into()),
                annotations: Some(annotations.collect()),
                ..ObjectMeta::default()
            },
            spec: ComputeInstanceSpec { template_id: "osac.vm".into(), ..ComputeInstanceSpec::default() },
            status: None,
        };
        self.instances().create(&PostParams::default(), &instance).await.expect("an instance")
    }

    pub(crate) async fn delete(&self, name: &str) {
        self.instances().delete(name, &DeleteParams::default()).await.expect("a deletion");
    }

    pub(crate) async fn patch(&self, name: &str, patch: Value) {
        let patch = Patch::Merge(patch);
        self.instances().patch(name, &PatchParams::default(), &patch).await.expect("a patch");
    }

    /// Keeps the object when the operator lets it go.
    pub(crate) async fn hold(&self, name: &str) {
        let mut finalizers = vec!["test/hold".to_owned()];
        finalizers.extend(self.get(name).await.and_then(|object| object.metadata.finalizers).unwrap_or_default());
        self.patch(name, json!({"metadata": {"finalizers": finalizers}})).await;
    }

    /// Deletes and strips all finalizers: as an impatient administrator does.
    pub(crate) async fn remove_by_force(&self, name: &str) {
        self.delete(name).await;
        let patch = Patch::Merge(json!({"metadata": {"finalizers": []}}));
        let _ = self.instances().patch(name, &PatchParams::default(), &patch).await;
        assert!(self.get(name).await.is_none(), "{name} is gone");
    }

    pub(crate) async fn get(&self, name: &str) -> Option<ComputeInstance> {
        self.instances().get_opt(name).await.expect("an answer")
    }

    pub(crate) async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }

    /// Waits until an object is as described.
    ///
    /// # Panics
    /// When it isn't within the limit.
    pub(crate) async fn until(
        &self,
        name: &str,
        limit: Duration,
        what: &str,
        is: impl Fn(Option<&ComputeInstance>) -> bool,
    ) {
        let begin = self.clock.now();
        loop {
            let object = self.get(name).await;
            if is(object.as_ref()) {
                return;
            }
            assert!(
                self.clock.now() < begin + limit,
                "{name} is not {what} within {limit:?}: {object:#?}\n{}",
                self.log.lock().join("\n")
            );
            // A long wait is looked at less often.
            let soon = self.clock.now() < begin + seconds(4);
            self.sleep(if soon { millis(10) } else { millis(200) }).await;
        }
    }

    pub(crate) async fn until_running(&self, name: &str, limit: Duration) {
        self.until(name, limit, "Running", |object| phase(object) == Some(Phase::Running)).await;
    }

    pub(crate) async fn until_gone(&self, name: &str, limit: Duration) {
        self.until(name, limit, "gone", |object| object.is_none()).await;
    }

    /// The VMs that exist.
    pub(crate) fn vms(&self) -> usize {
        self.cluster.count("kubevirt.io", "virtualmachines")
    }
}

pub(crate) fn phase(object: Option<&ComputeInstance>) -> Option<Phase> {
    object?.status.as_ref()?.phase
}

/// The states of all jobs, oldest first.
pub(crate) fn states(object: Option<&ComputeInstance>) -> Vec<JobState> {
    let status = object.and_then(|object| object.status.as_ref());
    status.map(|status| status.jobs.iter().map(|job| job.state).collect()).unwrap_or_default()
}

/// The IDs of the jobs of a kind, oldest first.
pub(crate) fn job_ids(object: Option<&ComputeInstance>, job_type: JobType) -> Vec<String> {
    let status = object.and_then(|object| object.status.as_ref());
    let jobs = status.into_iter().flat_map(|status| status.jobs.iter());
    jobs.filter(|job| job.job_type == job_type).map(|job| job.job_id.to_string()).collect()
}

/// The reason of a condition.
pub(crate) fn reason(object: Option<&ComputeInstance>, condition: &str) -> String {
    let condition = object.and_then(|object| object.status.as_ref()).and_then(|status| status.condition(condition));
    condition.map(|condition| condition.reason.clone()).unwrap_or_default()
}
