//! Dependents and their owners, and how namespaces end.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use http::Method;
use provbench::cluster::Cluster;
use serde_json::{Value, json};
use support::{Asker, INSTANCES, cluster, instance};

const SECRETS: &str = "/api/v1/namespaces/default/secrets";

/// A cluster with a collector.
fn collected() -> Cluster {
    let cluster = cluster();
    tokio::spawn(cluster.collect_garbage());
    cluster
}

/// Lets the collector do what there is to do.
async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

fn reference(owner: &Value, blocks: bool) -> Value {
    json!({
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "blockOwnerDeletion": blocks,
    })
}

fn secret(name: &str, owners: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "ownerReferences": owners}})
}

async fn names(ask: &Asker, path: &str) -> Vec<String> {
    let list = ask.get(path).await.1;
    let items = list["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item["metadata"]["name"].as_str().unwrap_or("?").to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn dependents_go_after_the_last_of_their_owners() {
    let ask = Asker::new(&collected());
    let one = ask.created(INSTANCES, &instance("one")).await;
    let two = ask.created(INSTANCES, &instance("two")).await;
    ask.created(SECRETS, &secret("ones", &[reference(&one, false)])).await;
    let shared = ask.created(SECRETS, &secret("shared", &[reference(&one, false), reference(&two, false)])).await;
    ask.created(SECRETS, &secret("nobodys", &[])).await;
    ask.created(SECRETS, &secret("grandchild", &[reference(&shared, false)])).await;
    settle().await;
    assert_eq!(names(&ask, SECRETS).await.len(), 4, "as long as their owners are there");
    ask.delete(&format!("{INSTANCES}/one")).await;
    settle().await;
    assert_eq!(names(&ask, SECRETS).await, ["grandchild", "nobodys", "shared"]);
    let left = ask.get(&format!("{SECRETS}/shared")).await.1;
    assert_eq!(left["metadata"]["ownerReferences"], json!([reference(&two, false)]), "who has gone is no owner");
    ask.delete(&format!("{INSTANCES}/two?propagationPolicy=Background")).await;
    settle().await;
    assert_eq!(names(&ask, SECRETS).await, ["nobodys"]);
}

#[tokio::test(start_paused = true)]
async fn an_owner_is_the_object_with_that_uid_and_no_namesake() {
    let ask = Asker::new(&collected());
    let one = ask.created(INSTANCES, &instance("one")).await;
    let mut stranger = reference(&one, false);
    stranger["uid"] = json!("another");
    ask.created(SECRETS, &secret("a", &[stranger])).await;
    let mut unknown = reference(&one, false);
    unknown["kind"] = json!("Unheard");
    ask.created(SECRETS, &secret("b", &[unknown])).await;
    settle().await;
    assert_eq!(names(&ask, SECRETS).await, ["b"], "an owner of an unknown kind may be there");
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_goes_in_the_foreground_goes_last() {
    let ask = Asker::new(&collected());
    let one = ask.created(INSTANCES, &instance("one")).await;
    let mut held = secret("held", &[reference(&one, true)]);
    held["metadata"]["finalizers"] = json!(["x.io/hold"]);
    ask.created(SECRETS, &held).await;
    ask.created(SECRETS, &secret("free", &[reference(&one, true)])).await;
    let path = format!("{INSTANCES}/one");
    let (code, marked) = ask.delete_with(&path, &json!({"propagationPolicy": "Foreground"})).await;
    assert_eq!((code.as_u16(), &marked["metadata"]["finalizers"]), (200, &json!(["foregroundDeletion"])));
    settle().await;
    assert_eq!(names(&ask, SECRETS).await, ["held"]);
    assert_eq!(ask.get(&path).await.0, 200, "it waits for those that block it");
    ask.merge(&format!("{SECRETS}/held"), &json!({"metadata": {"finalizers": null}})).await;
    settle().await;
    assert_eq!((ask.get(&path).await.0.as_u16(), names(&ask, SECRETS).await.len()), (404, 0));
    // A dependent that lets go of its owner lets it go.
    let two = ask.created(INSTANCES, &instance("two")).await;
    let mut held = secret("keeps", &[reference(&two, true)]);
    held["metadata"]["finalizers"] = json!(["x.io/hold"]);
    ask.created(SECRETS, &held).await;
    ask.delete_with(&format!("{INSTANCES}/two"), &json!({"propagationPolicy": "Foreground"})).await;
    settle().await;
    assert_eq!(ask.get(&format!("{INSTANCES}/two")).await.0, 200);
    ask.merge(&format!("{SECRETS}/keeps"), &json!({"metadata": {"ownerReferences": null}})).await;
    settle().await;
    assert_eq!(ask.get(&format!("{INSTANCES}/two")).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn orphans_stay_and_have_no_owner() {
    let ask = Asker::new(&collected());
    for (name, options) in [("one", json!({"propagationPolicy": "Orphan"})), ("two", json!({"orphanDependents": true}))]
    {
        let owner = ask.created(INSTANCES, &instance(name)).await;
        ask.created(SECRETS, &secret(name, &[reference(&owner, true)])).await;
        let (_, marked) = ask.delete_with(&format!("{INSTANCES}/{name}"), &options).await;
        assert_eq!(marked["metadata"]["finalizers"], json!(["orphan"]));
        settle().await;
        assert_eq!(ask.get(&format!("{INSTANCES}/{name}")).await.0, 404);
        let (code, orphan) = ask.get(&format!("{SECRETS}/{name}")).await;
        assert_eq!((code.as_u16(), &orphan["metadata"]["ownerReferences"]), (200, &Value::Null));
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_word_on_dependents_counts_and_nonsense_is_refused() {
    let ask = Asker::new(&cluster());
    ask.instances(&["a"]).await;
    let path = format!("{INSTANCES}/a");
    for (options, field) in [
        (json!({"propagationPolicy": "Odd"}), "propagationPolicy"),
        (json!({"propagationPolicy": "Orphan", "orphanDependents": true}), "propagationPolicy"),
    ] {
        let (code, status) = ask.delete_with(&path, &options).await;
        assert_eq!((code.as_u16(), &status["details"]["causes"][0]["field"]), (422, &json!(field)));
    }
    // Without a collector nobody takes the finalizer off, and a second delete can.
    ask.delete_with(&path, &json!({"propagationPolicy": "Foreground"})).await;
    settle().await;
    assert_eq!(ask.get(&path).await.0, 200);
    assert_eq!(ask.delete(&path).await.1["metadata"]["finalizers"], json!(["foregroundDeletion"]));
    ask.delete_with(&path, &json!({"propagationPolicy": "Background"})).await;
    assert_eq!(ask.get(&path).await.0, 404);
    // A collection goes as each of it would.
    ask.instances(&["b", "c"]).await;
    ask.ask(Method::DELETE, &format!("{INSTANCES}?propagationPolicy=Orphan"), "", b"").await;
    assert_eq!(ask.get(&format!("{INSTANCES}/b")).await.1["metadata"]["finalizers"], json!(["orphan"]));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_says_what_it_waits_for() {
    let ask = Asker::new(&cluster());
    ask.created("/api/v1/namespaces", &json!({"metadata": {"name": "x"}})).await;
    let mut held = instance("a");
    held["metadata"]["finalizers"] = json!(["x.io/hold"]);
    let inside = INSTANCES.replace("default", "x");
    ask.created(&inside, &held).await;
    ask.delete("/api/v1/namespaces/x").await;
    let (_, namespace) = ask.get("/api/v1/namespaces/x").await;
    assert_eq!(namespace["status"]["phase"], "Terminating");
    let conditions = namespace["status"]["conditions"].as_array().expect("conditions");
    let said: Vec<_> = conditions
        .iter()
        .filter(|condition| condition["status"] == "True")
        .map(|condition| (condition["reason"].as_str().unwrap_or("?"), condition["message"].as_str().unwrap_or("?")))
        .collect();
    assert_eq!(
        said,
        [
            (
                "SomeResourcesRemain",
                "Some resources are remaining: computeinstances.cloudkit.openshift.io has 1 resource instances"
            ),
            (
                "SomeFinalizersRemain",
                "Some content in the namespace has finalizers remaining: x.io/hold in 1 resource instances"
            ),
        ]
    );
    let (code, status) = ask.post(&inside, &instance("b")).await;
    assert_eq!((code.as_u16(), status["reason"].as_str()), (403, Some("Forbidden")));
    assert_eq!(status["details"]["causes"][0]["reason"], "NamespaceTerminating");
    ask.merge(&format!("{inside}/a"), &json!({"metadata": {"finalizers": null}})).await;
    assert_eq!(ask.get("/api/v1/namespaces/x").await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_namespace_is_held_by_the_finalizers_of_its_spec() {
    let ask = Asker::new(&cluster());
    let sent = json!({"metadata": {"name": "x"}, "spec": {"finalizers": ["x.io/a"]}});
    let created = ask.created("/api/v1/namespaces", &sent).await;
    assert_eq!(created["spec"], json!({"finalizers": ["x.io/a", "kubernetes"]}));
    let path = "/api/v1/namespaces/x";
    let mut changed = created.clone();
    changed["spec"] = json!({});
    assert_eq!(ask.put(path, &changed).await.1["spec"], created["spec"], "not through this door");
    ask.delete(path).await;
    let (code, left) = ask.get(path).await;
    assert_eq!((code.as_u16(), &left["spec"]), (200, &json!({"finalizers": ["x.io/a"]})), "the content's is done with");
    assert_eq!(ask.delete(path).await.0, 200);
    assert_eq!(ask.get(path).await.0, 200, "deleting it again does not get around it");
    let finalize = format!("{path}/finalize");
    assert_eq!(ask.get(&finalize).await.0, 405);
    let mut stale = left.clone();
    stale["metadata"]["resourceVersion"] = json!("1");
    assert_eq!(ask.put(&finalize, &stale).await.0, 409);
    let mut done = left.clone();
    done["spec"] = json!({});
    let (code, last) = ask.put(&finalize, &done).await;
    assert_eq!((code.as_u16(), &last["spec"]), (200, &json!({})));
    assert_eq!(ask.get(path).await.0, 404);
}
