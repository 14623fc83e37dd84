//! Runs on the machine's clock, over loopback sockets, with durations scaled.

#![cfg(feature = "harness")]

use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;

const FEBRUARY: &str = "experiments/aap-vs-eda.yaml";

fn provbench() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

/// Same draws on both clocks: what differs is what the machine takes, hundredfold, and that stays within the interval that
/// the real run gives itself.
#[test]
fn the_real_clock_agrees_with_the_virtual_one_within_its_own_interval() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = |clock: &[&str], name: &str| -> Value {
        let out = folder.path().join(name);
        let output = provbench()
            .args(["run", FEBRUARY, "--blocks", "8", "--no-plots", "--out"])
            .arg(&out)
            .args(clock)
            .output()
            .expect("provbench runs");
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_str(&fs::read_to_string(out.join("summary.json")).expect("a file")).expect("JSON")
    };
    let real = summary(&["--clock", "real", "--time-scale", "0.01"], "real");
    let simulated = summary(&[], "virtual");
    assert_eq!((&real["clock"], &simulated["clock"]), (&Value::from("real"), &Value::from("virtual")));
    let list = |summary: &Value, of: &str| summary[of].as_array().cloned().expect("a list");
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("no number: {value}"));
    let mut compared = 0;
    for (real, simulated) in list(&real, "comparisons").iter().zip(&list(&simulated, "comparisons")) {
        assert_eq!((&real["metric"], &real["arm"]), (&simulated["metric"], &simulated["arm"]));
        if !["provision_total", "deprovision_total", "total"].contains(&real["metric"].as_str().expect("a metric")) {
            continue;
        }
        let (low, high) = (number(&real["ci_low"]), number(&real["ci_high"]));
        let expected = number(&simulated["difference_ns"]);
        assert!((low..=high).contains(&expected), "{}: {expected} is not in [{low}, {high}]", real["metric"]);
        compared += 1;
    }
    assert_eq!(compared, 3);
    for (real, simulated) in list(&real, "arms").iter().zip(&list(&simulated, "arms")) {
        assert_eq!(real["arm"], simulated["arm"]);
        let mean = |arm: &Value| number(&arm["metrics"]["provision_total"]["mean_ns"]) / 1e9;
        let (real, simulated) = (mean(real), mean(simulated));
        assert!(real > simulated - 1.0, "{real} s against {simulated} s: a real run can't be shorter than its draws");
    }
}

#[test]
fn an_interrupt_ends_a_run_with_what_was_measured() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let child = provbench()
        .args(["run", FEBRUARY, "--clock", "real", "--time-scale", "0.005", "--no-plots", "--out"])
        .arg(&out)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("provbench starts");
    // Until one trial is written, for half a minute at most.
    let mut written = false;
    for _ in 0..300 {
        std::thread::park_timeout(Duration::from_millis(100));
        written = fs::read_to_string(out.join("journal.ndjson")).is_ok_and(|journal| journal.contains("trial_end"));
        if written {
            break;
        }
    }
    assert!(written, "no trial was written");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("provbench ends");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("what was measured is written"), "{stderr}");
    let run: Value = serde_json::from_str(&fs::read_to_string(out.join("run.json")).expect("a file")).expect("JSON");
    assert_eq!(run["status"], "incomplete");
    let samples = fs::read_to_string(out.join("samples.csv")).expect("a file");
    assert!(samples.lines().count() >= 4, "the header and one trial at least");
    assert!(out.join("report.html").exists());
    // What was in flight broke no invariant: its report says of the run what the run said.
    assert_eq!(run["problems"], serde_json::json!([]));
    let report = provbench().args(["report", "--no-plots"]).arg(&out).output().expect("provbench runs");
    assert_eq!(report.status.code(), Some(1), "{}", String::from_utf8_lossy(&report.stdout));
}

#[test]
fn an_interrupt_in_the_middle_of_the_only_trial_keeps_what_was_measured_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let child = provbench()
        .args(["run", FEBRUARY, "--clock", "real", "--time-scale", "0.1", "--blocks", "1", "--no-plots", "--out"])
        .arg(&out)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("provbench starts");
    // A trial takes half a minute; its journal is there before it begins, which may take half a minute at most.
    for _ in 0..300 {
        std::thread::park_timeout(Duration::from_millis(100));
        if out.join("journal.ndjson").exists() {
            break;
        }
    }
    std::thread::park_timeout(Duration::from_secs(2));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(killed.success());
    let output = child.wait_with_output().expect("provbench ends");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let samples = fs::read_to_string(out.join("samples.csv")).expect("a file");
    assert_eq!(samples.lines().filter(|line| line.contains(",censored,")).count(), 3, "{samples}");
    let of_run = |arguments: &[&str]| provbench().args(arguments).arg(&out).output().expect("provbench runs");
    let report = of_run(&["report", "--no-plots"]);
    assert_eq!(report.status.code(), Some(1), "{}", String::from_utf8_lossy(&report.stdout));
    let what_if = of_run(&["what-if", "--poll-interval", "5s"]);
    let error = String::from_utf8_lossy(&what_if.stderr).into_owned();
    assert!(what_if.status.code() == Some(2) && error.contains("has no whole trial"), "{error}");
}
