//! Experiments on a kube-apiserver and etcd of the run's own, and that nothing of them is left behind.

#![cfg(all(feature = "harness", target_os = "linux"))]

#[path = "control_plane/mod.rs"]
mod control_plane;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};

const FEBRUARY: &str = "experiments/aap-vs-eda.yaml";

fn provbench() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// The folders of control planes below a temporary folder.
fn folders(temporary: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(temporary).expect("a folder").flatten().map(|entry| entry.path());
    entries.filter(|path| path.to_string_lossy().contains("provbench-envtest-")).collect()
}

/// The processes that work in a folder or were started for it.
fn processes(folder: &Path) -> usize {
    let entries = fs::read_dir("/proc").expect("processes").flatten();
    entries.filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder))).count()
}

/// Waits until `is` holds, for a minute at most.
fn eventually(mut is: impl FnMut() -> bool) -> bool {
    (0..1200).any(|_| {
        std::thread::park_timeout(Duration::from_millis(50));
        is()
    })
}

#[test]
fn without_binaries_the_message_says_what_to_do() {
    let nowhere = tempfile::tempdir().expect("a folder");
    let output = provbench()
        .args(["run", FEBRUARY, "--clock", "real", "--cluster", "envtest"])
        .env("KUBEBUILDER_ASSETS", nowhere.path())
        .output()
        .expect("provbench runs");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("set KUBEBUILDER_ASSETS (setup-envtest use -p path)"), "{stderr}");
}

#[test]
fn in_simulated_time_a_real_server_is_refused() {
    let output = provbench().args(["run", FEBRUARY, "--cluster", "envtest"]).output().expect("provbench runs");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("--cluster envtest needs --clock real"), "{stderr}");
}

#[test]
fn the_february_experiment_holds_on_a_real_server() {
    passes_on_a_real_server(FEBRUARY);
}

#[test]
fn delete_during_provision_holds_on_a_real_server() {
    passes_on_a_real_server("experiments/delete-during-provision.yaml");
}

/// The same numbers of instances, outcomes and states of the backends' jobs as on the embedded server in simulated time.
fn passes_on_a_real_server(experiment: &str) {
    if control_plane::programs(experiment).is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let run = |name: &str, more: &[&str]| {
        let out = folder.path().join(name);
        let mut command = provbench();
        command.args(["run", experiment, "--blocks", "1", "--no-plots", "--out"]).arg(&out).args(more);
        let output = command.env("TMPDIR", folder.path()).output().expect("provbench runs");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let summary = fs::read_to_string(out.join("summary.json")).expect("a file");
        serde_json::from_str::<Value>(&summary).expect("JSON")
    };
    let real = run("real", &["--cluster", "envtest", "--clock", "real", "--time-scale", "0.02"]);
    let simulated = run("virtual", &[]);
    // Of each arm: its name, its instances, how they ended, and how many samples there are of what.
    let facts = |summary: &Value| -> Vec<Value> {
        let arms = summary["arms"].as_array().expect("arms").iter();
        arms.map(|arm| {
            let metrics = arm["metrics"].as_object().expect("metrics").iter();
            let counts = metrics
                // Which states a poll meets depends on when it comes, and processor time is a real clock's alone.
                .filter(|(name, _)| !name.starts_with("state_o") && *name != "operator_cpu")
                .map(|(name, metric)| (name.clone(), metric["n"].as_u64().unwrap_or(0)));
            json!([arm["arm"], arm["instances"], arm["outcomes"], counts.collect::<BTreeMap<String, u64>>()])
        })
        .collect()
    };
    assert_eq!(facts(&real), facts(&simulated));
    assert_eq!(folders(folder.path()), Vec::<PathBuf>::new(), "a control plane left something");
}

#[test]
fn a_kill_leaves_neither_processes_nor_files() {
    if control_plane::programs("a_kill_leaves_neither_processes_nor_files").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for signal in ["-KILL", "-INT"] {
        let mut child = provbench()
            .args(["run", FEBRUARY, "--clock", "real", "--cluster", "envtest", "--no-plots", "--out"])
            .arg(folder.path().join(signal))
            .env("TMPDIR", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("provbench starts");
        let started = || folders(folder.path()).first().is_some_and(|plane| plane.join("kube-apiserver.log").exists());
        assert!(eventually(started), "no control plane came up");
        let plane = folders(folder.path()).remove(0);
        assert!(processes(&plane) >= 4, "the shell, two that wait, and two programs at least");
        let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        assert!(killed.success());
        let ended = eventually(|| child.try_wait().expect("a status").is_some());
        if !ended {
            child.kill().expect("a kill");
        }
        assert!(ended, "{signal} does not end it");
        assert!(eventually(|| processes(&plane) == 0 && !plane.exists()), "{signal}: {} left", processes(&plane));
    }
}
