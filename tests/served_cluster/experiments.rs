//! Experiments on the served cluster, as on any other that a kubeconfig tells of.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
    time::Duration,
};

use provbench::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};

use super::{
    folder, get, post,
    served::{Served, interrupt},
};

fn provbench(kubeconfig: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("KUBECONFIG", kubeconfig).args(arguments);
    command
}

pub(super) fn run_on(kubeconfig: &Path, out: &Path, arguments: &[&str]) -> Output {
    let base = [
        "run",
        "experiments/aap-vs-eda.yaml",
        "--set",
        "profile=hands-on",
        "--set",
        "deadline=5m",
        "--clock",
        "real",
        "--time-scale",
        "0.1",
        "--no-plots",
        "--out",
    ];
    provbench(kubeconfig, &base).arg(out).args(arguments).output().expect("provbench runs")
}

pub(super) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn namespaces(client: &kube::Client) -> Vec<String> {
    let (_, _, list) = get(client, "/api/v1/namespaces", "application/json").await;
    let items = list["items"].as_array().expect("a list");
    items.iter().filter_map(|item| item["metadata"]["name"].as_str()).map(str::to_owned).collect()
}

const MACHINES: &str = "/apis/kubevirt.io/v1/namespaces/elsewhere/virtualmachines";

/// What is somebody else's: a namespace with a machine that carries the playbooks' label.
async fn somebody_elses(client: &kube::Client) -> Value {
    let namespace = json!({"metadata": {"name": "elsewhere"}});
    assert_eq!(post(client, "/api/v1/namespaces", "application/json", namespace.to_string().as_bytes()).await.0, 201);
    let machine = json!({
        "apiVersion": "kubevirt.io/v1", "kind": "VirtualMachine",
        "metadata": {"name": "ci-0001", "labels": {"cloudkit.openshift.io/computeinstance": "ci-0001"}},
        "spec": {"runStrategy": "Always"},
    });
    let (code, _, created) = post(client, MACHINES, "application/json", machine.to_string().as_bytes()).await;
    assert_eq!(code, 201, "{created}");
    created
}

#[tokio::test]
async fn an_experiment_runs_on_a_cluster_of_a_kubeconfig_and_leaves_nothing_there() {
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let client = served.client().await;
    let machine = somebody_elses(&client).await;
    let before = namespaces(&client).await;
    let out = folder.path().join("run");
    let output = run_on(&served.kubeconfig, &out, &["--blocks", "1", "--cluster", "kubeconfig=provbench"]);
    let info = fs::read_to_string(out.join("run.json")).unwrap_or_default();
    assert_eq!(output.status.code(), Some(0), "{}{info}", stderr(&output));
    assert!(info.contains("\"cluster\": \"kubeconfig=provbench\""), "{info}");
    let summary: Value = serde_json::from_slice(&fs::read(out.join("summary.json")).expect("a file")).expect("JSON");
    for arm in summary["arms"].as_array().expect("arms") {
        assert_eq!(arm["outcomes"]["succeeded"], arm["instances"], "{arm}");
    }
    assert_eq!(namespaces(&client).await, before);
    let (_, _, after) = get(&client, &format!("{MACHINES}/ci-0001"), "application/json").await;
    assert_eq!(after, machine, "somebody else's machine was touched");
}

#[tokio::test]
async fn an_interrupt_leaves_nothing_in_the_cluster_either() {
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let client = served.client().await;
    let before = namespaces(&client).await;
    let arguments = [
        "run",
        "experiments/aap-vs-eda.yaml",
        "--clock",
        "real",
        "--time-scale",
        "0.02",
        "--no-plots",
        "--cluster",
        "kubeconfig",
        "--out",
    ];
    let child = provbench(&served.kubeconfig, &arguments)
        .arg(folder.path().join("run"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("provbench starts");
    // Until a tenant's namespace is there: the run is in the middle of something.
    let mut during = before.clone();
    for _ in 0..400 {
        during = namespaces(&client).await;
        if during.len() >= before.len() + 2 {
            break;
        }
        SystemClock::start().sleep(Duration::from_millis(50)).await;
    }
    assert!(during.len() >= before.len() + 2, "nothing happened: {during:?}");
    interrupt(&child, "INT");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(namespaces(&client).await, before, "{}", stderr(&output));
}

#[tokio::test]
async fn what_can_not_be_used_is_said() {
    let folder = folder();
    let served = Served::start(folder.path(), &[]);
    let out = folder.path().join("run");
    let output = run_on(&served.kubeconfig, &out, &["--cluster", "kubeconfig=nowhere"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("nowhere"), "{}", stderr(&output));
    let output = run_on(Path::new("/nonexistent/kubeconfig"), &out, &["--cluster", "kubeconfig"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let kubeconfig = served.kubeconfig.clone();
    assert_eq!(served.end("TERM").0, Some(0));
    let output = run_on(&kubeconfig, &out, &["--cluster", "kubeconfig"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("failed to connect to the cluster"), "{}", stderr(&output));
    assert!(!out.exists(), "nothing was run, so that there is no folder of a run");
}
