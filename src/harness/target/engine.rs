//! The engine that EDA itself runs, ansible-rulebook, as a process of its own, with the rulebook that ships.
//!
//! **Guarantee:** the engine ends with its trial and its folder is gone, whatever ends that. It runs under a small shell that
//! ends it and removes the folder when the pipe from here breaks: also when this process is killed.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs,
    io::{self, BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr},
    os::unix::{fs::DirBuilderExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use tokio::sync::mpsc;

use crate::{
    clock::SystemClock,
    harness::{experiment::arm::SIMULATED_TOKEN, target::TargetError},
};

/// Names the program; by default it is looked for on PATH and where `.ci/peers` installs it.
const COMMAND_VARIABLE: &str = "PROVBENCH_ANSIBLE_RULEBOOK";
const PROGRAM: &str = "ansible-rulebook";
const RULEBOOK: &str = include_str!("../../../experiments/rulebooks/compute-instances.yaml");
const RULEBOOK_FILE: &str = "rulebook.yaml";
const INVENTORY_FILE: &str = "inventory.yaml";
/// Rules say which hosts they are for; jobs run on AAP, so that there need be only one.
const INVENTORY: &str = "all: {hosts: {localhost: {ansible_connection: local}}}\n";

/// What it logs when it listens; its port is open some time before.
const READY: &str = "Waiting for events";
/// A Java machine and a Python one start; on a loaded machine that takes its time.
const READY_LIMIT: Duration = Duration::from_secs(180);
/// Lines of its log that an error repeats.
const LOG_LINES_KEPT: usize = 12;

/// Lines that wait to be read: they are read as fast as they come.
const LINES_WAITING_MAX: usize = 64;

/// Runs its arguments but the first until its input ends, then ends them: in order at first, at once two seconds later. Then
/// it removes its first argument, their folder.
const UNTIL_INPUT_ENDS: &str = r#"
exec 3<&0
folder=$1
shift
"$@" </dev/null 3<&- &
engine=$!
exec >/dev/null 2>&1
cat <&3
kill -INT "$engine"
(sleep 2; kill -KILL "$engine") &
timer=$!
wait "$engine"
kill "$timer"
cd / && rm -rf "$folder"
"#;

/// An engine that listens. It ends when this is dropped.
pub(super) struct Engine {
    address: SocketAddr,
    process: Process,
    /// Its rulebook and inventory.
    _folder: Folder,
}

impl Engine {
    /// Starts it against a controller and waits until it listens.
    pub(super) async fn start(aap: SocketAddr) -> Result<Self, TargetError> {
        let failed = |error: io::Error| TargetError::Engine(error.to_string());
        let program = find().ok_or_else(|| {
            TargetError::Engine(format!(
                "there is no {PROGRAM}; install it by `.ci/peers install`, or name it in {COMMAND_VARIABLE}"
            ))
        })?;
        let address = free_port().map_err(failed)?;
        let folder = Folder::create(address.port()).map_err(failed)?;
        let (report, mut lines) = mpsc::channel(LINES_WAITING_MAX);
        let process = Process::spawn(&program, &folder.0, address, aap, &report).map_err(failed)?;
        // Its ends of the channel are with the threads that read its output.
        drop(report);
        let clock = SystemClock::start();
        let mut log = VecDeque::new();
        let ready = async {
            while let Some(line) = lines.recv().await {
                if line.contains(READY) {
                    return true;
                }
                if log.len() == LOG_LINES_KEPT {
                    log.pop_front();
                }
                log.push_back(line.replace(SIMULATED_TOKEN, "(secret)"));
            }
            false
        };
        let is_ready = crate::clock::timeout(&clock, READY_LIMIT, ready).await;
        match is_ready {
            Ok(true) => Ok(Self { address, process, _folder: folder }),
            Ok(false) => Err(TargetError::Engine(format!("it ended before it was ready:\n{}", joined(&log)))),
            Err(late) => Err(TargetError::Engine(format!("{late}; so far it said:\n{}", joined(&log)))),
        }
    }

    /// Where its webhooks are.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it, and waits for that.
    pub(super) async fn stop(self) {
        // What blocks is the wait for its end.
        let _ = tokio::task::spawn_blocking(move || drop(self.process)).await;
    }
}

fn joined(lines: &VecDeque<String>) -> String {
    lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
}

/// The program, where it is installed.
fn find() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(COMMAND_VARIABLE) {
        return Some(named.into());
    }
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")));
    let peers = cache.map(|cache| cache.join("provbench-peers/ansible-rulebook/bin"));
    std::env::split_paths(&on_path).chain(peers).map(|folder| folder.join(PROGRAM)).find(|program| program.is_file())
}

