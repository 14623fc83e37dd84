//! Creating, reading and changing objects: what the embedded cluster has in common with kube-apiserver.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use http::Method;
use provbench::cluster::Cluster;
use serde_json::{Value, json};
use support::{Asker, INSTANCES, cluster, cluster_with, instance, options, revision};

fn ask() -> Asker {
    Asker::new(&cluster())
}

/// The parts of a `Status` that say why.
fn why(status: &Value) -> (&str, &str) {
    assert_eq!((status["kind"].as_str(), status["apiVersion"].as_str()), (Some("Status"), Some("v1")), "{status}");
    assert_eq!(status["status"], "Failure");
    (status["reason"].as_str().unwrap_or_default(), status["message"].as_str().unwrap_or_default())
}

#[tokio::test(start_paused = true)]
async fn a_new_object_gets_what_only_the_server_sets() {
    let ask = ask();
    let mut sent = instance("ci-1");
    sent["metadata"]["uid"] = "mine".into();
    sent["metadata"]["generation"] = 7.into();
    sent["metadata"]["deletionTimestamp"] = "2026-02-12T00:00:00Z".into();
    sent["metadata"]["managedFields"] = json!([{"manager": "me"}]);
    sent["status"] = json!({"phase": "Running"});
    let object = ask.created(INSTANCES, &sent).await;
    let metadata = &object["metadata"];
    assert_eq!(metadata["namespace"], "default");
    assert_eq!(metadata["creationTimestamp"], "2026-02-12T00:00:00Z");
    assert_eq!(metadata["generation"], 1);
    assert_eq!(metadata["uid"].as_str().map(str::len), Some(36));
    assert_eq!(metadata["deletionTimestamp"], Value::Null);
    assert_eq!(metadata["managedFields"], Value::Null);
    assert_eq!(object["status"], Value::Null, "the status has a door of its own");
    assert_eq!(ask.get(&format!("{INSTANCES}/ci-1")).await, (http::StatusCode::OK, object));
}

#[tokio::test(start_paused = true)]
async fn the_same_requests_give_the_same_bytes() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let ask = ask();
        ask.instances(&["a", "b"]).await;
        ask.created(
            INSTANCES,
            &json!({
                "apiVersion": "cloudkit.openshift.io/v1alpha1", "kind": "ComputeInstance",
                "metadata": {"generateName": "gen-"}, "spec": {"templateID": "t"},
            }),
        )
        .await;
        seen.push(ask.get(INSTANCES).await.1.to_string());
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].contains("\"gen-"));
}

#[tokio::test(start_paused = true)]
async fn revisions_rise_over_all_resources() {
    let ask = ask();
    let first = ask.created(INSTANCES, &instance("a")).await;
    let secret = ask.created("/api/v1/namespaces/default/secrets", &json!({"metadata": {"name": "s"}})).await;
    let second = ask.created(INSTANCES, &instance("b")).await;
    assert_eq!(revision(&secret), revision(&first) + 1);
    assert_eq!(revision(&second), revision(&first) + 2);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_refused() {
    let ask = ask();
    ask.instances(&["ci-1"]).await;
    let (code, status) = ask.post(INSTANCES, &instance("ci-1")).await;
    assert_eq!(code, 409);
    let message = "computeinstances.cloudkit.openshift.io \"ci-1\" already exists";
    assert_eq!(why(&status), ("AlreadyExists", message));
    let details = json!({"name": "ci-1", "group": "cloudkit.openshift.io", "kind": "computeinstances"});
    assert_eq!(status["details"], details);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_there_is_not_found() {
    let ask = ask();
    let (code, status) = ask.get(&format!("{INSTANCES}/ghost")).await;
    assert_eq!(code, 404);
    assert_eq!(
        status,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "computeinstances.cloudkit.openshift.io \"ghost\" not found", "reason": "NotFound",
            "details": {"name": "ghost", "group": "cloudkit.openshift.io", "kind": "computeinstances"}, "code": 404,
        })
    );
    let ghost = format!("{INSTANCES}/ghost");
    assert_eq!(ask.put(&ghost, &instance("ghost")).await.0, 404);
    assert_eq!(ask.merge(&ghost, &json!({})).await.0, 404);
    assert_eq!(ask.merge(&format!("{ghost}/status"), &json!({"status": {}})).await.0, 404);
    assert_eq!(ask.delete(&ghost).await.0, 404);
    for path in ["/apis/other.io/v1/things", "/api/v2/secrets", "/apis/cloudkit.openshift.io/v9/computeinstances", "/"]
    {
        assert_eq!(ask.get(path).await.0, 404, "{path}");
    }
    assert_eq!(ask.get("/api/v1/namespaces/default/secrets/x/scale").await.0, 404);
    assert_eq!(ask.get("/apis/cloudkit.openshift.io/v1alpha1/computeinstances/ci-1").await.0, 404, "needs a namespace");
    let everywhere = "/apis/cloudkit.openshift.io/v1alpha1/computeinstances";
    assert_eq!(ask.post(everywhere, &instance("ci-1")).await.0, 404, "is made in a namespace");
    assert_eq!(ask.delete(everywhere).await.0, 404, "nothing is deleted everywhere at once");
}

