//! `provbench` as its users run it: files in, folders and exit codes out.

#![cfg(feature = "harness")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;

fn provbench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_provbench"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("provbench runs")
}

/// Runs an experiment into a new folder.
fn run(experiment: &str, more: &[&str]) -> (Output, TempDir, PathBuf) {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("run");
    let out = folder.to_str().expect("a path").to_owned();
    let mut arguments = vec!["run", experiment, "--out", &out, "--no-plots"];
    arguments.extend(more);
    (provbench(&arguments), parent, folder)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

const FEBRUARY: &str = "experiments/aap-vs-eda.yaml";

/// Mean of a metric of an arm, in seconds.
fn mean(summary: &Value, arm: &str, metric: &str) -> f64 {
    let arms = summary["arms"].as_array().expect("arms");
    let found = arms.iter().find(|found| found["arm"] == arm).expect("the arm");
    found["metrics"][metric]["mean_ns"].as_f64().expect("a mean") / 1e9
}

#[test]
fn the_february_measurement_is_reproduced() {
    let (output, _parent, folder) = run(FEBRUARY, &["--blocks", "150"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary = json(&folder.join("summary.json"));
    for (metric, seconds, percent) in
        [("provision_total", 147.7, 12.0), ("deprovision_total", 83.7, 2.0), ("total", 231.3, 8.4)]
    {
        let eda = mean(&summary, "eda", metric);
        assert!((eda - seconds).abs() < 0.01 * seconds, "{metric}: EDA takes {eda} s");
        let faster = 100.0 * (1.0 - mean(&summary, "aap", metric) / eda);
        assert!((faster - percent).abs() < 1.0, "{metric}: AAP is {faster} % faster");
    }
    let last = String::from_utf8_lossy(&output.stdout).lines().last().map(str::to_owned);
    assert_eq!(last.as_deref(), folder.to_str(), "the last line is the run's folder");
    assert_eq!(stderr(&output), "", "no progress bar in a pipe");
}

#[test]
fn jobs_show_as_each_backend_names_and_runs_them() {
    let (_, _parent, folder) = run(FEBRUARY, &["--blocks", "2"]);
    let mut table = csv::Reader::from_path(folder.join("transitions.csv")).expect("a table");
    let rows: Vec<Vec<String>> =
        table.records().map(|row| row.expect("a row").iter().map(str::to_owned).collect()).collect();
    let states = |arm: &str, plane: &str, job_type: &str| -> Vec<(String, String)> {
        rows.iter()
            .filter(|row| {
                row[0] == "1" && row[1] == arm && row[3] == "ci-0001" && row[5] == job_type && row[6] == plane
            })
            .map(|row| (row[4].clone(), row[8].clone()))
            .collect()
    };
    for arm in ["eda", "aap"] {
        for job_type in ["provision", "deprovision"] {
            let (ids, words): (Vec<String>, Vec<String>) = states(arm, "backend", job_type).into_iter().unzip();
            assert_eq!(words, ["Pending", "Waiting", "Running", "Succeeded"], "{arm} {job_type}");
            assert!(ids.iter().all(|id| id.parse::<u64>().is_ok()), "{ids:?}");
        }
    }
    let running_and_done =
        |id: &str| vec![(id.to_owned(), "Running".to_owned()), (id.to_owned(), "Succeeded".to_owned())];
    assert_eq!(states("eda", "observed", "provision"), running_and_done("eda-webhook-1"));
    assert_eq!(states("eda", "observed", "deprovision"), running_and_done("eda-webhook-2"));
    assert_eq!(states("eda", "operator", "provision"), running_and_done("eda-webhook-1"));
    let aap = states("aap", "observed", "provision");
    assert!(aap[0].0.parse::<u64>().is_ok() && aap[0].1 == "Pending", "{aap:?}");
    assert_eq!(aap.last().map(|(_, state)| state.as_str()), Some("Succeeded"));
}

#[test]
fn one_seed_gives_the_same_bytes_and_another_does_not() {
    let (_, _a, first) = run(FEBRUARY, &["--blocks", "5", "--seed", "7"]);
    let (_, _b, second) = run(FEBRUARY, &["--blocks", "5", "--seed", "7", "--threads", "1"]);
    let (_, _c, other) = run(FEBRUARY, &["--blocks", "5", "--seed", "8"]);
    for file in [
        "journal.ndjson",
        "samples.csv",
        "transitions.csv",
        "ledger.csv",
        "summary.csv",
        "summary.json",
        "histograms.hlog",
    ] {
        let read = |folder: &Path| fs::read(folder.join(file)).expect(file);
        assert!(read(&first) == read(&second), "{file} differs between two runs with one seed");
        assert!(read(&first) != read(&other), "{file} is the same for two seeds");
    }
}

#[test]
fn nothing_is_left_behind_when_instances_are_deleted_during_their_provisioning() {
    let (output, _parent, folder) = run("experiments/delete-during-provision.yaml", &["--blocks", "5"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let mut table = csv::Reader::from_path(folder.join("samples.csv")).expect("a table");
    let header = table.headers().expect("a header").clone();
    let column = |name: &str| header.iter().position(|found| found == name).expect(name);
    let mut rows = 0;
    for row in table.records() {
        let row = row.expect("a row");
        assert_eq!(&row[column("outcome")], "canceled");
        assert_eq!(&row[column("orphans")], "0");
        if &row[column("arm")] == "aap" {
            assert_eq!((&row[column("provision_state")], &row[column("deprovision_jobs")]), ("Canceled", "1"));
        }
        rows += 1;
    }
    assert_eq!(rows, 5 * 2 * 2 * 3);
}

#[test]
fn what_is_not_as_a_scenario_expects_makes_the_run_invalid() {
    let set = "scenarios.when-running.expect.aap.deprovision_jobs=2";
    let (output, _parent, folder) = run("experiments/delete-during-provision.yaml", &["--blocks", "1", "--set", set]);
    assert_eq!(output.status.code(), Some(4));
    let problems = json(&folder.join("run.json"))["problems"].to_string();
    assert!(problems.contains("it has 1 deprovision jobs, expected 2"), "{problems}");
}

#[test]
fn an_experiment_that_cannot_end_is_cut_off_and_its_samples_are_censored() {
    let (output, _parent, folder) = run(FEBRUARY, &["--blocks", "2", "--set", "deadline=2m"]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let summary = json(&folder.join("summary.json"));
    for arm in summary["arms"].as_array().expect("arms") {
        assert_eq!(arm["outcomes"]["censored"], 6, "{arm}");
        assert_eq!(arm["instances"], 6);
    }
}

#[test]
fn each_bad_input_is_told_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FEBRUARY)).expect("the experiment");
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/profiles");
    let text = text
        .replace("profile: vmaas", &format!("profile: {}/vmaas", profiles.display()))
        .replace("2026-02\n", "2026-02.yaml\n");
    for (name, from, to, expected) in [
        ("unknown field", "blocks:", "blokcs:", "blokcs"),
        ("bad duration", "poll_interval: 30s", "poll_interval: 30", "is not a duration"),
        ("negative time", "poll_interval: 30s", "poll_interval: -30s", "is negative"),
        ("zero instances", "instances: 3", "instances: 0", "instances is 0"),
        ("two arms with one name", "- name: aap", "- name: eda", "two arms are named"),
        ("unknown profile", "vmaas-dev-2026-02.yaml", "nobody.yaml", "there is no profile"),
    ] {
        let file = folder.path().join("experiment.yaml");
        assert!(text.contains(from), "{from}");
        fs::write(&file, text.replace(from, to)).expect("written");
        let out = folder.path().join("out");
        let output = provbench(&["run", file.to_str().expect("a path"), "--out", out.to_str().expect("a path")]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let error = stderr(&output);
        assert!(error.contains(expected) && error.contains("experiment.yaml:"), "{name}: {error}");
        assert!(!out.exists(), "{name} left a folder");
        assert_eq!(output.stdout, b"", "{name}");
    }
}

#[test]
fn what_can_not_be_read_or_written_is_told() {
    let output = provbench(&["run", "experiments/nothing.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("experiments/nothing.yaml: failed to read the experiment"), "{}", stderr(&output));

    let output = provbench(&["run", FEBRUARY, "--out", "Cargo.toml/run"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("failed to write to Cargo.toml/run"), "{}", stderr(&output));

    let output = provbench(&["run", FEBRUARY, "--out", "src"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("holds files already"), "{}", stderr(&output));

    for (arguments, expected) in [
        (&["--blocks", "0"][..], "at least 1 block"),
        (&["--time-scale", "0.5"], "virtual time has no scale"),
        (&["--clock", "real", "--time-scale", "-1"], "above 0"),
        (&["--cluster", "kind"], "`kind` is no cluster"),
        (&["--cluster", "kubeconfig"], "needs --clock real"),
        (&["--install-crds"], "the embedded one has them"),
        (&["--set", "arms.gcp.provider=aap"], "there is no `gcp`"),
        (&["--set", "arms.aap.provider=x"], "--set arms.aap.provider=x: `x` is no provider"),
        (&["--seed", "-1"], "'-1' for '--seed <N>': a seed is a whole number from 0"),
        (&["--blocks", "-1"], "'-1' for '--blocks <N>': -1 is not in 0.."),
        (&["--threads", "-1"], "'-1' for '--threads <N>': -1 is not in 1.."),
    ] {
        let mut all = vec!["run", FEBRUARY];
        all.extend(arguments);
        let output = provbench(&all);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn a_value_below_zero_is_told_by_what_it_is_no_value_of() {
    for (arguments, expected) in [
        (&["compare", "x", "--margin", "-1%"][..], "`-1%` is no share; write it as 5% or 0.05"),
        (&["baseline", "check", "x", "--margin", "-1%"], "`-1%` is no share; write it as 5% or 0.05"),
        (&["what-if", "x", "--poll-interval", "-5s"], "`-5s` is negative; a duration starts at 0s"),
        (&["cluster", "--poll-interval", "-5s"], "`-5s` is negative; a duration starts at 0s"),
        (&["cluster", "--poll-interval", "0s"], "the poll interval must be longer than 0s"),
        (&["cluster", "--for", "-5s"], "`-5s` is negative; a duration starts at 0s"),
        (&["cluster", "--idle-timeout", "-5s"], "`-5s` is negative; a duration starts at 0s"),
        (&["cluster", "--connections-max", "-1"], "-1 is not in 1.."),
        (&["simulate", "aap", "--time-scale", "-1"], "-1 is no time scale; it must be a number above 0"),
        (&["simulate", "aap", "--seed", "-1"], "a seed is a whole number from 0"),
        (&["simulate", "aap", "--for", "-5s"], "`-5s` is negative; a duration starts at 0s"),
    ] {
        let output = provbench(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(stderr(&output).contains(expected), "{arguments:?}: {}", stderr(&output));
    }
}

#[test]
fn everything_can_be_rendered_again_from_the_journal() {
    let (_, _parent, folder) = run(FEBRUARY, &["--blocks", "3"]);
    let files = [
        "samples.csv",
        "transitions.csv",
        "ledger.csv",
        "summary.json",
        "comparison.json",
        "summary.csv",
        "comparison.md",
        "histograms.hlog",
        "report.html",
    ];
    let read = || files.map(|file| fs::read(folder.join(file)).expect(file));
    let before = read();
    for file in files {
        fs::remove_file(folder.join(file)).expect(file);
    }
    let output = provbench(&["report", folder.to_str().expect("a path"), "--no-plots"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(before == read());
    assert_eq!(provbench(&["report", "src"]).status.code(), Some(2));
}

#[test]
fn the_summary_can_be_printed_as_json() {
    let (output, _parent, folder) = run(FEBRUARY, &["--blocks", "1", "--format", "json"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let (summary, last) = text.trim_end().rsplit_once('\n').expect("two parts");
    assert_eq!(last, folder.to_str().expect("a path"));
    let printed: Value = serde_json::from_str(summary).expect("JSON");
    assert_eq!(printed, json(&folder.join("summary.json")));
    let comparison = &printed["comparisons"][0];
    for key in ["metric", "scenario", "baseline", "arm", "difference_ns", "ratio", "ci_low", "ci_high", "verdict"] {
        assert!(comparison.get(key).is_some(), "{key}");
    }
    assert_eq!((&comparison["verdict"], &comparison["ci_low"]), (&Value::from("inconclusive"), &Value::Null));
}

#[test]
fn a_journal_that_was_cut_off_is_told_and_one_that_is_broken_spoils_nothing() {
    let (_, _parent, folder) = run(FEBRUARY, &["--blocks", "3"]);
    let journal = folder.join("journal.ndjson");
    let whole = fs::read(&journal).expect("a journal");
    let samples = fs::read(folder.join("samples.csv")).expect("a table");

    let mut broken = whole.clone();
    broken.splice(whole.len() / 2..whole.len() / 2, *b"\ngarbage\n");
    fs::write(&journal, broken).expect("written");
    let report = || provbench(&["report", folder.to_str().expect("a path"), "--no-plots"]);
    assert_eq!(report().status.code(), Some(2));
    assert!(fs::read(folder.join("samples.csv")).expect("a table") == samples, "the old table stays");

    fs::write(&journal, &whole[..whole.len() / 2]).expect("written");
    assert_eq!(report().status.code(), Some(4));
    assert_eq!(json(&folder.join("summary.json"))["status"], "complete", "nobody stopped it");
    let problems = json(&folder.join("summary.json"))["problems"].to_string();
    assert!(problems.contains("whole trials of 6"), "{problems}");
}

#[test]
fn an_arm_that_has_nothing_to_be_compared_with_is_told() {
    let (_, _parent, folder) = run(FEBRUARY, &["--blocks", "1", "--set", "instances=1"]);
    let path = folder.to_str().expect("a path");
    let compare = |arm: &str| {
        let output = provbench(&["compare", path, "--arm", arm]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        stderr(&output)
    };
    assert!(compare("eda").contains("--arm eda: the run compares aap with its first arm"));

    // What a run of one arm leaves.
    let journal = fs::read_to_string(folder.join("journal.ndjson")).expect("a journal");
    let of_eda: Vec<&str> = journal.lines().filter(|line| !line.contains("\"arm\":\"aap\"")).collect();
    fs::write(folder.join("journal.ndjson"), of_eda.join("\n") + "\n").expect("written");
    let mut info = json(&folder.join("run.json"));
    let mut with_arms = |arms: &[&str]| {
        info["arms"] = arms.into();
        fs::write(folder.join("run.json"), info.to_string()).expect("written");
    };
    with_arms(&["eda"]);
    assert!(compare("aap").contains("--arm aap: the run has only one arm, eda: there is nothing to compare it with"));
    assert!(compare("eda").contains("--arm eda: it is the only arm of the run"));
    with_arms(&[]);
    assert!(compare("eda").contains("block 1, eda, provision-deprovision: the run has no such arm"));
    let head = format!("{}\n", of_eda[0]);
    fs::write(folder.join("journal.ndjson"), head).expect("written");
    assert!(compare("eda").contains("--arm eda: the run has no arm"));
}

#[test]
fn a_stdout_that_takes_nothing_is_told_and_one_that_nobody_reads_is_not() {
    let (_, _parent, folder) = run(FEBRUARY, &["--blocks", "1", "--set", "instances=1"]);
    let compare = |stdout: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provbench"));
        let child = command.args(["compare", "--format", "json"]).arg(&folder).stdout(stdout).stderr(Stdio::piped());
        child.spawn().expect("provbench runs").wait_with_output().expect("an end")
    };
    let output = compare(fs::File::options().write(true).open("/dev/full").expect("a device").into());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("failed to write to stdout: No space left on device"), "{}", stderr(&output));
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = compare(writer.into());
    assert_eq!((output.status.code(), stderr(&output)), (Some(0), String::new()));
}

#[test]
fn a_file_for_ci_that_can_not_be_written_is_told_before_anything_is_run() {
    let parent = tempfile::tempdir().expect("a folder");
    let out = parent.path().join("run");
    let out = out.to_str().expect("a path");
    let there = parent.path().join("there.md");
    fs::write(&there, "before\n").expect("written");
    let there = there.to_str().expect("a path");
    for (junit, expected) in
        [("/nope/x", "No such file"), ("src", "it is a folder"), ("Cargo.toml/x", "Not a directory")]
    {
        let output = provbench(&["run", FEBRUARY, "--out", out, "--summary", there, "--junit", junit]);
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        let error = stderr(&output);
        assert!(
            error.contains(&format!("failed to write {junit}; nothing was run")) && error.contains(expected),
            "{error}"
        );
        assert!(!Path::new(out).exists() && output.stdout.is_empty());
    }
    assert_eq!(fs::read_to_string(there).expect("a file"), "before\n", "trying leaves nothing");

    // The folder of the run will be there.
    let inside = parent.path().join("other/junit.xml");
    let other = inside.parent().and_then(Path::to_str).expect("a path");
    let small = ["--no-plots", "--blocks", "1", "--set", "instances=1", "--junit", inside.to_str().expect("a path")];
    let output = provbench(&[&["run", FEBRUARY, "--out", other], &small[..]].concat());
    assert!(output.status.success() && inside.exists(), "{}", stderr(&output));

    // What fails at the end only takes nothing with it.
    let more = ["--no-plots", "--blocks", "1", "--set", "instances=1", "--summary", there, "--junit", "/dev/full"];
    let output = provbench(&[&["run", FEBRUARY, "--out", out], &more[..]].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("failed to write /dev/full"), "{}", stderr(&output));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains("provision_total") && told.trim_end().ends_with(out), "{told}");
    assert_eq!(json(&Path::new(out).join("run.json"))["status"], "complete");
}

#[test]
fn a_run_that_was_killed_in_its_first_block_is_told_from_a_journal_that_was_changed() {
    let parent = tempfile::tempdir().expect("a folder");
    let folder = parent.path().join("run");
    let mut command = Command::new(env!("CARGO_BIN_EXE_provbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).args(["run", FEBRUARY, "--clock", "real", "--no-plots", "--out"]);
    let mut child = command.arg(&folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("provbench runs");
    let journal = folder.join("journal.ndjson");
    // A block takes minutes; that the run has begun is known when the last of its tables is there.
    let begun = (0..1200).any(|_| {
        std::thread::park_timeout(Duration::from_millis(50));
        folder.join("ledger.csv").exists()
    });
    child.kill().expect("killed");
    child.wait().expect("an end");
    assert!(begun, "it never began");
    let report = || {
        let output = provbench(&["report", folder.to_str().expect("a path"), "--no-plots"]);
        let [said, told] = [&output.stderr, &output.stdout].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        (output.status.code(), said, told)
    };
    let head = fs::read_to_string(&journal).expect("a journal");
    assert!(
        head.ends_with('\n') && head.lines().count() == 1,
        "what it is, and nothing yet of what it found: {head:?}"
    );
    let (code, said, told) = report();
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(
        told.contains("INCOMPLETE: the run was stopped") && told.contains("EMPTY: no instance was recorded"),
        "{told}"
    );
    // One that an earlier version left, or that the disk had no room for.
    fs::write(&journal, "").expect("written");
    let (code, said, _) = report();
    assert!(code == Some(2) && said.contains("the journal is empty: the run was killed"), "{code:?} {said}");
}

#[test]
fn an_instance_that_was_provisioned_before_its_delete_makes_the_run_invalid() {
    let set = "scenarios.vm-half-made.delete.after=400s";
    let (output, _parent, folder) = run("experiments/delete-during-provision.yaml", &["--blocks", "1", "--set", set]);
    assert_eq!(output.status.code(), Some(4));
    let problems = json(&folder.join("run.json"))["problems"].to_string();
    assert!(problems.contains("provisioned before it was deleted"), "{problems}");
}

#[test]
fn events_that_wait_in_the_engines_queue_are_not_sent_twice() {
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/profiles");
    let text = fs::read_to_string(profiles.join("vmaas-dev-2026-02.yaml")).expect("a profile");
    let folder = tempfile::tempdir().expect("a folder");
    let profile = folder.path().join("sequential.yaml");
    assert!(text.contains("strategy: parallel"));
    fs::write(&profile, text.replace("strategy: parallel", "strategy: sequential")).expect("written");
    let set = format!("profile={}", profile.display());
    let more = ["--blocks", "1", "--set", &set, "--set", "instances=3", "--set", "deadline=3h"];
    let (output, _parent, run) = run(FEBRUARY, &more);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let journal = fs::read_to_string(run.join("journal.ndjson")).expect("a journal");
    assert_eq!(journal.matches("\"event\":\"webhook_received\"").count(), 6, "one for each job");
}
