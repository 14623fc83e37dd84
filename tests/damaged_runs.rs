//! What a run has left, damaged afterwards: every command notices, says the same of it and gives the same exit code.

#![cfg(feature = "harness")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
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

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

/// A run of two blocks of two arms with two instances each, made once.
fn whole() -> &'static Path {
    static RUN: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = RUN.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run");
        let more = ["--no-plots", "--blocks", "2", "--set", "instances=2", "--out", text(&path)];
        let output = provbench(&[&["run", "experiments/aap-vs-eda.yaml"], &more[..]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        (folder, path)
    });
    path
}

/// A copy of the run, changed.
struct Copied {
    folder: TempDir,
}

impl Copied {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for entry in fs::read_dir(whole()).expect("a run").map(|entry| entry.expect("a file")) {
            if entry.path().is_file() {
                fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("copied");
            }
        }
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn journal(self, change: impl FnOnce(String) -> String) -> Self {
        let path = self.path().join("journal.ndjson");
        let before = fs::read_to_string(&path).expect("a journal");
        let after = change(before.clone());
        assert_ne!(before, after, "nothing is changed");
        fs::write(path, after).expect("written");
        self
    }

    fn info(self, member: &str, value: impl Into<Value>) -> Self {
        let path = self.path().join("run.json");
        let mut info: Value = serde_json::from_str(&fs::read_to_string(&path).expect("run.json")).expect("JSON");
        info[member] = value.into();
        fs::write(path, info.to_string()).expect("written");
        self
    }

    fn report(&self) -> Output {
        provbench(&["report", "--no-plots", text(self.path())])
    }

    /// What each command that refuses damaged runs says of it, with its exit code.
    fn refusals(&self) -> Vec<(Option<i32>, String)> {
        let (run, sound) = (text(self.path()), text(whole()));
        let store = self.path().join("store");
        let store = text(&store);
        let saved = provbench(&["baseline", "save", sound, "--store", store]);
        assert_eq!(saved.status.code(), Some(0), "{}", stderr(&saved));
        [
            &["compare", run][..],
            &["compare", sound, run],
            &["what-if", "--poll-interval", "5s", run],
            &["what-if", "--poll-interval", "5s", sound, "--against", run],
            &["baseline", "save", run, "--store", store],
            &["baseline", "check", run, "--store", store],
        ]
        .iter()
        .map(|arguments| provbench(arguments))
        .map(|output| (output.status.code(), stderr(&output)))
        .collect()
    }

    fn new_tables(&self) -> usize {
        let entries = fs::read_dir(self.path()).expect("a folder").map(|entry| entry.expect("a file").file_name());
        entries.filter(|name| name.to_string_lossy().ends_with(".new")).count()
    }
}

fn without_line(journal: &str, of: &str) -> String {
    let line = journal.lines().find(|line| line.starts_with(of)).expect("such a line");
    journal.replacen(&format!("{line}\n"), "", 1)
}

/// Where the last trial begins.
fn last_trial(journal: &str) -> usize {
    journal.rfind("{\"kind\":\"trial\"").expect("a trial")
}

/// The lines of a trial, by its number from 0.
fn trial(journal: &str, number: usize) -> String {
    let parts: Vec<&str> = journal.split("{\"kind\":\"trial\",").skip(1).collect();
    format!("{{\"kind\":\"trial\",{}", parts[number])
}

/// Every command says what a run has lost.
fn assert_lost(run: &Copied, expected: &str) {
    let report = run.report();
    assert_eq!(report.status.code(), Some(4), "{}", stderr(&report));
    let told = stdout(&report);
    assert!(told.contains(&format!("INVALID: {expected}")) && !told.contains("INCOMPLETE"), "{told}");
    for (code, error) in run.refusals() {
        assert!(code == Some(4) && error.contains(expected), "{code:?} {error}");
    }
}

#[test]
fn a_lost_sample_is_noticed_by_every_command() {
    let of = "{\"kind\":\"sample\",\"block\":1,\"arm\":\"aap\"";
    let run = Copied::new().journal(|journal| without_line(&journal, of));
    assert_lost(&run, "samples were lost: block 1, aap, provision-deprovision has 1 of 2");
}

#[test]
fn a_lost_trial_is_noticed_by_every_command_and_is_no_interrupt() {
    let run = Copied::new().journal(|journal| journal[..last_trial(&journal)].to_owned());
    let expected = "samples were lost: the journal has 3 whole trials of 4: it was cut off or changed; the first that is \
                    missing is block 2, ";
    assert_lost(&run, expected);
}

