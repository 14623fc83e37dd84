//! What the tests and the benchmark of the embedded cluster share: a definition, objects, and short ways to ask.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "each user needs a part of it only")]

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use provbench::{
    clock::ModelClock,
    cluster::{Cluster, ClusterBody, ClusterService, Options},
    units::Seed,
};
use serde_json::{Value, json};
use tower::ServiceExt;

pub const GROUP: &str = "cloudkit.openshift.io";
pub const INSTANCES: &str = "/apis/cloudkit.openshift.io/v1alpha1/namespaces/default/computeinstances";

/// A definition in the manner of the operator's own.
pub fn crd() -> Value {
    let condition = json!({
        "type": "object", "required": ["type", "status", "lastTransitionTime", "reason", "message"],
        "properties": {
            "type": {"type": "string", "maxLength": 316},
            "status": {"type": "string", "enum": ["True", "False", "Unknown"]},
            "lastTransitionTime": {"type": "string", "format": "date-time"},
            "reason": {"type": "string", "minLength": 1, "pattern": "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"},
            "message": {"type": "string", "maxLength": 32768},
            "observedGeneration": {"type": "integer", "format": "int64", "minimum": 0},
        },
    });
    let job = json!({
        "type": "object", "required": ["jobID", "type", "timestamp", "state"],
        "properties": {
            "jobID": {"type": "string"},
            "type": {"type": "string", "enum": ["provision", "deprovision"]},
            "timestamp": {"type": "string", "format": "date-time"},
            "state": {"type": "string", "enum": ["Pending", "Waiting", "Running", "Succeeded", "Failed", "Canceled", "Unknown"]},
            "message": {"type": "string"},
            "blockDeletionOnFailure": {"type": "boolean"},
        },
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "computeinstances.cloudkit.openshift.io"},
        "spec": {
            "group": GROUP, "scope": "Namespaced",
            "names": {
                "plural": "computeinstances", "singular": "computeinstance", "kind": "ComputeInstance",
                "listKind": "ComputeInstanceList", "shortNames": ["ci"],
            },
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {
                    "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
                    "spec": {"type": "object", "required": ["templateID"], "properties": {
                        "templateID": {"type": "string", "pattern": "^[a-zA-Z_][a-zA-Z0-9._]*$"},
                        "templateParameters": {"type": "string"},
                        "restartRequestedAt": {"type": "string", "format": "date-time"},
                        "priority": {"type": "integer", "minimum": 0, "maximum": 9},
                    }},
                    "status": {"type": "object", "properties": {
                        "phase": {"type": "string", "enum": ["Starting", "Running", "Failed", "Deleting"]},
                        "conditions": {"type": "array", "items": condition},
                        "jobs": {"type": "array", "maxItems": 100, "items": job},
                        "desiredConfigVersion": {"type": "string"},
                        "reconciledConfigVersion": {"type": "string"},
                        "virtualMachineReference": {"type": "object", "properties": {
                            "namespace": {"type": "string"}, "kubeVirtVirtualMachineName": {"type": "string"},
                        }},
                    }},
                }}},
            }],
        },
    })
}

/// An instance with the least that it needs.
pub fn instance(name: &str) -> Value {
    json!({
        "apiVersion": "cloudkit.openshift.io/v1alpha1", "kind": "ComputeInstance",
        "metadata": {"name": name}, "spec": {"templateID": "small"},
    })
}

/// An instance as users make them; with its status, it has 1.5 to 2 KB.
pub fn large_instance(name: &str) -> Value {
    json!({
        "apiVersion": "cloudkit.openshift.io/v1alpha1", "kind": "ComputeInstance",
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/name": "provbench", "cloudkit.openshift.io/computeinstance-uuid": name},
            "annotations": {"cloudkit.openshift.io/tenant": "tenant-0001", "example.com/note": "x".repeat(120)},
            "finalizers": ["cloudkit.openshift.io/computeinstance"],
        },
        "spec": {
            "templateID": "ocp_virt_vm",
            "templateParameters": "{\"cpu_cores\":2,\"memory\":\"2Gi\",\"disk_size\":\"10Gi\",\"image\":\"quay.io/containerdisks/fedora:latest\",\"ssh_key\":\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFfooBarBazQuxFooBarBazQuxFooBarBazQux user@example.com\"}",
        },
    })
}

/// The status that the operator writes early in a life.
pub fn large_status() -> Value {
    let condition = |kind: &str| {
        json!({
            "type": kind, "status": "False", "lastTransitionTime": "2026-02-12T00:00:00Z", "reason": "AsExpected",
            "message": "the instance is on its way",
        })
    };
    json!({"status": {
        "phase": "Starting", "desiredConfigVersion": "a1b2c3d4e5f60718",
        "conditions": [condition("Accepted"), condition("Progressing"), condition("Available"), condition("Deleting")],
        "jobs": [{
            "jobID": "1234", "type": "provision", "timestamp": "2026-02-12T00:00:00Z", "state": "Running",
            "message": "the job is running", "blockDeletionOnFailure": true,
        }],
    }})
}

