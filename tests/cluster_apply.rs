//! Server-side apply: ownership of fields, conflicts, and what goes when it is applied no more.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use http::{Method, StatusCode};
use provbench::cluster::{Cluster, FieldTracking, Options};
use serde_json::{Value, json};
use support::{Asker, INSTANCES, cluster, cluster_with, instance, options, revision};

const API_VERSION: &str = "cloudkit.openshift.io/v1alpha1";

async fn apply(ask: &Asker, path: &str, query: &str, config: &Value) -> (StatusCode, Value) {
    let path = format!("{path}?{query}");
    ask.ask(Method::PATCH, &path, "application/apply-patch+yaml", config.to_string().as_bytes()).await
}

fn config(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": API_VERSION, "kind": "ComputeInstance", "metadata": {"name": name}, "spec": spec})
}

/// The entries as `manager operation subresource` and their fields.
fn managers(object: &Value) -> Vec<(String, Value)> {
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or("-").to_owned();
    entries
        .iter()
        .map(|entry| {
            let who = format!("{} {} {}", text(entry, "manager"), text(entry, "operation"), text(entry, "subresource"));
            (who, entry["fieldsV1"].clone())
        })
        .collect()
}

fn tracking() -> Cluster {
    cluster_with(Options { field_tracking: FieldTracking::Always, ..options() })
}

#[tokio::test(start_paused = true)]
async fn applying_creates_and_says_who_owns_what() {
    let ask = Asker::new(&cluster());
    let path = format!("{INSTANCES}/a");
    let yaml = b"apiVersion: cloudkit.openshift.io/v1alpha1\nkind: ComputeInstance\nmetadata:\n  name: a\n  labels:\n    tier: front\nspec:\n  templateID: small\n";
    let query = format!("{path}?fieldManager=alice");
    let (code, object) = ask.ask(Method::PATCH, &query, "application/apply-patch+yaml", yaml).await;
    assert_eq!(code, 201, "{object}");
    assert_eq!(
        object["metadata"]["managedFields"],
        json!([{
            "manager": "alice", "operation": "Apply", "apiVersion": API_VERSION, "time": "2026-02-12T00:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:metadata": {"f:labels": {"f:tier": {}}}, "f:spec": {"f:templateID": {}}},
        }])
    );
    assert_eq!(object["metadata"]["generation"], 1);
    // Once more: nothing happens.
    let (code, again) = ask.ask(Method::PATCH, &query, "application/apply-patch+yaml", yaml).await;
    assert_eq!((code.as_u16(), &again), (200, &object));
}

