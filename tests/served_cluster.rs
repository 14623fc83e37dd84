//! The cluster that `provbench cluster` serves: who is let in, what is answered to nonsense, and that it is a cluster that
//! experiments can run on as on any other.

#![cfg(feature = "harness")]

#[path = "served_cluster/connections.rs"]
mod connections;
#[path = "served_cluster/experiments.rs"]
mod experiments;
#[path = "served_cluster/protocol.rs"]
mod protocol;
mod served;

use std::{fs, time::Duration};

use http::{Request, Response};
use http_body_util::BodyExt as _;
use kube::client::Body;
use serde_json::{Value, json};

use self::served::{Served, client_of};

const INSTANCES: &str = "/apis/cloudkit.openshift.io/v1alpha1/namespaces/default/computeinstances";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

async fn send(client: &kube::Client, request: Request<Vec<u8>>) -> (u16, String, Value) {
    let response: Response<Body> = client.send(request.map(Body::from)).await.expect("an answer");
    let code = response.status().as_u16();
    let content_type = response.headers().get("content-type").map(|value| value.to_str().unwrap_or("?").to_owned());
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    (code, content_type.unwrap_or_default(), body)
}

async fn get(client: &kube::Client, path: &str, accept: &str) -> (u16, String, Value) {
    send(client, Request::get(path).header("accept", accept).body(Vec::new()).expect("a request")).await
}

async fn post(client: &kube::Client, path: &str, content_type: &str, body: &[u8]) -> (u16, String, Value) {
    let request = Request::post(path).header("content-type", content_type).body(body.to_vec()).expect("a request");
    send(client, request).await
}

fn instance(name: &str) -> Value {
    json!({
        "apiVersion": "cloudkit.openshift.io/v1alpha1", "kind": "ComputeInstance",
        "metadata": {"name": name, "annotations": {"cloudkit.openshift.io/tenant": "blue"}},
        "spec": {"templateID": "small"},
    })
}

/// A client without the token, or with another.
async fn stranger(served: &Served, token: Option<&str>) -> kube::Client {
    let mut kubeconfig = kube::config::Kubeconfig::read_from(&served.kubeconfig).expect("a kubeconfig");
    for user in &mut kubeconfig.auth_infos {
        if let Some(info) = &mut user.auth_info {
            info.token = token.map(|token| token.to_owned().into());
        }
    }
    client_of(kubeconfig).await
}

#[tokio::test]
async fn only_the_token_opens_it_and_no_log_has_it() {
    let folder = folder();
    let served = Served::start(folder.path(), &["--log", "trace"]);
    let token = served.token();
    let owner = served.client().await;
    assert_eq!(get(&owner, INSTANCES, "application/json").await.0, 200);
    for token in [None, Some("wrong"), Some(&token[1..])] {
        let other = stranger(&served, token).await;
        let (code, _, status) = get(&other, INSTANCES, "application/json").await;
        assert_eq!((code, &status["kind"], &status["reason"]), (401, &json!("Status"), &json!("Unauthorized")));
        for open in ["/healthz", "/readyz", "/livez", "/version"] {
            assert_eq!(get(&other, open, "*/*").await.0, 200, "{open}");
        }
        assert_eq!(get(&other, "/apis", "*/*").await.0, 401);
    }
    let as_other = Request::get(INSTANCES).header("impersonate-user", "somebody").body(Vec::new()).expect("a request");
    let (code, _, status) = send(&owner, as_other).await;
    assert_eq!((code, &status["reason"]), (403, &json!("Forbidden")));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&served.kubeconfig).expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (code, stderr) = served.end("TERM");
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!stderr.contains(&token), "the token is in the log");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_are_no_trouble() {
    const MANY: usize = 10_000;
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let room = limit.maximum.unwrap_or(u64::MAX);
    let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).expect("raised");
    assert!(room > 10_500, "the hard limit of open files is {room}; this test needs 10 500 (ulimit -Hn)");
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let address = served.address();
    let mut idle = Vec::with_capacity(MANY);
    for _ in 0..MANY {
        idle.push(tokio::net::TcpStream::connect(&address).await.expect("a connection"));
    }
    let client = served.client().await;
    for name in ["a", "b", "c"] {
        let body = instance(name).to_string();
        let answered = post(&client, INSTANCES, "application/json", body.as_bytes());
        let (code, ..) = tokio::time::timeout(Duration::from_secs(10), answered).await.expect("an answer in time");
        assert_eq!(code, 201);
    }
    // None was closed to make room.
    let mut byte = [0];
    for stream in &idle {
        let read = stream.try_read(&mut byte);
        assert!(read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock), "a connection was closed");
    }
    drop(idle);
    assert_eq!(served.end("INT").0, Some(0));
}
