//! `provbench merge`: runs made into one lose nothing, and what does not belong together is refused.

#![cfg(feature = "harness")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use hdrhistogram::{
    Histogram,
    serialization::{
        Deserializer,
        interval_log::{IntervalLogIterator, LogEntry},
    },
};
use serde_json::Value;
use tempfile::TempDir;

const FEBRUARY: &str = "experiments/aap-vs-eda.yaml";

fn provbench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_provbench"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .expect("provbench runs")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

fn run(folder: &TempDir, name: &str, more: &[&str]) -> PathBuf {
    let out = folder.path().join(name);
    let output = provbench(&[&["run", FEBRUARY, "--no-plots", "--out", text(&out)], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    out
}

fn merge(folder: &TempDir, name: &str, runs: &[&Path]) -> (Output, PathBuf) {
    let out = folder.path().join(name);
    let mut arguments = vec!["merge", "--no-plots", "--out", text(&out)];
    arguments.extend(runs.iter().map(|run| text(run)));
    (provbench(&arguments), out)
}

fn read(path: PathBuf) -> String {
    fs::read_to_string(path).expect("a file")
}

/// The histograms of a run by their tags.
fn histograms(run: &Path) -> BTreeMap<String, Histogram<u64>> {
    let log = fs::read(run.join("histograms.hlog")).expect("a log");
    let mut found = BTreeMap::new();
    for entry in IntervalLogIterator::new(&log) {
        if let LogEntry::Interval(interval) = entry.expect("a log") {
            let bytes = data_encoding::BASE64.decode(interval.encoded_histogram().as_bytes()).expect("base64");
            let histogram = Deserializer::new().deserialize(&mut bytes.as_slice()).expect("a histogram");
            found.insert(interval.tag().expect("a tag").as_str().to_owned(), histogram);
        }
    }
    found
}

#[test]
fn merging_loses_no_line_no_sample_and_no_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let more = ["--blocks", "3", "--set", "instances=2", "--set", "warmup=1"];
    let runs = ["1", "2", "3"].map(|seed| run(&folder, seed, &[&more[..], &["--seed", seed]].concat()));
    let [one, two, three] = runs.each_ref().map(PathBuf::as_path);
    let (output, merged) = merge(&folder, "merged", &[one, two, three]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));

    // Every line of every journal, with the blocks numbered through: a run has 1 + 3 of them.
    let mut expected = Vec::new();
    for (offset, run) in [(0, one), (4, two), (8, three)] {
        for line in read(run.join("journal.ndjson")).lines().skip(1) {
            let mut line: Value = serde_json::from_str(line).expect("JSON");
            line["block"] = (line["block"].as_u64().expect("a block") + offset).into();
            expected.push(line);
        }
    }
    let journal = read(merged.join("journal.ndjson"));
    let got: Vec<Value> = journal.lines().skip(1).map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(got, expected);
    assert_eq!(read(merged.join("samples.csv")).lines().count(), 1 + 3 * 3 * 2 * 2);

    // Every histogram is the sum of those of the runs.
    let parts = [one, two, three].map(histograms);
    let whole = histograms(&merged);
    assert!(whole.len() > 10);
    for (tag, histogram) in &whole {
        let mut sum = Histogram::<u64>::new(3).expect("three digits");
        for part in parts.iter().filter_map(|part| part.get(tag)) {
            sum.add(part).expect("the same digits");
        }
        assert_eq!(*histogram, sum, "{tag}");
    }

    // It is a run like any other: rendered again it is the same, and it can be merged further.
    let before = read(merged.join("summary.json"));
    assert_eq!(provbench(&["report", text(&merged), "--no-plots"]).status.code(), Some(0));
    assert_eq!(read(merged.join("summary.json")), before);
    let (_, pair) = merge(&folder, "pair", &[one, two]);
    let (output, in_two_steps) = merge(&folder, "in-two-steps", &[&pair, three]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    for file in ["journal.ndjson", "samples.csv", "summary.json", "histograms.hlog", "run.json"] {
        assert!(read(in_two_steps.join(file)) == read(merged.join(file)), "{file}");
    }
    let info: Value = serde_json::from_str(&read(merged.join("run.json"))).expect("JSON");
    assert_eq!(info["merged"][2]["offset"], 8);
    assert_eq!(info["blocks"], 9);
}

#[test]
fn what_does_not_belong_together_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().expect("a folder");
    let small = ["--blocks", "1", "--set", "instances=1"];
    let with = |name: &str, more: &[&str]| run(&folder, name, &[&small[..], more].concat());
    let one = with("one", &["--seed", "1"]);
    let again = with("again", &["--seed", "1"]);
    let polled = with("polled", &["--seed", "2", "--set", "arms.aap.poll_interval=5s"]);
    let real = with("real", &["--seed", "3", "--clock", "real", "--time-scale", "0.002"]);
    let old = with("old", &["--seed", "4"]);
    let info = read(old.join("run.json"));
    fs::write(old.join("run.json"), info.replacen("\"schema_version\": 1", "\"schema_version\": 0", 1))
        .expect("written");
    for (other, reason) in [
        (&one, "is named twice"),
        (&again, "has the seed 1 again: in virtual time that is the same blocks once more"),
        (
            &polled,
            "their configurations differ at arms.1.settings.CLOUDKIT_AAP_STATUS_POLL_INTERVAL (\"30s\" against \"5s\")",
        ),
        (&real, "one is of the virtual clock, the other of the real one; these are never mixed"),
        (&old, "has schema version 0, this provbench reads 1"),
    ] {
        let (output, out) = merge(&folder, "never", &[&one, other]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(reason), "{error}");
        assert!(!out.exists(), "{reason}: nothing is left behind");
    }
}