#[test]
fn a_journal_of_another_run_is_refused_by_every_command() {
    for (member, value, expected) in [
        ("seed", Value::from(1), "its seed is 12022026, that of run.json 1"),
        ("experiment", "other".into(), "its experiment is aap-vs-eda, that of run.json other"),
    ] {
        let run = Copied::new().info(member, value);
        let report = run.report();
        let all = [(report.status.code(), stderr(&report)), run.refusals().remove(0), run.refusals().remove(2)];
        for (code, error) in all {
            assert!(code == Some(2) && error.contains(expected), "{code:?} {error}");
        }
        assert_eq!(run.new_tables(), 0);
    }
}

#[test]
fn a_trial_that_is_not_of_the_plan_is_refused_by_every_command() {
    let twice = |journal: String| {
        let last = last_trial(&journal);
        format!("{}{}", &journal[..last], trial(&journal, 0))
    };
    let unknown = |journal: String| {
        let last = last_trial(&journal);
        let renamed = journal[last..].replace("\"scenario\":\"provision-deprovision\"", "\"scenario\":\"other\"");
        format!("{}{renamed}", &journal[..last])
    };
    for (run, expected) in [
        (Copied::new().journal(twice), "the trial is there twice) is out of place"),
        (Copied::new().journal(unknown), "other: the run has no such scenario) is out of place"),
        (
            Copied::new().info("arms", vec!["eda"]),
            "aap, provision-deprovision: the run has no such arm) is out of place",
        ),
    ] {
        let report = run.report();
        assert_eq!(report.status.code(), Some(2));
        assert!(stderr(&report).contains(expected), "{}", stderr(&report));
        for (code, error) in run.refusals().into_iter().filter(|(_, error)| !error.contains("differ")) {
            assert!(code == Some(2) && error.contains(expected), "{code:?} {error}");
        }
    }
}

#[test]
fn a_broken_invariant_counts_also_where_the_run_was_killed_before_it_said_so() {
    let run = Copied::new()
        .journal(|journal| journal.replacen("\"problems\":[]", "\"problems\":[\"a job too many\"]", 1))
        .info("status", "incomplete");
    let report = run.report();
    assert_eq!(report.status.code(), Some(4), "{}", stdout(&report));
    assert!(stdout(&report).contains("provision-deprovision: a job too many"), "{}", stdout(&report));
    let output = provbench(&["what-if", "--poll-interval", "5s", text(run.path())]);
    assert!(
        stdout(&output).contains("the run is invalid, and so is what follows from it: block 1"),
        "{}",
        stdout(&output)
    );
    let run = run.info("status", "complete");
    let output = provbench(&["compare", text(run.path())]);
    assert!(output.status.code() == Some(4) && stderr(&output).contains("a job too many"), "{}", stderr(&output));
}

#[test]
fn a_trial_that_was_stopped_with_its_run_breaks_no_invariant() {
    let run = Copied::new().info("status", "incomplete").journal(|journal| {
        let stopped = trial(&journal, 1).replacen("\"problems\":[]", "\"problems\":[],\"stopped\":true", 1);
        let head = journal.lines().next().expect("a head");
        format!("{head}\n{}{}", trial(&journal, 0), stopped.replace("\"succeeded\"", "\"censored\""))
    });
    let report = run.report();
    assert_eq!(report.status.code(), Some(1), "{}", stdout(&report));
    let told = stdout(&report);
    assert!(told.contains("INCOMPLETE: the run was stopped") && !told.contains("INVALID"), "{told}");
    assert!(told.contains("0 succeeded, 0 failed, 0 canceled, 2 censored"), "{told}");
}

#[test]
fn a_disk_that_is_full_is_told_with_the_file_and_leaves_no_half_of_a_table() {
    let full = |run: &Copied, file: &str| {
        let path = run.path().join(file);
        let _ = fs::remove_file(&path);
        std::os::unix::fs::symlink("/dev/full", path).expect("a link");
    };
    for file in ["samples.csv.new", "ledger.csv.new", "summary.json", "report.html"] {
        let run = Copied::new();
        full(&run, file);
        let output = run.report();
        assert_eq!(output.status.code(), Some(1), "{file}: {}", stderr(&output));
        let expected = format!("failed to write {}: No space left on device", run.path().join(file).display());
        assert!(stderr(&output).contains(&expected), "{}", stderr(&output));
        assert_eq!(run.new_tables(), 0, "{file}");
        let table = |folder: &Path| fs::read(folder.join("samples.csv")).expect("a table");
        assert!(table(run.path()) == table(whole()), "{file}");
    }
}
