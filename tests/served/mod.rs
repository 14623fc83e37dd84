//! A cluster that is served by the binary, and ends with the test.

#![allow(dead_code, missing_docs, unreachable_pub, reason = "each user needs a part of it only")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::JoinHandle,
};

/// Everything ends by itself after this, whatever happens to the test.
const BOUND: &str = "5m";

pub struct Served {
    child: Child,
    pub kubeconfig: PathBuf,
    /// What it printed, a line each.
    pub lines: Vec<String>,
    stderr: Option<JoinHandle<String>>,
}

impl Served {
    /// Starts it with further arguments.
    pub fn start(folder: &Path, arguments: &[&str]) -> Self {
        let kubeconfig = folder.join("kubeconfig");
        let mut child = Command::new(env!("CARGO_BIN_EXE_provbench"))
            .args(["cluster", "--for", BOUND, "--kubeconfig"])
            .arg(&kubeconfig)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("provbench starts");
        let mut errors = child.stderr.take().expect("a pipe");
        let stderr = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = errors.read_to_string(&mut text);
            text
        });
        let mut lines = Vec::new();
        for line in BufReader::new(child.stdout.take().expect("a pipe")).lines() {
            let line = line.expect("text");
            let is_last = Path::new(&line) == kubeconfig;
            lines.push(line);
            if is_last {
                break;
            }
        }
        assert!(lines.last().is_some_and(|last| Path::new(last) == kubeconfig), "{lines:?}");
        Self { child, kubeconfig, lines, stderr: Some(stderr) }
    }

    /// What the kubeconfig says.
    pub fn config(&self) -> String {
        fs::read_to_string(&self.kubeconfig).expect("a kubeconfig")
    }

    /// The token in it.
    pub fn token(&self) -> String {
        let config = self.config();
        let line = config.lines().find_map(|line| line.trim().strip_prefix("token: ")).expect("a token");
        line.trim_matches('"').to_owned()
    }

    pub fn address(&self) -> String {
        let line = self.lines.iter().find_map(|line| line.split_once("https://")).expect("an address");
        line.1.to_owned()
    }

    /// A client with what the kubeconfig says.
    pub async fn client(&self) -> kube::Client {
        let kubeconfig = kube::config::Kubeconfig::read_from(&self.kubeconfig).expect("a kubeconfig");
        client_of(kubeconfig).await
    }

    /// Tells it to end, and gives its exit code and what it said on stderr.
    pub fn end(mut self, signal: &str) -> (Option<i32>, String) {
        interrupt(&self.child, signal);
        let status = self.child.wait().expect("it ends");
        let stderr = self.stderr.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        (status.code(), stderr)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn interrupt(child: &Child, signal: &str) {
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
}

pub async fn client_of(kubeconfig: kube::config::Kubeconfig) -> kube::Client {
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("a configuration");
    kube::Client::try_from(config).expect("a client")
}