#[tokio::test(start_paused = true)]
async fn what_others_own_is_a_conflict_until_it_is_forced() {
    let ask = Asker::new(&cluster());
    let path = format!("{INSTANCES}/a");
    apply(&ask, &path, "fieldManager=alice", &config("a", &json!({"templateID": "small", "priority": 1}))).await;
    let other = config("a", &json!({"templateID": "large"}));
    let (code, status) = apply(&ask, &path, "fieldManager=bob", &other).await;
    assert_eq!(
        status,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "code": 409, "reason": "Conflict",
            "message": "Apply failed with 1 conflict: conflict with \"alice\": .spec.templateID",
            "details": {"causes": [{
                "reason": "FieldManagerConflict", "message": "conflict with \"alice\"", "field": ".spec.templateID",
            }]},
        })
    );
    assert_eq!(code, 409);
    let (code, forced) = apply(&ask, &path, "fieldManager=bob&force=true", &other).await;
    assert_eq!((code.as_u16(), &forced["spec"]), (200, &json!({"templateID": "large", "priority": 1})));
    assert_eq!(
        managers(&forced),
        [
            ("alice Apply -".to_owned(), json!({"f:spec": {"f:priority": {}}})),
            ("bob Apply -".to_owned(), json!({"f:spec": {"f:templateID": {}}})),
        ]
    );
    // The same value is nobody's alone.
    let (code, shared) = apply(&ask, &path, "fieldManager=carol", &other).await;
    assert_eq!((code.as_u16(), managers(&shared).len()), (200, 3));
    assert_eq!(shared["metadata"]["generation"], forced["metadata"]["generation"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_applied_no_more_goes_unless_somebody_else_owns_it() {
    let ask = Asker::new(&cluster());
    let path = format!("{INSTANCES}/a");
    let mut first = config("a", &json!({"templateID": "small", "priority": 1, "templateParameters": "{}"}));
    first["metadata"]["labels"] = json!({"a": "1", "b": "2"});
    first["metadata"]["finalizers"] = json!(["x.io/a", "x.io/b"]);
    apply(&ask, &path, "fieldManager=alice", &first).await;
    apply(&ask, &path, "fieldManager=bob", &config("a", &json!({"priority": 1}))).await;
    let mut second = config("a", &json!({"templateID": "small"}));
    second["metadata"]["labels"] = json!({"b": "2"});
    second["metadata"]["finalizers"] = json!(["x.io/b"]);
    let (code, object) = apply(&ask, &path, "fieldManager=alice", &second).await;
    assert_eq!(code, 200, "{object}");
    assert_eq!(object["spec"], json!({"templateID": "small", "priority": 1}));
    assert_eq!(object["metadata"]["labels"], json!({"b": "2"}));
    assert_eq!(object["metadata"]["finalizers"], json!(["x.io/b"]));
    let (_, object) = apply(&ask, &path, "fieldManager=alice", &config("a", &json!({"templateID": "small"}))).await;
    assert_eq!((&object["metadata"]["labels"], &object["metadata"]["finalizers"]), (&Value::Null, &Value::Null));
}

#[tokio::test(start_paused = true)]
async fn what_was_there_before_the_first_apply_has_an_owner_too() {
    let ask = Asker::new(&cluster());
    let created = ask.created(INSTANCES, &instance("a")).await;
    assert_eq!(created["metadata"]["managedFields"], Value::Null, "ordinary writes are not tracked by default");
    let path = format!("{INSTANCES}/a");
    let other = config("a", &json!({"templateID": "large"}));
    let (code, status) = apply(&ask, &path, "fieldManager=bob", &other).await;
    let sentence = format!("conflict with \"before-first-apply\" using {API_VERSION}");
    assert_eq!((code.as_u16(), &status["details"]["causes"][0]["message"]), (409, &json!(sentence)));
    assert_eq!(status["message"], format!("Apply failed with 1 conflict: {sentence}: .spec.templateID"));
    let (code, object) = apply(&ask, &path, "fieldManager=bob&force=true", &other).await;
    assert_eq!(code, 200);
    assert_eq!(
        managers(&object),
        [
            ("bob Apply -".to_owned(), json!({"f:spec": {"f:templateID": {}}})),
            ("before-first-apply Update -".to_owned(), json!({"f:spec": {}})),
        ]
    );
    // From now on ordinary writes are tracked, on every door.
    let (_, object) = ask.merge(&format!("{path}?fieldManager=carol"), &json!({"spec": {"templateID": "huge"}})).await;
    assert_eq!(object["spec"]["templateID"], "huge");
    let (_, object) = ask.merge(&format!("{path}/status"), &json!({"status": {"phase": "Running"}})).await;
    assert_eq!(
        managers(&object),
        [
            ("before-first-apply Update -".to_owned(), json!({"f:spec": {}})),
            ("carol Update -".to_owned(), json!({"f:spec": {"f:templateID": {}}})),
            ("unknown Update status".to_owned(), json!({"f:status": {".": {}, "f:phase": {}}})),
        ],
        "bob has lost all that he owned"
    );
}

#[tokio::test(start_paused = true)]
async fn a_server_can_track_every_write() {
    let ask = Asker::new(&tracking());
    let mut object = instance("a");
    object["metadata"]["labels"] = json!({"tier": "front"});
    let created = ask.created(&format!("{INSTANCES}?fieldManager=alice"), &object).await;
    assert_eq!(
        managers(&created),
        [(
            "alice Update -".to_owned(),
            json!({"f:metadata": {"f:labels": {".": {}, "f:tier": {}}}, "f:spec": {".": {}, "f:templateID": {}}})
        )]
    );
    // A PUT of what was read changes nothing, managed fields included.
    let path = format!("{INSTANCES}/a");
    assert_eq!(ask.put(&path, &created).await.1, created);
    let mut changed = created.clone();
    changed["spec"]["priority"] = json!(3);
    changed["metadata"]["managedFields"] = Value::Null;
    let (_, object) = ask.put(&format!("{path}?fieldManager=bob"), &changed).await;
    assert_eq!(managers(&object).len(), 2, "those that the client leaves out are kept");
    assert_eq!(managers(&object)[1], ("bob Update -".to_owned(), json!({"f:spec": {"f:priority": {}}})));
    let (_, object) = ask.json_patch(&path, &json!([{"op": "remove", "path": "/spec/priority"}])).await;
    assert_eq!(managers(&object).len(), 1, "who owns nothing any more is forgotten");
    // What the server itself puts into a namespace belongs to nobody.
    let namespace = json!({"metadata": {"name": "x", "labels": {"a": "b"}}});
    let created = ask.created("/api/v1/namespaces?fieldManager=alice", &namespace).await;
    let labels = json!({".": {}, "f:a": {}, "f:kubernetes.io/metadata.name": {}});
    assert_eq!(managers(&created), [("alice Update -".to_owned(), json!({"f:metadata": {"f:labels": labels}}))]);
    // One empty entry empties them.
    let (_, object) = ask.merge(&path, &json!({"metadata": {"managedFields": [{}]}})).await;
    assert_eq!(managers(&object), []);
}

#[tokio::test(start_paused = true)]
async fn the_status_is_applied_through_its_own_door() {
    let ask = Asker::new(&cluster());
    let path = format!("{INSTANCES}/a");
    let status = |phase: &str| {
        let mut object = config("a", &json!({"templateID": "ignored"}));
        object["status"] = json!({ "phase": phase });
        object
    };
    let (code, _) = apply(&ask, &format!("{path}/status"), "fieldManager=op", &status("Running")).await;
    assert_eq!(code, 404, "the status of nothing");
    let (_, object) = apply(&ask, &path, "fieldManager=user", &{
        let mut object = status("Failed");
        object["spec"]["templateID"] = json!("small");
        object
    })
    .await;
    assert_eq!(object["status"], Value::Null, "the main door takes no status");
    let (code, object) = apply(&ask, &format!("{path}/status"), "fieldManager=op", &status("Running")).await;
    assert_eq!((code.as_u16(), &object["status"]["phase"]), (200, &json!("Running")));
    assert_eq!(object["spec"]["templateID"], "small");
    assert_eq!(managers(&object)[0], ("op Apply status".to_owned(), json!({"f:status": {"f:phase": {}}})));
    let (code, conflict) = apply(&ask, &format!("{path}/status"), "fieldManager=other", &status("Failed")).await;
    assert_eq!(code, 409);
    assert_eq!(conflict["details"]["causes"][0]["message"], "conflict with \"op\" with subresource \"status\"");
    let (code, invalid) = apply(&ask, &format!("{path}/status"), "fieldManager=op", &status("Odd")).await;
    assert_eq!((code.as_u16(), invalid["reason"].as_str()), (422, Some("Invalid")));
}

#[tokio::test(start_paused = true)]
async fn lists_have_owners_item_by_item_where_the_schema_says_so() {
    let mut crd = support::crd();
    crd["spec"]["names"] = json!({"plural": "things", "kind": "Thing"});
    crd["metadata"]["name"] = json!("things.cloudkit.openshift.io");
    let item = json!({"type": "object", "required": ["name"], "properties": {
        "name": {"type": "string"}, "port": {"type": "integer", "default": 80}, "note": {"type": "string"},
    }});
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = json!({
        "type": "object", "properties": {
            "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name", "port"], "items": item},
            "words": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
            "plain": {"type": "array", "items": {"type": "string"}},
            "one": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}},
        },
    });
    let cluster = Cluster::new(options());
    cluster.install_crd(&crd).expect("a definition");
    let ask = Asker::new(&cluster);
    let path = INSTANCES.replace("computeinstances", "things/a");
    let thing =
        |spec: Value| json!({"apiVersion": API_VERSION, "kind": "Thing", "metadata": {"name": "a"}, "spec": spec});
    let alice = thing(json!({
        "ports": [{"name": "web", "note": "hers"}], "words": ["x", "y"], "plain": ["p"], "one": {"a": "1"},
    }));
    let (code, object) = apply(&ask, &path, "fieldManager=alice", &alice).await;
    assert_eq!(code, 201, "{object}");
    assert_eq!(object["spec"]["ports"], json!([{"name": "web", "port": 80, "note": "hers"}]));
    assert_eq!(
        managers(&object)[0].1["f:spec"],
        json!({
            "f:ports": {"k:{\"name\":\"web\",\"port\":80}": {".": {}, "f:name": {}, "f:note": {}}},
            "f:words": {"v:\"x\"": {}, "v:\"y\"": {}}, "f:plain": {}, "f:one": {},
        })
    );
    let bob = thing(json!({"ports": [{"name": "db", "port": 5432}], "words": ["z", "y"]}));
    let (_, object) = apply(&ask, &path, "fieldManager=bob", &bob).await;
    assert_eq!(object["spec"]["words"], json!(["x", "z", "y"]), "joined, in the order of who applied last");
    assert_eq!(object["spec"]["ports"].as_array().map(Vec::len), Some(2));
    let (code, status) = apply(&ask, &path, "fieldManager=bob", &thing(json!({"one": {"b": "2"}}))).await;
    assert_eq!((code.as_u16(), &status["details"]["causes"][0]["field"]), (409, &json!(".spec.one")));
    let note = thing(json!({"ports": [{"name": "web", "port": 80, "note": "his"}]}));
    let (_, status) = apply(&ask, &path, "fieldManager=bob", &note).await;
    assert_eq!(status["details"]["causes"][0]["field"], ".spec.ports[name=\"web\",port=80].note");
    let (_, object) = apply(&ask, &path, "fieldManager=bob", &thing(json!({"words": ["z"]}))).await;
    assert_eq!(object["spec"]["words"], json!(["x", "z", "y"]), "y is alice's too");
    assert_eq!(object["spec"]["ports"].as_array().map(Vec::len), Some(1));
    // What the schema does not know, or knows otherwise, is not merged at all.
    for (spec, complaint) in [
        (json!({"odd": 1}), ".spec.odd: field not declared in schema"),
        (json!({"plain": "x"}), ".spec.plain: expected list, got &value.valueUnstructured{Value:\"x\"}"),
        (json!({"words": ["a", "a"]}), ".spec.words: duplicate entries for key [=\"a\"]"),
        (
            json!({"ports": [{"port": 1}]}),
            ".spec.ports: element 0: associative list with keys has an element that omits key field \"name\" (and doesn't have default value)",
        ),
    ] {
        let (code, status) = apply(&ask, &path, "fieldManager=bob", &thing(spec)).await;
        let whole = format!("failed to create typed patch object (default/a; {API_VERSION}, Kind=Thing): {complaint}");
        assert_eq!((code.as_u16(), &status["message"]), (500, &json!(whole)));
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_applied_is_refused() {
    let ask = Asker::new(&cluster());
    let path = format!("{INSTANCES}/a");
    let fine = config("a", &json!({"templateID": "small"}));
    let (code, status) = apply(&ask, &path, "", &fine).await;
    assert_eq!(code, 422);
    assert_eq!(
        status["message"],
        "PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required value: is required for apply patch"
    );
    assert_eq!(status["details"]["causes"][0]["field"], "fieldManager");
    let (code, status) = ask.merge(&format!("{path}?force=true"), &json!({})).await;
    assert_eq!((code.as_u16(), &status["details"]["causes"][0]["field"]), (422, &json!("force")));
    let with = |field: &str, value: Value| {
        let mut object = fine.clone();
        object["metadata"][field] = value;
        object
    };
    for (body, code, words) in [
        (with("managedFields", json!([])), 400, "metadata.managedFields must be nil"),
        (with("name", json!("b")), 400, "does not match the name on the URL"),
        (with("uid", json!("u")), 409, "uid mismatch"),
        (
            json!({"kind": "ComputeInstance", "metadata": {"name": "a"}}),
            400,
            "Incorrect version specified in apply patch",
        ),
        (config("a", &json!({"templateID": "9"})), 422, "should match"),
        (json!([1]), 400, "error decoding YAML"),
    ] {
        let (found, status) = apply(&ask, &path, "fieldManager=me", &body).await;
        let message = status["message"].as_str().unwrap_or_default();
        assert!(found == code && message.contains(words), "{body}: {found} {message}");
    }
    assert_eq!(ask.get(&path).await.0, 404, "nothing of it was kept");
    let (code, object) = apply(&ask, &path, "fieldManager=me&dryRun=All", &fine).await;
    assert_eq!((code.as_u16(), managers(&object).len()), (201, 1));
    assert_eq!(ask.get(&path).await.0, 404);
    // The revision of a configuration is a precondition.
    let (_, object) = apply(&ask, &path, "fieldManager=me", &fine).await;
    let (code, status) = apply(&ask, &path, "fieldManager=me", &with("resourceVersion", json!("1"))).await;
    assert_eq!((code.as_u16(), status["reason"].as_str()), (409, Some("Conflict")));
    let current = revision(&object).to_string();
    assert_eq!(apply(&ask, &path, "fieldManager=me", &with("resourceVersion", current.into())).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn built_in_kinds_are_applied_too() {
    let ask = Asker::new(&cluster());
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"a": "b"}});
    let path = "/api/v1/namespaces/default/secrets/s";
    let (code, object) = apply(&ask, path, "fieldManager=me", &secret).await;
    assert_eq!((code.as_u16(), &object["data"]), (201, &json!({"a": "Yg=="})));
    let reference = |uid: &str| json!({"apiVersion": "v1", "kind": "X", "name": "x", "uid": uid});
    let owned = |uid: &str| json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "ownerReferences": [reference(uid)]}});
    apply(&ask, path, "fieldManager=one", &owned("1")).await;
    let (_, object) = apply(&ask, path, "fieldManager=two", &owned("2")).await;
    assert_eq!(object["metadata"]["ownerReferences"], json!([reference("1"), reference("2")]), "by uid");
    assert_eq!(managers(&object)[2].1, json!({"f:metadata": {"f:ownerReferences": {"k:{\"uid\":\"2\"}": {}}}}));
}
