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

/// A run of an experiment on the profile of February with something in it replaced.
fn narrow_run(folder: &TempDir, experiment: &str, (replace, by): (&str, &str), more: &[&str]) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/profiles/vmaas-dev-2026-02.yaml");
    let text = fs::read_to_string(path).expect("the profile");
    assert!(text.contains(replace));
    let profile = folder.path().join("narrow.yaml");
    fs::write(&profile, text.replace(replace, by)).expect("written");
    let profile = format!("profile={}", profile.display());
    run(folder, "narrow", &[&[experiment, "--set", &profile, "--set", "deadline=10h"], more].concat())
}

#[test]
fn where_jobs_wait_for_each_other_the_queue_is_replayed() {
    let poll_interval = "experiments/poll-interval.yaml";
    for (room, instances) in [
        (("max_concurrent_jobs: 0", "max_concurrent_jobs: 2"), "instances=6"),
        (("allow_simultaneous: true", "allow_simultaneous: false"), "instances=4"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let more = ["--set", instances, "--seed", "1", "--blocks", "6"];
        let run = narrow_run(&folder, poll_interval, room, &more);
        for (wanted, from) in [("5s", "every-30s"), ("30s", "every-5s")] {
            let answer = answer(&run, &["--poll-interval", wanted]);
            let arms = answer["arms"].as_array().expect("arms");
            let replayed = |found: &&Value| found["queue_replayed"] == true;
            assert_eq!(
                arms.iter().filter(replayed).count(),
                1,
                "deletes after a stopped job are launched at other times"
            );
            let arm = arms.iter().find(replayed).expect("one");
            assert_eq!((&arm["arm"], &arm["scenario"]), (&Value::from(from), &Value::from("vm-half-made")));
            let metric = &arm["metrics"][0];
            let moved = metric["measured"]["mean_ns"].as_f64().expect("a mean");
            let moved = metric["predicted"]["mean_ns"].as_f64().expect("a mean") / moved;
            assert!(!(0.97..1.03).contains(&moved), "the interval matters here: {moved}");
            let off = off_as_far_as_told(&answer, from);
            assert!(off.iter().all(|(_, share)| share.abs() < 0.02), "{room:?}, {wanted}: {off:?}");
            // Four means at least; a median that is not told is named.
            let medians = off.iter().filter(|(what, _)| what.ends_with("p50_ns")).count();
            assert_eq!(off.len() - medians, 4);
            let uncertain = metric["uncertain"].as_array().expect("a list").contains(&"p50_ns".into());
            assert_eq!(medians, 4 - usize::from(uncertain), "{room:?}, {wanted}");
            let warnings = answer["warnings"].to_string();
            assert_eq!(
                uncertain,
                warnings.contains("which of those that are launched together goes first"),
                "{warnings}"
            );
        }
    }
}

/// The same as [`off`], without what is not predicted because chance decides it.
fn off_as_far_as_told(answer: &Value, arm: &str) -> Vec<(String, f64)> {
    let mut told = answer.clone();
    for arm in told["arms"].as_array_mut().expect("arms") {
        for metric in arm["metrics"].as_array_mut().expect("metrics") {
            for field in metric["uncertain"].as_array().expect("a list").clone() {
                let field = field.as_str().expect("a field");
                assert!(metric["predicted"][field].is_null(), "no number where there is none");
                metric["predicted"][field] = Value::from(f64::MAX);
            }
        }
    }
    off(&told, arm).into_iter().filter(|(_, share)| *share < 1e6).collect()
}

#[test]
fn a_queue_that_the_records_do_not_tell_of_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let room = ("max_concurrent_jobs: 0", "max_concurrent_jobs: 1");
    let more = ["--blocks", "1", "--set", "scenarios.vm-half-made.delete={when_state: Running}"];
    let run = narrow_run(&folder, "experiments/poll-interval.yaml", room, &more);
    let output = what_if(&run, &["--poll-interval", "5s"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(error.contains("jobs wait for each other here") && error.contains("deletes wait for"), "{error}");
}

#[test]
fn what_speaks_against_a_prediction_stands_in_front_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let poll_interval = "experiments/poll-interval.yaml";
    let sound = run(&folder, "sound", &[poll_interval, "--blocks", "1"]);
    let of_sound = answer(&sound, &["--poll-interval", "5s"]);
    assert_eq!(of_sound["warnings"], serde_json::json!([]));
    assert!(of_sound["assumptions"].as_array().is_some_and(|all| all.len() >= 3), "{of_sound}");
    assert_eq!(of_sound["arms"][0]["outcomes"]["succeeded"], 3);

    // Nobody is through with the scenario by then, and half of its deletes are.
    let cut = folder.path().join("cut");
    let arguments = ["--out", cut.to_str().expect("a path"), "--blocks", "6", "--set", "deadline=285s"];
    let output = provbench(&[&["run", poll_interval, "--no-plots"][..], &arguments].concat());
    assert!(cut.join("run.json").exists(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = what_if(&cut, &["--poll-interval", "5s"]);
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.starts_with("warning: ") && text.contains("were cut off before they had ended"), "{text}");
    let warnings = answer(&cut, &["--poll-interval", "5s"])["warnings"].to_string();
    assert!(warnings.contains("of 18 instances 0 failed") && warnings.contains("are a selection"), "{warnings}");

    let run_json = fs::read_to_string(sound.join("run.json")).expect("run.json");
    let mut info: Value = serde_json::from_str(&run_json).expect("JSON");
    info["problems"] = serde_json::json!(["block 1: a job too many", "block 2: one too few"]);
    info["status"] = "incomplete".into();
    fs::write(sound.join("run.json"), info.to_string()).expect("written");
    let warnings = answer(&sound, &["--poll-interval", "5s"])["warnings"].clone();
    assert_eq!(
        warnings,
        serde_json::json!([
            "the run is invalid, and so is what follows from it: block 1: a job too many (and 1 more)",
            "the run was stopped before its plan was done: only its whole trials are counted",
        ])
    );
}

#[test]
fn a_run_that_is_nothing_to_hold_a_prediction_against_is_refused_and_the_prediction_stands() {
    let folder = tempfile::tempdir().expect("a folder");
    let poll_interval = "experiments/poll-interval.yaml";
    let small = ["--blocks", "1", "--set", "instances=1"];
    let other = |name: &str, more: &[&str]| run(&folder, name, &[&[poll_interval], &small[..], more].concat());
    let sound = other("sound", &[]);
    let another = other("another", &["--set", "arms.every-5s.poll_interval=7s"]);
    let holds = other("holds", &["--set", "scenarios.0.hold=77s"]);
    let held = |against: &Path| {
        let output = what_if(&sound, &["--poll-interval", "5s", "--against", against.to_str().expect("a path")]);
        let [told, error] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert!(told.contains("measured in every-5s"), "what the run has of its own stays: {told}");
        (output.status.code(), error)
    };
    assert_eq!(held(&sound), (Some(0), String::new()));
    for (against, expected) in [
        (&another, "at a poll interval of 5s, in none of their scenarios; it has every-30s at 30s, every-5s at 7s"),
        (&holds, "hold differs: "),
        (&folder.path().join("nowhere"), "is not the folder of a run"),
    ] {
        let (code, error) = held(against);
        assert!(code == Some(2) && error.contains(expected), "{code:?} {error}");
    }
    let journal = fs::read_to_string(another.join("journal.ndjson")).expect("the journal");
    let cut = journal.rfind("{\"kind\":\"trial\"").expect("a trial");
    fs::write(another.join("journal.ndjson"), &journal[..cut]).expect("written");
    let (code, error) = held(&another);
    assert!(code == Some(4) && error.contains("samples were lost"), "{code:?} {error}");
}

#[test]
fn a_trial_that_was_stopped_with_its_run_is_not_counted() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(&folder, "run", &["experiments/poll-interval.yaml", "--blocks", "2", "--set", "instances=1"]);
    let info = fs::read_to_string(run.join("run.json")).expect("run.json");
    fs::write(run.join("run.json"), info.replace("\"status\": \"complete\"", "\"status\": \"incomplete\""))
        .expect("written");
    let journal = fs::read_to_string(run.join("journal.ndjson")).expect("the journal");
    let (before, last) = journal.split_at(journal.rfind("{\"kind\":\"trial\"").expect("a trial"));
    let stopped = last.replace("\"problems\":[]", "\"problems\":[],\"stopped\":true");
    assert_ne!(last, stopped);
    let stopped = stopped.replace("\"outcome\":\"succeeded\"", "\"outcome\":\"censored\"");
    let stopped = stopped.replace("\"outcome\":\"canceled\"", "\"outcome\":\"censored\"");
    fs::write(run.join("journal.ndjson"), format!("{before}{stopped}")).expect("written");
    let answer = answer(&run, &["--poll-interval", "5s"]);
    let of_all = |outcome: &str| -> u64 {
        answer["arms"].as_array().expect("arms").iter().map(|arm| arm["outcomes"][outcome].as_u64().expect("one")).sum()
    };
    assert_eq!((of_all("censored"), of_all("succeeded") + of_all("canceled")), (0, 7));
    let warnings = ["the run was stopped before its plan was done: only its whole trials are counted"];
    assert_eq!(answer["warnings"], serde_json::json!(warnings));
}

#[test]
fn where_no_deprovisioning_came_to_its_end_nothing_is_predicted() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(&folder, "run", &["experiments/aap-vs-eda.yaml", "--blocks", "1", "--set", "instances=1"]);
    let journal = fs::read_to_string(run.join("journal.ndjson")).expect("the journal");
    let cut = |line: &str| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        if line["kind"] == "sample" {
            line["censored_ns"] = line["gone_ns"].take();
            line["outcome"] = "censored".into();
        }
        line.to_string() + "\n"
    };
    fs::write(run.join("journal.ndjson"), journal.lines().map(cut).collect::<String>()).expect("written");
    let output = what_if(&run, &["--poll-interval", "5s"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("aap: nothing can be predicted: no deprovisioning came to its end"), "{text}");
    assert!(text.contains("eda: the same at any interval"), "{text}");
    let answer = answer(&run, &["--poll-interval", "5s"]);
    assert!(
        answer["warnings"].to_string().contains("aap, provision-deprovision: nothing can be predicted"),
        "{answer}"
    );
    assert_eq!((&answer["arms"][0]["is_polled"], &answer["arms"][1]["is_polled"]), (&false.into(), &true.into()));
}

#[test]
fn a_job_that_was_launched_again_is_not_predicted_from() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = run(&folder, "run", &["experiments/poll-interval.yaml", "--blocks", "1"]);
    let journal = fs::read_to_string(run.join("journal.ndjson")).expect("the journal");
    let again = journal.replacen("\"provision_jobs\":1", "\"provision_jobs\":2", 1);
    assert_ne!(journal, again);
    fs::write(run.join("journal.ndjson"), again).expect("written");
    let output = what_if(&run, &["--poll-interval", "10s"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2));
    assert!(error.contains("a job was launched again after one that failed"), "{error}");
}
