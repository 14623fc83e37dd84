//! Lists: selection, order, pages.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use provbench::cluster::Options;
use serde_json::{Value, json};
use support::{Asker, GROUP, INSTANCES, cluster, cluster_with, instance, options, revision};

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

#[tokio::test(start_paused = true)]
async fn options_of_lists_and_watches_that_contradict_each_other_are_refused() {
    let ask = Asker::new(&cluster());
    ask.instances(&["a"]).await;
    for (query, fields) in [
        ("resourceVersionMatch=Exact", vec!["resourceVersionMatch"]),
        ("resourceVersionMatch=Exact&resourceVersion=0", vec!["resourceVersionMatch"]),
        ("resourceVersionMatch=Odd&resourceVersion=1", vec!["resourceVersionMatch"]),
        ("resourceVersionMatch=Odd&continue=x", vec!["resourceVersionMatch"; 3]),
        ("sendInitialEvents=true", vec!["sendInitialEvents"]),
        ("watch=1&sendInitialEvents=false", vec!["resourceVersionMatch"]),
        ("watch=1&resourceVersionMatch=NotOlderThan", vec!["resourceVersionMatch"]),
        ("watch=1&sendInitialEvents=true&resourceVersionMatch=Exact", vec!["resourceVersionMatch"; 2]),
    ] {
        let (code, status) = ask.get(&format!("{INSTANCES}?{query}")).await;
        assert_eq!((code.as_u16(), status["reason"].as_str()), (422, Some("Invalid")), "{query}");
        let message = status["message"].as_str().unwrap_or_default();
        assert!(message.starts_with("ListOptions.meta.k8s.io \"\" is invalid: "), "{message}");
        let causes = status["details"]["causes"].as_array().expect("causes");
        let found: Vec<_> = causes.iter().map(|cause| cause["field"].as_str().unwrap_or_default()).collect();
        assert_eq!(found, fields, "{query}");
    }
    let future = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=999";
    assert_eq!(ask.get(&format!("{INSTANCES}?{future}")).await.0, 504);
}

#[tokio::test(start_paused = true)]
async fn a_list_can_show_an_earlier_state_for_as_long_as_the_history_reaches() {
    let ask = Asker::new(&cluster_with(Options { history: 6, ..options() }));
    ask.instances(&["a", "b"]).await;
    let before = ask.get(INSTANCES).await.1;
    let asked = revision(&before);
    ask.merge(&format!("{INSTANCES}/a"), &json!({"spec": {"templateID": "large"}})).await;
    ask.delete(&format!("{INSTANCES}/b")).await;
    ask.instances(&["c"]).await;
    let exact = format!("{INSTANCES}?resourceVersionMatch=Exact&resourceVersion={asked}");
    let shown = ask.get(&exact).await.1;
    assert_eq!((&shown["items"], revision(&shown)), (&before["items"], asked));
    // A limit makes a revision alone mean the same; without one it is a lower bound.
    let limited = ask.get(&format!("{INSTANCES}?limit=5&resourceVersion={asked}")).await.1;
    assert_eq!(limited["items"], before["items"]);
    assert_eq!(names(&ask.get(&format!("{INSTANCES}?resourceVersion={asked}")).await.1), ["a", "c"]);
    let not_older = format!("{INSTANCES}?limit=5&resourceVersionMatch=NotOlderThan&resourceVersion={asked}");
    assert_eq!(names(&ask.get(&not_older).await.1), ["a", "c"]);
    // Pages of an earlier state are pages of that state.
    let first = ask.get(&format!("{INSTANCES}?limit=1&resourceVersion={asked}")).await.1;
    let token = first["metadata"]["continue"].as_str().expect("more").to_owned();
    let second = ask.get(&format!("{INSTANCES}?limit=1&continue={token}")).await.1;
    assert_eq!((names(&second), revision(&second)), (vec!["b".to_owned()], asked));
    // The history of six events ends here.
    ask.instances(&["d", "e"]).await;
    let (code, status) = ask.get(&exact).await;
    assert_eq!((code.as_u16(), status["reason"].as_str()), (410, Some("Expired")));
    assert_eq!(status["message"], "The resourceVersion for the provided list is too old.");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_has_expired_can_go_on_with_what_is_there_now() {
    let ask = Asker::new(&cluster());
    ask.instances(&["a", "b", "c"]).await;
    let token = |list: &Value| list["metadata"]["continue"].as_str().map(str::to_owned);
    let first = ask.get(&format!("{INSTANCES}?limit=1")).await.1;
    let next = format!("{INSTANCES}?limit=5&continue={}", token(&first).expect("more"));
    for _ in 0..16 {
        ask.get(&format!("{INSTANCES}?limit=1")).await;
    }
    ask.instances(&["bb"]).await;
    let (code, status) = ask.get(&next).await;
    assert_eq!((code.as_u16(), status["reason"].as_str()), (410, Some("Expired")));
    let rest = format!("{INSTANCES}?limit=2&continue={}", token(&status).expect("a token for the rest"));
    let (_, list) = ask.get(&rest).await;
    assert_eq!((names(&list), &list["metadata"]["remainingItemCount"]), (vec!["b".into(), "bb".into()], &json!(1)));
    let (code, _) = ask.get(&format!("{next}&resourceVersion=7")).await;
    assert_eq!(code, 400, "a token has its revision in it");
}