/// A port that nobody listens on. Somebody may take it before the engine does, which then ends before it is ready.
pub(super) fn free_port() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// A folder that only we may read, gone when this is dropped, or else with the engine that runs in it.
struct Folder(PathBuf);

impl Folder {
    fn create(port: u16) -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("provbench-engine-{}-{port}", std::process::id()));
        // One that is there already is not ours.
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        let folder = Self(path);
        fs::write(folder.0.join(RULEBOOK_FILE), RULEBOOK)?;
        fs::write(folder.0.join(INVENTORY_FILE), INVENTORY)?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in the folder for temporary files is cleared with it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The process, and the pipe that keeps it alive.
struct Process {
    shell: Child,
    alive: Option<ChildStdin>,
}

impl Process {
    fn spawn(
        program: &Path,
        folder: &Path,
        address: SocketAddr,
        aap: SocketAddr,
        report: &mpsc::Sender<String>,
    ) -> io::Result<Self> {
        let mut shell = Command::new("sh")
            .args(["-c", UNTIL_INPUT_ENDS, "sh"])
            .arg(folder)
            .arg(program)
            .arg("--verbose")
            .arg("--rulebook")
            .arg(folder.join(RULEBOOK_FILE))
            .arg("--inventory")
            .arg(folder.join(INVENTORY_FILE))
            .args(["--env-vars", "PROVBENCH_EDA_HOST,PROVBENCH_EDA_PORT"])
            .env("PROVBENCH_EDA_HOST", address.ip().to_string())
            .env("PROVBENCH_EDA_PORT", address.port().to_string())
            .env("EDA_CONTROLLER_URL", format!("http://{aap}"))
            .env("EDA_CONTROLLER_TOKEN", SIMULATED_TOKEN)
            .env("PATH", with_folder_of(program))
            .current_dir(folder)
            // An interrupt at the terminal is for us: we end it when our trial is over.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let alive = shell.stdin.take();
        let outputs: [Option<Box<dyn Read + Send>>; 2] =
            [shell.stdout.take().map(|pipe| Box::new(pipe) as _), shell.stderr.take().map(|pipe| Box::new(pipe) as _)];
        for output in outputs.into_iter().flatten() {
            let report = report.clone();
            // It ends with the engine, whose output must be read or the engine would wait for that.
            std::thread::spawn(move || {
                for line in BufReader::new(output).lines().map_while(Result::ok) {
                    // Nobody wants the log once it is ready.
                    let _ = report.blocking_send(line);
                }
            });
        }
        Ok(Self { shell, alive })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.alive.take());
        let _ = self.shell.wait();
    }
}

/// PATH with the program's folder in front: it starts others that are installed beside it.
fn with_folder_of(program: &Path) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = program.parent().map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    // A folder whose name no PATH can hold is not on it either.
    std::env::join_paths(folders).unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program that says what an engine says, and would go on for an hour.
    fn pretender(folder: &Path, script: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let program = folder.join("pretender");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("written");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).expect("set");
        program
    }

    fn spawn(folder: &Path, program: &Path) -> (Process, mpsc::Receiver<String>) {
        let (report, lines) = mpsc::channel(LINES_WAITING_MAX);
        let address = free_port().expect("a port");
        (Process::spawn(program, folder, address, address, &report).expect("started"), lines)
    }

    #[tokio::test]
    async fn the_engine_ends_with_the_pipe_even_if_it_ignores_an_interrupt() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = pretender(folder.path(), "trap '' INT; echo $$; exec sleep 3600");
        let (process, mut lines) = spawn(folder.path(), &program);
        let id = lines.recv().await.expect("its number");
        let is_there = || Path::new("/proc").join(&id).exists();
        assert!(is_there());
        tokio::task::spawn_blocking(move || drop(process)).await.expect("ended");
        assert!(!is_there());
        assert!(!folder.path().exists(), "also where nobody is left here who could remove it");
        assert_eq!(lines.recv().await, None, "both outputs are closed");
    }

    #[tokio::test]
    async fn an_engine_that_ends_by_itself_is_noticed_by_the_end_of_its_output() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = pretender(folder.path(), "echo no java >&2; exit 1");
        let (_process, mut lines) = spawn(folder.path(), &program);
        assert_eq!(lines.recv().await.as_deref(), Some("no java"));
        assert_eq!(lines.recv().await, None);
    }
}
