//! What the fuzz targets share: a cluster with objects of several kinds, and what must hold of every answer.

use std::{cell::RefCell, sync::Arc};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use provbench::{
    clock::ModelClock,
    cluster::{Cluster, Options},
    units::Seed,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// Where the objects are that a target may be about: namespaced resources with an object `a`, and that object's status.
pub const RESOURCES: [&str; 6] = [
    "/apis/fuzz.example.com/v1/namespaces/default/things",
    "/api/v1/namespaces/default/secrets",
    "/api/v1/namespaces/default/events",
    "/apis/coordination.k8s.io/v1/namespaces/default/leases",
    "/api/v1/namespaces",
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
];

/// The name of the object that each of [`RESOURCES`] has.
pub const OBJECTS: [&str; 6] = ["a", "a", "a", "a", "a", "things.fuzz.example.com"];

/// A cluster and the runtime that it lives in.
pub struct Server {
    runtime: Runtime,
    cluster: Cluster,
}

/// An answer that ended.
pub struct Answer {
    pub code: StatusCode,
    /// Null where it is no JSON.
    pub body: Value,
}

impl Server {
    /// One without any object.
    pub fn empty() -> Self {
        // In paused time a watch comes to its end at once.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        let runtime = runtime.expect("a runtime");
        let cluster = runtime.block_on(async {
            let clock = ModelClock::start("2026-02-12T00:00:00Z".parse().expect("a time"));
            Cluster::new(Options::new(Arc::new(clock), Seed::new(1)))
        });
        Self { runtime, cluster }
    }

    /// One with an object of each kind.
    pub fn populated() -> Self {
        let server = Self::empty();
        server.must("POST", RESOURCES[5], &definition(&schema()));
        let metadata = json!({"name": "a", "labels": {"x": "y"}, "finalizers": ["x.io/y"]});
        for (path, rest) in RESOURCES.iter().zip([
            json!({"apiVersion": "fuzz.example.com/v1", "kind": "Thing",
                "spec": {"size": 1, "text": "t", "list": ["a", "b"], "items": [{"name": "n"}], "map": {"k": "v"}}}),
            json!({"data": {"k": "dg=="}}),
            json!({"involvedObject": {"name": "a", "namespace": "default"}, "reason": "R", "type": "Normal"}),
            json!({"spec": {"holderIdentity": "me"}}),
            json!({}),
        ]) {
            let mut object = rest;
            object["metadata"] = metadata.clone();
            server.must("POST", path, &object);
        }
        server.must("PUT", &format!("{}/a/status", RESOURCES[0]), &json!({
            "apiVersion": "fuzz.example.com/v1", "kind": "Thing", "metadata": {"name": "a"},
            "status": {"phase": "Running", "conditions": [{"type": "A", "status": "True"}]},
        }));
        server
    }

    fn must(&self, method: &str, path: &str, object: &Value) {
        // The definition has no default for the resource version, so an update takes the present one.
        let mut object = object.clone();
        if method == "PUT" {
            let now = self.ask("GET", path.trim_end_matches("/status"), &[], b"").expect("an answer");
            object["metadata"]["resourceVersion"] = now.body["metadata"]["resourceVersion"].clone();
        }
        let answer = self.ask(method, path, &[], object.to_string().as_bytes()).expect("a request");
        assert!(answer.code.is_success(), "{path}: {}", answer.body);
    }

    /// Sends a request and reads its answer; nothing where the request can't be sent at all. What must hold of every answer is
    /// checked.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &[u8])], body: &[u8]) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).ok()?;
        let is_watch = request.uri().query().is_some_and(|query| query.contains("watch"));
        let (code, is_json, bytes) = self.runtime.block_on(async {
            let response = self.cluster.service().oneshot(request).await.expect("infallible");
            let code = response.status();
            let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
            let is_json = kind.is_some_and(|kind| kind.starts_with("application/json"));
            let mut body = response.into_body();
            let mut bytes = Vec::new();
            // A watch goes on: its first lines will do.
            for _ in 0..8 {
                let next = tokio::time::timeout(std::time::Duration::from_millis(1), body.frame()).await;
                let Ok(Some(Ok(frame))) = next else { break };
                bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
            }
            // A list comes in many frames.
            if !is_watch {
                while let Some(Ok(frame)) = body.frame().await {
                    bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data.as_ref()));
                }
            }
            (code, is_json, bytes)
        });
        let body = if is_json && (!is_watch || !code.is_success()) && method != "HEAD" {
            let body: Value = serde_json::from_slice(&bytes).expect("JSON, as it says");
            if !code.is_success() {
                assert_eq!((&body["kind"], &body["code"]), (&json!("Status"), &json!(code.as_u16())), "{body}");
                assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
            }
            body
        } else {
            Value::Null
        };
        assert!(!matches!(code.as_u16(), 501..=503), "{code}");
        Some(Answer { code, body })
    }
}

/// Runs a target on one populated cluster, which its requests leave as it is.
pub fn on_one_server(act: impl FnOnce(&Server)) {
    thread_local! {
        static SERVER: RefCell<Option<Server>> = const { RefCell::new(None) };
    }
    SERVER.with_borrow_mut(|server| act(server.get_or_insert_with(Server::populated)));
}

/// A definition with this schema.
pub fn definition(schema: &Value) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.fuzz.example.com"},
        "spec": {
            "group": "fuzz.example.com", "scope": "Namespaced", "names": {"plural": "things", "kind": "Thing"},
            "versions": [{
                "name": "v1", "served": true, "storage": true, "subresources": {"status": {}},
                "additionalPrinterColumns": [{"name": "Size", "type": "integer", "jsonPath": ".spec.size"}],
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    })
}

/// A schema with something of everything.
pub fn schema() -> Value {
    let named = |fields: Value| json!({"type": "object", "required": ["name"], "properties": fields});
    json!({"type": "object", "properties": {
        "spec": {
            "type": "object", "required": ["size"],
            "x-kubernetes-validations": [{"rule": "self.size < 100 || has(self.text)", "message": "too much"}],
            "properties": {
                "size": {"type": "integer", "minimum": 0, "maximum": 1000},
                "text": {"type": "string", "pattern": "^[a-z]*$", "maxLength": 10},
                "mode": {"type": "string", "enum": ["one", "two"], "default": "one"},
                "at": {"type": "string", "format": "date-time", "nullable": true},
                "list": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                "items": {
                    "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                    "items": named(json!({"name": {"type": "string"}, "port": {"x-kubernetes-int-or-string": true}})),
                },
                "map": {"type": "object", "additionalProperties": {"type": "string"}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
            },
        },
        "status": {"type": "object", "properties": {
            "phase": {"type": "string"},
            "conditions": {"type": "array", "items": {"type": "object", "properties": {
                "type": {"type": "string"}, "status": {"type": "string"},
            }}},
        }},
    }})
}

/// A number below a bound, from the first byte of the input, and the rest.
pub fn pick(data: &[u8], below: usize) -> (usize, &[u8]) {
    data.split_first().map_or((0, data), |(first, rest)| (usize::from(*first) % below, rest))
}
