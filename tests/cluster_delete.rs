//! Deleting: finalizers, preconditions, collections, namespaces and definitions.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use std::time::Duration;

use provbench::cluster::Cluster;
use serde_json::{Value, json};
use support::{Asker, GROUP, INSTANCES, cluster, cluster_with, crd, instance, options, revision};

const FINALIZER: &str = "cloudkit.openshift.io/computeinstance";

fn held(name: &str) -> Value {
    let mut object = instance(name);
    object["metadata"]["finalizers"] = json!([FINALIZER]);
    object
}

fn count(cluster: &Cluster) -> usize {
    cluster.count(GROUP, "computeinstances")
}

#[tokio::test(start_paused = true)]
async fn an_object_without_finalizers_goes_at_once() {
    let cluster = cluster();
    let ask = Asker::new(&cluster);
    let object = ask.created(INSTANCES, &instance("ci-1")).await;
    let (code, status) = ask.delete(&format!("{INSTANCES}/ci-1")).await;
    assert_eq!(code, 200);
    assert_eq!(
        status,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
            "details": {"name": "ci-1", "group": GROUP, "kind": "computeinstances", "uid": object["metadata"]["uid"]},
        })
    );
    assert_eq!((count(&cluster), ask.get(&format!("{INSTANCES}/ci-1")).await.0.as_u16()), (0, 404));
}

#[tokio::test(start_paused = true)]
async fn an_object_goes_when_its_last_finalizer_is_removed() {
    let options = options();
    let clock = options.clock.clone();
    let cluster = cluster_with(options);
    let ask = Asker::new(&cluster);
    let object = ask.created(INSTANCES, &held("ci-1")).await;
    let path = format!("{INSTANCES}/ci-1");
    let mut watch = ask.watch(&format!("{INSTANCES}?watch=1&resourceVersion={}", revision(&object))).await;
    clock.sleep(Duration::from_millis(2500)).await;

    let (code, marked) = ask.delete(&path).await;
    assert_eq!(code, 200);
    assert_eq!(marked["metadata"]["deletionTimestamp"], "2026-02-12T00:00:02Z");
    assert_eq!(marked["metadata"]["deletionGracePeriodSeconds"], 0);
    assert_eq!(marked["metadata"]["generation"], 2, "the real server counts this as a change too");
    assert_eq!(watch.ready().await, Some(json!({"type": "MODIFIED", "object": marked})));

    // Deleting it again changes nothing.
    assert_eq!(ask.delete(&path).await.1, marked);
    assert_eq!(watch.ready().await, None);

    // It can still be written to, and its deletion cannot be taken back.
    let (_, object) = ask.merge(&path, &json!({"metadata": {"deletionTimestamp": null, "labels": {"a": "b"}}})).await;
    assert_eq!(object["metadata"]["deletionTimestamp"], "2026-02-12T00:00:02Z");
    assert_eq!(watch.ready().await.map(|event| event["type"].clone()), Some(json!("MODIFIED")));

    let (code, last) = ask.merge(&path, &json!({"metadata": {"finalizers": []}})).await;
    assert_eq!((code.as_u16(), &last["metadata"]["finalizers"]), (200, &Value::Null));
    let deleted = watch.ready().await.expect("an event");
    assert_eq!(deleted["type"], "DELETED");
    assert!(revision(&deleted["object"]) > revision(&object), "a deletion has a revision of its own");
    assert_eq!(deleted["object"]["metadata"]["labels"]["a"], "b", "the last state");
    assert_eq!(count(&cluster), 0);
}

