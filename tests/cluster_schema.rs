//! Custom resources are held to their schemas, and complaints read like the real server's.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use provbench::cluster::Cluster;
use serde_json::{Value, json};
use support::{Asker, INSTANCES, cluster, crd, instance, options};

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
    assert_eq!(status["details"]["causes"][0]["field"], "spec.versions[0].schema.openAPIV3Schema.spec.templateID");
    assert!(cluster.install_crd(&json!(3)).is_err());
}
