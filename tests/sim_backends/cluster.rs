//! A cluster of a few lines: objects by path, merge patches, finalizers, and a watch of machines.

use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

use bytes::Bytes;
use futures::StreamExt;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use kube::client::Body;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Shared by its clones.
#[derive(Clone, Default)]
pub(crate) struct Cluster {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    objects: BTreeMap<String, Value>,
    version: u64,
    log: Vec<(String, String, Value)>,
    watchers: Vec<mpsc::UnboundedSender<String>>,
    /// Paths that are answered 500.
    broken: Vec<String>,
}

type Answer = Response<Either<Full<Bytes>, http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>>>;

const MACHINES: &str = "/virtualmachines";

impl Cluster {
    pub(crate) fn client(&self) -> kube::Client {
        let cluster = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let cluster = cluster.clone();
            async move { cluster.answer(request).await }
        });
        kube::Client::new(service, "default")
    }

    /// An instance and its tenant, as the operator leaves them before it launches a job.
    pub(crate) fn with_instance(self, name: &str) -> Self {
        self.put(
            &instance_path(name),
            json!({"metadata": {"name": name, "namespace": "ns", "finalizers": ["operator"]}}),
        );
        self.put(
            "/apis/cloudkit.openshift.io/v1alpha1/namespaces/ns/tenants/tenant-x",
            json!({"metadata": {"name": "tenant-x", "namespace": "ns"}, "status": {"phase": "Ready", "namespace": "ns-x"}}),
        );
        self
    }

    pub(crate) fn put(&self, path: &str, object: Value) {
        self.state.lock().objects.insert(path.to_owned(), object);
    }

    pub(crate) fn get(&self, path: &str) -> Option<Value> {
        self.state.lock().objects.get(path).cloned()
    }

    pub(crate) fn remove(&self, path: &str) {
        let mut state = self.state.lock();
        if let Some(object) = state.objects.remove(path) {
            state.tell(path, "DELETED", &object);
        }
    }

    /// Changes an object from outside.
    pub(crate) fn patch(&self, path: &str, change: &Value) {
        let mut state = self.state.lock();
        let mut object = state.objects.get(path).cloned().expect("an object to patch");
        merge(&mut object, change);
        state.store(path, object);
    }

    pub(crate) fn break_path(&self, path: &str) {
        self.state.lock().broken.push(path.to_owned());
    }

    /// Ends every watch.
    pub(crate) fn end_watches(&self) {
        self.state.lock().watchers.clear();
    }

    /// The requests so far: method, path, body.
    pub(crate) fn requests(&self) -> Vec<(String, String, Value)> {
        self.state.lock().log.clone()
    }

    async fn answer(&self, request: Request<Body>) -> Result<Answer, Infallible> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let path = head.uri.path().to_owned();
        let mut state = self.state.lock();
        state.log.push((head.method.to_string(), head.uri.to_string(), body.clone()));
        if state.broken.contains(&path) {
            return Ok(status(StatusCode::INTERNAL_SERVER_ERROR, "InternalError", "etcd is down"));
        }
        Ok(if path.ends_with(MACHINES) && head.method == Method::GET {
            if head.uri.query().is_some_and(|query| query.contains("watch=1")) { state.watch() } else { state.list() }
        } else {
            state.change(&head.method, &path, body)
        })
    }
}

pub(crate) fn instance_path(name: &str) -> String {
    format!("/apis/cloudkit.openshift.io/v1alpha1/namespaces/ns/computeinstances/{name}")
}

pub(crate) fn machine_path(name: &str) -> String {
    format!("/apis/kubevirt.io/v1/namespaces/ns-x/virtualmachines/{name}")
}

impl State {
    fn change(&mut self, method: &Method, path: &str, body: Value) -> Answer {
        let is_status = path.ends_with("/status");
        let path = path.trim_end_matches("/status");
        match *method {
            Method::GET => match self.objects.get(path) {
                Some(object) => answer(StatusCode::OK, object),
                None => not_found(path),
            },
            Method::POST => {
                let name = body["metadata"]["name"].as_str().expect("a name").to_owned();
                let path = format!("{path}/{name}");
                if self.objects.contains_key(&path) {
                    return status(StatusCode::CONFLICT, "AlreadyExists", &format!("{name} already exists"));
                }
                let mut object = body;
                object["metadata"]["uid"] = format!("uid-{}", self.version + 1).into();
                let object = self.store(&path, object);
                answer(StatusCode::CREATED, &object)
            }
            Method::PATCH => {
                let Some(mut object) = self.objects.get(path).cloned() else { return not_found(path) };
                assert_eq!(is_status, body.get("status").is_some(), "a status goes to its subresource");
                let is_deleted = object["metadata"]["deletionTimestamp"].is_string();
                let count = |object: &Value| object["metadata"]["finalizers"].as_array().map_or(0, Vec::len);
                let before = count(&object);
                merge(&mut object, &body);
                if is_deleted && count(&object) > before {
                    let message =
                        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted";
                    return status(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message);
                }
                if is_deleted && count(&object) == 0 {
                    self.objects.remove(path);
                    return answer(StatusCode::OK, &object);
                }
                let object = self.store(path, object);
                answer(StatusCode::OK, &object)
            }
            Method::DELETE
                if self.objects.get(path).is_some_and(|object| object["metadata"]["finalizers"].is_array()) =>
            {
                let mut object = self.objects[path].clone();
                object["metadata"]["deletionTimestamp"] = "2026-02-12T00:00:00Z".into();
                let object = self.store(path, object);
                answer(StatusCode::OK, &object)
            }
            Method::DELETE => match self.objects.remove(path) {
                Some(object) => {
                    self.tell(path, "DELETED", &object);
                    answer(StatusCode::OK, &json!({"kind": "Status", "status": "Success"}))
                }
                None => not_found(path),
            },
            _ => panic!("{method} {path}"),
        }
    }

    fn store(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let is_new = self.objects.insert(path.to_owned(), object.clone()).is_none();
        self.tell(path, if is_new { "ADDED" } else { "MODIFIED" }, &object);
        object
    }

    fn tell(&mut self, path: &str, kind: &str, object: &Value) {
        if path.contains(MACHINES) {
            let line = format!("{}\n", json!({"type": kind, "object": object}));
            self.watchers.retain(|watcher| watcher.send(line.clone()).is_ok());
        }
    }

    fn list(&self) -> Answer {
        let machines = self.objects.iter().filter(|(path, _)| path.contains(MACHINES));
        let items: Vec<&Value> = machines.map(|(_, object)| object).collect();
        answer(StatusCode::OK, &json!({"metadata": {"resourceVersion": self.version.to_string()}, "items": items}))
    }

    fn watch(&mut self) -> Answer {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.watchers.push(sender);
        let lines = futures::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|line| (line, receiver))
        });
        let frames = lines.map(|line| Ok(http_body::Frame::data(Bytes::from(line))));
        Response::new(Either::Right(StreamBody::new(frames).boxed_unsync()))
    }
}

fn answer(status: StatusCode, body: &Value) -> Answer {
    let mut response = Response::new(Either::Left(Full::from(body.to_string())));
    *response.status_mut() = status;
    response
}

fn status(code: StatusCode, reason: &str, message: &str) -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason,
        "code": code.as_u16(),
    });
    answer(code, &body)
}

fn not_found(path: &str) -> Answer {
    let name = path.rsplit('/').next().unwrap_or_default();
    status(StatusCode::NOT_FOUND, "NotFound", &format!("\"{name}\" not found"))
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let target = target.as_object_mut().expect("an object");
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), value);
        }
    }
}
