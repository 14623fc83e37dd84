//! Watches: replay, selection, bookmarks, ends, and what happens to those who lag.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use std::time::Duration;

use provbench::cluster::Options;
use serde_json::{Value, json};
use support::{Asker, GROUP, INSTANCES, cluster, cluster_with, instance, options, revision};

fn labelled(name: &str, tier: &str) -> Value {
    let mut object = instance(name);
    object["metadata"]["labels"] = json!({ "tier": tier });
    object
}

#[tokio::test(start_paused = true)]
async fn a_watch_replays_from_a_revision_and_goes_on_live() {
    let ask = Asker::new(&cluster());
    let first = ask.created(INSTANCES, &instance("a")).await;
    let second = ask.created(INSTANCES, &instance("b")).await;
    let mut watch = ask.watch(&format!("{INSTANCES}?watch=true&resourceVersion={}", revision(&first))).await;
    assert_eq!(watch.next().await, Some(json!({"type": "ADDED", "object": second})));
    assert_eq!(watch.ready().await, None);
    let changed = ask.merge(&format!("{INSTANCES}/a"), &json!({"spec": {"templateID": "large"}})).await.1;
    assert_eq!(watch.next().await, Some(json!({"type": "MODIFIED", "object": changed})));
    ask.delete(&format!("{INSTANCES}/a")).await;
    let deleted = watch.next().await.expect("an event");
    assert_eq!((&deleted["type"], &deleted["object"]["spec"]), (&json!("DELETED"), &changed["spec"]));
    assert_eq!(revision(&deleted["object"]), revision(&changed) + 1);
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_waits_is_woken_by_a_write() {
    let cluster = cluster();
    let ask = Asker::new(&cluster);
    let mut watch = ask.watch(&format!("{INSTANCES}?watch=1")).await;
    let waiter = tokio::spawn(async move { watch.brief().await });
    tokio::task::yield_now().await;
    assert!(!waiter.is_finished());
    let object = Asker::new(&cluster).created(INSTANCES, &instance("a")).await;
    let woken = tokio::time::timeout(Duration::from_secs(1), waiter).await.expect("woken").expect("no panic");
    assert_eq!(woken, Some(format!("ADDED a {}", revision(&object))));
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_nowhere_begins_with_what_is_there() {
    let ask = Asker::new(&cluster());
    ask.instances(&["b", "a"]).await;
    ask.merge(&format!("{INSTANCES}/b"), &json!({"spec": {"templateID": "large"}})).await;
    for query in ["watch=1", "watch=1&resourceVersion=0"] {
        let mut watch = ask.watch(&format!("{INSTANCES}?{query}")).await;
        let events = watch.all_ready().await;
        assert!(
            events.len() == 2 && events[0].starts_with("ADDED a ") && events[1].starts_with("ADDED b "),
            "{events:?}"
        );
        let object = ask.merge(&format!("{INSTANCES}/a"), &json!({"metadata": {"annotations": {"a": query}}})).await.1;
        assert_eq!(watch.all_ready().await, [format!("MODIFIED a {}", revision(&object))]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_can_be_the_beginning_of_a_watch() {
    let ask = Asker::new(&cluster());
    ask.instances(&["a", "b"]).await;
    let query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = ask.watch(&format!("{INSTANCES}?{query}")).await;
    let mut kinds = Vec::new();
    let mut last = Value::Null;
    while let Some(event) = watch.ready().await {
        kinds.push(event["type"].as_str().unwrap_or_default().to_owned());
        last = event["object"].clone();
    }
    assert_eq!(kinds, ["ADDED", "ADDED", "BOOKMARK"]);
    assert_eq!(last["metadata"]["annotations"], json!({"k8s.io/initial-events-end": "true"}));
    assert_eq!(last["kind"], "ComputeInstance");
    assert_eq!(revision(&last), revision(&ask.get(INSTANCES).await.1));
}

#[tokio::test(start_paused = true)]
async fn each_watcher_sees_its_namespace_and_its_names_only() {
    let ask = Asker::new(&cluster());
    ask.created("/api/v1/namespaces", &json!({"metadata": {"name": "x"}})).await;
    let mut here = ask.watch(&format!("{INSTANCES}?watch=1")).await;
    let mut all = ask.watch("/apis/cloudkit.openshift.io/v1alpha1/computeinstances?watch=1").await;
    let mut one = ask.watch(&format!("{INSTANCES}?watch=1&fieldSelector=metadata.name=b")).await;
    let mut by_path = ask.watch(&format!("{INSTANCES}/b?watch=1")).await;
    ask.instances(&["a", "b"]).await;
    ask.created(&INSTANCES.replace("default", "x"), &instance("b")).await;
    let names = |events: Vec<String>| -> Vec<String> {
        events.iter().map(|event| event.split(' ').nth(1).unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(names(here.all_ready().await), ["a", "b"]);
    assert_eq!(names(all.all_ready().await), ["a", "b", "b"]);
    assert_eq!(names(one.all_ready().await), ["b"]);
    assert_eq!(names(by_path.all_ready().await), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_leaves_a_selection_is_deleted_for_its_watchers() {
    let ask = Asker::new(&cluster());
    let mut watch = ask.watch(&format!("{INSTANCES}?watch=1&labelSelector=tier%3Dfront")).await;
    ask.created(INSTANCES, &labelled("other", "back")).await;
    let object = ask.created(INSTANCES, &labelled("a", "front")).await;
    assert_eq!(watch.all_ready().await, [format!("ADDED a {}", revision(&object))]);
    let path = format!("{INSTANCES}/a");
    let changed = ask.merge(&path, &json!({"spec": {"templateID": "large"}})).await.1;
    assert_eq!(watch.all_ready().await, [format!("MODIFIED a {}", revision(&changed))]);
    let left = ask.merge(&path, &json!({"metadata": {"labels": {"tier": "back"}}})).await.1;
    let event = watch.ready().await.expect("an event");
    assert_eq!((&event["type"], &event["object"]["metadata"]["labels"]["tier"]), (&json!("DELETED"), &json!("front")));
    assert_eq!(revision(&event["object"]), revision(&left), "the old state with the new revision");
    ask.merge(&path, &json!({"spec": {"templateID": "small"}})).await;
    assert_eq!(watch.ready().await, None);
    let back = ask.merge(&path, &json!({"metadata": {"labels": {"tier": "front"}}})).await.1;
    assert_eq!(watch.ready().await, Some(json!({"type": "ADDED", "object": back})));
    ask.merge(&path, &json!({"metadata": {"labels": null}})).await;
    assert!(watch.all_ready().await[0].starts_with("DELETED a "));
    ask.delete(&path).await;
    assert_eq!(watch.ready().await, None, "it had left before");
}

#[tokio::test(start_paused = true)]
async fn a_watch_from_before_the_history_is_gone() {
    let cluster = cluster_with(Options { history: 3, ..options() });
    let ask = Asker::new(&cluster);
    let first = ask.created(INSTANCES, &instance("a")).await;
    ask.instances(&["b", "c", "d", "e"]).await;
    let mut watch = ask.watch(&format!("{INSTANCES}?watch=1&resourceVersion={}", revision(&first))).await;
    let event = watch.next().await.expect("an event");
    assert_eq!(event["type"], "ERROR");
    let status = &event["object"];
    assert_eq!(
        (&status["kind"], &status["code"], &status["reason"]),
        (&json!("Status"), &json!(410), &json!("Expired"))
    );
    let oldest = revision(&first) + 1;
    assert_eq!(status["message"], format!("too old resource version: {} ({oldest})", revision(&first)));
    assert_eq!(watch.next().await, None);
    let mut watch = ask.watch(&format!("{INSTANCES}?watch=1&resourceVersion={oldest}")).await;
    assert_eq!(watch.all_ready().await.len(), 3, "the oldest revision that is kept is enough");
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_lags_is_told_and_stops_nobody() {
    let cluster = cluster_with(Options { history: 3, ..options() });
    let ask = Asker::new(&cluster);
    let mut slow = ask.watch(&format!("{INSTANCES}?watch=1")).await;
    let mut quick = ask.watch(&format!("{INSTANCES}?watch=1")).await;
    for name in ["a", "b", "c", "d"] {
        ask.instances(&[name]).await;
        assert_eq!(quick.all_ready().await.len(), 1);
    }
    let event = slow.next().await.expect("an event");
    assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)));
    assert_eq!(slow.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_cleanly_when_its_time_is_up() {
    let options = options();
    let clock = options.clock.clone();
    let ask = Asker::new(&cluster_with(options));
    let mut watch = ask.watch(&format!("{INSTANCES}?watch=1&timeoutSeconds=5")).await;
    assert_eq!(watch.next().await, None);
    assert_eq!(Duration::from(clock.elapsed()), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn bookmarks_come_by_the_clock_with_the_revision_of_everything_sent() {
    let options = options();
    let clock = options.clock.clone();
    let ask = Asker::new(&cluster_with(options));
    let mut watch = ask.watch(&format!("{INSTANCES}?watch=1&allowWatchBookmarks=true&timeoutSeconds=150")).await;
    let mut without = ask.watch(&format!("{INSTANCES}?watch=1&timeoutSeconds=150")).await;
    let secret = ask.created("/api/v1/namespaces/default/secrets", &json!({"metadata": {"name": "s"}})).await;
    let bookmark = watch.next().await.expect("a bookmark");
    assert_eq!(Duration::from(clock.elapsed()), Duration::from_secs(60));
    let object = json!({
        "kind": "ComputeInstance", "apiVersion": "cloudkit.openshift.io/v1alpha1",
        "metadata": {"resourceVersion": secret["metadata"]["resourceVersion"]},
    });
    assert_eq!(bookmark, json!({"type": "BOOKMARK", "object": object}), "other resources move it too");
    assert_eq!(watch.next().await.map(|event| event["type"].clone()), Some(json!("BOOKMARK")));
    assert_eq!(watch.next().await, None);
    assert_eq!(without.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_watch_may_be_dropped_at_any_time() {
    let cluster = cluster();
    let ask = Asker::new(&cluster);
    let mut watch = ask.watch(&format!("{INSTANCES}?watch=1")).await;
    assert_eq!(watch.ready().await, None);
    drop(watch);
    ask.instances(&["a"]).await;
    assert_eq!(cluster.count(GROUP, "computeinstances"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_makes_no_sense_is_refused() {
    let ask = Asker::new(&cluster());
    for bad in ["resourceVersion=x", "labelSelector=a=b=c", "fieldSelector=spec.x=1"] {
        assert_eq!(ask.get(&format!("{INSTANCES}?watch=1&{bad}")).await.0, 400, "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_events_for_others_do_not_hide_the_one_that_matters() {
    let ask = Asker::new(&cluster());
    let start = revision(&ask.get(INSTANCES).await.1);
    ask.created(INSTANCES, &instance("noise")).await;
    for turn in 0..9_000 {
        let change = json!({"metadata": {"annotations": {"turn": turn.to_string()}}});
        ask.merge(&format!("{INSTANCES}/noise"), &change).await;
    }
    let signal = ask.created(INSTANCES, &instance("signal")).await;
    let path = format!("{INSTANCES}?watch=1&fieldSelector=metadata.name=signal&resourceVersion={start}");
    let mut watch = ask.watch(&path).await;
    assert_eq!(watch.brief().await, Some(format!("ADDED signal {}", revision(&signal))));
}