#[tokio::test(start_paused = true)]
async fn a_namespace_must_be_there_first() {
    let ask = ask();
    let elsewhere = INSTANCES.replace("default", "elsewhere");
    let (code, status) = ask.post(&elsewhere, &instance("ci-1")).await;
    assert_eq!((code.as_u16(), why(&status)), (404, ("NotFound", "namespaces \"elsewhere\" not found")));
    ask.created("/api/v1/namespaces", &json!({"metadata": {"name": "elsewhere"}})).await;
    ask.created(&elsewhere, &instance("ci-1")).await;
    let namespace = ask.get("/api/v1/namespaces/elsewhere").await.1;
    assert_eq!(namespace["status"]["phase"], "Active");
    assert_eq!(namespace["metadata"]["labels"]["kubernetes.io/metadata.name"], "elsewhere");
}

#[tokio::test(start_paused = true)]
async fn the_body_must_fit_the_url() {
    let ask = ask();
    ask.instances(&["ci-1"]).await;
    let mut other_namespace = instance("ci-2");
    other_namespace["metadata"]["namespace"] = "x".into();
    let mut other_version = instance("ci-2");
    other_version["apiVersion"] = "cloudkit.openshift.io/v2".into();
    let mut other_kind = instance("ci-2");
    other_kind["kind"] = "Tenant".into();
    let mut no_kind = instance("ci-2");
    no_kind["kind"] = "".into();
    for bad in [&other_namespace, &other_version, &no_kind, &json!([]), &json!(1)] {
        let (code, status) = ask.post(INSTANCES, bad).await;
        assert_eq!((code.as_u16(), why(&status).0), (400, "BadRequest"), "{bad}");
    }
    let (code, status) = ask.post(INSTANCES, &other_kind).await;
    assert_eq!((code.as_u16(), why(&status).0), (422, "Invalid"));
    assert_eq!(
        (&status["details"]["kind"], &status["details"]["causes"][0]["field"]),
        (&json!("Tenant"), &json!("kind"))
    );
    let (code, status) = ask.put(&format!("{INSTANCES}/ci-1"), &instance("ci-2")).await;
    let message = "the name of the object (ci-2) does not match the name on the URL (ci-1)";
    assert_eq!((code.as_u16(), why(&status)), (400, ("BadRequest", message)));
}

