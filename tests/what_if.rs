//! `provbench what-if`: its predictions hold, and where there is nothing to predict from it says so.

#![cfg(feature = "harness")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

fn provbench(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).output().expect("provbench runs")
}

fn run(folder: &TempDir, name: &str, arguments: &[&str]) -> PathBuf {
    let out = folder.path().join(name);
    let mut all = vec!["run", "--no-plots", "--out", out.to_str().expect("a path")];
    all.extend(arguments);
    let output = provbench(&all);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    out
}

fn what_if(run: &Path, more: &[&str]) -> Output {
    let mut arguments = vec!["what-if", run.to_str().expect("a path")];
    arguments.extend(more);
    provbench(&arguments)
}

fn answer(run: &Path, more: &[&str]) -> Value {
    let output = what_if(run, &[more, &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// By how much the arm's predictions are off what a rerun measured, as shares, by scenario, metric and number.
fn off(answer: &Value, arm: &str) -> Vec<(String, f64)> {
    let mut off = Vec::new();
    for found in answer["arms"].as_array().expect("arms").iter().filter(|found| found["arm"] == arm) {
        for metric in found["metrics"].as_array().expect("metrics") {
            for number in ["mean_ns", "p50_ns"] {
                let of = |what: &str| metric[what][number].as_f64().expect("a number");
                let name = format!("{} {} {number}", found["scenario"], metric["metric"]);
                off.push((name, of("predicted") / of("rerun") - 1.0));
            }
        }
    }
    off
}

#[test]
fn the_prediction_agrees_with_the_rerun_within_2_percent_for_every_mean_and_median() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(&folder, "run", &["experiments/poll-interval.yaml", "--blocks", "12"]);
    for (wanted, from) in [("5s", "every-30s"), ("30s", "every-5s")] {
        let answer = answer(&run, &["--poll-interval", wanted]);
        let off = off(&answer, from);
        // Three totals in the one scenario, the delete in the other; a mean and a median each.
        assert_eq!(off.len(), 2 * (3 + 1));
        for (what, share) in off {
            assert!(share.abs() < 0.02, "{what}: off by {share}");
        }
        let moved = &answer["arms"][usize::from(from == "every-5s")]["metrics"][1];
        let (measured, predicted) = (&moved["measured"]["mean_ns"], &moved["predicted"]["mean_ns"]);
        let moved = measured.as_f64().expect("a mean") / predicted.as_f64().expect("a mean");
        assert!(!(0.9..1.1).contains(&moved), "the interval matters here, or the check proves nothing: {moved}");
    }
    let text = what_if(&run, &["--poll-interval", "5s"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("measured in every-5s") && text.contains("prediction off by"), "{text}");
    assert!(text.contains("every-5s: run at that interval"), "{text}");
}

#[test]
fn a_run_of_february_is_held_against_a_rerun_at_the_predicted_interval() {
    let folder = tempfile::tempdir().expect("a folder");
    let february = "experiments/aap-vs-eda.yaml";
    let before = run(&folder, "before", &[february, "--blocks", "12"]);
    let after = run(&folder, "after", &[february, "--blocks", "12", "--set", "arms.aap.poll_interval=5s"]);
    let answer = answer(&before, &["--poll-interval", "5s", "--against", after.to_str().expect("a path")]);
    for (what, share) in off(&answer, "aap") {
        assert!(share.abs() < 0.02, "{what}: off by {share}");
    }
    let eda = &answer["arms"][0];
    assert_eq!(eda["arm"], "eda");
    for metric in eda["metrics"].as_array().expect("metrics") {
        assert_eq!(metric["measured"], metric["predicted"], "EDA is not polled");
    }
}

#[test]
fn what_a_run_does_not_tell_is_not_made_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(&folder, "run", &["experiments/aap-vs-eda.yaml", "--blocks", "1"]);
    let refused = |more: &[&str]| {
        let output = what_if(&run, more);
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(refused(&["--poll-interval", "0s"]).contains("an interval of no length"));
    assert!(refused(&["--poll-interval", "soon"]).contains("is not a duration"));

    let journal = fs::read_to_string(run.join("journal.ndjson")).expect("the journal");
    let write = |keep: &dyn Fn(&str) -> Option<String>| {
        let kept: Vec<String> = journal.lines().filter_map(keep).collect();
        fs::write(run.join("journal.ndjson"), kept.join("\n") + "\n").expect("written");
    };
    write(&|line| (!line.contains("\"kind\":\"milestones\"")).then(|| line.to_owned()));
    let error = refused(&["--poll-interval", "5s"]);
    assert!(error.contains("does not tell when the operator asked for the state of jobs"), "{error}");

    write(&|line| Some(line.replace("\"ended_ns\"", "\"unknown_ns\"")));
    let error = refused(&["--poll-interval", "5s"]);
    assert!(error.contains("does not tell when the job ended"), "{error}");

    write(&|line| Some(line.to_owned()));
    let config = fs::read_to_string(run.join("run.json")).expect("run.json");
    fs::write(run.join("run.json"), config.replace("POLL_INTERVAL\": \"30s\"", "POLL_INTERVAL\": \"90s\""))
        .expect("written");
    let error = refused(&["--poll-interval", "5s"]);
    assert!(error.contains("asked more often than every 1m30s"), "{error}");
}
