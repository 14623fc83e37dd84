//! Events: one store that two groups serve, each in its own form.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use serde_json::{Value, json};
use support::{Asker, cluster};

const CORE: &str = "/api/v1/namespaces/default/events";
const NEW: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

fn about() -> Value {
    json!({"apiVersion": "cloudkit.openshift.io/v1alpha1", "kind": "ComputeInstance", "name": "ci-1",
        "namespace": "default", "uid": "u-1"})
}

fn new_event(name: &str) -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": name, "labels": {"tier": "a"}},
        "eventTime": "2026-02-12T00:00:00.000000Z", "regarding": about(), "note": "the job has ended",
        "reason": "JobEnded", "action": "Provision", "type": "Normal", "reportingController": "operator",
        "reportingInstance": "operator-0", "series": {"count": 2, "lastObservedTime": "2026-02-12T00:00:00.000000Z"},
        "related": {"kind": "Job", "name": "j"}, "deprecatedCount": 3,
    })
}

/// Demands that both have these fields, with the same values.
fn assert_same(one: &Value, other: &Value, fields: &[&str]) {
    for field in fields {
        assert!(!one[field].is_null(), "{field} in {one}");
        assert_eq!(one[field], other[field], "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_of_the_new_group_is_a_core_event_too() {
    let ask = Asker::new(&cluster());
    let mut watch = ask.watch(&format!("{CORE}?watch=1&fieldSelector=involvedObject.name=ci-1")).await;
    let created = ask.created(NEW, &new_event("e")).await;
    let (status, core) = ask.get(&format!("{CORE}/e")).await;
    assert_eq!((status.as_u16(), &core["apiVersion"], &core["kind"]), (200, &json!("v1"), &json!("Event")));
    assert_eq!(core["involvedObject"], about());
    assert_eq!((&core["message"], &core["count"]), (&json!("the job has ended"), &json!(3)));
    assert_eq!(core["reportingComponent"], "operator");
    assert_same(
        &created,
        &core,
        &["metadata", "eventTime", "reason", "action", "type", "reportingInstance", "series", "related"],
    );
    assert_eq!((&core["source"], core.get("firstTimestamp")), (&json!({}), Some(&Value::Null)));
    for foreign in ["regarding", "note", "reportingController", "deprecatedCount", "deprecatedSource"] {
        assert_eq!(core.get(foreign), None, "{foreign}");
    }
    assert_eq!(watch.next().await, Some(json!({"type": "ADDED", "object": core})));
    for (selector, found) in [("involvedObject.name=ci-1", 1), ("involvedObject.name=ci-2", 0)] {
        let list = ask.get(&format!("{CORE}?fieldSelector={selector}")).await.1;
        assert_eq!(list["items"].as_array().map(Vec::len), Some(found), "{selector}");
    }

    let changed =
        ask.merge(&format!("{NEW}/e"), &json!({"note": "again", "metadata": {"labels": {"tier": "b"}}})).await.1;
    let core = ask.get(&format!("{CORE}/e")).await.1;
    assert_eq!((&core["message"], &core["metadata"]), (&json!("again"), &changed["metadata"]));
    assert_eq!(watch.next().await, Some(json!({"type": "MODIFIED", "object": core})));

    // From the other side, and what is based on an old state is refused there too.
    let mut stale = core.clone();
    let changed = ask.merge(&format!("{CORE}/e"), &json!({"count": 4})).await.1;
    let new = ask.get(&format!("{NEW}/e")).await.1;
    assert_eq!((&new["deprecatedCount"], &new["metadata"]), (&json!(4), &changed["metadata"]));
    stale["count"] = 5.into();
    assert_eq!(ask.put(&format!("{CORE}/e"), &stale).await.0, 409);
    assert_eq!(watch.next().await, Some(json!({"type": "MODIFIED", "object": changed})));

    assert_eq!(ask.delete(&format!("{CORE}/e")).await.0, 200);
    assert_eq!(ask.get(&format!("{NEW}/e")).await.0, 404);
    assert_eq!(ask.get(NEW).await.1["items"], json!([]));
    assert_eq!(watch.next().await.expect("an event")["type"], "DELETED");
    assert_eq!(watch.ready().await, None, "each change is told once");
}

#[tokio::test(start_paused = true)]
async fn a_core_event_is_an_event_of_the_new_group_too() {
    let ask = Asker::new(&cluster());
    let mut watch = ask.watch(&format!("{NEW}?watch=1")).await;
    let sent = json!({
        "metadata": {"name": "e"}, "involvedObject": about(), "message": "pulled", "reason": "Pulled", "type": "Warning",
        "source": {"component": "kubelet", "host": "h"}, "firstTimestamp": "2026-02-12T00:00:00Z",
        "lastTimestamp": "2026-02-12T00:00:01Z", "count": 2,
    });
    let core = ask.created(CORE, &sent).await;
    let new = ask.get(&format!("{NEW}/e")).await.1;
    assert_eq!(
        new,
        json!({
            "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": core["metadata"], "regarding": about(),
            "note": "pulled", "reason": "Pulled", "type": "Warning", "eventTime": null,
            "deprecatedSource": {"component": "kubelet", "host": "h"}, "deprecatedCount": 2,
            "deprecatedFirstTimestamp": "2026-02-12T00:00:00Z", "deprecatedLastTimestamp": "2026-02-12T00:00:01Z",
        })
    );
    assert_eq!(watch.next().await, Some(json!({"type": "ADDED", "object": new})));
    assert_eq!(ask.post(NEW, &new_event("e")).await.0, 409, "the name is taken in both");
    assert_eq!(ask.delete(&format!("{NEW}/e")).await.0, 200);
    assert_eq!(ask.get(&format!("{CORE}/e")).await.0, 404);
    assert_eq!(watch.next().await.expect("an event")["type"], "DELETED");
    assert_eq!(watch.ready().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_with_the_events_of_both_groups() {
    let ask = Asker::new(&cluster());
    ask.created("/api/v1/namespaces", &json!({"metadata": {"name": "n"}})).await;
    let mut event = new_event("e");
    event["metadata"]["finalizers"] = json!(["example.com/held"]);
    event["regarding"]["namespace"] = "n".into();
    let new = NEW.replace("default", "n");
    ask.created(&new, &event).await;
    ask.delete("/api/v1/namespaces/n").await;
    let held = ask.get(&format!("{}/e", CORE.replace("default", "n"))).await.1;
    assert!(held["metadata"]["deletionTimestamp"].is_string(), "{held}");
    ask.merge(&format!("{new}/e"), &json!({"metadata": {"finalizers": null}})).await;
    ask.merge("/api/v1/namespaces/n", &json!({})).await;
    assert_eq!(ask.get(&CORE.replace("default", "n")).await.1["items"], json!([]));
}
