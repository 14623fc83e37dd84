//! A small AAP and a small EDA behind one transport, and the playbooks that they run.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use parking_lot::Mutex;
use provbench::{
    api::{ComputeInstance, VirtualMachine, names, virtual_machine::VirtualMachineSpec},
    clock::SharedClock,
    operator::provider::http::Transport,
};
use serde_json::{Value, json};
use tower::{BoxError, util::BoxCloneService};

use super::{Log, TOKEN, cut::Cut, millis};

/// How the backends behave.
#[derive(Clone, Debug)]
pub(crate) struct Behaviour {
    /// From the request to the answer of a launch or a webhook.
    pub(crate) launch_latency: Duration,
    /// From the launch to the start of the playbook.
    pub(crate) hand_off: Duration,
    pub(crate) create_time: Duration,
    pub(crate) delete_time: Duration,
    /// From what a playbook does last to the end of its job.
    pub(crate) tail: Duration,
    /// From a cancel to its effect.
    pub(crate) cancel_time: Duration,
    /// The templates are workflow job templates.
    pub(crate) workflows: bool,
    /// So many launches are answered with this status, and nothing is launched.
    pub(crate) refuse_launches: (usize, u16),
    /// So many cancels are answered with this status, and nothing is cancelled.
    pub(crate) refuse_cancels: (usize, u16),
    /// So many jobs end as failed before they have done anything.
    pub(crate) fail_jobs: usize,
    /// So many webhooks are lost after they were accepted.
    pub(crate) lose_webhooks: usize,
    /// So many create playbooks don't report what they have made.
    pub(crate) forget_reports: usize,
    /// Nobody knows of any job.
    pub(crate) purge: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            launch_latency: millis(20),
            hand_off: millis(200),
            create_time: millis(2_000),
            delete_time: millis(1_500),
            tail: millis(0),
            cancel_time: millis(100),
            workflows: false,
            refuse_launches: (0, 500),
            refuse_cancels: (0, 500),
            fail_jobs: 0,
            lose_webhooks: 0,
            forget_reports: 0,
            purge: false,
        }
    }
}

#[derive(Clone, Debug)]
struct Job {
    status: &'static str,
    cancel_at: Option<jiff::Timestamp>,
    delete: bool,
    /// As a string of JSON.
    extra_vars: String,
}

/// A launch or webhook that was answered with yes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Launched {
    pub(crate) instance: String,
    pub(crate) delete: bool,
    pub(crate) at: jiff::Timestamp,
    pub(crate) id: u64,
}

#[derive(Debug, Default)]
struct State {
    jobs: BTreeMap<u64, Job>,
    launched: Vec<Launched>,
    attempts: Vec<(String, jiff::Timestamp)>,
    cancels: Vec<u64>,
    polls: usize,
    look_ups: usize,
    /// UID of an object → playbooks at work on it.
    at_work: BTreeMap<String, usize>,
    overlaps: Vec<String>,
}

#[derive(Clone)]
pub(crate) struct Backend {
    client: Client,
    clock: SharedClock,
    log: Log,
    cut: Cut,
    behaviour: Arc<Mutex<Behaviour>>,
    state: Arc<Mutex<State>>,
}

impl Backend {
    pub(crate) fn new(client: Client, clock: SharedClock, log: Log, cut: Cut) -> Self {
        Self { client, clock, log, cut, behaviour: Arc::default(), state: Arc::default() }
    }

