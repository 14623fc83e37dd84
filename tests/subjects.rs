//! Subjects other than our own kind: each that ships is worked on by an operator that really acts on it, in a process of its own.
//! That process is this test's own program again, which one variable turns into an operator.

#![cfg(all(feature = "harness", target_os = "linux"))]

#[path = "control_plane/mod.rs"]
mod control_plane;
#[path = "subjects/operators.rs"]
mod operators;
#[path = "external_operator/runs.rs"]
#[expect(dead_code, reason = "only a part of it is of use here")]
mod runs;

use std::path::{Path, PathBuf};

use serde_json::Value;

use self::runs::{Lab, Run};

/// The operator that a run starts; nothing when this is only a test among others.
#[test]
fn operator_process() {
    operators::run_if_asked();
}

fn subject(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/subjects").join(name)
}

/// An arm with one of the operators below.
fn arms(operator: &str, provider: &str) -> String {
    let program = std::env::current_exe().expect("a path");
    format!(
        "blocks: 1\narms:\n  - name: it\n    provider: {provider}\n    poll_interval: 10s\n    operator:\n      external:\n        \
         command: [{}, --exact, operator_process, --nocapture]\n        env: {{PROVBENCH_TEST_OPERATOR: {operator}}}\n        \
         ready: {{after: 300ms}}\n",
        program.display()
    )
}

fn with_subject(place: &str, arms: &str) -> String {
    format!("subject: {place}\n{arms}")
}

fn succeeded(run: &Run, jobs: &str) {
    run.ended_with(0);
    let samples = run.rows("samples.csv");
    assert_eq!(samples.len(), 3);
    for sample in samples {
        let facts = ["outcome", "provision_jobs", "deprovision_jobs", "orphans"].map(|name| sample[name].as_str());
        assert_eq!(facts, ["succeeded", jobs, jobs, "0"]);
        assert!(sample["provision_total_ns"].parse::<u64>().expect("a time") > 0);
    }
}

#[test]
fn a_plain_resource_with_conditions_is_measured() {
    let lab = Lab::new();
    let file = subject("plain-conditions.yaml");
    let file = lab.experiment("plain", &with_subject(&file.display().to_string(), &arms("plain", "aap")));
    let run = lab.run(&file, &["--time-scale", "0.05"]);
    succeeded(&run, "0");
    assert!(run.rows("transitions.csv").is_empty(), "it tells of no jobs");
    let info: Value = serde_json::from_str(&run.file("run.json")).expect("JSON");
    assert_eq!(info["config"]["subject"]["kind"], "Widget");
    lab.left_nothing();
}

#[test]
fn a_plain_resource_is_measured_on_a_real_server() {
    if control_plane::programs("a_plain_resource_is_measured_on_a_real_server").is_none() {
        return;
    }
    let lab = Lab::new();
    let file = subject("plain-conditions.yaml");
    let file = lab.experiment("plain", &with_subject(&file.display().to_string(), &arms("plain", "aap")));
    succeeded(&lab.run(&file, &["--time-scale", "0.05", "--cluster", "envtest"]), "0");
    lab.left_nothing();
}

#[test]
fn a_kind_that_another_cluster_does_not_serve_is_told_before_anything_is_made() {
    let lab = Lab::new();
    let cluster = lab.cluster(&["--for", "5m"]);
    let good = std::fs::read_to_string(subject("plain-conditions.yaml")).expect("a file");
    let undefined = good.replacen("crds: [crds/example.com_widgets.yaml]\n", "", 1);
    assert_ne!(good, undefined);
    std::fs::write(lab.path("subject.yaml"), undefined).expect("written");
    let file = lab.experiment("elsewhere", &with_subject("subject.yaml", &arms("plain", "aap")));
    let run = lab.run_in(&file, &["--cluster", "kubeconfig", "--install-crds"], &cluster.kubeconfig);
    run.ended_with(2);
    let says = "subject.yaml: the cluster serves no Widget (`widgets`) of example.com/v1 in namespaces";
    assert!(run.stderr.contains(says) && run.stderr.contains("in the subject's `crds:`"), "{}", run.stderr);
    assert!(!run.out.exists(), "no run was begun");
}