#[tokio::test(start_paused = true)]
async fn a_new_finalizer_is_refused_on_an_object_that_is_being_deleted() {
    let ask = Asker::new(&cluster());
    ask.created(INSTANCES, &held("ci-1")).await;
    let path = format!("{INSTANCES}/ci-1");
    ask.delete(&path).await;
    let more = json!({"metadata": {"finalizers": [FINALIZER, "x.io/b", "x.io/a"]}});
    let (code, status) = ask.merge(&path, &more).await;
    let sentence = "no new finalizers can be added if the object is being deleted, found new finalizers \
                    []string{\"x.io/a\", \"x.io/b\"}";
    assert_eq!((code.as_u16(), status["reason"].as_str()), (422, Some("Invalid")));
    assert_eq!(
        status["message"],
        format!(
            "ComputeInstance.cloudkit.openshift.io \"ci-1\" is invalid: metadata.finalizers: Forbidden: {sentence}"
        )
    );
    assert_eq!(
        status["details"]["causes"],
        json!([{"reason": "FieldValueForbidden", "message": format!("Forbidden: {sentence}"), "field": "metadata.finalizers"}])
    );
}

#[tokio::test(start_paused = true)]
async fn preconditions_must_hold() {
    let cluster = cluster();
    let ask = Asker::new(&cluster);
    let object = ask.created(INSTANCES, &instance("ci-1")).await;
    let path = format!("{INSTANCES}/ci-1");
    for wrong in [json!({"uid": "other"}), json!({"resourceVersion": "1"})] {
        let (code, status) = ask.delete_with(&path, &json!({ "preconditions": wrong })).await;
        assert_eq!((code.as_u16(), status["reason"].as_str()), (409, Some("Conflict")));
        let message = status["message"].as_str().unwrap_or_default();
        assert!(
            message
                .starts_with("Operation cannot be fulfilled on ComputeInstance.cloudkit.openshift.io \"ci-1\": the ")
        );
        assert!(message.contains("in the precondition"), "{message}");
    }
    for malformed in [json!("x"), json!([]), json!({"preconditions": 1})] {
        assert_eq!(ask.delete_with(&path, &malformed).await.0, 400, "{malformed}");
    }
    let metadata = &object["metadata"];
    let right = json!({"preconditions": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}});
    assert_eq!(ask.delete_with(&path, &right).await.0, 200);
    assert_eq!(count(&cluster), 0);
}

