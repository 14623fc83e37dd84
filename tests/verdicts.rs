//! Verdicts, gates, audits and baselines as their users meet them: exit codes, sentences, files for CI.

#![cfg(feature = "harness")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

const FEBRUARY: &str = "experiments/aap-vs-eda.yaml";

/// Something that needs no more than milliseconds: backends that answer at once.
const QUICK: &str = "\
name: quick
blocks: 8
instances: 1
profile: PROFILES/instant.yaml
arms:
  - {name: slow, provider: aap, poll_interval: 20s}
  - {name: fast, provider: aap, poll_interval: 5s}
scenarios:
  - kind: provision-deprovision
    hold: 7s
";

fn provbench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_provbench"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env_remove("GITHUB_STEP_SUMMARY")
        .args(arguments)
        .output()
        .expect("provbench runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path")
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

/// A folder for runs of one test.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the quick experiment with more lines in it.
    fn run(&self, name: &str, more_yaml: &str, more: &[&str]) -> (Output, PathBuf) {
        let file = self.path(&format!("{name}.yaml"));
        let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/profiles");
        let yaml = QUICK.replace("PROFILES", text(&profiles)) + more_yaml;
        fs::write(&file, yaml).expect("written");
        let out = self.path(name);
        let output = provbench(&[&["run", text(&file), "--no-plots", "--out", text(&out)], more].concat());
        (output, out)
    }
}

#[test]
fn one_block_of_three_instances_tells_how_many_blocks_are_needed_and_no_percentage() {
    let desk = Desk::new();
    let out = desk.path("run");
    let output = provbench(&["run", FEBRUARY, "--blocks", "1", "--no-plots", "--out", text(&out)]);
    let printed = stdout(&output) + &fs::read_to_string(out.join("comparison.md")).expect("a file");
    let reason = printed.split("inconclusive: 1 block; at least 6 needed for p < 0.05, ").nth(1).expect("the reason");
    let needed: u32 = reason.split_once(" for this effect").expect("a number").0.parse().expect("a number");
    assert!(needed >= 6);
    let without_level = |text: &str| text.replace("95 %", "");
    assert!(!without_level(&printed).contains(" %"), "{printed}");
    let compared = provbench(&["compare", text(&out)]);
    assert_eq!(compared.status.code(), Some(0), "nothing was demanded");
    assert!(stdout(&compared).contains("inconclusive: 1 block; at least 6 needed"), "{}", stdout(&compared));
    let demanded = provbench(&["compare", text(&out), "--require", "faster"]);
    assert_eq!(demanded.status.code(), Some(5));
    assert!(!without_level(&stdout(&demanded)).contains(" %"), "{}", stdout(&demanded));
}

#[test]
fn gates_end_a_run_with_the_code_of_their_answer_and_leave_files_for_ci() {
    let desk = Desk::new();
    let (junit, summary) = (desk.path("junit.xml"), desk.path("summary.md"));
    let files = ["--junit", text(&junit), "--summary", text(&summary)];
    let (passed, folder) = desk.run("passed", "gates: [{require: faster}, {arm: fast, at_most: 1m}]\n", &files);
    assert_eq!(passed.status.code(), Some(0), "{}{}", stdout(&passed), stderr(&passed));
    let gates = &json(&folder.join("summary.json"))["gates"];
    assert_eq!((&gates[0]["outcome"], &gates[1]["outcome"]), (&Value::from("passed"), &Value::from("passed")));
    assert_eq!(gates[0]["verdict"], "faster");
    let xml = fs::read_to_string(&junit).expect("a file");
    assert!(xml.contains("tests=\"2\" failures=\"0\" errors=\"0\""), "{xml}");
    assert!(fs::read_to_string(&summary).expect("a file").starts_with("### ✅ quick"));

    let (failed, _) = desk.run("failed", "gates: [{require: slower}, {arm: fast, at_most: 1ms}]\n", &files);
    assert_eq!(failed.status.code(), Some(3), "{}", stdout(&failed));
    assert!(stdout(&failed).contains("gate FAILED: fast slower than slow on total: faster: "), "{}", stdout(&failed));
    let xml = fs::read_to_string(&junit).expect("a file");
    assert_eq!(xml.matches("<failure ").count(), 2, "{xml}");

    let (open, _) = desk.run("open", "gates: [{require: faster}]\n", &["--blocks", "5"]);
    assert_eq!(open.status.code(), Some(5), "{}", stdout(&open));
    let (invalid, _) = desk.run("invalid", "gates: [{require: slower}]\n", &["--set", "deadline=3s"]);
    assert_eq!(invalid.status.code(), Some(4), "what is invalid shows nothing");
}

