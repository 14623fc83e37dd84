//! Everything that a test needs around a backend.

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use provbench::{
    clock::{ModelClock, SharedClock},
    record::{Truth, TruthLog},
    sim::{
        Aap, AapOptions, Eda, EdaOptions, HttpService, KubeVirt,
        aap::Template,
        eda::Endpoint,
        playbook::{Playbook, Runner},
        profile::Profile,
    },
    units::Seed,
};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::cluster::Cluster;

pub(crate) const SEED: Seed = Seed::new(7);
pub(crate) const CREATE: &str = "create-vm";
pub(crate) const DELETE: &str = "delete-vm";

/// A profile that ships.
pub(crate) fn profile(name: &str) -> Profile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/profiles").join(format!("{name}.yaml"));
    Profile::load(&path).expect("a profile that ships is valid")
}

/// A profile that ships, with some lines of its YAML changed.
pub(crate) fn profile_with(name: &str, changes: &[(&str, &str)]) -> Profile {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/profiles").join(format!("{name}.yaml"));
    let mut yaml = std::fs::read_to_string(&path).expect("readable");
    for (from, to) in changes {
        assert!(yaml.contains(from), "{from}");
        yaml = yaml.replacen(from, to, 1);
    }
    Profile::from_yaml(&yaml, &path).expect("valid")
}

pub(crate) struct World {
    pub(crate) clock: SharedClock,
    pub(crate) truth: TruthLog,
    pub(crate) cluster: Cluster,
    pub(crate) profile: Profile,
    pub(crate) aap: Aap,
    pub(crate) service: HttpService,
}

/// The templates that tests launch: jobs 7 and 8, workflow 9.
pub(crate) fn templates() -> Vec<Template> {
    vec![
        Template::job(7, CREATE, Playbook::Create),
        Template::job(8, DELETE, Playbook::Delete),
        Template::workflow(9, "create-vm-workflow", Playbook::Create),
    ]
}

impl World {
    pub(crate) fn new(profile: Profile, cluster: Cluster) -> Self {
        Self::with(profile, cluster, templates(), None)
    }

    pub(crate) fn with(profile: Profile, cluster: Cluster, templates: Vec<Template>, token: Option<&str>) -> Self {
        let epoch = "2026-02-12T00:00:00Z".parse().expect("a timestamp");
        let clock: SharedClock = Arc::new(ModelClock::start(epoch));
        let truth = TruthLog::default();
        let runner = Runner::new(cluster.client(), clock.clone(), SEED, truth.clone(), profile.playbooks.clone());
        let aap = Aap::new(AapOptions {
            clock: clock.clone(),
            seed: SEED,
            truth: truth.clone(),
            profile: profile.aap.clone(),
            runner,
            token: token.map(str::to_owned),
            templates,
        });
        let service = aap.service();
        Self { clock, truth, cluster, profile, aap, service }
    }

    /// Boots machines from now on.
    pub(crate) fn boot_machines(&self) -> tokio::task::JoinHandle<()> {
        let profile = self.profile.kubevirt.clone();
        tokio::spawn(KubeVirt::run(self.cluster.client(), self.clock.clone(), SEED, profile, self.truth.clone()))
    }

    pub(crate) fn eda(&self, webhook_token: Option<&str>) -> Eda {
        self.eda_on(self.service.clone(), webhook_token)
    }

    pub(crate) fn eda_on(&self, aap: HttpService, webhook_token: Option<&str>) -> Eda {
        Eda::new(EdaOptions {
            clock: self.clock.clone(),
            seed: SEED,
            truth: self.truth.clone(),
            profile: self.profile.eda.clone(),
            aap,
            aap_token: None,
            endpoints: vec![Endpoint::create(CREATE), Endpoint::delete(DELETE)],
            webhook_token: webhook_token.map(str::to_owned),
        })
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        call(&self.service, method, path, body).await
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, &Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        body
    }

    /// Launches a template for an object and gives the job's id.
    pub(crate) async fn launch(&self, template: u64, object: &str) -> u64 {
        let body = json!({"extra_vars": {"ansible_eda": {"event": {"payload": payload(object)}}}});
        let (status, job) = self.call("POST", &format!("/api/v2/job_templates/{template}/launch/"), &body).await;
        assert_eq!(status, StatusCode::CREATED, "{job}");
        job["id"].as_u64().expect("an id")
    }

    pub(crate) async fn status(&self, id: u64) -> String {
        self.get(&format!("/api/v2/jobs/{id}/")).await["status"].as_str().expect("a status").to_owned()
    }

    pub(crate) async fn sleep(&self, seconds: f64) {
        self.clock.sleep(Duration::from_secs_f64(seconds)).await;
    }

    /// The states that a job went through, and when, in seconds.
    pub(crate) fn states(truth: &[Truth], id: u64) -> Vec<(String, f64)> {
        let of_job = truth.iter().filter(|entry| entry.event == "job_state" && entry.job_id == id.to_string());
        of_job.map(|entry| (entry.to.to_string(), entry.at_ns.as_secs_f64())).collect()
    }
}

/// An object as a launch carries it.
pub(crate) fn payload(name: &str) -> Value {
    json!({
        "apiVersion": "cloudkit.openshift.io/v1alpha1",
        "kind": "ComputeInstance",
        "metadata": {"name": name, "namespace": "ns", "uid": "u-1"},
        "spec": {"templateID": "osac.templates.ocp_virt_vm"},
        "status": {
            "desiredConfigVersion": "deadbeef00000000",
            "tenantReference": {"name": "tenant-x", "namespace": "ns-x"},
        },
    })
}

/// One request; the body is JSON or, where it is not, a string.
pub(crate) async fn call(service: &HttpService, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
    let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let request = Request::builder().method(method).uri(path).body(body).expect("a request");
    let response = service.clone().oneshot(request).await.expect("an answer");
    let body = serde_json::from_slice(response.body())
        .unwrap_or_else(|_| String::from_utf8_lossy(response.body()).into_owned().into());
    (response.status(), body)
}