#[tokio::test(start_paused = true)]
async fn malformed_and_oversized_bodies_are_refused() {
    let ask = ask();
    for body in [&b""[..], b"{", b"{}x", b"\xff", &b"[".repeat(10_000)] {
        assert_eq!(ask.ask(Method::POST, INSTANCES, "application/json", body).await.0, 400);
    }
    let large = vec![b' '; 3 * 1024 * 1024 + 1];
    let (code, status) = ask.ask(Method::POST, INSTANCES, "application/json", &large).await;
    assert_eq!((code.as_u16(), why(&status).0), (413, "RequestEntityTooLarge"));
    let (code, status) = ask.ask(Method::POST, INSTANCES, "application/xml", b"<a/>").await;
    assert_eq!((code.as_u16(), why(&status).0), (415, "UnsupportedMediaType"));
}

#[tokio::test(start_paused = true)]
async fn a_verb_that_a_resource_does_not_know_is_not_allowed() {
    let ask = ask();
    ask.instances(&["ci-1"]).await;
    let one = format!("{INSTANCES}/ci-1");
    for (method, path) in [
        (Method::POST, one.as_str()),
        (Method::PUT, INSTANCES),
        (Method::PATCH, INSTANCES),
        (Method::OPTIONS, INSTANCES),
        (Method::DELETE, &format!("{one}/status")),
    ] {
        let body = if method == Method::DELETE { String::new() } else { instance("ci-1").to_string() };
        let (code, status) = ask.ask(method.clone(), path, "application/json", body.as_bytes()).await;
        assert_eq!((code.as_u16(), why(&status).0), (405, "MethodNotAllowed"), "{method} {path}");
    }
    // In all namespaces at once, custom objects have no page but their lists.
    let everywhere = "/apis/cloudkit.openshift.io/v1alpha1/computeinstances";
    let (code, page) = ask.post(everywhere, &instance("ci-1")).await;
    assert_eq!((code.as_u16(), page.as_str()), (404, Some("404 page not found\n")));
}

