//! Lists: selection, order, pages.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use serde_json::{Value, json};
use support::{Asker, GROUP, INSTANCES, cluster, instance, revision};

fn names(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().expect("items");
    items.iter().map(|item| item["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_list_is_sorted_and_has_the_revision_of_the_whole_server() {
    let cluster = cluster();
    let ask = Asker::new(&cluster);
    ask.created("/api/v1/namespaces", &json!({"metadata": {"name": "a"}})).await;
    ask.instances(&["b", "a", "c"]).await;
    let newest = ask.created(&INSTANCES.replace("default", "a"), &instance("z")).await;
    let (_, list) = ask.get("/apis/cloudkit.openshift.io/v1alpha1/computeinstances").await;
    assert_eq!(names(&list), ["z", "a", "b", "c"], "by namespace, then by name");
    assert_eq!(
        (&list["kind"], &list["apiVersion"]),
        (&json!("ComputeInstanceList"), &json!("cloudkit.openshift.io/v1alpha1"))
    );
    assert_eq!(revision(&list), revision(&newest));
    assert_eq!(names(&ask.get(INSTANCES).await.1), ["a", "b", "c"]);
    let direct: Vec<Value> = cluster.list(GROUP, "computeinstances");
    assert_eq!(list["items"], json!(direct), "what is listed directly is what is served");
    assert_eq!((cluster.count(GROUP, "computeinstances"), cluster.count("x", "y")), (4, 0));
    assert!(cluster.list("x", "y").is_empty());
}

#[tokio::test(start_paused = true)]
async fn selectors_select() {
    let ask = Asker::new(&cluster());
    for (name, labels) in [("a", json!({"tier": "front"})), ("b", json!({"tier": "back"})), ("c", json!({}))] {
        let mut object = instance(name);
        object["metadata"]["labels"] = labels;
        ask.created(INSTANCES, &object).await;
    }
    for (query, expected) in [
        ("labelSelector=tier", vec!["a", "b"]),
        ("labelSelector=!tier", vec!["c"]),
        ("labelSelector=tier%3Dfront", vec!["a"]),
        ("labelSelector=tier!=front", vec!["b", "c"]),
        ("labelSelector=tier+in+(front,back)", vec!["a", "b"]),
        ("labelSelector=tier+notin+(front)", vec!["b", "c"]),
        ("fieldSelector=metadata.name%3Db", vec!["b"]),
        ("fieldSelector=metadata.name!=b,metadata.namespace=default", vec!["a", "c"]),
        ("fieldSelector=metadata.name=a&labelSelector=tier=back", vec![]),
        ("resourceVersion=0", vec!["a", "b", "c"]),
    ] {
        let (code, list) = ask.get(&format!("{INSTANCES}?{query}")).await;
        assert_eq!((code.as_u16(), names(&list)), (200, expected.iter().map(ToString::to_string).collect()), "{query}");
    }
    for bad in ["fieldSelector=spec.x=y", "labelSelector=a=b=c", "labelSelector=%zz", "limit=x", "resourceVersion=x"] {
        let (code, status) = ask.get(&format!("{INSTANCES}?{bad}")).await;
        assert_eq!((code.as_u16(), status["reason"].as_str()), (400, Some("BadRequest")), "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_pages_of_a_list_show_one_state() {
    let ask = Asker::new(&cluster());
    ask.instances(&["a", "b", "c", "d", "e"]).await;
    let (_, first) = ask.get(&format!("{INSTANCES}?limit=2")).await;
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["a".into(), "b".into()], &json!(3)));
    ask.delete(&format!("{INSTANCES}/c")).await;
    ask.instances(&["bb"]).await;
    let token = |list: &Value| list["metadata"]["continue"].as_str().map(str::to_owned);
    let next = format!("{INSTANCES}?limit=2&continue={}", token(&first).expect("more"));
    let (_, second) = ask.get(&next).await;
    assert_eq!(names(&second), ["c", "d"], "as it was");
    let (_, third) = ask.get(&format!("{INSTANCES}?limit=2&continue={}", token(&second).expect("more"))).await;
    assert_eq!((names(&third), token(&third)), (vec!["e".to_owned()], None));
    for page in [&second, &third] {
        assert_eq!(revision(page), revision(&first));
    }
    let (code, status) = ask.get(&next).await;
    assert_eq!((code.as_u16(), status["reason"].as_str()), (410, Some("Expired")), "the list has been read to its end");
    assert_eq!(ask.get(&format!("{INSTANCES}?continue=nonsense")).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn nobody_reads_the_future() {
    let ask = Asker::new(&cluster());
    ask.instances(&["a"]).await;
    for path in [format!("{INSTANCES}?resourceVersion=999"), format!("{INSTANCES}/a?resourceVersion=999")] {
        let (code, status) = ask.get(&path).await;
        assert_eq!((code.as_u16(), status["reason"].as_str()), (504, Some("Timeout")));
        assert_eq!(status["details"]["causes"][0]["reason"], "ResourceVersionTooLarge");
    }
    let old = format!("{INSTANCES}?resourceVersion=1&resourceVersionMatch=Exact");
    assert_eq!(ask.get(&old).await.0, 410);
}