#[test]
fn the_present_api_is_measured_through_the_simulated_aap() {
    let lab = Lab::new();
    let file = subject("osac.yaml");
    let file = lab.experiment("osac", &with_subject(&file.display().to_string(), &arms("osac", "aap")));
    let run = lab.run(&file, &["--time-scale", "0.02"]);
    succeeded(&run, "1");
    // What it launched is in the backend's own account, and what its status told is beside it.
    let transitions = run.rows("transitions.csv");
    let observed = transitions.iter().filter(|row| row["plane"] == "observed" && row["to"] == "Succeeded");
    assert!(observed.count() >= 3);
    assert!(transitions.iter().any(|row| row["plane"] == "backend"));
    let ledger = run.file("ledger.csv");
    assert!(ledger.contains("pickup+..+trigger") && ledger.contains("running"), "{ledger}");
    lab.left_nothing();
}

#[test]
fn a_subject_that_makes_no_sense_is_told_with_its_place() {
    let lab = Lab::new();
    let good = std::fs::read_to_string(subject("plain-conditions.yaml")).expect("a file");
    let path = lab.path("subject.yaml");
    std::fs::create_dir(lab.path("crds")).expect("a folder");
    std::fs::copy(subject("crds/example.com_widgets.yaml"), lab.path("crds/example.com_widgets.yaml")).expect("copied");
    let file = lab.experiment("wrong", &with_subject("subject.yaml", &arms("plain", "aap")));
    for (from, to, says) in [
        ("kind: Widget", "kind: Widget\ncolour: red", "subject.yaml:4:1: unknown field `colour`"),
        ("${tenant}", "${owner}", "subject.yaml:5:3: the manifest has an unknown placeholder `${owner}`"),
        (
            "{condition: Ready}",
            "{path: .status.ready}",
            "subject.yaml:6:8: give either `path` and `value`, or `condition`",
        ),
        ("{condition: Ready}", "{path: status, value: 1}", "subject.yaml:6:8: `status` is no path"),
        ("crds/example.com_widgets.yaml", "crds/none.yaml", "subject.yaml:8:8: "),
        (
            "kind: Widget",
            "kind: Gadget",
            "subject.yaml:3:7: `crds` define no Gadget (`gadgets`, Namespaced, served as v1) of example.com, but Widget \
             (`widgets`, Namespaced, served as v1); mend `api_version`, `kind` or `plural`",
        ),
        (
            "example.com/v1",
            "example.com/v2",
            "subject.yaml:3:7: `crds` define no Widget (`widgets`, Namespaced, served as v2)",
        ),
        (
            "kind: Widget",
            "kind: Widget\nplural: widget",
            "subject.yaml:3:7: `crds` define no Widget (`widget`, Namespaced",
        ),
        ("example.com/v1", "example.com/v1/x", "subject.yaml:2:14: `example.com/v1/x` is no apiVersion"),
    ] {
        assert!(good.contains(from));
        std::fs::write(&path, good.replacen(from, to, 1)).expect("written");
        let run = lab.run(&file, &[]);
        run.ended_with(2);
        assert!(run.stderr.contains(says), "{says}: {}", run.stderr);
    }
    // Of a kind that nobody defines, whatever else is defined.
    for (from, to, version) in [
        ("crds: [crds/example.com_widgets.yaml]\n", "", "example.com/v1"),
        ("example.com/v1", "example.org/v1", "example.org/v1"),
    ] {
        assert!(good.contains(from));
        std::fs::write(&path, good.replacen(from, to, 1)).expect("written");
        let run = lab.run(&file, &[]);
        run.ended_with(2);
        let says = format!("subject.yaml: the cluster serves no Widget (`widgets`) of {version} in namespaces");
        assert!(run.stderr.contains(&says) && run.stderr.contains("in the subject's `crds:`"), "{}", run.stderr);
    }
    // In the experiment itself, and with an operator that knows our own kind alone.
    let inline =
        "{api_version: example.com/v1, kind: Widget, manifest: {spec: {}}, ready: {condition: Ready}, crd: []}";
    let run = lab.run(&lab.experiment("inline", &with_subject(inline, &arms("plain", "aap"))), &[]);
    run.ended_with(2);
    assert!(run.stderr.contains("inline.yaml:") && run.stderr.contains("unknown field `crd`"), "{}", run.stderr);
    let own = "blocks: 1\narms:\n  - {name: it, provider: aap}\n";
    std::fs::write(&path, &good).expect("written");
    let run = lab.run(&lab.experiment("own", &with_subject("subject.yaml", own)), &[]);
    run.ended_with(2);
    assert!(run.stderr.contains("works on our ComputeInstance alone"), "{}", run.stderr);
}