#[test]
fn the_summary_of_a_step_goes_where_github_wants_it() {
    let desk = Desk::new();
    let (_, run) = desk.run("run", "", &[]);
    let summary = desk.path("step.md");
    fs::write(&summary, "before\n").expect("written");
    let output = Command::new(env!("CARGO_BIN_EXE_provbench"))
        .args(["compare", text(&run)])
        .env("GITHUB_STEP_SUMMARY", &summary)
        .output()
        .expect("provbench runs");
    assert_eq!(output.status.code(), Some(0));
    let text = fs::read_to_string(&summary).expect("a file");
    assert!(
        text.starts_with("before\n### quick\n") && text.contains("| **total** (provision-deprovision) |"),
        "{text}"
    );
}

#[test]
fn warm_up_blocks_are_in_the_journal_and_nowhere_else() {
    let desk = Desk::new();
    let (_, with) = desk.run("with", "warmup: 2\n", &[]);
    let journal = fs::read_to_string(with.join("journal.ndjson")).expect("a file");
    assert_eq!(journal.matches("\"warmup\":true").count(), 4, "two blocks of two arms");
    assert_eq!(journal.matches("\"kind\":\"trial\"").count(), 20);
    let samples = fs::read_to_string(with.join("samples.csv")).expect("a file");
    let blocks: Vec<&str> = samples.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
    assert_eq!(blocks.len(), 16);
    assert!(!blocks.contains(&"1") && !blocks.contains(&"2") && blocks.contains(&"10"), "{blocks:?}");
    let summary = json(&with.join("summary.json"));
    assert_eq!((&summary["warmup_blocks"], &summary["arms"][0]["trials"]), (&Value::from(2), &Value::from(8)));
    let again = provbench(&["report", text(&with), "--no-plots"]);
    assert_eq!(again.status.code(), Some(0), "{}", stderr(&again));
    assert_eq!(json(&with.join("summary.json")), summary);
}

