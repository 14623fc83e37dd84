//! The embedded cluster as kube's own client, watcher and reflector see it: in memory in virtual time, and over TCP.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt, TryStreamExt};
use kube::{
    Api, Client, Config,
    api::{
        ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams,
        WatchEvent, WatchParams,
    },
    runtime::{WatchStreamExt, reflector, watcher},
};
use provbench::cluster::{Cluster, Options};
use serde_json::{Value, json};
use support::{GROUP, cluster, cluster_with, instance, options};
use tokio::net::TcpListener;

fn resource() -> ApiResource {
    ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(GROUP, "v1alpha1", "ComputeInstance"), "computeinstances")
}

fn api(client: Client) -> Api<DynamicObject> {
    Api::default_namespaced_with(client, &resource())
}

fn object(name: &str) -> DynamicObject {
    serde_json::from_value(instance(name)).expect("an object")
}

async fn phase(api: &Api<DynamicObject>, name: &str, phase: &str) {
    let status = json!({"status": {"phase": phase}});
    api.patch_status(name, &PatchParams::default(), &Patch::Merge(&status)).await.expect("patched");
}

fn name(object: &DynamicObject) -> String {
    object.metadata.name.clone().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn a_life_through_the_client() {
    let api = api(cluster().client("default"));
    let created = api.create(&PostParams::default(), &object("ci-1")).await.expect("created");
    assert_eq!(created.metadata.namespace.as_deref(), Some("default"));
    phase(&api, "ci-1", "Running").await;
    let mut got = api.get("ci-1").await.expect("an object");
    assert_eq!(got.data["status"]["phase"], "Running");
    got.metadata.finalizers = Some(vec!["x.io/y".to_owned()]);
    api.replace("ci-1", &PostParams::default(), &got).await.expect("replaced");
    let conflict = api.replace("ci-1", &PostParams::default(), &got).await.expect_err("a conflict");
    assert!(matches!(&conflict, kube::Error::Api(status) if status.is_conflict()), "{conflict}");
    assert!(api.delete("ci-1", &DeleteParams::default()).await.expect("deleted").is_left(), "the finalizer holds it");
    api.patch("ci-1", &PatchParams::default(), &Patch::Merge(json!({"metadata": {"finalizers": null}})))
        .await
        .expect("freed");
    assert!(api.get_opt("ci-1").await.expect("an answer").is_none());
    api.create(&PostParams::default(), &object("ci-2")).await.expect("created");
    assert!(api.delete("ci-2", &DeleteParams::default()).await.expect("deleted").is_right(), "gone at once");
    api.create(&PostParams::default(), &object("ci-3")).await.expect("created");
    api.delete_collection(&DeleteParams::default(), &ListParams::default())
        .await
        .expect("deleted")
        .left()
        .expect("a list");
    assert_eq!(api.list(&ListParams::default()).await.expect("a list").items.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_lists_in_pages_and_then_sees_every_event_in_order() {
    let cluster = cluster();
    let api = api(cluster.client("default"));
    for index in 0..7 {
        api.create(&PostParams::default(), &object(&format!("old-{index}"))).await.expect("created");
    }
    let mut events = Box::pin(watcher(api.clone(), watcher::Config::default().page_size(3)));
    let mut listed = Vec::new();
    loop {
        match events.try_next().await.expect("no error").expect("an event") {
            watcher::Event::Init => {}
            watcher::Event::InitApply(object) => listed.push(name(&object)),
            watcher::Event::InitDone => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(listed, (0..7).map(|index| format!("old-{index}")).collect::<Vec<_>>());
    for index in 0..200 {
        api.create(&PostParams::default(), &object(&format!("new-{index:03}"))).await.expect("created");
        if index % 3 == 0 {
            phase(&api, &format!("new-{index:03}"), "Starting").await;
        }
        api.delete(&format!("new-{index:03}"), &DeleteParams::default()).await.expect("deleted");
    }
    for index in 0..200 {
        let expected = format!("new-{index:03}");
        let kinds = if index % 3 == 0 { "AAD" } else { "AD" };
        for kind in kinds.chars() {
            match (kind, events.try_next().await.expect("no error").expect("an event")) {
                ('A', watcher::Event::Apply(object)) | ('D', watcher::Event::Delete(object)) => {
                    assert_eq!(name(&object), expected);
                }
                (_, other) => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_reflector_lists_anew_after_it_was_left_behind() {
    let cluster = cluster_with(Options { history: 5, ..options() });
    let api = api(cluster.client("default"));
    api.create(&PostParams::default(), &object("first")).await.expect("created");
    let writer = reflector::store::Writer::new(resource());
    let store = writer.as_reader();
    let mut stream = Box::pin(reflector(writer, watcher(api.clone(), watcher::Config::default())).default_backoff());
    while store.state().is_empty() {
        stream.try_next().await.expect("no error");
    }
    // Nobody reads the stream while more happens than is kept.
    for index in 0..20 {
        api.create(&PostParams::default(), &object(&format!("ci-{index:02}"))).await.expect("created");
    }
    api.delete("first", &DeleteParams::default()).await.expect("deleted");
    let mut relisted = false;
    while store.state().len() != 20 {
        match tokio::time::timeout(Duration::from_secs(60), stream.next()).await.expect("it recovers") {
            Some(Err(watcher::Error::WatchError(status))) => relisted |= status.code == 410,
            Some(_) => {}
            None => panic!("the stream ended"),
        }
    }
    assert!(relisted, "the watcher was told that it lags");
    let names: BTreeSet<String> = store.state().iter().map(|object| name(object)).collect();
    assert_eq!(names, (0..20).map(|index| format!("ci-{index:02}")).collect());
}

#[tokio::test(start_paused = true)]
async fn a_streaming_list_works() {
    let api = api(cluster().client("default"));
    api.create(&PostParams::default(), &object("a")).await.expect("created");
    let mut events = Box::pin(watcher(api.clone(), watcher::Config::default().streaming_lists()));
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(match events.try_next().await.expect("no error").expect("an event") {
            watcher::Event::Init => "init",
            watcher::Event::InitApply(_) => "object",
            watcher::Event::InitDone => "done",
            _ => "other",
        });
    }
    assert_eq!(seen, ["init", "object", "done"]);
    api.create(&PostParams::default(), &object("b")).await.expect("created");
    let event = events.try_next().await.expect("no error").expect("an event");
    assert!(matches!(event, watcher::Event::Apply(object) if name(&object) == "b"));
}

#[tokio::test(start_paused = true)]
async fn a_watcher_outlives_the_time_limits_of_its_watches() {
    let api = api(cluster().client("default"));
    let mut events = Box::pin(watcher(api.clone(), watcher::Config::default()).default_backoff().touched_objects());
    for turn in 0..3 {
        // kube asks for watches of five minutes at most; each of these waits is longer.
        let name = format!("ci-{turn}");
        let writer = api.clone();
        let write = async {
            tokio::time::sleep_until(tokio::time::Instant::now() + Duration::from_secs(400)).await;
            writer.create(&PostParams::default(), &object(&name)).await.expect("created");
        };
        let (event, ()) = tokio::join!(events.try_next(), write);
        assert_eq!(event.expect("no error").and_then(|object| object.metadata.name), Some(name.clone()));
    }
}

/// Serves a cluster and gives a client that talks to it over TCP; the sender ends it.
async fn served(
    cluster: Cluster,
) -> (Client, tokio::sync::oneshot::Sender<()>, tokio::task::JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let server = tokio::spawn(cluster.serve(listener, async { stopped.await.unwrap_or(()) }));
    let client = Client::try_from(Config::new(url.parse().expect("a URL"))).expect("a client");
    (client, stop, server)
}

#[tokio::test]
async fn the_same_api_is_served_over_tcp() {
    let cluster = cluster();
    let (client, stop, server) = served(cluster.clone()).await;
    assert_eq!(client.apiserver_version().await.expect("a version").minor, "33");
    let api = api(client);
    for index in 0..500 {
        api.create(&PostParams::default(), &object(&format!("ci-{index:03}"))).await.expect("created");
    }
    let list = api.list(&ListParams::default()).await.expect("a list");
    assert_eq!(list.items.len(), 500);
    let start = list.metadata.resource_version.unwrap_or_default();
    let mut watch = Box::pin(api.watch(&WatchParams::default(), &start).await.expect("a watch"));
    phase(&api, "ci-007", "Running").await;
    let event = watch.try_next().await.expect("no error").expect("an event");
    assert!(matches!(event, WatchEvent::Modified(object) if name(&object) == "ci-007"));
    let missing = api.get("ghost").await.expect_err("not found");
    assert!(matches!(&missing, kube::Error::Api(status) if status.is_not_found()), "{missing}");
    stop.send(()).expect("still serving");
    server.await.expect("no panic").expect("served");
    assert!(!matches!(watch.try_next().await, Ok(Some(_))), "the watch has ended with the server");
    assert!(api.get("ci-007").await.is_err(), "nobody answers any more");
    assert_eq!(cluster.count(GROUP, "computeinstances"), 500, "the cluster itself is still there");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_over_tcp_too() {
    let (client, _stop, _server) = served(cluster()).await;
    let mut large = object("ci-1");
    large.data["spec"]["templateParameters"] = Value::String("x".repeat(3 * 1024 * 1024));
    let refused = api(client).create(&PostParams::default(), &large).await.expect_err("too large");
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 413), "{refused}");
}