#[tokio::test(start_paused = true)]
async fn a_collection_is_deleted_by_selection() {
    let cluster = cluster();
    let ask = Asker::new(&cluster);
    for (name, tier) in [("a", "front"), ("b", "back"), ("c", "front")] {
        let mut object = held(name);
        object["metadata"]["labels"] = json!({ "tier": tier });
        object["metadata"]["finalizers"] = if name == "c" { json!([FINALIZER]) } else { json!([]) };
        ask.created(INSTANCES, &object).await;
    }
    let (code, list) = ask.delete(&format!("{INSTANCES}?labelSelector=tier%3Dfront")).await;
    assert_eq!((code.as_u16(), list["kind"].as_str()), (200, Some("ComputeInstanceList")));
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(count(&cluster), 2, "b was not selected and c has a finalizer");
    assert!(ask.get(&format!("{INSTANCES}/c")).await.1["metadata"]["deletionTimestamp"].is_string());
    ask.delete(INSTANCES).await;
    assert_eq!(count(&cluster), 1);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_after_what_is_in_it() {
    let cluster = cluster();
    let ask = Asker::new(&cluster);
    let namespace = ask.created("/api/v1/namespaces", &json!({"metadata": {"name": "x"}})).await;
    let instances = INSTANCES.replace("default", "x");
    ask.created(&instances, &instance("free")).await;
    ask.created(&instances, &held("held")).await;
    ask.created("/api/v1/namespaces/x/secrets", &json!({"metadata": {"name": "s"}})).await;
    ask.created(INSTANCES, &instance("elsewhere")).await;
    let mut watch = ask.watch(&format!("/api/v1/namespaces?watch=1&resourceVersion={}", revision(&namespace))).await;

    let (code, marked) = ask.delete("/api/v1/namespaces/x").await;
    assert_eq!((code.as_u16(), &marked["status"]["phase"]), (200, &json!("Terminating")));
    let events = watch.all_ready().await;
    assert_eq!(events.first(), Some(&format!("MODIFIED x {}", revision(&marked))));
    assert_eq!(events.len(), 2, "the second one says what it waits for: {events:?}");
    assert_eq!(cluster.count("", "secrets"), 0);
    assert_eq!(ask.get(&instances).await.1["items"].as_array().map(Vec::len), Some(1));
    let (code, status) = ask.post(&instances, &instance("late")).await;
    assert_eq!((code.as_u16(), status["reason"].as_str()), (403, Some("Forbidden")));
    assert_eq!(status["details"]["causes"][0]["reason"], "NamespaceTerminating");

    ask.merge(&format!("{instances}/held"), &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(ask.get("/api/v1/namespaces/x").await.0, 404);
    assert!(watch.all_ready().await[0].starts_with("DELETED x "));
    assert_eq!(count(&cluster), 1, "other namespaces are left alone");
}

#[tokio::test(start_paused = true)]
async fn an_empty_namespace_goes_at_once_and_is_seen_to_terminate() {
    let ask = Asker::new(&cluster());
    let namespace = ask.created("/api/v1/namespaces", &json!({"metadata": {"name": "x"}})).await;
    let mut watch = ask.watch(&format!("/api/v1/namespaces?watch=1&resourceVersion={}", revision(&namespace))).await;
    assert_eq!(ask.delete("/api/v1/namespaces/x").await.0, 200);
    let events = watch.all_ready().await;
    assert!(
        events.len() == 2 && events[0].starts_with("MODIFIED x") && events[1].starts_with("DELETED x"),
        "{events:?}"
    );
    ask.created("/api/v1/namespaces", &json!({"metadata": {"name": "x"}})).await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_with_a_finalizer_waits_for_it() {
    let ask = Asker::new(&cluster());
    ask.created("/api/v1/namespaces", &json!({"metadata": {"name": "x", "finalizers": ["a.io/b"]}})).await;
    ask.delete("/api/v1/namespaces/x").await;
    assert_eq!(ask.get("/api/v1/namespaces/x").await.0, 200);
    ask.merge("/api/v1/namespaces/x", &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(ask.get("/api/v1/namespaces/x").await.0, 404);
    let (code, status) = ask.delete("/api/v1/namespaces/default").await;
    assert_eq!(code, 403);
    assert_eq!(status["message"], "namespaces \"default\" is forbidden: this namespace may not be deleted");
}

#[tokio::test(start_paused = true)]
async fn a_definition_goes_after_its_instances_and_takes_the_kind_with_it() {
    let cluster = cluster();
    let ask = Asker::new(&cluster);
    let definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/computeinstances.cloudkit.openshift.io";
    let established = ask.get(definition).await.1;
    assert_eq!(established["status"]["conditions"][1]["type"], "Established");
    assert_eq!(established["status"]["storedVersions"], json!(["v1alpha1"]));
    ask.instances(&["free"]).await;
    ask.created(INSTANCES, &held("held")).await;
    let mut watch = ask.watch(&format!("{INSTANCES}?watch=1")).await;
    assert_eq!(watch.all_ready().await.len(), 2);

    ask.delete(definition).await;
    assert!(ask.get(definition).await.1["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(count(&cluster), 1);
    ask.merge(&format!("{INSTANCES}/held"), &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(ask.get(definition).await.0, 404);
    assert_eq!(ask.get(INSTANCES).await.0, 404);
    while watch.next().await.is_some() {}

    ask.created(&definition.replace("/computeinstances.cloudkit.openshift.io", ""), &crd()).await;
    assert_eq!(count(&cluster), 0);
    ask.instances(&["again"]).await;
    ask.delete(&format!("{INSTANCES}/again")).await;
    let (code, _) = ask.delete(definition).await;
    assert_eq!((code.as_u16(), ask.get(INSTANCES).await.0.as_u16()), (200, 404), "nothing to wait for");
}
