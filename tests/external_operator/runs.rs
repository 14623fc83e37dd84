//! Experiments in a folder of their own, their runs, and what may be left of them.

#![allow(unreachable_pub, reason = "a module of a test")]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

pub const OPERATOR: &str = env!("CARGO_BIN_EXE_cloudkit-operator");

/// Waits until `what` is there, for two minutes at most.
pub fn eventually<T>(name: &str, what: impl Fn() -> Option<T>) -> T {
    for _ in 0..2400 {
        if let Some(found) = what() {
            return found;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    panic!("{name} never came");
}

pub struct Lab {
    folder: tempfile::TempDir,
}

/// A cluster that is served; it ends with it.
pub struct Served {
    child: Child,
    pub kubeconfig: PathBuf,
    /// What it said of what runs beside it.
    #[allow(dead_code, reason = "some of its users need it")]
    pub lines: Vec<String>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

impl Lab {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("tmp")).expect("a folder");
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let program = self.path(&format!("{name}.sh"));
        // Its variable names the folder, so that its processes are found.
        fs::write(&program, format!("#!/bin/sh\ncd '{}'\n{text}\n", self.folder.path().display())).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("set");
        program
    }

    pub fn experiment(&self, name: &str, arms: &str) -> PathBuf {
        self.experiment_with(name, arms, "  - kind: provision-deprovision\n")
    }

    /// Three instances on the real clock with the profile of February.
    pub fn experiment_with(&self, name: &str, arms: &str, scenarios: &str) -> PathBuf {
        let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/profiles/vmaas-dev-2026-02.yaml");
        let file = self.path(&format!("{name}.yaml"));
        let text = format!(
            "name: {name}\ndescription: a test\nclock: real\nseed: 7\ninstances: 3\n\n\n\nprofile: {}\n{arms}scenarios:\n{scenarios}",
            profile.display()
        );
        fs::write(&file, text).expect("written");
        file
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provbench"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).env("TMPDIR", self.path("tmp"));
        command
    }

    fn out(&self) -> PathBuf {
        (0..1000).map(|number| self.path(&format!("run{number}"))).find(|path| !path.exists()).expect("a name")
    }

    pub fn start(&self, file: &Path, more: &[&str]) -> Child {
        let mut command = self.command();
        command.arg("run").arg(file).args(["--no-plots", "--out"]).arg(self.out()).args(more);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("provbench runs")
    }

    pub fn run(&self, file: &Path, more: &[&str]) -> Run {
        self.run_in(file, more, Path::new("/no/kubeconfig"))
    }

    pub fn run_in(&self, file: &Path, more: &[&str], kubeconfig: &Path) -> Run {
        let out = self.out();
        let mut command = self.command();
        command.arg("run").arg(file).args(["--no-plots", "--out"]).arg(&out).args(more).env("KUBECONFIG", kubeconfig);
        let output = command.output().expect("provbench runs");
        Run {
            out,
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub fn cluster(&self, more: &[&str]) -> Served {
        let mut command = self.command();
        command.arg("cluster").args(more).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("provbench runs");
        let mut lines = BufReader::new(child.stdout.take().expect("an output")).lines().map_while(Result::ok);
        let mut said = Vec::new();
        let kubeconfig = loop {
            match lines.next().expect("the path of a kubeconfig") {
                line if line.starts_with('/') => break line.into(),
                line => said.push(line),
            }
        };
        // Nobody is to break the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Served { child, kubeconfig, lines: said }
    }

    /// The folders of operators that are there.
    pub fn folders(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path("tmp")).expect("a folder").flatten().map(|entry| entry.path());
        entries.filter(|path| path.to_string_lossy().contains("provbench-operator-")).collect()
    }

    /// Processes that were started for operators of this lab: they have its folder in their environment.
    pub fn processes(&self) -> usize {
        let mark = format!("KUBECONFIG={}/tmp/provbench-operator-", self.folder.path().display());
        let entries = fs::read_dir("/proc").expect("processes").flatten();
        let is_ours = |path: PathBuf| {
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|one| one.starts_with(mark.as_bytes()))
        };
        entries.filter(|entry| is_ours(entry.path())).count()
    }

    /// Neither processes nor kubeconfigs.
    pub fn left_nothing(&self) {
        eventually("the end of what was started", || (self.processes() == 0).then_some(()));
        eventually("the end of the kubeconfigs", || self.folders().is_empty().then_some(()));
    }
}

pub struct Run {
    pub out: PathBuf,
    code: Option<i32>,
    stdout: String,
    pub stderr: String,
}

impl Run {
    pub fn ended_with(&self, code: i32) {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stderr, self.stdout);
    }

    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.out.join(name)).expect(name)
    }

    /// The rows of a table, by the names of their columns.
    pub fn rows(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let text = self.file(name);
        let mut lines = text.lines();
        let head: Vec<&str> = lines.next().expect("a head").split(',').collect();
        lines
            .map(|line| head.iter().map(|name| (*name).to_owned()).zip(line.split(',').map(str::to_owned)).collect())
            .collect()
    }

    /// What the operator of an arm cost in its last trial.
    pub fn cost(&self, arm: &str) -> Value {
        let journal = self.file("journal.ndjson");
        let lines = journal.lines().rev().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        let mut ends = lines.filter(|line| line["kind"] == "trial_end" && line["arm"] == arm);
        ends.next().expect("an end")["cost"].take()
    }

    /// How instances ended, and how many jobs they had, is the same in both arms.
    pub fn same_outcomes(&self, one: &str, other: &str) {
        let rows = self.rows("samples.csv");
        let of = |arm: &str| -> Vec<Vec<String>> {
            let names = ["instance", "outcome", "provision_jobs", "deprovision_jobs", "orphans"];
            let rows = rows.iter().filter(|row| row["arm"] == arm);
            rows.map(|row| names.iter().map(|name| row[*name].clone()).collect()).collect()
        };
        assert!(!of(one).is_empty());
        assert_eq!(of(one), of(other));
        assert!(of(other).iter().all(|facts| facts[1..] == ["succeeded", "1", "1", "0"]), "{:?}", of(other));
    }

    /// A secret is in no file of the run and in nothing that it said.
    pub fn never_shows(&self, secret: &str) {
        assert!(!self.stdout.contains(secret) && !self.stderr.contains(secret), "{}{}", self.stdout, self.stderr);
        for entry in fs::read_dir(&self.out).expect("a folder").flatten() {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{}", entry.path().display());
        }
    }
}
