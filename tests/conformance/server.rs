//! The servers that cases are played on.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use http::Request;
use http_body_util::BodyExt;
use kube::{Client, Config, client::Body};
use provbench::{
    api::crd,
    clock::{SystemClock, timeout},
    cluster::{Cluster, Options},
    units::Seed,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    answer::Answer,
    words::{path, yaml},
};

/// How long an answer may go on.
const BODY_LIMIT: Duration = Duration::from_secs(10);

/// One server, through a client of kube's that changes neither requests nor answers.
#[derive(Clone)]
pub struct Server {
    client: Client,
}

impl Server {
    /// The embedded server, in process, with its garbage collector.
    pub fn embedded() -> Self {
        let cluster = cluster();
        tokio::spawn(cluster.collect_garbage());
        Self::of(&cluster)
    }

    /// An embedded server that is there already.
    pub fn of(cluster: &Cluster) -> Self {
        Self { client: cluster.client("default") }
    }

    /// The embedded server over TCP; it ends with the runtime.
    pub async fn over_tcp() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        let cluster = cluster();
        tokio::spawn(cluster.collect_garbage());
        tokio::spawn(cluster.serve(listener, std::future::pending()));
        Self::at(&Config::new(url.parse().expect("a URL")))
    }

    /// A server that a configuration leads to.
    pub fn at(config: &Config) -> Self {
        Self { client: Client::try_from(config.clone()).expect("a client") }
    }

    /// Sends a request; its answer with all of its body.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.open(request).await;
        let code = response.status().as_u16();
        // What was taken for a watch does not end.
        match timeout(&SystemClock::start(), BODY_LIMIT, response.into_body().collect()).await {
            Ok(body) => Answer::new(code, &body.expect("a body").to_bytes()),
            Err(_) => Answer { code, body: json!({"text": "(no end)"}) },
        }
    }

    /// Sends a request; its answer with a body that may go on.
    pub async fn open(&self, request: Request<Body>) -> http::Response<Body> {
        self.client.send(request).await.expect("an answer")
    }

    /// Installs a definition and waits until its kind is served.
    pub async fn install(&self, definition: &Value) {
        let answer = self
            .send(request(
                "POST",
                "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                "application/json",
                definition.to_string(),
            ))
            .await;
        assert!(matches!(answer.code, 201 | 409), "{answer:?}");
        let spec = &definition["spec"];
        let text = |value: &Value| value.as_str().expect("text").to_owned();
        let kind = format!(
            "/apis/{}/{}/{}",
            text(&spec["group"]),
            text(&spec["versions"][0]["name"]),
            text(&spec["names"]["plural"])
        );
        for _ in 0..200 {
            if self.send(request("GET", &kind, "", "")).await.code == 200 {
                return;
            }
            wait(50).await;
        }
        panic!("{kind} is not served");
    }
}

/// The definitions that cases know: the operator's own, and one with more in its schema.
pub fn definitions() -> Vec<Value> {
    let things = include_str!("cases/things.yaml");
    let own = crd::all().expect("definitions").into_iter().map(|(_, definition)| definition);
    own.chain([yaml(things)]).collect()
}

fn cluster() -> Cluster {
    Cluster::new(Options::new(Arc::new(SystemClock::start()), Seed::new(1)))
}

/// Waits, in milliseconds: for another process, so on no clock of a model.
pub async fn wait(milliseconds: u64) {
    use provbench::clock::Clock;
    SystemClock::start().sleep(std::time::Duration::from_millis(milliseconds)).await;
}

/// A request as it goes out.
pub fn request(method: &str, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> Request<Body> {
    let mut builder = Request::builder().method(method).uri(path);
    if !content_type.is_empty() {
        builder = builder.header("content-type", content_type);
    }
    builder.body(Body::from(body.into())).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
}

/// Makes a namespace for a case, as the real server needs one.
pub async fn namespace(server: &Server, name: &str) {
    let body = serde_json::json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    let answer = server.send(request("POST", &path("ns"), "application/json", body.to_string())).await;
    assert_eq!(answer.code, 201, "{answer:?}");
}
