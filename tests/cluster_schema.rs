//! Custom resources are held to their schemas, and complaints read like the real server's.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use http::Method;
use provbench::cluster::{Cluster, FieldTracking, Options};
use serde_json::{Value, json};
use support::{Asker, INSTANCES, cluster, cluster_with, crd, instance, options};

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

#[tokio::test(start_paused = true)]
async fn a_spec_that_breaks_a_rule_is_invalid_with_a_cause_for_each_field() {
    let ask = Asker::new(&cluster());
    let mut object = instance("ci-1");
    object["spec"] = json!({"templateID": "9x"});
    let (code, status) = ask.post(INSTANCES, &object).await;
    let sentence = "Invalid value: \"9x\": spec.templateID in body should match '^[a-zA-Z_][a-zA-Z0-9._]*$'";
    assert_eq!(code, 422);
    assert_eq!(
        status,
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": format!("ComputeInstance.cloudkit.openshift.io \"ci-1\" is invalid: spec.templateID: {sentence}"),
            "reason": "Invalid",
            "details": {
                "name": "ci-1", "group": "cloudkit.openshift.io", "kind": "ComputeInstance",
                "causes": [{"reason": "FieldValueInvalid", "message": sentence, "field": "spec.templateID"}],
            },
            "code": 422,
        })
    );
    object["spec"] = json!({"priority": 10, "restartRequestedAt": "soon", "templateParameters": {}});
    let (_, status) = ask.post(INSTANCES, &object).await;
    let causes = status["details"]["causes"].as_array().expect("causes");
    let brief: Vec<String> = causes
        .iter()
        .map(|cause| {
            format!("{}: {}", cause["field"].as_str().unwrap_or("?"), cause["message"].as_str().unwrap_or("?"))
        })
        .collect();
    assert_eq!(
        brief,
        [
            "spec.templateID: Required value",
            "spec.priority: Invalid value: 10: spec.priority in body should be less than or equal to 9",
            "spec.restartRequestedAt: Invalid value: \"soon\": spec.restartRequestedAt in body must be of type date-time: \"soon\"",
            "spec.templateParameters: Invalid value: \"object\": spec.templateParameters in body must be of type string: \"object\"",
        ]
    );
    assert!(
        status["message"]
            .as_str()
            .is_some_and(|message| message.contains("is invalid: [spec.templateID: Required value, "))
    );
    object.as_object_mut().expect("an object").remove("spec");
    let (_, status) = ask.post(INSTANCES, &object).await;
    assert_eq!(
        status["details"]["causes"][0],
        json!({"reason": "FieldValueRequired", "message": "Required value", "field": "spec"})
    );
}

