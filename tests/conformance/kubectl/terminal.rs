//! Where commands are typed, and what they say, without what is each server's own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use regex::Regex;
use serde_json::Value;

use super::script::Part;

/// What every command has before it. A watch ends by itself, whatever becomes of the command that should end it.
const PRELUDE: &str = r#"
watched() { exec kubectl get ci "$@" --request-timeout=300s >watched 2>&1; }
seen() { for _ in $(seq 1200); do grep -q "$1" watched && return; sleep 0.05; done; echo "never seen: $1"; return 1; }
without-own() { grep -vE '^ +(uid|resourceVersion|creationTimestamp|selfLink): '; }
"#;

/// What commands are typed with.
const TOOLS: [&str; 3] = ["bash", "kubectl", "jq"];

/// The tools that are not there.
pub fn missing() -> Vec<&'static str> {
    let is_there = |tool: &&str| {
        let asked = Command::new("sh").args(["-c", &format!("command -v {tool} >/dev/null")]).status();
        asked.is_ok_and(|status| status.success())
    };
    TOOLS.into_iter().filter(|tool| !is_there(tool)).collect()
}

/// What a command did.
#[derive(Debug, PartialEq)]
pub struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit code {:?}", self.code)?;
        for line in self.out.lines() {
            write!(f, "\n        > {line}")?;
        }
        for line in self.err.lines() {
            write!(f, "\n        ! {line}")?;
        }
        Ok(())
    }
}

/// A shell in a folder of its own, with a kubeconfig.
pub struct Terminal {
    folder: tempfile::TempDir,
    kubeconfig: Value,
}

impl Terminal {
    /// A shell that talks to the server of a kubeconfig.
    pub fn new(kubeconfig: Value) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), kubeconfig }
    }

    /// What the commands of a part say, in a namespace of that name.
    pub fn play(&self, part: &Part, namespace: &str) -> Vec<Said> {
        let folder = self.folder.path().join(namespace);
        fs::create_dir(&folder).expect("a folder");
        let files = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/kubectl/files");
        for file in fs::read_dir(files).expect("files") {
            let file = file.expect("a file");
            let text = fs::read_to_string(file.path()).expect("text").replace("NAMESPACE", namespace);
            fs::write(folder.join(file.file_name()), text).expect("written");
        }
        let mut kubeconfig = self.kubeconfig.clone();
        kubeconfig["contexts"][0]["context"]["namespace"] = namespace.into();
        let kubeconfig_path = folder.join("kubeconfig");
        fs::write(&kubeconfig_path, kubeconfig.to_string()).expect("written");
        let typed = |command: &String| self.say(&folder, &kubeconfig_path, namespace, command);
        typed(&"kubectl create namespace $NS".to_owned());
        part.commands.iter().map(typed).collect()
    }

    fn say(&self, folder: &Path, kubeconfig: &PathBuf, namespace: &str, command: &str) -> Said {
        let output = Command::new("bash")
            .args(["-c", &format!("set -o pipefail; {PRELUDE}\n{command}")])
            .current_dir(folder)
            // What kubectl keeps of a server is shared by the parts.
            .env("HOME", self.folder.path())
            .env("KUBECONFIG", kubeconfig)
            .env("NS", namespace)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("bash runs");
        let text = |bytes: &[u8]| self.comparable(&String::from_utf8_lossy(bytes), namespace);
        Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// A text without what no two servers, or no two runs, can have in common.
    fn comparable(&self, text: &str, namespace: &str) -> String {
        let server = self.kubeconfig["clusters"][0]["cluster"]["server"].as_str().expect("an address");
        let folder = self.folder.path().display().to_string();
        let mut text = text.replace(server, "SERVER").replace(&folder, "FOLDER").replace(namespace, "NS");
        for (own, sign) in OWN.iter() {
            text = own.replace_all(&text, *sign).into_owned();
        }
        text
    }
}

static OWN: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        // Whether a watch that ends with the client's own time is complained of is a race within the client.
        (r"(?m)^[EWI]\d{4} .*informerwatcher.*\n", ""),
        // The head of a line that a client logs: time, process, place.
        (r"(?m)^[EWI]\d{4} [\d:.]+ +\d+ \S+\] ", "LOGGED "),
        (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UID"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
        (r#"(?i)(resource ?version"?: *"?)\d+"#, "${1}N"),
        // Temporary files of kubectl.
        (r"/tmp/[A-Za-z.]*-?\d+[^\s]*", "FILE"),
        (r"\b(\d+[dhms]){1,2}\b", "AGE"),
        // Columns are as wide as the widest age.
        (r" +", " "),
        (r"(?m) +$", ""),
    ]
    .map(|(own, sign)| (Regex::new(own).expect("an expression"), sign))
    .to_vec()
});