#[tokio::test(start_paused = true)]
async fn a_method_that_is_no_verb_is_not_allowed_and_not_taken_for_another() {
    let ask = ask();
    ask.instances(&["ci-1"]).await;
    let one = format!("{INSTANCES}/ci-1");
    let secrets = "/api/v1/namespaces/default/secrets";
    let generic = "the server does not allow this method on the requested resource";
    for method in [Method::OPTIONS, Method::TRACE, Method::from_bytes(b"BREW").expect("a method")] {
        let custom =
            format!("{method} is not supported on resources of kind \"computeinstances.cloudkit.openshift.io\"");
        for (path, message) in [
            (INSTANCES, custom.as_str()),
            (&one, &custom),
            (&format!("{one}/status"), &custom),
            (&format!("{INSTANCES}?watch=true"), &custom),
            (secrets, generic),
            (&format!("{secrets}/x"), generic),
            ("/api/v1/namespaces/default/finalize", generic),
            ("/api/v1", generic),
            ("/version", generic),
        ] {
            let (code, status) = ask.ask(method.clone(), path, "application/json", b"").await;
            let told = (code.as_u16(), status["reason"].as_str(), status["message"].as_str());
            assert_eq!(told, (405, Some("MethodNotAllowed"), Some(message)), "{method} {path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_must_be_based_on_the_present_state() {
    let ask = ask();
    let object = ask.created(INSTANCES, &instance("ci-1")).await;
    let path = format!("{INSTANCES}/ci-1");
    let mut newer = object.clone();
    newer["spec"]["templateID"] = "large".into();
    let (code, newer) = ask.put(&path, &newer).await;
    assert_eq!((code.as_u16(), newer["spec"]["templateID"].as_str()), (200, Some("large")));
    let conflict = "Operation cannot be fulfilled on computeinstances.cloudkit.openshift.io \"ci-1\": the object has been \
                    modified; please apply your changes to the latest version and try again";
    for (code, status) in [
        ask.put(&path, &object).await,
        ask.put(&format!("{path}/status"), &object).await,
        ask.merge(&path, &json!({"metadata": {"resourceVersion": object["metadata"]["resourceVersion"]}})).await,
        ask.merge(
            &format!("{path}/status"),
            &json!({"metadata": {"resourceVersion": "1"}, "status": {"phase": "Failed"}}),
        )
        .await,
        ask.json_patch(&path, &json!([{"op": "replace", "path": "/metadata/resourceVersion", "value": "1"}])).await,
    ] {
        assert_eq!((code.as_u16(), why(&status)), (409, ("Conflict", conflict)));
    }
    let mut blind = newer.clone();
    blind["metadata"]["resourceVersion"] = Value::Null;
    let (code, status) = ask.put(&path, &blind).await;
    let message = "computeinstances.cloudkit.openshift.io \"ci-1\" is invalid: metadata.resourceVersion: Invalid value: \
                   0x0: must be specified for an update";
    assert_eq!((code.as_u16(), why(&status)), (422, ("Invalid", message)));
    blind["metadata"]["resourceVersion"] = "soon".into();
    assert_eq!(ask.put(&path, &blind).await.0, 400);
    assert_eq!(ask.get(&path).await.1, newer);
}

#[tokio::test(start_paused = true)]
async fn an_update_of_an_object_of_that_name_and_another_uid_is_a_conflict() {
    let ask = ask();
    let mut object = ask.created(INSTANCES, &instance("ci-1")).await;
    object["metadata"]["uid"] = "11111111-1111-4111-8111-111111111111".into();
    let (code, status) = ask.put(&format!("{INSTANCES}/ci-1"), &object).await;
    assert_eq!((code.as_u16(), why(&status).0), (409, "Conflict"));
    assert!(why(&status).1.contains("Precondition failed: UID in precondition: 11111111-"), "{status}");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_changes_nothing_makes_no_revision_and_no_event() {
    let ask = ask();
    let object = ask.created(INSTANCES, &instance("ci-1")).await;
    let path = format!("{INSTANCES}/ci-1");
    let status = json!({"status": {"phase": "Starting"}});
    let with_status = ask.merge(&format!("{path}/status"), &status).await.1;
    let mut watch = ask.watch(&format!("{INSTANCES}?watch=1&resourceVersion={}", revision(&object))).await;
    assert_eq!(watch.all_ready().await, [format!("MODIFIED ci-1 {}", revision(&with_status))]);
    for (code, answer) in [
        ask.put(&path, &with_status).await,
        ask.merge(&path, &json!({"spec": {"templateID": "small"}})).await,
        ask.merge(&path, &json!({"metadata": {"labels": {}}})).await,
        ask.json_patch(&path, &json!([{"op": "test", "path": "/spec/templateID", "value": "small"}])).await,
        ask.merge(&format!("{path}/status"), &status).await,
        ask.put(&format!("{path}/status"), &with_status).await,
        ask.merge(&path, &json!({"spec": {"unknown": 1}})).await,
    ] {
        assert_eq!((code.as_u16(), &answer), (200, &with_status));
    }
    assert_eq!(watch.all_ready().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_generation_counts_changes_of_the_spec_only() {
    let ask = ask();
    ask.instances(&["ci-1"]).await;
    let path = format!("{INSTANCES}/ci-1");
    for (subresource, patch, generation) in [
        ("", json!({"metadata": {"labels": {"a": "b"}}}), 1),
        ("/status", json!({"status": {"phase": "Running"}}), 1),
        ("", json!({"spec": {"templateID": "large"}}), 2),
        ("", json!({"metadata": {"generation": 9}, "spec": {"priority": 3}}), 3),
    ] {
        let (code, object) = ask.merge(&format!("{path}{subresource}"), &patch).await;
        assert_eq!((code.as_u16(), &object["metadata"]["generation"]), (200, &json!(generation)), "{patch}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_and_the_rest_have_doors_of_their_own() {
    let ask = ask();
    ask.instances(&["ci-1"]).await;
    let path = format!("{INSTANCES}/ci-1");
    let by_main = json!({"status": {"phase": "Failed"}, "metadata": {"labels": {"a": "b"}}});
    let object = ask.merge(&path, &by_main).await.1;
    assert_eq!((&object["status"], &object["metadata"]["labels"]["a"]), (&Value::Null, &json!("b")));
    let by_status = json!({
        "status": {"phase": "Running"}, "spec": {"templateID": "large"},
        "metadata": {"labels": {"a": "c"}, "finalizers": ["x.io/y"]},
    });
    let object = ask.merge(&format!("{path}/status"), &by_status).await.1;
    assert_eq!((&object["status"]["phase"], &object["spec"]["templateID"]), (&json!("Running"), &json!("small")));
    assert_eq!((&object["metadata"]["labels"]["a"], &object["metadata"]["finalizers"]), (&json!("b"), &Value::Null));
    let mut put = object.clone();
    put["status"] = json!({"phase": "Failed"});
    put["spec"]["templateID"] = "large".into();
    let object = ask.put(&format!("{path}/status"), &put).await.1;
    assert_eq!((&object["status"]["phase"], &object["spec"]["templateID"]), (&json!("Failed"), &json!("small")));
    let mut put = object.clone();
    put["status"] = json!({});
    put["spec"]["templateID"] = "large".into();
    let object = ask.put(&path, &put).await.1;
    assert_eq!((&object["status"]["phase"], &object["spec"]["templateID"]), (&json!("Failed"), &json!("large")));
    let (code, object) = ask.json_patch(&format!("{path}/status"), &json!([{"op": "remove", "path": "/status"}])).await;
    assert_eq!((code.as_u16(), &object["status"]), (200, &Value::Null));
    assert_eq!(ask.get(&format!("{path}/status")).await.1, object);
}

#[tokio::test(start_paused = true)]
async fn a_resource_without_a_status_subresource_keeps_its_status_like_any_field() {
    let mut crd = support::crd();
    crd["spec"]["versions"][0]["subresources"] = json!({});
    let cluster = Cluster::new(support::options());
    cluster.install_crd(&crd).expect("a definition");
    let ask = Asker::new(&cluster);
    let mut object = instance("l");
    object["status"] = json!({"phase": "Running"});
    assert_eq!(ask.created(INSTANCES, &object).await["status"], object["status"]);
    let (code, status) = ask.merge(&format!("{INSTANCES}/l/status"), &json!({"status": {}})).await;
    assert_eq!((code.as_u16(), why(&status).0), (404, "NotFound"));
}

#[tokio::test(start_paused = true)]
async fn what_identifies_an_object_cannot_be_changed() {
    let ask = ask();
    let object = ask.created(INSTANCES, &instance("ci-1")).await;
    let path = format!("{INSTANCES}/ci-1");
    for (field, code) in [("name", 400), ("uid", 422), ("namespace", 400)] {
        let (actual, status) = ask.merge(&path, &json!({"metadata": {field: "other"}})).await;
        assert_eq!(actual, code, "{field}: {status}");
        if code == 422 {
            assert_eq!(status["details"]["causes"][0]["field"], format!("metadata.{field}"));
            assert!(why(&status).1.ends_with("Invalid value: \"other\": field is immutable"), "{status}");
        }
    }
    let times =
        json!({"metadata": {"creationTimestamp": "2000-01-01T00:00:00Z", "deletionTimestamp": "2000-01-01T00:00:00Z"}});
    assert_eq!(ask.merge(&path, &times).await.1, object, "times are the server's");
}

#[tokio::test(start_paused = true)]
async fn patches_are_applied_as_a_whole_or_not_at_all() {
    let ask = ask();
    let object = ask.created(INSTANCES, &instance("ci-1")).await;
    let path = format!("{INSTANCES}/ci-1");
    let half = json!([
        {"op": "replace", "path": "/spec/templateID", "value": "large"},
        {"op": "test", "path": "/spec/templateID", "value": "small"},
    ]);
    let (code, status) = ask.json_patch(&path, &half).await;
    let message = "the server rejected our request due to an error in our request";
    assert_eq!((code.as_u16(), why(&status)), (422, ("Invalid", message)));
    assert_eq!(ask.get(&path).await.1, object);
    let whole = json!([
        {"op": "test", "path": "/metadata/resourceVersion", "value": object["metadata"]["resourceVersion"]},
        {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},
        {"op": "replace", "path": "/spec/templateID", "value": "large"},
    ]);
    let (code, object) = ask.json_patch(&path, &whole).await;
    assert_eq!((code.as_u16(), &object["metadata"]["labels"]["a"]), (200, &json!("b")));
    for content_type in ["application/strategic-merge-patch+json", "application/x"] {
        let (code, status) = ask.ask(Method::PATCH, &path, content_type, b"{}").await;
        assert_eq!((code.as_u16(), why(&status).0), (415, "UnsupportedMediaType"));
    }
}

#[tokio::test(start_paused = true)]
async fn names_are_generated_checked_and_required() {
    let ask = ask();
    let mut generated = instance("");
    generated["metadata"] = json!({"generateName": "ci-"});
    let first = ask.created(INSTANCES, &generated).await;
    let second = ask.created(INSTANCES, &generated).await;
    let name = |object: &Value| object["metadata"]["name"].as_str().map(str::to_owned);
    assert!(name(&first).is_some_and(|name| name.starts_with("ci-") && name.len() == 8));
    assert_ne!(name(&first), name(&second));
    let (code, status) = ask.post(INSTANCES, &instance("Not_A_Name")).await;
    assert_eq!((code.as_u16(), why(&status).0), (422, "Invalid"));
    assert_eq!(status["details"]["kind"], "ComputeInstance");
    assert_eq!(status["details"]["causes"][0]["field"], "metadata.name");
    let (code, status) = ask.post(INSTANCES, &instance("")).await;
    assert_eq!(code, 422);
    assert!(why(&status).1.contains("metadata.name: Required value: name or generateName is required"), "{status}");
    let mut based = instance("ci-9");
    based["metadata"]["resourceVersion"] = "1".into();
    let (code, status) = ask.post(INSTANCES, &based).await;
    assert_eq!((code.as_u16(), why(&status).1), (500, "resourceVersion should not be set on objects to be created"));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_checks_everything_and_changes_nothing() {
    let cluster = cluster();
    let ask = Asker::new(&cluster);
    let object = ask.created(INSTANCES, &instance("ci-1")).await;
    let path = format!("{INSTANCES}/ci-1");
    assert_eq!(ask.post(&format!("{INSTANCES}?dryRun=All"), &instance("ci-2")).await.0, 201);
    assert_eq!(ask.post(&format!("{INSTANCES}?dryRun=All"), &instance("ci-1")).await.0, 409);
    let (code, changed) = ask.merge(&format!("{path}?dryRun=All"), &json!({"spec": {"templateID": "large"}})).await;
    assert_eq!((code.as_u16(), &changed["spec"]["templateID"]), (200, &json!("large")));
    let (code, changed) =
        ask.merge(&format!("{path}/status?dryRun=All"), &json!({"status": {"phase": "Failed"}})).await;
    assert_eq!((code.as_u16(), &changed["status"]["phase"]), (200, &json!("Failed")));
    assert_eq!(ask.delete(&format!("{path}?dryRun=All")).await.0, 200);
    assert_eq!(ask.delete_with(&path, &json!({"dryRun": ["All"]})).await.0, 200);
    assert_eq!(ask.get(&path).await.1, object);
    assert_eq!(cluster.count("cloudkit.openshift.io", "computeinstances"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_update_creates_where_the_real_server_does_so() {
    let ask = ask();
    let path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/l";
    assert_eq!(ask.put(path, &json!({"metadata": {"name": "l"}, "spec": {}})).await.0, 201);
    let (code, status) = ask.put(path, &json!({"metadata": {"name": "l"}, "spec": {"a": 1}})).await;
    assert_eq!((code.as_u16(), why(&status).0), (422, "Invalid"), "a lease is updated from a state only");
    let secret = "/api/v1/namespaces/default/secrets/s";
    assert_eq!(ask.put(secret, &json!({"metadata": {"name": "s"}})).await.0, 404);
}

#[tokio::test(start_paused = true)]
async fn a_secret_keeps_its_texts_in_base64() {
    let ask = ask();
    let secret = json!({"metadata": {"name": "s"}, "data": {"a": "eA=="}, "stringData": {"b": "hello"}});
    let secret = ask.created("/api/v1/namespaces/default/secrets", &secret).await;
    assert_eq!(secret["data"], json!({"a": "eA==", "b": "aGVsbG8="}));
    assert_eq!((&secret["stringData"], &secret["type"]), (&Value::Null, &json!("Opaque")));
    assert_eq!((&secret["kind"], &secret["apiVersion"]), (&json!("Secret"), &json!("v1")));
}

#[tokio::test(start_paused = true)]
async fn every_built_in_kind_is_there() {
    let ask = Asker::new(&cluster_with(options()));
    for (path, kind) in [
        ("/api/v1/namespaces", "NamespaceList"),
        ("/api/v1/secrets", "SecretList"),
        ("/api/v1/events", "EventList"),
        ("/apis/events.k8s.io/v1/events", "EventList"),
        ("/apis/coordination.k8s.io/v1/leases", "LeaseList"),
        ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "CustomResourceDefinitionList"),
        ("/apis/kubevirt.io/v1/virtualmachines", "VirtualMachineList"),
        ("/apis/kubevirt.io/v1/virtualmachineinstances", "VirtualMachineInstanceList"),
        ("/apis/cdi.kubevirt.io/v1beta1/datavolumes", "DataVolumeList"),
        ("/apis/k8s.ovn.org/v1/userdefinednetworks", "UserDefinedNetworkList"),
    ] {
        let (code, list) = ask.get(path).await;
        assert_eq!((code.as_u16(), list["kind"].as_str()), (200, Some(kind)), "{path}");
        assert!(list["items"].is_array());
    }
    let (code, version) = ask.get("/version").await;
    assert_eq!((code.as_u16(), version["minor"].as_str()), (200, Some("33")));
    for path in ["/healthz", "/readyz", "/livez"] {
        assert_eq!(ask.get(path).await, (http::StatusCode::OK, json!("ok")));
    }
}

#[tokio::test(start_paused = true)]
async fn kubernetes_own_kinds_take_strategic_patches_and_custom_ones_do_not() {
    let ask = ask();
    let secrets = "/api/v1/namespaces/default/secrets";
    ask.created(secrets, &json!({"metadata": {"name": "s", "finalizers": ["x.io/a"]}})).await;
    let strategic = "application/strategic-merge-patch+json";
    let patch = json!({"metadata": {"finalizers": ["x.io/b"], "resourceVersion": "1"}});
    let secret = format!("{secrets}/s");
    let (code, status) = ask.ask(Method::PATCH, &secret, strategic, patch.to_string().as_bytes()).await;
    assert_eq!((code.as_u16(), why(&status).0), (409, "Conflict"), "a revision in a patch is a precondition");
    let patch = json!({"metadata": {"finalizers": ["x.io/b"]}, "stringData": {"k": "v"}});
    let (code, object) = ask.ask(Method::PATCH, &secret, strategic, patch.to_string().as_bytes()).await;
    assert_eq!((code.as_u16(), &object["metadata"]["finalizers"]), (200, &json!(["x.io/b", "x.io/a"])));
    assert_eq!(object["data"], json!({"k": "dg=="}));
    ask.instances(&["ci-1"]).await;
    let (code, status) = ask.ask(Method::PATCH, &format!("{INSTANCES}/ci-1"), strategic, b"{}").await;
    let accepted = "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
    let message =
        format!("the body of the request was in an unknown format - accepted media types include: {accepted}");
    assert_eq!((code.as_u16(), why(&status)), (415, ("UnsupportedMediaType", message.as_str())));
}
