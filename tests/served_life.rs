//! A life among processes, each of its own: `cloudkit-operator` as it is deployed, the API server of `provbench cluster`, the AAP
//! of `provbench simulate`.

#![cfg(feature = "harness")]

mod simulators;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use k8s_openapi::api::events::v1::Event;
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, ListParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use provbench::api::{ComputeInstance, Phase};
use serde_json::{Value, json};
use simulators::{Running, Simulator, TOKEN, eventually, provbench};

const NAMESPACE: &str = "default";

async fn client(kubeconfig: &Path) -> Client {
    let kubeconfig = Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    Client::try_from(config.expect("a configuration")).expect("a client")
}

#[test]
fn an_operator_of_its_own_runs_a_life_against_the_served_simulator() {
    let folder = tempfile::tempdir().expect("a folder");
    let [kubeconfig, log, journal] = ["kubeconfig", "log", "journal"].map(|name| folder.path().join(name));
    let cluster = provbench()
        .args(["cluster", "--namespace", NAMESPACE, "--kubeconfig"])
        .arg(&kubeconfig)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the cluster starts");
    let _cluster = Running(cluster);
    eventually("a kubeconfig", || kubeconfig.is_file().then_some(()));
    let path = |path: &Path| path.to_str().expect("text").to_owned();
    let (kubeconfig_path, journal_path) = (path(&kubeconfig), path(&journal));
    let aap = Simulator::start(&[
        "aap",
        "--profile",
        "short-jobs",
        "--kubeconfig",
        &kubeconfig_path,
        "--boot-machines",
        "--journal",
        &journal_path,
    ]);
    let operator = Command::new(env!("CARGO_BIN_EXE_cloudkit-operator"))
        .args(["--log-format", "json"])
        .env("KUBECONFIG", &kubeconfig)
        .env("CLOUDKIT_PROVISIONING_PROVIDER", "aap")
        .env("CLOUDKIT_COMPUTE_INSTANCE_NAMESPACE", NAMESPACE)
        .env("CLOUDKIT_AAP_URL", format!("{}/api/controller", aap.url))
        .env("CLOUDKIT_AAP_TOKEN", TOKEN)
        .env("CLOUDKIT_AAP_PROVISION_TEMPLATE", "create-compute-instance")
        .env("CLOUDKIT_AAP_DEPROVISION_TEMPLATE", "delete-compute-instance")
        .env("CLOUDKIT_AAP_STATUS_POLL_INTERVAL", "200ms")
        .env("POD_NAME", "operator-0")
        .stderr(fs::File::create(&log).expect("a file"))
        .spawn()
        .expect("the operator starts");
    let _operator = Running(operator);

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let client = runtime.block_on(client(&kubeconfig));
    let instances: Api<ComputeInstance> = Api::namespaced(client.clone(), NAMESPACE);
    let instance: ComputeInstance = serde_json::from_value(json!({
        "apiVersion": "cloudkit.openshift.io/v1alpha1",
        "kind": "ComputeInstance",
        "metadata": {"name": "vm-1", "annotations": {"cloudkit.openshift.io/tenant": "acme"}},
        "spec": {"templateID": "osac.templates.ocp_virt_vm"},
    }))
    .expect("an instance");
    let logged = || fs::read_to_string(&log).unwrap_or_default();
    runtime.block_on(instances.create(&PostParams::default(), &instance)).unwrap_or_else(|error| panic!("{error}"));
    eventually("a running instance", || {
        let instance = runtime.block_on(instances.get("vm-1")).expect("the instance");
        instance.status.filter(|status| status.phase == Some(Phase::Running))
    });
    let machines = kube::api::ApiResource {
        group: "kubevirt.io".into(),
        version: "v1".into(),
        api_version: "kubevirt.io/v1".into(),
        kind: "VirtualMachine".into(),
        plural: "virtualmachines".into(),
    };
    let machines: Api<DynamicObject> = Api::all_with(client.clone(), &machines);
    let count = || runtime.block_on(machines.list(&ListParams::default())).expect("a list").items.len();
    assert_eq!(count(), 1);
    runtime.block_on(instances.delete("vm-1", &DeleteParams::default())).expect("deleted");
    eventually("its end", || runtime.block_on(instances.get_opt("vm-1")).expect("an answer").is_none().then_some(()));
    assert_eq!((count(), aap.jobs().len()), (0, 2));

    let events: Api<Event> = Api::namespaced(client, NAMESPACE);
    let told = eventually("events", || {
        let told = runtime.block_on(events.list(&ListParams::default())).expect("a list").items;
        (told.iter().filter(|event| event.reason.as_deref() == Some("JobSucceeded")).count() == 2).then_some(told)
    });
    assert!(told.iter().all(|event| event.reporting_instance.as_deref() == Some("operator-0")), "{told:?}");
    let lines: Vec<Value> = logged().lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let change = lines.iter().find(|line| line["fields"]["to"] == "Succeeded");
    let change = change.unwrap_or_else(|| panic!("no change of a job in {}", logged()));
    assert!(change["spans"][0]["reconcile_id"].is_u64(), "{change}");
    let written = logged() + &fs::read_to_string(&journal).expect("written");
    assert!(written.contains("annotated"), "the playbooks tell what they did: {written}");
    assert!(!written.contains(TOKEN), "{written}");
}
