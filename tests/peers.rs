//! Other people's clients, unchanged, against what `provbench simulate` serves: the official AWX client, and the engine that
//! EDA runs. `.ci/peers` installs them; where they are not installed these tests say so and are skipped, unless
//! PROVBENCH_PEERS_REQUIRED is set.

#![cfg(feature = "harness")]

mod simulators;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use simulators::{Running, Simulator, TOKEN, call, eventually, provbench};

/// A program of a peer, where it is installed.
fn peer(program: &str) -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let peers = folder("PROVBENCH_PEERS").unwrap_or_else(|| {
        let cache = folder("XDG_CACHE_HOME").unwrap_or_else(|| folder("HOME").unwrap_or_default().join(".cache"));
        cache.join("provbench-peers")
    });
    let path = peers.join(program);
    if path.is_file() {
        return Some(path);
    }
    assert!(
        std::env::var_os("PROVBENCH_PEERS_REQUIRED").is_none(),
        "{} is not installed; run `.ci/peers install`",
        path.display()
    );
    eprintln!("SKIPPED: {} is not installed; install it by `.ci/peers install`", path.display());
    None
}

/// A controller whose jobs take some seconds.
fn controller() -> Simulator {
    Simulator::start(&["aap", "--profile", "vmaas-dev-2026-02", "--time-scale", "0.02"])
}

fn text(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{out}\n{}", String::from_utf8_lossy(&output.stderr));
    out.into_owned()
}

/// The client with the way to a controller, but nothing that lets it in.
fn awx(program: &Path, aap: &Simulator) -> Command {
    let mut command = Command::new(program);
    // What is set for the user's own controller is none of ours.
    for name in ["CONTROLLER_HOST", "CONTROLLER_OAUTH_TOKEN", "CONTROLLER_USERNAME", "CONTROLLER_PASSWORD"] {
        command.env_remove(name);
    }
    command.args(["--conf.host", &aap.url]);
    command
}

