//! What has expired after a compaction, on both servers. On a control plane of its own: others page through lists meanwhile.

use http::Request;
use http_body_util::BodyExt as _;
use kube::client::Body;
use provbench::{
    cluster::{Cluster, Options},
    harness::target::envtest::Envtest,
    units::Seed,
};
use serde_json::{Value, json};

use super::{
    answer::{Answer, comparable},
    control_plane,
    server::{Server, definitions, namespace, request},
    words::{object, path},
};

const OWN: &str = "compaction";

fn filled(target: &str) -> String {
    path(target).replace("$ns", OWN)
}

async fn create(server: &Server, name: &str) -> Answer {
    let answer = server.send(request("POST", &filled("ci"), "application/json", object("ci", name).to_string())).await;
    assert_eq!(answer.code, 201, "{answer:?}");
    answer
}

async fn get(server: &Server, target: &str) -> Answer {
    server.send(request("GET", &filled(target), "", "")).await
}

/// What is answered around a compaction, which `compact` does with everything before a version.
async fn play<F: Future<Output = ()>>(server: &Server, compact: impl FnOnce(String) -> F) -> Vec<Value> {
    for definition in definitions() {
        server.install(&definition).await;
    }
    namespace(server, OWN).await;
    let mut seen = Vec::new();
    let mut note = |what: &str, answer: &Answer| {
        let more = answer.body["metadata"]["continue"].as_str().is_some_and(|token| !token.is_empty());
        seen.push(json!({"what": what, "code": answer.code, "body": comparable(&answer.body), "continue": more}));
    };
    for name in ["a", "b", "c", "d"] {
        create(server, name).await;
    }
    let page = get(server, "ci?limit=2").await;
    note("a first page", &page);
    let text = |answer: &Answer, field: &str| answer.body["metadata"][field].as_str().expect("a text").to_owned();
    let (version, token) = (text(&page, "resourceVersion"), text(&page, "continue"));
    note("the next one", &get(server, &format!("ci?limit=1&continue={token}")).await);
    note("that very state", &get(server, &format!("ci?resourceVersion={version}&resourceVersionMatch=Exact")).await);
    let last = create(server, "e").await;
    compact(text(&last, "resourceVersion")).await;

    let expired = get(server, &format!("ci?limit=1&continue={token}")).await;
    note("the next page, after the compaction", &expired);
    assert_eq!((expired.code, &expired.body["reason"]), (410, &json!("Expired")), "{expired:?}");
    let token = text(&expired, "continue");
    note("the rest as it is now", &get(server, &format!("ci?continue={token}")).await);
    let exact = get(server, &format!("ci?resourceVersion={version}&resourceVersionMatch=Exact")).await;
    note("that very state, after the compaction", &exact);
    assert_eq!((exact.code, &exact.body["reason"]), (410, &json!("Expired")), "{exact:?}");
    let watch = format!("{}?watch=true&timeoutSeconds=5&resourceVersion=1", filled("ci"));
    let mut body = server.open(request("GET", &watch, "", "")).await.into_body();
    let line = body.frame().await.expect("a line").expect("bytes").into_data().expect("data");
    let event: Value = serde_json::from_slice(&line).expect("an event");
    note("a watch from the beginning", &Answer { code: 200, body: event["object"].clone() });
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)), "{event}");
    note("a list of now", &get(server, "ci").await);
    seen
}

/// Compacts the etcd of a control plane, by its gateway for JSON.
async fn compact(envtest: &Envtest, revision: &str) {
    let config = kube::Config::new(format!("http://{}/", envtest.etcd()).parse().expect("a URL"));
    let client = kube::Client::try_from(config).expect("a client");
    let body = json!({"revision": revision, "physical": true}).to_string();
    let request = Request::post("/v3/kv/compaction").body(Body::from(body.into_bytes())).expect("a request");
    let answer = client.send(request).await.expect("an answer");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn lists_and_watches_from_before_a_compaction_have_expired_on_both_servers() {
    const TEST: &str = "lists_and_watches_from_before_a_compaction_have_expired_on_both_servers";
    let clock = std::sync::Arc::new(provbench::clock::SystemClock::start());
    let cluster = Cluster::new(Options::new(clock, Seed::new(1)));
    let ours = play(&Server::of(&cluster), async |_| cluster.compact()).await;
    let Some(programs) = control_plane::programs(TEST) else { return };
    let envtest = Envtest::start(&programs).await.unwrap_or_else(|error| panic!("{error}"));
    let theirs = play(&Server::at(envtest.config()), async |revision| compact(&envtest, &revision).await).await;
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs, "embedded on the left, real on the right");
    }
    assert_eq!(ours.len(), theirs.len());
}
