//! A transport that records what is sent and answers from a script.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use ::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tower::{BoxError, service_fn, util::BoxCloneService};

use super::http::Transport;
use crate::{
    api::{ComputeInstance, ComputeInstanceSpec, ComputeInstanceStatus, names},
    clock::{ModelClock, SharedClock},
};

/// A request as it went over the wire.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sent {
    /// Method and whole URL.
    pub(super) line: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Sent {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("text"))
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a body of JSON")
    }
}

/// What is answered to one request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// A status, headers and a body.
    Answer(u16, Vec<(&'static str, String)>, String),
    /// The connection fails.
    Broken(&'static str),
    /// No answer ever comes.
    Silence,
}

pub(super) fn answer(status: u16, body: &Value) -> Reply {
    Reply::Answer(status, vec![("content-type", "application/json".to_owned())], body.to_string())
}

pub(super) fn text(status: u16, body: &str) -> Reply {
    Reply::Answer(status, Vec::new(), body.to_owned())
}

/// The script and what was sent.
#[derive(Clone, Default)]
pub(super) struct Recorder {
    script: Arc<Mutex<VecDeque<Reply>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Recorder {
    pub(super) fn with(replies: impl IntoIterator<Item = Reply>) -> Self {
        let recorder = Self::default();
        recorder.then(replies);
        recorder
    }

    pub(super) fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script.lock().extend(replies);
    }

    /// What was sent since this was last asked.
    pub(super) fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.sent.lock())
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.sent().into_iter().map(|sent| sent.line).collect()
    }

    pub(super) fn transport(&self) -> Transport {
        let this = self.clone();
        BoxCloneService::new(service_fn(move |request: Request<Bytes>| {
            let this = this.clone();
            async move {
                let (parts, body) = request.into_parts();
                let line = format!("{} {}", parts.method, parts.uri);
                this.sent.lock().push(Sent { line: line.clone(), headers: parts.headers, body });
                let reply = this.script.lock().pop_front();
                match reply.unwrap_or_else(|| panic!("nothing is in the script for {line}")) {
                    Reply::Answer(status, headers, body) => {
                        let mut response = Response::builder().status(status);
                        for (name, value) in headers {
                            response = response.header(name, value);
                        }
                        Ok(response.body(Bytes::from(body)).expect("an answer"))
                    }
                    Reply::Broken(why) => Err(BoxError::from(why)),
                    Reply::Silence => std::future::pending().await,
                }
            }
        }))
    }
}

pub(super) fn clock() -> SharedClock {
    Arc::new(ModelClock::start("2026-02-12T00:00:00Z".parse().expect("a timestamp")))
}

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An object with a little of everything, and its JSON as it has to arrive.
pub(super) fn object(namespace: &str, name: &str) -> (ComputeInstance, Value) {
    let spec = ComputeInstanceSpec {
        template_id: "osac.vm".into(),
        template_parameters: Some(r#"{"cpu":2}"#.into()),
        ..ComputeInstanceSpec::default()
    };
    let mut object = ComputeInstance::new(name, spec);
    object.metadata.namespace = Some(namespace.into());
    object.metadata.uid = Some("uid-1".into());
    object.metadata.resource_version = Some("7".into());
    object.metadata.annotations = Some([(names::TENANT_ANNOTATION.to_owned(), "acme".to_owned())].into());
    object.status = Some(ComputeInstanceStatus {
        desired_config_version: Some("0123456789abcdef".into()),
        ..ComputeInstanceStatus::default()
    });
    let wire = json!({
        "apiVersion": "cloudkit.openshift.io/v1alpha1",
        "kind": "ComputeInstance",
        "metadata": {
            "annotations": {"cloudkit.openshift.io/tenant": "acme"},
            "name": name,
            "namespace": namespace,
            "resourceVersion": "7",
            "uid": "uid-1",
        },
        "spec": {"templateID": "osac.vm", "templateParameters": "{\"cpu\":2}"},
        "status": {"desiredConfigVersion": "0123456789abcdef"},
    });
    (object, wire)
}