    pub(crate) fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.behaviour.lock());
    }

    /// The launches of one kind for an instance.
    pub(crate) fn launches(&self, instance: &str, delete: bool) -> usize {
        let state = self.state.lock();
        state.launched.iter().filter(|launch| launch.instance == instance && launch.delete == delete).count()
    }

    pub(crate) fn launched(&self) -> Vec<Launched> {
        self.state.lock().launched.clone()
    }

    /// When launches were tried for an instance, successful or not.
    pub(crate) fn attempts(&self, instance: &str) -> Vec<jiff::Timestamp> {
        let state = self.state.lock();
        state.attempts.iter().filter(|(name, _)| name == instance).map(|(_, at)| *at).collect()
    }

    pub(crate) fn cancels(&self) -> Vec<u64> {
        self.state.lock().cancels.clone()
    }

    pub(crate) fn polls(&self) -> usize {
        self.state.lock().polls
    }

    /// The status of every job, by its number.
    pub(crate) fn job_statuses(&self) -> Vec<(u64, &'static str)> {
        self.state.lock().jobs.iter().map(|(id, job)| (*id, job.status)).collect()
    }

    /// Times that the jobs of a template were listed.
    pub(crate) fn look_ups(&self) -> usize {
        self.state.lock().look_ups
    }

    /// Objects on which two playbooks were at work at once.
    pub(crate) fn overlaps(&self) -> Vec<String> {
        self.state.lock().overlaps.clone()
    }

    pub(crate) fn transport(&self) -> Transport {
        let this = self.clone();
        BoxCloneService::new(tower::service_fn(move |request: Request<Bytes>| {
            let this = this.clone();
            async move {
                this.cut.point().await;
                let (status, body) = this.answer(request).await;
                this.cut.point().await;
                Ok::<_, BoxError>(Response::builder().status(status).body(Bytes::from(body.to_string()))?)
            }
        }))
    }

    async fn answer(&self, request: Request<Bytes>) -> (u16, Value) {
        let path = request.uri().path().to_owned();
        self.log.lock().push(format!("backend {} {path}", request.method()));
        if request.uri().host() == Some("eda") {
            return self.webhook(&path, request.body()).await;
        }
        let token = request.headers().get("authorization").and_then(|value| value.to_str().ok());
        if token != Some(&format!("Bearer {TOKEN}")) {
            return (401, json!({"detail": "Authentication credentials were not provided."}));
        }
        let path = path.trim_start_matches("/api/controller/v2/").trim_end_matches('/');
        let workflows = self.behaviour.lock().workflows;
        let (templates, jobs) =
            if workflows { ("workflow_job_templates", "workflow_jobs") } else { ("job_templates", "jobs") };
        let words: Vec<&str> = path.split('/').collect();
        match (request.method().as_str(), words.as_slice()) {
            ("GET", ["job_templates" | "workflow_job_templates"]) => {
                let query = request.uri().query().unwrap_or_default();
                let known = [(1, "create-vm"), (2, "delete-vm")];
                let found: Vec<Value> = known
                    .iter()
                    .filter(|(_, name)| words[0] == templates && query == format!("name={name}"))
                    .map(|(id, name)| json!({"id": id, "name": name}))
                    .collect();
                (200, json!({"count": found.len(), "next": null, "previous": null, "results": found}))
            }
            ("POST", [kind, id @ ("1" | "2"), "launch"]) if *kind == templates => {
                self.launch(*id == "2", request.body()).await
            }
            ("GET", [kind, id @ ("1" | "2"), listed]) if *kind == templates && *listed == jobs => {
                self.list(*id == "2", request.uri().query().unwrap_or_default())
            }
            ("GET", [kind, id]) if *kind == jobs => self.read(id),
            ("POST", [kind, id, "cancel"]) if *kind == jobs => self.cancel(id),
            _ => (404, json!({"detail": "The requested resource could not be found."})),
        }
    }

    fn refused(&self, instance: &str) -> Option<u16> {
        self.state.lock().attempts.push((instance.to_owned(), self.clock.now()));
        let mut behaviour = self.behaviour.lock();
        let (left, status) = &mut behaviour.refuse_launches;
        let refused = *left > 0;
        *left = left.saturating_sub(1);
        refused.then_some(*status)
    }

    fn begin(&self, delete: bool, by_event: bool, payload: Value) -> u64 {
        let mut state = self.state.lock();
        let id = state.launched.len() as u64 + 1;
        let mut extra_vars = json!({"ansible_eda": {"event": {"payload": payload}}});
        if by_event {
            extra_vars["ansible_eda"]["ruleset"] = "webhooks".into();
        }
        let extra_vars = extra_vars.to_string();
        state.jobs.insert(id, Job { status: "pending", cancel_at: None, delete, extra_vars });
        let instance = payload["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        state.launched.push(Launched { instance, delete, at: self.clock.now(), id });
        drop(state);
        let this = self.clone();
        tokio::spawn(async move { this.run(id, delete, payload).await });
        id
    }

    async fn launch(&self, delete: bool, body: &[u8]) -> (u16, Value) {
        let body: Value = serde_json::from_slice(body).expect("JSON");
        let payload = body["extra_vars"]["ansible_eda"]["event"]["payload"].clone();
        let latency = self.behaviour.lock().launch_latency;
        self.clock.sleep(latency).await;
        if let Some(status) = self.refused(payload["metadata"]["name"].as_str().expect("a name")) {
            return (status, json!({"detail": "no"}));
        }
        let id = self.begin(delete, false, payload);
        (201, json!({"id": id, "job": id, "status": "pending", "ignored_fields": {}}))
    }

    async fn webhook(&self, path: &str, body: &[u8]) -> (u16, Value) {
        let payload: Value = serde_json::from_slice(body).expect("JSON");
        let latency = self.behaviour.lock().launch_latency;
        self.clock.sleep(latency).await;
        if let Some(status) = self.refused(payload["metadata"]["name"].as_str().expect("a name")) {
            return (status, json!("no"));
        }
        let mut behaviour = self.behaviour.lock();
        if behaviour.lose_webhooks > 0 {
            behaviour.lose_webhooks -= 1;
            return (200, json!({}));
        }
        drop(behaviour);
        self.begin(path == "/delete-compute-instance", true, payload);
        (200, json!({}))
    }

    fn read(&self, id: &str) -> (u16, Value) {
        let mut state = self.state.lock();
        state.polls += 1;
        let known = if self.behaviour.lock().purge { None } else { id.parse().ok() };
        match known.and_then(|id: u64| Some((id, state.jobs.get(&id)?))) {
            Some((id, job)) => (200, json!({"id": id, "status": job.status, "job_explanation": ""})),
            None => (404, json!({"detail": "No Job matches the given query."})),
        }
    }

    /// The jobs of one template, the newest first.
    fn list(&self, delete: bool, query: &str) -> (u16, Value) {
        let mut state = self.state.lock();
        state.look_ups += 1;
        let after = query.split('&').find_map(|pair| pair.strip_prefix("id__gt=")?.parse().ok()).unwrap_or(0);
        let jobs: Vec<Value> = state
            .jobs
            .range(after + 1..)
            .rev()
            .filter(|(_, job)| job.delete == delete)
            .map(|(id, job)| json!({"id": id, "status": job.status, "extra_vars": job.extra_vars}))
            .collect();
        (200, json!({"count": jobs.len(), "next": null, "previous": null, "results": jobs}))
    }

    fn cancel(&self, id: &str) -> (u16, Value) {
        let id: u64 = id.parse().expect("a number");
        self.state.lock().cancels.push(id);
        let behaviour = {
            let mut behaviour = self.behaviour.lock();
            let before = behaviour.clone();
            behaviour.refuse_cancels.0 = behaviour.refuse_cancels.0.saturating_sub(1);
            before
        };
        if behaviour.refuse_cancels.0 > 0 {
            return (behaviour.refuse_cancels.1, json!({"detail": "no"}));
        }
        let mut state = self.state.lock();
        match state.jobs.get_mut(&id) {
            None => (404, json!({"detail": "No Job matches the given query."})),
            Some(_) if behaviour.purge => (404, json!({"detail": "No Job matches the given query."})),
            Some(job) if matches!(job.status, "pending" | "running") => {
                job.cancel_at.get_or_insert(self.clock.now() + behaviour.cancel_time);
                (202, json!({}))
            }
            Some(_) => (405, json!({"detail": "Method \"POST\" not allowed."})),
        }
    }

    fn set(&self, id: u64, status: &'static str) {
        if let Some(job) = self.state.lock().jobs.get_mut(&id) {
            job.status = status;
        }
    }

    /// Sleeps unless the job is cancelled meanwhile.
    async fn work(&self, id: u64, duration: Duration) -> Result<(), &'static str> {
        let end = self.clock.now() + duration;
        loop {
            let cancel_at = self.state.lock().jobs.get(&id).and_then(|job| job.cancel_at);
            if cancel_at.is_some_and(|at| at <= self.clock.now()) {
                return Err("canceled");
            }
            if self.clock.now() >= end {
                return Ok(());
            }
            self.clock.sleep(millis(50)).await;
        }
    }

    async fn run(&self, id: u64, delete: bool, payload: Value) {
        let behaviour = self.behaviour.lock().clone();
        if let Err(status) = self.work(id, behaviour.hand_off).await {
            return self.set(id, status);
        }
        self.set(id, "running");
        let fails = {
            let mut behaviour = self.behaviour.lock();
            let fails = behaviour.fail_jobs > 0;
            behaviour.fail_jobs = behaviour.fail_jobs.saturating_sub(1);
            fails
        };
        if fails {
            return self.set(id, "failed");
        }
        let object: ComputeInstance = serde_json::from_value(payload).expect("an instance");
        let uid = object.uid().unwrap_or_default();
        {
            let mut state = self.state.lock();
            let at_work = state.at_work.entry(uid.clone()).or_default();
            *at_work += 1;
            if *at_work > 1 {
                state.overlaps.push(object.name_any());
            }
        }
        let ended = if delete {
            self.delete(id, &object, behaviour.delete_time).await
        } else {
            self.create(id, &object, behaviour.create_time).await
        };
        *self.state.lock().at_work.entry(uid).or_default() -= 1;
        if ended.is_ok() && !behaviour.tail.is_zero() {
            self.clock.sleep(behaviour.tail).await;
        }
        self.set(id, ended.err().unwrap_or("successful"));
    }

    fn instances(&self, object: &ComputeInstance) -> Api<ComputeInstance> {
        Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default())
    }

    async fn create(&self, id: u64, object: &ComputeInstance, time: Duration) -> Result<(), &'static str> {
        let api = self.instances(object);
        let name = object.name_any();
        let live = api.get(&name).await.map_err(|_| "failed")?;
        let tenant = object.status.as_ref().and_then(|status| status.tenant_reference.clone()).ok_or("failed")?;
        let mut finalizers = live.finalizers().to_vec();
        if !live.has_finalizer(names::PLAYBOOK_FINALIZER) {
            finalizers.push(names::PLAYBOOK_FINALIZER.to_owned());
        }
        let patch = json!({"metadata": {"finalizers": finalizers}});
        api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await.map_err(|_| "failed")?;
        let vms: Api<VirtualMachine> = Api::namespaced(self.client.clone(), &tenant.namespace);
        let mut vm = VirtualMachine::new(&name, VirtualMachineSpec::default());
        vm.metadata.labels = Some([(names::INSTANCE_LABEL.to_owned(), name.clone())].into());
        match vms.create(&PostParams::default(), &vm).await {
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            created => drop(created.map_err(|_| "failed")?),
        }
        self.work(id, time).await?;
        let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
        vms.patch_status(&name, &PatchParams::default(), &Patch::Merge(ready)).await.map_err(|_| "failed")?;
        let forgets = {
            let mut behaviour = self.behaviour.lock();
            let forgets = behaviour.forget_reports > 0;
            behaviour.forget_reports = behaviour.forget_reports.saturating_sub(1);
            forgets
        };
        if !forgets {
            let version = object.status.as_ref().and_then(|status| status.desired_config_version.clone());
            let report = json!({"metadata": {"annotations": {names::RECONCILED_ANNOTATION: version}}});
            api.patch(&name, &PatchParams::default(), &Patch::Merge(report)).await.map_err(|_| "failed")?;
        }
        Ok(())
    }

    async fn delete(&self, id: u64, object: &ComputeInstance, time: Duration) -> Result<(), &'static str> {
        self.work(id, time).await?;
        let name = object.name_any();
        if let Some(tenant) = object.status.as_ref().and_then(|status| status.tenant_reference.as_ref()) {
            let vms: Api<VirtualMachine> = Api::namespaced(self.client.clone(), &tenant.namespace);
            let _ = vms.delete(&name, &DeleteParams::default()).await;
        }
        let api = self.instances(object);
        let Ok(Some(live)) = api.get_opt(&name).await else { return Ok(()) };
        let rest: Vec<&String> = live.finalizers().iter().filter(|name| *name != names::PLAYBOOK_FINALIZER).collect();
        let patch = json!({"metadata": {"finalizers": rest}});
        api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await.map_err(|_| "failed")?;
        Ok(())
    }
}