#[tokio::test(start_paused = true)]
async fn a_status_is_held_to_its_schema_too() {
    let ask = Asker::new(&cluster());
    ask.instances(&["ci-1"]).await;
    let path = format!("{INSTANCES}/ci-1/status");
    let bad = json!({"status": {"phase": "Sleeping", "jobs": [{"jobID": "1", "type": "provision", "state": "Done"}]}});
    let (code, status) = ask.merge(&path, &bad).await;
    assert_eq!(code, 422);
    let fields: Vec<&str> = status["details"]["causes"]
        .as_array()
        .expect("causes")
        .iter()
        .filter_map(|cause| cause["field"].as_str())
        .collect();
    assert_eq!(fields, ["status.jobs[0].timestamp", "status.jobs[0].state", "status.phase"]);
    assert_eq!(
        status["details"]["causes"][2]["message"],
        "Unsupported value: \"Sleeping\": supported values: \"Starting\", \"Running\", \"Failed\", \"Deleting\""
    );
    assert_eq!(ask.get(&path).await.1["status"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn unknown_fields_are_dropped_or_refused_as_the_client_likes() {
    let ask = Asker::new(&cluster());
    let mut object = instance("ci-1");
    object["spec"]["stranger"] = 1.into();
    object["other"] = json!({});
    let (code, status) = ask.post(&format!("{INSTANCES}?fieldValidation=Strict"), &object).await;
    assert_eq!(code, 400);
    assert_eq!(status["message"], "strict decoding error: unknown field \"spec.stranger\", unknown field \"other\"");
    let kept = ask.created(INSTANCES, &object).await;
    assert_eq!((&kept["spec"], &kept["other"]), (&json!({"templateID": "small"}), &Value::Null));
    let path = format!("{INSTANCES}/ci-1/status");
    let change = json!({"status": {"phase": "Running", "stranger": 1}});
    assert_eq!(ask.merge(&format!("{path}?fieldValidation=Strict"), &change).await.0, 400);
    assert_eq!(ask.merge(&path, &change).await.1["status"], json!({"phase": "Running"}));
}

#[tokio::test(start_paused = true)]
async fn defaults_are_kept_with_the_object() {
    let cluster = Cluster::new(options());
    let mut definition = crd();
    let properties = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties";
    definition.pointer_mut(properties).expect("a schema")["priority"]["default"] = 5.into();
    cluster.install_crd(&definition).expect("a definition");
    let ask = Asker::new(&cluster);
    let object = ask.created(INSTANCES, &instance("ci-1")).await;
    assert_eq!(object["spec"]["priority"], 5);
    assert_eq!(object["metadata"]["generation"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_stricter_schema_does_not_stop_what_was_there_from_changing_elsewhere() {
    let ask = Asker::new(&cluster());
    ask.instances(&["ci-1"]).await;
    let path = format!("{DEFINITIONS}/computeinstances.cloudkit.openshift.io");
    let field = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/templateID/pattern";
    let (code, _) = ask.json_patch(&path, &json!([{"op": "replace", "path": field, "value": "^large$"}])).await;
    assert_eq!(code, 200);
    assert_eq!(ask.post(INSTANCES, &instance("ci-2")).await.0, 422, "the new schema is in force");
    let one = format!("{INSTANCES}/ci-1");
    assert_eq!(ask.merge(&one, &json!({"spec": {"priority": 1}})).await.0, 200);
    assert_eq!(ask.merge(&one, &json!({"spec": {"templateID": "tiny"}})).await.0, 422);
}

#[tokio::test(start_paused = true)]
async fn a_definition_that_cannot_work_is_refused() {
    let cluster = cluster();
    let error = cluster.install_crd(&crd()).expect_err("it is there already");
    assert!(error.to_string().contains("already exists"), "{error}");
    let mut bad = crd();
    bad["metadata"]["name"] = "things.example.com".into();
    let error = cluster.install_crd(&bad).expect_err("another name");
    assert!(error.message.contains("metadata.name: Invalid value: \"things.example.com\": must be spec.names.plural"));
    bad = crd();
    let pattern = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/templateID/pattern";
    *bad.pointer_mut(pattern).expect("a pattern") = "(".into();
    let (code, status) = Asker::new(&Cluster::new(options())).post(DEFINITIONS, &bad).await;
    assert_eq!((code.as_u16(), status["reason"].as_str()), (422, Some("Invalid")));
    assert_eq!(
        status["details"]["causes"][0]["field"],
        "spec.validation.openAPIV3Schema.properties[spec].properties[templateID].pattern"
    );
    assert!(cluster.install_crd(&json!(3)).is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_unknown_or_said_twice_is_refused_warned_of_or_ignored() {
    let ask = Asker::new(&cluster());
    let body = |name: &str| {
        format!(
            r#"{{"apiVersion": "cloudkit.openshift.io/v1alpha1", "kind": "ComputeInstance", "metadata": {{"name": "{name}"}},
                "spec": {{"templateID": "a", "templateID": "b", "odd": 1}}}}"#
        )
    };
    let send = |name: &'static str, query: &'static str| {
        let path = format!("{INSTANCES}{query}");
        let ask = &ask;
        async move { ask.send(Method::POST, &path, "application/json", body(name).as_bytes()).await }
    };
    let strict = send("a", "?fieldValidation=Strict").await;
    assert_eq!(strict.status(), 400);
    let warned = send("b", "?fieldValidation=Warn").await;
    let warnings: Vec<_> =
        warned.headers().get_all("warning").iter().map(|value| value.to_str().expect("text").to_owned()).collect();
    assert_eq!(warnings, [r#"299 - "duplicate field \"spec.templateID\"""#, r#"299 - "unknown field \"spec.odd\"""#]);
    assert_eq!(warned.status(), 201);
    for query in ["", "?fieldValidation=Ignore"] {
        let ignored = send(if query.is_empty() { "c" } else { "d" }, query).await;
        assert_eq!((ignored.status().as_u16(), ignored.headers().get("warning")), (201, None));
    }
    assert_eq!(ask.get(&format!("{INSTANCES}/c")).await.1["spec"], json!({"templateID": "b"}), "the last one counts");
    let (code, status) = ask.post(&format!("{INSTANCES}?fieldValidation=Odd"), &instance("e")).await;
    assert_eq!(code, 422);
    assert_eq!(
        status["message"],
        "CreateOptions.meta.k8s.io \"\" is invalid: fieldValidation: Unsupported value: \"Odd\": supported values: \"\", \
         \"Ignore\", \"Strict\", \"Warn\""
    );
    // A server for people warns unasked.
    let cluster = cluster_with(Options { field_tracking: FieldTracking::Always, ..options() });
    let path = INSTANCES.to_owned();
    let answer = Asker::new(&cluster).send(Method::POST, &path, "application/json", body("f").as_bytes()).await;
    assert_eq!(answer.headers().get_all("warning").iter().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_knows_one_stage() {
    let ask = Asker::new(&cluster());
    ask.instances(&["a"]).await;
    let path = format!("{INSTANCES}/a");
    let complaint = "dryRun: Unsupported value: [\"Some\"]: supported values: \"All\"";
    let put = ask.put(&format!("{path}?dryRun=Some"), &instance("a")).await;
    let patched = ask.merge(&format!("{path}?dryRun=Some"), &json!({})).await;
    let deleted = ask.delete_with(&path, &json!({"dryRun": ["Some"]})).await;
    let by_query = ask.delete(&format!("{path}?dryRun=Some")).await;
    for ((code, status), kind) in [(put, "Update"), (patched, "Patch"), (deleted, "Delete"), (by_query, "Delete")] {
        assert_eq!((code.as_u16(), status["reason"].as_str()), (422, Some("Invalid")));
        assert_eq!(status["message"], format!("{kind}Options.meta.k8s.io \"\" is invalid: {complaint}"));
    }
    assert_eq!(ask.get(&path).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn the_kinds_of_kubernetes_hold_what_their_structs_hold() {
    let ask = Asker::new(&cluster());
    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let lease = |spec: Value| json!({"metadata": {"generateName": "l-"}, "spec": spec});
    let fine = json!({
        "holderIdentity": "a", "leaseDurationSeconds": 15, "acquireTime": "2026-02-12T00:00:00.000000Z", "odd": 1,
        "renewTime": null,
    });
    let kept = ask.created(leases, &lease(fine.clone())).await;
    let expected = json!({
        "holderIdentity": "a", "leaseDurationSeconds": 15, "acquireTime": "2026-02-12T00:00:00.000000Z",
    });
    assert_eq!(kept["spec"], expected);
    let (code, status) = ask.post(&format!("{leases}?fieldValidation=Strict"), &lease(fine)).await;
    let message = "strict decoding error: unknown field \"spec.odd\"";
    assert_eq!((code.as_u16(), &status["message"]), (400, &json!(message)));
    for (spec, code, words) in [
        (json!({"renewTime": "2026-02-12T00:00:00Z"}), 400, "parsing time \"2026-02-12T00:00:00Z\" as"),
        (
            json!({"leaseDurationSeconds": "15"}),
            400,
            "cannot unmarshal string into Go struct field Lease.spec.leaseDurationSeconds",
        ),
        (
            json!({"leaseDurationSeconds": 0}),
            422,
            "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
        ),
        (json!({"leaseTransitions": -1}), 422, "must be greater than or equal to 0"),
        (json!({"preferredHolder": "a"}), 422, "may only be specified if `strategy` is defined"),
    ] {
        let (found, status) = ask.post(leases, &lease(spec.clone())).await;
        let message = status["message"].as_str().unwrap_or_default();
        assert!(found == code && message.contains(words), "{spec}: {found} {message}");
    }
    let secrets = "/api/v1/namespaces/default/secrets";
    let secret = |name: &str, data: Value| json!({"metadata": {"name": name}, "data": data, "immutable": true});
    assert_eq!(ask.post(secrets, &secret("a", json!({"x": "!"}))).await.0, 400);
    assert_eq!(ask.post(secrets, &secret("a", json!({"x y": "YQ=="}))).await.0, 422);
    ask.created(secrets, &secret("a", json!({"x": "YQ=="}))).await;
    let (code, status) = ask.merge(&format!("{secrets}/a"), &json!({"data": {"x": "Yg=="}, "type": "x"})).await;
    let fields: Vec<_> =
        status["details"]["causes"].as_array().expect("causes").iter().map(|cause| &cause["field"]).collect();
    assert_eq!((code.as_u16(), fields), (422, vec![&json!("type"), &json!("data")]));
    let event = json!({"metadata": {"name": "e"}, "involvedObject": {"namespace": "elsewhere"}});
    let (code, status) = ask.post("/api/v1/namespaces/default/events", &event).await;
    assert_eq!((code.as_u16(), &status["details"]["causes"][0]["field"]), (422, &json!("involvedObject.namespace")));
}
