//! Backends that are there already: a controller, and an engine that launches on it, that nobody but the experiment's file names
//! to the run. Here they are simulators in processes of their own, on a cluster in a process of its own.

#![cfg(all(feature = "harness", target_os = "linux"))]

#[path = "external_operator/runs.rs"]
#[expect(dead_code, reason = "a part of it is needed")]
mod runs;
#[path = "simulators/mod.rs"]
mod simulators;

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use self::{
    runs::{Lab, OPERATOR, Run, Served},
    simulators::{Simulator, TOKEN, provbench},
};

/// Names of templates that no other test has.
const TEMPLATES: [&str; 4] = ["--provision-template", "make-vm", "--deprovision-template", "remove-vm"];

struct Live {
    lab: Lab,
    cluster: Served,
    aap: Simulator,
}

impl Live {
    fn start() -> Self {
        let lab = Lab::new();
        let cluster = lab.cluster(&["--for", "5m"]);
        let kubeconfig = cluster.kubeconfig.to_str().expect("text");
        let aap = ["aap", "--profile", "short-jobs", "--boot-machines", "--kubeconfig", kubeconfig];
        let aap = Simulator::start(&[&aap[..], &TEMPLATES].concat());
        Self { lab, cluster, aap }
    }

    fn aap(&self) -> String {
        let url = &self.aap.url;
        let token = self.lab.path("token");
        fs::write(&token, format!("{TOKEN}\n")).expect("written");
        format!(
            "aap: {{url: '{url}/api/controller/', tokenFrom: {{file: {}}}, templates: {{provision: make-vm, deprovision: \
             remove-vm}}}}",
            token.display()
        )
    }

    fn run(&self, name: &str, arms: &str) -> Run {
        let file = self.lab.experiment(name, &format!("blocks: 1\ndeadline: 2m\narms:\n{arms}"));
        self.lab.run_in(&file, &["--cluster", "kubeconfig"], &self.cluster.kubeconfig)
    }
}

/// The changes of state that the backend's records tell of, of an arm.
fn changes(run: &Run, arm: &str) -> BTreeSet<String> {
    let rows = run.rows("transitions.csv");
    let told = rows.iter().filter(|row| row["arm"] == arm && row["plane"] == "backend");
    told.map(|row| format!("{} {}>{}", row["job_type"], row["from"], row["to"])).collect()
}

fn segments(run: &Run, arm: &str) -> BTreeSet<String> {
    let rows = run.rows("ledger.csv");
    rows.iter().filter(|row| row["arm"] == arm).map(|row| format!("{} {}", row["operation"], row["segment"])).collect()
}

/// Each arm's times are by a clock that is this machine's, and that is what is found.
fn the_clocks_are_one(run: &Run, arms: &[&str]) {
    let info: Value = serde_json::from_str(&run.file("run.json")).expect("JSON");
    let skews = info["clock_skews"].as_array().expect("skews");
    assert_eq!(skews.iter().map(|skew| skew["arm"].as_str().expect("a name")).collect::<Vec<_>>(), arms);
    for skew in skews {
        println!("{skew}");
        let number = |name: &str| skew[name].as_i64().expect("a number");
        let bound = number("max_bound_ns");
        // A second is what one answer alone would tell, however slow the machine is.
        assert!(bound < 500_000_000 && number("trials") == 1, "{skew}");
        let farthest = number("min_offset_ns").abs().max(number("max_offset_ns").abs());
        assert!(farthest <= bound, "{skew}");
        assert_eq!(number("corrected_trials"), 0, "{skew}");
    }
    let report = run.file("comparison.md");
    assert!(report.contains("minus ours: ") && report.contains("left as they are"), "{report}");
}

const ALL_CHANGES: [&str; 6] = [
    "deprovision >Pending",
    "deprovision Pending>Running",
    "deprovision Running>Succeeded",
    "provision >Pending",
    "provision Pending>Running",
    "provision Running>Succeeded",
];

#[test]
fn a_live_controller_is_measured_with_what_its_records_tell() {
    let live = Live::start();
    let aap = live.aap();
    let arm = |name: &str, more: &str| {
        format!("  - name: {name}\n    provider: aap\n    poll_interval: 500ms\n    backend: {{{aap}}}\n{more}")
    };
    let outside = format!("    operator: {{external: {{command: [{OPERATOR}]}}}}\n");
    let run = live.run("live-aap", &(arm("inside", "") + &arm("outside", &outside)));
    run.ended_with(0);
    run.same_outcomes("inside", "outside");
    for arm in ["inside", "outside"] {
        assert_eq!(changes(&run, arm).iter().map(String::as_str).collect::<Vec<_>>(), ALL_CHANGES, "{arm}");
    }
    let inside = segments(&run, "inside");
    // No record tells when a provision job had its effect.
    let parts = ["trigger", "pending", "running+..+detection"].map(|part| format!("provision {part}"));
    for part in parts.into_iter().chain(["deprovision pending".to_owned(), "deprovision running".to_owned()]) {
        assert!(inside.contains(&part), "{part}: {inside:?}");
    }
    assert!(segments(&run, "outside").contains("deprovision running"));
    the_clocks_are_one(&run, &["inside", "outside"]);
    run.never_shows(TOKEN);
    live.lab.left_nothing();
}