/// A cluster at the start of a well-known second, in tokio's time.
pub fn options() -> Options {
    let clock = ModelClock::start("2026-02-12T00:00:00Z".parse().expect("a timestamp"));
    Options::new(Arc::new(clock), Seed::new(1))
}

/// A cluster that knows instances.
pub fn cluster() -> Cluster {
    cluster_with(options())
}

/// The same with other options.
pub fn cluster_with(options: Options) -> Cluster {
    let cluster = Cluster::new(options);
    cluster.install_crd(&crd()).expect("a definition");
    cluster
}

/// One request as it goes over the wire.
pub fn request(method: &Method, path: &str, content_type: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body.into()));
    *request.method_mut() = method.clone();
    *request.uri_mut() = path.parse().expect("a path");
    if !content_type.is_empty() {
        request.headers_mut().insert("content-type", content_type.parse().expect("a content type"));
    }
    request
}

/// Short ways to ask a service.
pub struct Asker(pub ClusterService);

impl Asker {
    pub fn new(cluster: &Cluster) -> Self {
        Self(cluster.service())
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: &[u8],
    ) -> http::Response<ClusterBody> {
        let request = request(&method, path, content_type, body.to_vec());
        self.0.clone().oneshot(request).await.expect("infallible")
    }

    /// The status and the JSON of an answer.
    pub async fn ask(&self, method: Method, path: &str, content_type: &str, body: &[u8]) -> (StatusCode, Value) {
        let response = self.send(method, path, content_type, body).await;
        let code = response.status();
        let bytes = response.into_body().collect().await.expect("infallible").to_bytes();
        (code, serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into_owned().into()))
    }

    pub async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, path, "", b"").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::POST, path, "application/json", body.to_string().as_bytes()).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::PUT, path, "application/json", body.to_string().as_bytes()).await
    }

    pub async fn merge(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::PATCH, path, "application/merge-patch+json", body.to_string().as_bytes()).await
    }

    pub async fn json_patch(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.ask(Method::PATCH, path, "application/json-patch+json", body.to_string().as_bytes()).await
    }

    pub async fn delete(&self, path: &str) -> (StatusCode, Value) {
        self.ask(Method::DELETE, path, "", b"").await
    }

    pub async fn delete_with(&self, path: &str, options: &Value) -> (StatusCode, Value) {
        self.ask(Method::DELETE, path, "application/json", options.to_string().as_bytes()).await
    }

    /// A watch to read line by line.
    pub async fn watch(&self, path: &str) -> Lines {
        let response = self.send(Method::GET, path, "", b"").await;
        assert_eq!(response.status(), StatusCode::OK);
        Lines(response.into_body())
    }

    /// Creates an object that must be fine and gives it back.
    pub async fn created(&self, path: &str, body: &Value) -> Value {
        let (code, object) = self.post(path, body).await;
        assert_eq!(code, StatusCode::CREATED, "{object}");
        object
    }

    /// Creates instances of these names.
    pub async fn instances(&self, names: &[&str]) {
        for name in names {
            self.created(INSTANCES, &instance(name)).await;
        }
    }
}

/// A running watch.
pub struct Lines(pub ClusterBody);

impl Lines {
    /// The next event; nothing when the watch is over.
    pub async fn next(&mut self) -> Option<Value> {
        let frame = self.0.frame().await?.expect("infallible");
        let line = frame.into_data().expect("a data frame");
        assert!(line.ends_with(b"\n"));
        Some(serde_json::from_slice(&line).expect("a line of JSON"))
    }

    /// The next event as `TYPE name resourceVersion`.
    pub async fn brief(&mut self) -> Option<String> {
        self.next().await.map(|event| brief(&event))
    }

    /// The next event where it is there already.
    pub async fn ready(&mut self) -> Option<Value> {
        tokio::select! {
            biased;
            event = self.next() => event,
            () = std::future::ready(()) => None,
        }
    }

    /// All events that are there already.
    pub async fn all_ready(&mut self) -> Vec<String> {
        let mut events = Vec::new();
        while let Some(event) = self.ready().await {
            events.push(brief(&event));
        }
        events
    }
}

fn brief(event: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let metadata = &event["object"]["metadata"];
    format!("{} {} {}", text(&event["type"]), text(&metadata["name"]), text(&metadata["resourceVersion"]))
}

/// The revision of an object.
pub fn revision(object: &Value) -> u64 {
    object["metadata"]["resourceVersion"].as_str().and_then(|text| text.parse().ok()).expect("a resourceVersion")
}