#[test]
fn the_official_client_lists_launches_and_follows() {
    let Some(program) = peer("awxkit/bin/awx") else { return };
    let aap = controller();
    let with_token = || {
        let mut command = awx(&program, &aap);
        command.args(["--conf.token", TOKEN]);
        command
    };
    let list = ["job_templates", "list", "-f", "human"];
    let listed = text(&with_token().args(list).output().expect("awx runs"));
    assert!(listed.contains("create-compute-instance") && listed.contains("delete-compute-instance"), "{listed}");

    let mut command = awx(&program, &aap);
    let by_password = command.args(["--conf.username", "admin", "--conf.password", TOKEN]).args(list);
    assert_eq!(text(&by_password.output().expect("awx runs")), listed, "a session shows the same");
    let mut command = awx(&program, &aap);
    let wrong = command.args(["--conf.username", "admin", "--conf.password", "wrong"]).args(list);
    assert!(!wrong.output().expect("awx runs").status.success());
    let mut command = awx(&program, &aap);
    let login = command.args(["--conf.username", "admin", "--conf.password", TOKEN, "login", "-f", "human"]);
    assert_eq!(text(&login.output().expect("awx runs")).trim(), format!("export CONTROLLER_OAUTH_TOKEN={TOKEN}"));

    let launch = ["job_templates", "launch", "create-compute-instance", "--monitor", "--interval", "2.5"];
    let variables = ["--extra_vars", r#"{"src": "vm9"}"#];
    let followed = text(&with_token().args(launch).args(variables).output().expect("awx runs"));
    assert!(followed.contains(r#""status": "successful""#), "{followed}");
    let shown = text(&with_token().args(["jobs", "get", "1"]).output().expect("awx runs"));
    let job: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!((&job["status"], &job["extra_vars"]), (&json!("successful"), &json!(r#"{"src": "vm9"}"#)));
    assert!(job["elapsed"].as_f64().is_some_and(|elapsed| elapsed > 100.0), "of the profile's time: {job}");
}

const CANCEL: &str = r#"
import sys
from awxkit import api, config, utils

config.base_url, token = sys.argv[1:]
config.assume_untrusted = False
root = api.Api()
root.connection.login(token=token)
v2 = root.get().available_versions.v2.get()
template = v2.job_templates.get(name="create-compute-instance").results[0]
job = template.launch({"extra_vars": {"src": "vm1"}})
job.wait_until_status("running", interval=0.1, timeout=20, since_job_created=False)
job.cancel()
job.wait_until_completed(interval=0.1, timeout=20, since_job_created=False)
print(job.status)
job.cancel()
print(job.get().status)
"#;

#[test]
fn the_official_client_cancels_by_its_python_api() {
    let Some(python) = peer("awxkit/bin/python") else { return };
    let aap = controller();
    let output = Command::new(python).args(["-c", CANCEL, &aap.url, TOKEN]).output().expect("python runs");
    assert_eq!(text(&output).split_whitespace().collect::<Vec<_>>(), ["canceled", "canceled"]);
    assert_eq!(aap.jobs()[0]["status"], "canceled");
}

#[test]
fn the_real_engine_launches_what_webhooks_ask_for() {
    let Some(program) = peer("ansible-rulebook/bin/ansible-rulebook") else { return };
    let aap = controller();
    let folder = tempfile::tempdir().expect("a folder");
    let (inventory, log) = (folder.path().join("inventory.yaml"), folder.path().join("log"));
    fs::write(&inventory, "all: {hosts: {localhost: {ansible_connection: local}}}\n").expect("written");
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        free.local_addr().expect("an address").port()
    };
    let bin = program.parent().expect("a folder").to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(bin).chain(std::env::split_paths(&path))).expect("a PATH");
    let engine = Command::new(&program)
        .args(["--verbose", "--rulebook", "experiments/rulebooks/compute-instances.yaml", "--inventory"])
        .arg(&inventory)
        .args(["--env-vars", "PROVBENCH_EDA_HOST,PROVBENCH_EDA_PORT"])
        .env("PROVBENCH_EDA_HOST", "127.0.0.1")
        .env("PROVBENCH_EDA_PORT", port.to_string())
        .env("EDA_CONTROLLER_URL", &aap.url)
        .env("EDA_CONTROLLER_TOKEN", TOKEN)
        .env("PATH", path)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null())
        .stdout(File::create(&log).expect("a file"))
        .stderr(File::options().append(true).open(&log).expect("a file"))
        .spawn()
        .expect("the engine starts");
    let _engine = Running(engine);
    let logged = || fs::read_to_string(&log).unwrap_or_default();
    // Starting a Java machine takes its time where others are at work as well.
    for _ in 0..3 {
        if logged().contains("Waiting for events") {
            break;
        }
        std::panic::catch_unwind(|| eventually("ready", || logged().contains("Waiting for events").then_some(()))).ok();
    }
    assert!(logged().contains("Waiting for events"), "{}", logged());

    let url = format!("http://127.0.0.1:{port}");
    let object = json!({"metadata": {"name": "ci-0001", "namespace": "ns"}, "status": {"desiredConfigVersion": "abc"}});
    for (endpoint, template) in [("create", "create-compute-instance"), ("delete", "delete-compute-instance")] {
        let before = aap.jobs().len();
        let (status, _) = call(&url, None, "POST", &format!("/{endpoint}-compute-instance"), &object);
        assert_eq!(status, 200);
        let job = eventually("a job", || aap.jobs().into_iter().nth(before));
        assert_eq!(job["name"], template);
        let variables: Value = serde_json::from_str(job["extra_vars"].as_str().expect("text")).expect("JSON");
        assert_eq!(variables["ansible_eda"]["event"]["payload"], object);
        assert_eq!(variables["ansible_eda"]["event"]["meta"]["endpoint"], format!("{endpoint}-compute-instance"));
        eventually("its end", || Some(aap.jobs().swap_remove(before)).filter(|job| job["status"] == "successful"));
    }
    assert!(!logged().contains(TOKEN), "{}", logged());
}

/// The durations of a segment in a run's ledger, in milliseconds, sorted, for each arm.
fn segment_ms(run: &Path, segment: &str) -> BTreeMap<String, Vec<f64>> {
    let ledger = fs::read_to_string(run.join("ledger.csv")).expect("a ledger");
    let mut lines = ledger.lines();
    let head: Vec<&str> = lines.next().expect("a head").split(',').collect();
    let column = |name: &str| head.iter().position(|column| *column == name).expect(name);
    let [arm, name, start, end] = ["arm", "segment", "start_ns", "end_ns"].map(column);
    let mut found: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        if cells[name] == segment {
            let at = |column: usize| cells[column].parse::<f64>().expect("a number") / 1e6;
            found.entry(cells[arm].to_owned()).or_default().push(at(end) - at(start));
        }
    }
    for durations in found.values_mut() {
        durations.sort_by(f64::total_cmp);
    }
    found
}

#[test]
fn the_real_engine_is_an_arm_and_both_hand_offs_are_told() {
    let Some(program) = peer("ansible-rulebook/bin/ansible-rulebook") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let run = folder.path().join("run");
    let child =
        real_eda(&program, &run).args(["--blocks", "1", "--set", "instances=8"]).spawn().expect("provbench runs");
    let id = child.id();
    let output = child.wait_with_output().expect("provbench ends");
    let table = text(&output);
    let hand_offs = segment_ms(&run, "handoff");
    println!("hand-off, webhook → launch, in ms (8 instances, created and deleted):");
    for (arm, durations) in &hand_offs {
        // The nearest rank.
        let at = |percent: usize| durations[(percent * (durations.len() - 1) + 50) / 100];
        println!(
            "{arm:<17} n {}, min {:.1}, p25 {:.1}, p50 {:.1}, p75 {:.1}, p95 {:.1}, max {:.1}",
            durations.len(),
            at(0),
            at(25),
            at(50),
            at(75),
            at(95),
            at(100)
        );
        let all: Vec<String> = durations.iter().map(|duration| format!("{duration:.1}")).collect();
        println!("{:<17} {}", "", all.join(" "));
    }
    assert_eq!(hand_offs.keys().collect::<Vec<_>>(), ["ansible-rulebook", "simulated"], "{table}");
    for (arm, durations) in &hand_offs {
        assert_eq!(durations.len(), 16, "{arm}: both operations of each instance\n{table}");
        // A quiet engine: 20 to 50 ms; what else is at work on the machine comes on top.
        assert!(durations[0] > 1.0 && durations[8] < 2_000.0, "{arm}: {durations:?}");
    }
    // The simulated one is not faster than its profile, nor does an engine of ours stay behind.
    assert!(hand_offs["simulated"][0] >= 20.0, "{hand_offs:?}");
    assert_eq!(engines_of(id), "", "no engine is left behind");
}

fn real_eda(program: &Path, run: &Path) -> Command {
    let mut command = provbench();
    command.args(["run", "experiments/real-eda.yaml", "--no-plots", "--out"]).arg(run);
    command.env("PROVBENCH_ANSIBLE_RULEBOOK", program).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The numbers of the processes that a run started as engines; their folder is named after it.
fn engines_of(run: u32) -> String {
    let found = Command::new("pgrep").args(["-f", &format!("provbench-engine-{run}-")]).output().expect("pgrep runs");
    String::from_utf8_lossy(&found.stdout).trim().to_owned()
}

#[test]
fn an_engine_does_not_outlive_a_run_that_is_killed() {
    let Some(program) = peer("ansible-rulebook/bin/ansible-rulebook") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let run = Running(real_eda(&program, &folder.path().join("run")).spawn().expect("provbench runs"));
    let id = run.0.id();
    eventually("an engine", || Some(engines_of(id)).filter(|engines| !engines.is_empty()));
    drop(run);
    eventually("its end", || engines_of(id).is_empty().then_some(()));
}