#[test]
fn a_live_engine_is_measured_with_the_records_of_the_controller_that_it_launches_on() {
    let live = Live::start();
    let url = format!("{}/api/controller", live.aap.url);
    let eda = Simulator::start(&[&["eda", "--profile", "short-jobs", "--aap-url", &url][..], &TEMPLATES].concat());
    let webhooks = format!(
        "eda: {{provisionWebhook: '{0}/create-compute-instance?key=in-a-query', deprovisionWebhook: \
         '{0}/delete-compute-instance'}}",
        eda.url
    );
    let arms = format!(
        "  - {{name: told, provider: eda, backend: {{{webhooks}, {}}}}}\n  - {{name: untold, provider: eda, backend: \
         {{{webhooks}}}}}\n",
        live.aap()
    );
    let run = live.run("live-eda", &arms);
    run.ended_with(0);
    run.same_outcomes("told", "untold");
    assert_eq!(changes(&run, "told").iter().map(String::as_str).collect::<Vec<_>>(), ALL_CHANGES);
    assert_eq!(changes(&run, "untold"), BTreeSet::new());
    let told = segments(&run, "told");
    for part in ["provision handoff", "provision pending", "deprovision handoff", "deprovision pending"] {
        assert!(told.contains(part), "{part}: {told:?}");
    }
    the_clocks_are_one(&run, &["told"]);
    run.never_shows(TOKEN);
    run.never_shows("in-a-query");
    live.lab.left_nothing();
}

#[test]
fn the_records_of_the_controller_of_an_operator_that_is_deployed_already_are_read() {
    let lab = Lab::new();
    let cluster = lab.cluster(&["--with-operator", "aap", "--with-simulators", "--namespace", "vms", "--for", "5m"]);
    let aap = cluster.lines.iter().find_map(|line| line.strip_prefix("AAP ")?.split_whitespace().next());
    let token = lab.path("token");
    fs::write(&token, "simulated\n").expect("written");
    let arm = |name: &str, backend: &str| {
        format!("  - {{name: {name}, provider: aap, operator: none, namespace: vms{backend}}}\n")
    };
    let backend = format!(
        ", backend: {{aap: {{url: '{}', tokenFrom: {{file: {}}}, templates: {{provision: create-compute-instance, \
         deprovision: delete-compute-instance}}}}}}",
        aap.expect("the controller's URL"),
        token.display()
    );
    let arms = format!("blocks: 1\ndeadline: 2m\narms:\n{}{}", arm("told", &backend), arm("untold", ""));
    let file = lab.experiment("deployed", &arms);
    let run = lab.run_in(&file, &["--cluster", "kubeconfig", "--install-crds"], &cluster.kubeconfig);
    run.ended_with(0);
    run.same_outcomes("told", "untold");
    assert_eq!(changes(&run, "told").iter().map(String::as_str).collect::<Vec<_>>(), ALL_CHANGES);
    assert_eq!(changes(&run, "untold"), BTreeSet::new());
    let told = segments(&run, "told");
    assert!(told.contains("provision pending") && told.contains("deprovision running"), "{told:?}");
    the_clocks_are_one(&run, &["told"]);
    lab.left_nothing();
}

/// What is said of an arm's backend that can't be used.
fn refusal(lab: &Lab, arm: &str, more: &[&str]) -> String {
    let file = lab.experiment("refused", &format!("blocks: 1\narms:\n  - name: live\n    {arm}\n"));
    let mut command = provbench();
    let output = command.arg("run").arg(&file).args(more).env_remove("NO_SUCH_TOKEN").output().expect("provbench runs");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_can_not_be_used_is_refused_with_its_place() {
    let lab = Lab::new();
    let aap = |url: &str, token: &str| {
        format!(
            "provider: aap\n    backend: {{aap: {{url: '{url}', tokenFrom: {{{token}}}, templates: {{provision: a, \
             deprovision: b}}}}}}"
        )
    };
    let (url, known) = ("https://aap.example.com/api/controller", "env: PROVBENCH_AAP_TOKEN");
    let good = aap(url, known);
    let in_place = good.replace("{env: PROVBENCH_AAP_TOKEN}", "hunter2");
    let cases: [(&str, &[&str], &str); 12] = [
        (&in_place, &[], "a text is none of these; expected either `{env: VARIABLE}`"),
        (&good, &["--clock", "virtual"], "14: a live backend needs the real clock; set `clock: real`"),
        (&good, &["--time-scale", "0.1"], "14: a live backend is as fast as it is; leave `time_scale`"),
        (&good, &[], "live backends act on a cluster that they reach"),
        (&aap(url, "env: NO_SUCH_TOKEN"), &[], "the environment has no NO_SUCH_TOKEN; export it"),
        (&aap(url, "file: no-such-file"), &[], "no-such-file: No such file or directory"),
        (&aap("ftp://aap.example.com/api", known), &[], "`ftp://aap.example.com/api` is no URL of a backend"),
        (&aap("https://me:hunter2@aap.example.com/api", known), &[], "credentials don't belong into a URL"),
        (&aap("https://me:hunter2@ aap/api", known), &[], "credentials don't belong into a URL"),
        (&aap(&format!("{url}?token=hunter2"), known), &[], "the controller's URL has a query"),
        (&good.replace("provider: aap", "provider: eda"), &[], "a live AAP needs a live EDA that launches on it"),
        ("provider: eda\n    backend: {eda: {provisionWebhook: 'http://eda/x'}}", &[], "both of `provisionWebhook`"),
    ];
    for (arm, more, message) in cases {
        let said = refusal(&lab, arm, more);
        assert!(said.contains(message), "{message}: {said}");
        assert!(!said.contains("hunter2") && !said.contains(TOKEN), "{said}");
        let placed = said.contains("refused.yaml:") || message.contains("a cluster");
        assert!(placed, "{said}");
    }
}