#[test]
fn a_run_ends_at_the_look_that_knows_enough_whatever_the_threads() {
    let desk = Desk::new();
    let run = |name: &str, half_width: &str, threads: &str| {
        let out = desk.path(name);
        let file = desk.path(&format!("{name}.yaml"));
        let experiments = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments");
        let yaml = fs::read_to_string(experiments.join("aap-vs-eda.yaml")).expect("the experiment");
        let fixed = yaml.lines().find(|line| line.starts_with("blocks:")).expect("blocks");
        let until = format!("until: {{half_width: {half_width}, max_blocks: 24, looks: [8, 16, 24]}}");
        let profile = experiments.join("profiles/vmaas-dev-2026-02.yaml");
        let yaml = yaml
            .replace(fixed, &until)
            .replace("instances: 3", "instances: 1")
            .replace("profile: vmaas-dev-2026-02", &format!("profile: {}", profile.display()));
        fs::write(&file, yaml).expect("written");
        let output = provbench(&["run", text(&file), "--threads", threads, "--no-plots", "--out", text(&out)]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        (json(&out.join("summary.json")), fs::read(out.join("journal.ndjson")).expect("a file"), out)
    };
    let (one, journal, folder) = run("one", "30%", "1");
    let (two, same_journal, _) = run("two", "30%", "2");
    assert_eq!((&one["stopping"], journal), (&two["stopping"], same_journal));
    assert_eq!((&one["stopping"]["blocks"], &one["stopping"]["enough"]), (&Value::from(8), &Value::from(true)));
    assert_eq!(json(&folder.join("run.json"))["blocks"], 8);
    // An early look may spend a part of the 5 % only.
    assert!(one["comparisons"][0]["alpha"].as_f64().expect("a level") < 0.03, "{}", one["comparisons"][0]);
    let (all, ..) = run("all", "0.1%", "2");
    assert_eq!((&all["stopping"]["blocks"], &all["stopping"]["enough"]), (&Value::from(24), &Value::from(false)));
    assert_eq!(all["stopping"]["looks"], serde_json::json!([8, 16, 24]));
}

#[test]
fn an_audit_repeats_the_baseline_with_draws_of_its_own() {
    let desk = Desk::new();
    let out = desk.path("run");
    let more = ["--blocks", "8", "--set", "audit=aa", "--set", "instances=2", "--no-plots", "--out", text(&out)];
    let output = provbench(&[&["run", FEBRUARY][..], &more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let summary = json(&out.join("summary.json"));
    let arms = summary["arms"].as_array().expect("arms");
    let names: Vec<&str> = arms.iter().filter_map(|arm| arm["arm"].as_str()).collect();
    assert_eq!(names, ["eda", "aap", "eda-aa"]);
    let mean = |arm: usize| arms[arm]["metrics"]["total"]["mean_ns"].as_u64();
    assert_ne!(mean(0), mean(2), "other draws");
    let compared: Vec<&Value> = summary["comparisons"].as_array().expect("some").iter().map(|c| &c["arm"]).collect();
    assert!(compared.iter().all(|arm| **arm == "aap"), "{compared:?}");
    let audit = summary["audits"].as_array().expect("some").iter().find(|audit| audit["metric"] == "total");
    let audit = audit.expect("an audit");
    assert_eq!((&audit["baseline"], &audit["arm"]), (&Value::from("eda"), &Value::from("eda-aa")));
    assert!((0.0..=0.1).contains(&audit["false_positive_rate"].as_f64().expect("a rate")), "{audit}");
    assert!(audit["smallest_detectable_ns"].as_u64().expect("a size") > 0);
    assert!(stdout(&output).contains("eda against itself on total"), "{}", stdout(&output));
}

#[test]
fn two_runs_are_compared_arm_by_arm() {
    let desk = Desk::new();
    let (_, before) = desk.run("before", "", &[]);
    let (_, same) = desk.run("same", "", &[]);
    let (_, after) = desk.run("after", "", &["--set", "arms.fast.poll_interval=60s"]);
    let not_slower = ["--require", "not-slower", "--margin", "2%"];
    let compare = |later: &Path, more: &[&str]| {
        provbench(&[&["compare", text(&before), text(later), "--format", "json"], more].concat())
    };
    let output = compare(&same, &not_slower);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let shown: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert!(shown["comparisons"].as_array().expect("some").iter().all(|c| c["difference_ns"] == 0), "{shown}");
    let output = compare(&after, &not_slower);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    let shown: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let outcome = |arm: &str| {
        let checks = shown["checks"].as_array().expect("some");
        let found = checks.iter().find(|check| check["name"].as_str().expect("a name").starts_with(arm));
        found.expect("a check")["outcome"].clone()
    };
    assert_eq!((outcome("slow"), outcome("fast")), (Value::from("passed"), Value::from("failed")));
    assert_eq!(compare(&after, &["--require", "not-slower"]).status.code(), Some(2), "a margin is needed");
    assert_eq!(compare(&after, &["--arm", "slow", "--require", "not-slower", "--margin", "2%"]).status.code(), Some(0));
    let (_, other) = desk.run("other", "", &["--clock", "real", "--time-scale", "0.001", "--blocks", "1"]);
    let output = compare(&other, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("the clock differs: real against virtual"), "{}", stderr(&output));
}

#[test]
fn a_regression_against_a_baseline_is_found_with_the_segment_to_blame() {
    let desk = Desk::new();
    let (_, run) = desk.run("run", "", &[]);
    let (_, slower) = desk.run("slower", "", &["--set", "arms.fast.poll_interval=60s"]);
    let store = desk.path("store");
    let baseline = |command: &str, run: &Path, more: &[&str]| {
        provbench(&[&["baseline", command, text(run), "--store", text(&store)], more].concat())
    };
    let missing = baseline("check", &run, &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("provbench baseline save RUN"), "{}", stderr(&missing));
    let saved = baseline("save", &run, &["--name", "release"]);
    assert_eq!(saved.status.code(), Some(0), "{}", stderr(&saved));
    assert!(store.join("quick/release.json").exists());
    let release = ["--name", "release"];
    assert_eq!(baseline("check", &run, &release).status.code(), Some(0), "nothing has changed");
    let junit = desk.path("junit.xml");
    let found = baseline("check", &slower, &[&release[..], &["--junit", text(&junit)]].concat());
    assert_eq!(found.status.code(), Some(3), "{}", stdout(&found));
    let printed = stdout(&found);
    assert!(printed.contains("failed: fast not slower than baseline release on total"), "{printed}");
    assert!(printed.contains("most of it in deprovision detection"), "{printed}");
    assert!(fs::read_to_string(&junit).expect("a file").contains("most of it in deprovision detection"));
    // The other direction is no regression.
    assert_eq!(baseline("save", &slower, &[]).status.code(), Some(0));
    assert_eq!(baseline("check", &run, &[]).status.code(), Some(0));
    assert_eq!(baseline("save", &run, &["--name", "../x"]).status.code(), Some(2));
}

#[test]
fn nothing_is_told_of_a_run_that_is_invalid() {
    let desk = Desk::new();
    let (_, run) = desk.run("run", "", &["--set", "deadline=3s"]);
    for arguments in [vec!["compare", text(&run)], vec!["baseline", "save", text(&run)]] {
        let output = provbench(&arguments);
        assert_eq!(output.status.code(), Some(4));
        assert!(stderr(&output).contains("is invalid"), "{}", stderr(&output));
    }
}

#[test]
fn instances_arrive_with_their_old_jobs_which_are_not_counted_as_theirs() {
    let desk = Desk::new();
    let old = ["--set", "arms.fast.old_jobs=40", "--set", "arms.fast.settings.CLOUDKIT_MAX_JOB_HISTORY=\"41\""];
    let (output, run) = desk.run("run", "", &[&old[..], &["--blocks", "2"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let samples = fs::read_to_string(run.join("samples.csv")).expect("a file");
    for line in samples.lines().skip(1) {
        assert!(line.contains(",1,1,0,"), "one provision job, one deprovision job, no orphan: {line}");
    }
    assert!(!fs::read_to_string(run.join("transitions.csv")).expect("a file").contains("old-"));
    let summary = json(&run.join("summary.json"));
    let sent = |arm: usize| summary["arms"][arm]["api"]["sent_bytes_per_instance"].as_f64().expect("bytes");
    assert!(sent(1) > sent(0) + 4_000.0, "{} against {}", sent(1), sent(0));
    assert!(summary["arms"][0]["metrics"].get("operator_cpu").is_none(), "virtual time has no CPU");
}

/// An arm that finishes or fails by how long the operator waits for EDA: machines take 20 s to 40 s to boot.
const WAITING: &str = "\
name: waiting
blocks: 8
instances: 2
profile: DESK/slow-boot.yaml
arms:
  - {name: slow, provider: aap, poll_interval: 20s}
  - {name: fast, provider: eda, settings: {CLOUDKIT_EDA_COMPLETION_TIMEOUT: LONGEST}}
scenarios:
  - kind: provision-deprovision
    hold: 7s
";

impl Desk {
    /// Runs an experiment of its own.
    fn run_yaml(&self, name: &str, yaml: &str) -> PathBuf {
        let instant = Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/profiles/instant.yaml");
        let slow_boot = fs::read_to_string(instant)
            .expect("the profile")
            .replace("boot: {fixed: 0s}", "boot: {uniform: {min: 20s, max: 40s}}");
        fs::write(self.path("slow-boot.yaml"), slow_boot).expect("written");
        let (file, out) = (self.path(&format!("{name}.yaml")), self.path(name));
        fs::write(&file, yaml.replace("DESK", text(self.folder.path()))).expect("written");
        let output = provbench(&["run", text(&file), "--no-plots", "--out", text(&out)]);
        assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
        out
    }

    fn waiting(&self, name: &str, longest: &str) -> PathBuf {
        self.run_yaml(name, &WAITING.replace("LONGEST", longest))
    }

    fn baseline(&self, command: &str, run: &Path, more: &[&str]) -> Output {
        provbench(&[&["baseline", command, text(run), "--store", text(&self.path("store"))], more].concat())
    }

    /// Saves a run as a baseline and changes each of its arms.
    fn save_changed(&self, run: &Path, change: impl Fn(&mut Value)) {
        let saved = self.baseline("save", run, &[]);
        assert_eq!(saved.status.code(), Some(0), "{}", stderr(&saved));
        let file = PathBuf::from(stdout(&saved).trim());
        let mut digest = json(&file);
        digest["arms"].as_array_mut().expect("arms").iter_mut().for_each(change);
        fs::write(file, digest.to_string()).expect("written");
    }
}

#[test]
fn an_arm_that_finishes_less_than_before_fails_whatever_its_times_say() {
    let desk = Desk::new();
    let (all, some, none) = (desk.waiting("all", "1h"), desk.waiting("some", "26s"), desk.waiting("none", "3s"));
    assert_eq!(desk.baseline("save", &all, &[]).status.code(), Some(0));
    assert_eq!(desk.baseline("check", &all, &[]).status.code(), Some(0));

    let gone = desk.baseline("check", &none, &[]);
    let printed = stdout(&gone);
    assert_eq!(gone.status.code(), Some(3), "{printed}");
    assert!(printed.contains("failed: fast not slower than baseline main on total (margin 2 %)"), "{printed}");
    assert!(printed.contains("not measured any more: 0 of 16 instances finished, 16 of 16 before"), "{printed}");
    assert!(printed.contains("passed: slow not slower"), "{printed}");

    let less = desk.baseline("check", &some, &[]);
    let printed = stdout(&less);
    assert_eq!(less.status.code(), Some(3), "{printed}");
    assert!(printed.contains("less finished: 6 of 16 instances finished, 16 of 16 before"), "{printed}");
    assert!(!printed.contains("): faster"), "those that fail are not among the times: {printed}");

    let compared = provbench(&["compare", text(&all), text(&none)]);
    assert_eq!(compared.status.code(), Some(0), "nothing was demanded");
    assert!(
        stdout(&compared).contains("!! fast in provision-deprovision: less finished: 0 of 16"),
        "{}",
        stdout(&compared)
    );
    let demanded = provbench(&["compare", text(&all), text(&none), "--require", "not-slower", "--margin", "2%"]);
    assert_eq!(demanded.status.code(), Some(3), "{}", stdout(&demanded));
    let never = provbench(&["compare", text(&none), text(&none), "--arm", "fast", "--require", "faster"]);
    assert_eq!(never.status.code(), Some(5), "{}", stdout(&never));
    assert!(stdout(&never).contains("measured in neither run"), "{}", stdout(&never));
    let recovered = provbench(&["compare", text(&none), text(&all), "--arm", "fast", "--require", "faster"]);
    assert_eq!(recovered.status.code(), Some(5), "{}", stdout(&recovered));
}

#[test]
fn an_arm_that_only_one_run_has_answers_nothing() {
    let desk = Desk::new();
    let both = desk.waiting("both", "1h");
    let without: Vec<&str> = WAITING.lines().filter(|line| !line.contains("name: fast")).collect();
    let one = desk.run_yaml("one", &without.join("\n"));
    assert_eq!(desk.baseline("save", &both, &[]).status.code(), Some(0));
    let checked = desk.baseline("check", &one, &[]);
    assert_eq!(checked.status.code(), Some(5), "{}", stdout(&checked));
    assert!(
        stdout(&checked).contains("fast in provision-deprovision is only in baseline main"),
        "{}",
        stdout(&checked)
    );
    let gates = ["--require", "equivalent", "--margin", "2%"];
    let compare = |more: &[&str]| provbench(&[&["compare", text(&one), text(&both)], more].concat());
    assert_eq!(compare(&gates).status.code(), Some(5));
    assert_eq!(compare(&[&gates[..], &["--arm", "slow"]].concat()).status.code(), Some(0));
    assert_eq!(compare(&[&gates[..], &["--arm", "no-such"]].concat()).status.code(), Some(2));
    assert_eq!(compare(&[]).status.code(), Some(0), "nothing was demanded");
}

#[test]
fn runs_that_did_other_work_are_refused_and_other_settings_are_named() {
    let desk = Desk::new();
    let (_, before) = desk.run("before", "", &[]);
    let other =
        desk.run_yaml("other", &fs::read_to_string(desk.path("before.yaml")).expect("YAML").replace("7s", "8s"));
    assert_eq!(desk.baseline("save", &before, &[]).status.code(), Some(0));
    for refused in [desk.baseline("check", &other, &[]), provbench(&["compare", text(&before), text(&other)])] {
        assert_eq!(refused.status.code(), Some(2));
        let place = "scenarios.provision-deprovision.provision-deprovision.hold differs: \"8s\" against \"7s\"";
        assert!(stderr(&refused).contains(place), "{}", stderr(&refused));
    }
    let (_, more) = desk.run("more", "", &["--set", "tenants=2"]);
    let refused = provbench(&["compare", text(&before), text(&more)]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("tenants differs: 2 against 1"), "{}", stderr(&refused));
    let (_, polled) = desk.run("polled", "", &["--set", "arms.fast.poll_interval=4s"]);
    let compared = stdout(&provbench(&["compare", text(&before), text(&polled)]));
    assert!(compared.contains("fast: CLOUDKIT_AAP_STATUS_POLL_INTERVAL is 4s, 5s before"), "{compared}");
}

#[test]
fn times_of_other_ends_or_other_jobs_are_not_held_against_each_other() {
    let desk = Desk::new();
    let (_, run) = desk.run("run", "", &[]);
    desk.save_changed(&run, |arm| arm["ends"]["deprovision_jobs"] = Value::from(16));
    let checked = desk.baseline("check", &run, &[]);
    assert_eq!(checked.status.code(), Some(5), "{}", stdout(&checked));
    let reason = "16 deprovision jobs of 8 finished instances before, 8 deprovision jobs of 8 finished instances: the runs did \
                  different work";
    assert!(stdout(&checked).contains(reason), "{}", stdout(&checked));
    assert_eq!(desk.baseline("check", &run, &["--metric", "provision_total"]).status.code(), Some(0));
    desk.save_changed(&run, |arm| {
        arm["ends"]["succeeded"] = Value::from(7);
        arm["ends"]["failed"] = Value::from(1);
    });
    let checked = desk.baseline("check", &run, &["--metric", "provision_total"]);
    assert_eq!(checked.status.code(), Some(5), "{}", stdout(&checked));
    assert!(stdout(&checked).contains("the runs came to different ends"), "{}", stdout(&checked));
}

#[test]
fn what_is_to_blame_is_a_part_of_what_was_asked_about() {
    let desk = Desk::new();
    let (_, run) = desk.run("run", "", &[]);
    desk.save_changed(&run, |arm| {
        let means = arm["metrics"]["provision_total"]["block_means_ns"].as_array_mut().expect("means");
        for mean in means {
            *mean = Value::from(mean.as_f64().expect("a mean") / 2.0);
        }
        for part in arm["parts_ns"].as_object_mut().expect("parts").values_mut() {
            *part = Value::from(0);
        }
    });
    let checked = desk.baseline("check", &run, &["--metric", "provision_total"]);
    assert_eq!(checked.status.code(), Some(3), "{}", stdout(&checked));
    let printed = stdout(&checked);
    assert!(printed.contains("most of it in provision "), "{printed}");
    assert!(
        !printed.contains("most of it in deprovision"),
        "deprovisioning grew more, and was not asked about: {printed}"
    );
}

#[test]
fn blocks_of_a_baseline_are_known_by_their_numbers_and_old_baselines_can_still_be_read() {
    let desk = Desk::new();
    let run = desk.waiting("run", "1h");
    let numbers = |arm: &mut Value| {
        assert_eq!(arm["metrics"]["total"]["blocks"], serde_json::json!([1, 2, 3, 4, 5, 6, 7, 8]));
    };
    desk.save_changed(&run, numbers);
    let without_first = |arm: &mut Value, is_old: bool| {
        for metric in arm["metrics"].as_object_mut().expect("metrics").values_mut() {
            metric["block_means_ns"].as_array_mut().expect("means").remove(0);
            metric["blocks"].as_array_mut().expect("numbers").remove(0);
            if is_old {
                metric.as_object_mut().expect("members").remove("blocks");
            }
        }
        if is_old {
            for member in ["ends", "setup"] {
                arm.as_object_mut().expect("members").remove(member);
            }
        }
    };
    desk.save_changed(&run, |arm| without_first(arm, false));
    let checked = stdout(&desk.baseline("check", &run, &[]));
    assert!(checked.contains("fast: 1 block left out") && !checked.contains("difference −"), "{checked}");
    assert!(checked.contains("passed: fast not slower"), "a block without a partner shifts no other: {checked}");
    desk.save_changed(&run, |arm| without_first(arm, true));
    let checked = desk.baseline("check", &run, &[]);
    assert_ne!(checked.status.code(), Some(2), "{}", stderr(&checked));
    assert!(stdout(&checked).contains("difference −"), "by rank: {}", stdout(&checked));
    let none = desk.waiting("none", "3s");
    let gone = desk.baseline("check", &none, &[]);
    assert_eq!(gone.status.code(), Some(3), "{}", stdout(&gone));
    assert!(stdout(&gone).contains("not measured any more"), "{}", stdout(&gone));
}
