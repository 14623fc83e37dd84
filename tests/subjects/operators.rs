//! Small operators for the subjects that ship: they look at everything again and again.

#![allow(unreachable_pub, reason = "a module of a test")]

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::Request;
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, DynamicObject, ListParams, Patch, PatchParams},
};
use provbench::{
    clock::{Clock, SystemClock},
    operator::provider::http::plain_transport,
};
use serde_json::{Value, json};
use tower::ServiceExt;

const FINALIZER: &str = "test/operator";

/// Runs the operator that the environment names, for ever.
pub fn run_if_asked() {
    let Ok(name) = std::env::var("PROVBENCH_TEST_OPERATOR") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = Client::try_default().await.expect("a cluster");
        match name.as_str() {
            "plain" => plain(client).await,
            "osac" => osac(client).await,
            other => panic!("no operator {other}"),
        }
    });
}

fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

fn api(client: Client, group: &str, version: &str, kind: &str, plural: &str, namespace: &str) -> Api<DynamicObject> {
    let resource = ApiResource {
        group: group.to_owned(),
        version: version.to_owned(),
        api_version: format!("{group}/{version}"),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    };
    Api::namespaced_with(client, namespace, &resource)
}

async fn finalizers(api: &Api<DynamicObject>, object: &DynamicObject, wanted: bool) {
    let mut finalizers: Vec<String> = object.finalizers().to_vec();
    finalizers.retain(|finalizer| finalizer != FINALIZER);
    if wanted {
        finalizers.push(FINALIZER.to_owned());
    }
    // With the version that was read: another may add its own in between.
    let patch = json!({"metadata": {"resourceVersion": object.resource_version(), "finalizers": finalizers}});
    let _ = api.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(patch)).await;
}

fn holds(object: &DynamicObject) -> bool {
    object.finalizers().iter().any(|finalizer| finalizer == FINALIZER)
}

async fn plain(client: Client) {
    let namespace = setting("CLOUDKIT_COMPUTE_INSTANCE_NAMESPACE");
    let api = api(client, "example.com", "v1", "Widget", "widgets", &namespace);
    let clock = SystemClock::start();
    loop {
        for object in api.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default() {
            if object.metadata.deletion_timestamp.is_some() {
                finalizers(&api, &object, false).await;
            } else if !holds(&object) {
                finalizers(&api, &object, true).await;
            } else if object.data.get("status").is_none() {
                let status = json!({"status": {"conditions": [
                    {"type": "Stalled", "status": "False"}, {"type": "Ready", "status": "True"},
                ]}});
                let _ = api.patch_status(&object.name_any(), &PatchParams::default(), &Patch::Merge(status)).await;
            }
        }
        clock.sleep(Duration::from_millis(20)).await;
    }
}

/// A call to AAP; the answer's JSON.
async fn call(method: &str, url: &str, body: &Value) -> Value {
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("authorization", format!("Bearer {}", setting("OSAC_AAP_TOKEN")))
        .header("content-type", "application/json")
        .body(if method == "GET" { Bytes::new() } else { Bytes::from(body.to_string()) })
        .expect("a request");
    let answer = plain_transport().oneshot(request).await.expect("an answer");
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

/// Our words for AAP's.
fn state(status: &str) -> &'static str {
    match status {
        "pending" | "new" => "Pending",
        "waiting" => "Waiting",
        "running" => "Running",
        "successful" => "Succeeded",
        "canceled" => "Canceled",
        _ => "Failed",
    }
}

async fn osac(client: Client) {
    let namespace = setting("OSAC_COMPUTE_INSTANCE_NAMESPACE");
    let url = format!("{}/v2", setting("OSAC_AAP_URL"));
    assert!(std::env::var("CLOUDKIT_AAP_URL").is_err(), "the names begin with the subject's prefix");
    let api = api(client, "osac.openshift.io", "v1alpha1", "ComputeInstance", "computeinstances", &namespace);
    let clock = SystemClock::start();
    // By object: what was launched, kind and number.
    let mut launched: BTreeMap<String, Vec<(&'static str, u64)>> = BTreeMap::new();
    loop {
        for object in api.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default() {
            let name = object.name_any();
            let leaving = object.metadata.deletion_timestamp.is_some();
            if !leaving && !holds(&object) {
                finalizers(&api, &object, true).await;
                continue;
            }
            if leaving && !holds(&object) {
                continue;
            }
            let kind = if leaving { "deprovision" } else { "provision" };
            let jobs = launched.entry(name.clone()).or_default();
            if !jobs.iter().any(|(known, _)| *known == kind) {
                let template = setting(&format!("OSAC_AAP_{}_TEMPLATE", kind.to_ascii_uppercase()));
                let mut payload = serde_json::to_value(&object).expect("JSON");
                payload["status"]["desiredConfigVersion"] = "v1".into();
                let body = json!({"extra_vars": {"ansible_eda": {"event": {"payload": payload}}}});
                let job = call("POST", &format!("{url}/job_templates/{template}/launch/"), &body).await;
                jobs.push((kind, job["id"].as_u64().unwrap_or_else(|| panic!("no job: {job}"))));
            }
            let mut told = Vec::new();
            for (number, (kind, id)) in jobs.iter().enumerate() {
                let job = call("GET", &format!("{url}/jobs/{id}/"), &Value::Null).await;
                let status = job["status"].as_str().unwrap_or_default();
                told.push(json!({"jobID": id.to_string(), "type": kind, "state": state(status),
                    "timestamp": format!("2026-01-01T00:00:0{number}Z")}));
            }
            let is_made = object.annotations().get("osac.openshift.io/reconciled-config-version").is_some();
            let phase = match (leaving, is_made) {
                (true, _) => "Deleting",
                (false, true) => "Running",
                (false, false) => "Starting",
            };
            let over = leaving && told.last().is_some_and(|job| job["state"] == "Succeeded");
            let status = json!({"status": {"phase": phase, "desiredConfigVersion": "v1", "provisioningJobs": told}});
            if object.data.get("status") != Some(&status["status"]) {
                let _ = api.patch_status(&name, &PatchParams::default(), &Patch::Merge(&status)).await;
            } else if over {
                finalizers(&api, &object, false).await;
            }
        }
        clock.sleep(Duration::from_millis(20)).await;
    }
}