/// Takes the last trial off a journal, as a disk that ran full would.
fn cut_short(run: &Path) {
    let journal = read(run.join("journal.ndjson"));
    let end = journal.rfind("{\"kind\":\"trial\"").expect("a trial");
    fs::write(run.join("journal.ndjson"), &journal[..end]).expect("written");
}

#[test]
fn a_copy_counts_once_and_a_journal_that_was_cut_is_no_whole_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let small = ["--blocks", "2", "--set", "instances=1"];
    let real =
        run(&folder, "real", &[&small[..], &["--seed", "3", "--clock", "real", "--time-scale", "0.002"]].concat());
    let copy = folder.path().join("copy");
    fs::create_dir(&copy).expect("a folder");
    for file in ["run.json", "journal.ndjson"] {
        fs::copy(real.join(file), copy.join(file)).expect("copied");
    }
    let (output, out) = merge(&folder, "twice", &[&real, &copy]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("a copy holds no new blocks"));
    assert!(!out.exists());

    let (one, two) = (run(&folder, "one", &small), run(&folder, "two", &[&small[..], &["--seed", "2"]].concat()));
    cut_short(&two);
    let (output, out) = merge(&folder, "cut", &[&one, &two]);
    assert_eq!(output.status.code(), Some(4), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!told.contains("INCOMPLETE"), "the runs were not stopped: {told}");
    let info: Value = serde_json::from_str(&read(out.join("run.json"))).expect("JSON");
    assert_eq!(info["status"], "complete");
    let problem = info["problems"][0].as_str().expect("a problem");
    assert!(
        problem.starts_with(&format!("{}: samples were lost", two.display()))
            && problem.contains("3 whole trials of 4"),
        "{problem}"
    );
    assert_eq!(provbench(&["report", "--no-plots", text(&out)]).status.code(), Some(4));
}

#[test]
fn the_same_run_under_the_run_json_of_another_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let small = ["--blocks", "1", "--set", "instances=1"];
    let one = run(&folder, "one", &small);
    let scale = ["--clock", "real", "--time-scale", "0.002"];
    let real = run(&folder, "real", &[&small[..], &scale].concat());
    let swapped = |run: &Path, member: &str, value: Value| {
        let copy = folder.path().join(format!("{member}-swapped"));
        fs::create_dir(&copy).expect("a folder");
        fs::copy(run.join("journal.ndjson"), copy.join("journal.ndjson")).expect("copied");
        let mut info: Value = serde_json::from_str(&read(run.join("run.json"))).expect("JSON");
        info[member] = value;
        fs::write(copy.join("run.json"), info.to_string()).expect("written");
        copy
    };
    for (run, copy) in
        [(&one, swapped(&one, "seed", 2.into())), (&real, swapped(&real, "epoch", "2026-02-12T00:00:00Z".into()))]
    {
        let (output, out) = merge(&folder, "never", &[run, &copy]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("the journal is of another run"), "{error}");
        assert!(!out.exists());
    }
}

#[test]
fn a_merge_that_fails_leaves_nothing_of_its_own_and_can_be_tried_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let small = ["--blocks", "1", "--set", "instances=1"];
    let (one, two) = (run(&folder, "one", &small), run(&folder, "two", &[&small[..], &["--seed", "2"]].concat()));
    let sound = read(two.join("journal.ndjson"));
    let middle = sound.rfind("{\"kind\":\"trial\"").expect("a trial");
    fs::write(two.join("journal.ndjson"), format!("{}garbage\n{}", &sound[..middle], &sound[middle..]))
        .expect("written");
    for out in ["deep/merged", "merged"] {
        if out == "merged" {
            fs::create_dir(folder.path().join(out)).expect("a folder");
        }
        let (output, out) = merge(&folder, out, &[&one, &two]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains("two/journal.ndjson") && error.contains("is not a record"), "{error}");
        assert!(!folder.path().join("deep").exists());
        assert!(!out.exists() || fs::read_dir(out).is_ok_and(|mut left| left.next().is_none()), "nothing is left");
    }
    assert!(folder.path().join("merged").exists(), "what was there stays");

    fs::remove_file(two.join("journal.ndjson")).expect("removed");
    let (output, out) = merge(&folder, "deep/merged", &[&one, &two]);
    assert_eq!(output.status.code(), Some(2));
    assert!(!out.exists());

    fs::write(two.join("journal.ndjson"), sound).expect("written");
    let (output, _) = merge(&folder, "merged", &[&one, &two]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    // A full folder is somebody's, and is not touched.
    let (output, out) = merge(&folder, "merged", &[&one, &two]);
    assert_eq!(output.status.code(), Some(2));
    assert!(out.join("run.json").exists());
}
