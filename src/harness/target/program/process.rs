//! One process of an operator.
//!
//! **Guarantee:** it ends, with all of its process group, when this is dropped; and where this process is killed a shell
//! that waits for that on a pipe ends it and removes the folder. What leaves its process group is not followed.

use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    os::unix::process::{CommandExt, ExitStatusExt},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid};

use super::{output::Readers, usage::Usage};

/// Waits for two lines, the number of a process group and a word when that has ended; without the word it ends the group.
const GUARD: &str = r#"
trap '' INT TERM HUP
read -r group || exit 0
read -r over && exit 0
kill -s KILL -- "-$group" 2>/dev/null
rm -rf -- "$1"
"#;

/// What every program sees of this process's environment is all but the settings of operators: those are the arm's.
const PREFIXES: [&str; 2] = ["CLOUDKIT_", "OSAC_"];

#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    id: Pid,
    output: Readers,
    guard: Child,
    /// The most that was seen; a process that has ended does not tell its memory any more.
    usage: Mutex<Usage>,
}

impl Process {
    pub(super) fn spawn(command: &[String], environment: &BTreeMap<String, String>, folder: &Path) -> io::Result<Self> {
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        // First, so that there is no moment without it but the one between two lines of this function.
        let mut guard = Command::new("sh")
            .args(["-c", GUARD, "sh"])
            .arg(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let mut operator = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if PREFIXES.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                operator.env_remove(name);
            }
        }
        let spawned = operator
            .args(arguments)
            .envs(environment)
            // An interrupt at the terminal is for us: we end it when our trial is over.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match spawned {
            Ok(child) => child,
            Err(error) => {
                drop(guard.stdin.take());
                let _ = guard.wait();
                return Err(error);
            }
        };
        let id = Pid::from_child(&child);
        if let Some(pipe) = &mut guard.stdin {
            // A shell that is not there any more guards nothing; the drop still does.
            let _ = writeln!(pipe, "{}", child.id());
        }
        let outputs: [Option<Box<dyn Read + Send>>; 2] =
            [child.stdout.take().map(|pipe| Box::new(pipe) as _), child.stderr.take().map(|pipe| Box::new(pipe) as _)];
        let output = Readers::start(outputs.into_iter().flatten());
        Ok(Self { child, id, output, guard, usage: Mutex::default() })
    }

    /// How it ended, if it did: its exit status, or its signal, negative. It stays to be waited for.
    pub(super) fn exit(&self) -> Option<i32> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        let status = waitid(WaitId::Pid(self.id), options).ok()??;
        status.exit_status().or_else(|| status.terminating_signal().map(|signal| -signal))
    }

    /// What it spent until now.
    pub(super) fn usage(&self) -> Usage {
        let now = Usage::of_group(self.child.id());
        let mut most = self.usage.lock();
        most.cpu_ns = most.cpu_ns.max(now.cpu_ns);
        most.rss_peak_bytes = most.rss_peak_bytes.max(now.rss_peak_bytes);
        *most
    }

    /// The end of what it wrote.
    pub(super) fn last_words(&self) -> String {
        self.output.last_words(self.exit().is_some())
    }

    /// Asks it to end.
    pub(super) fn ask_to_end(&self) {
        // The last moment in which it is sure to have memory.
        self.usage();
        let _ = kill_process(self.id, Signal::TERM);
    }

    /// Ends it and what it started, and waits for it: what it spent, and how it ended.
    pub(super) fn end(mut self) -> (Usage, Option<i32>) {
        let usage = self.usage();
        let exit = self.kill().map(|status| status.code().unwrap_or_else(|| -status.signal().unwrap_or(0)));
        (usage, exit)
    }

    fn kill(&mut self) -> Option<ExitStatus> {
        // Its number is its own until it was waited for, and so is the group's.
        let _ = kill_process_group(self.id, Signal::KILL);
        let status = self.child.wait().ok();
        if let Some(mut pipe) = self.guard.stdin.take() {
            let _ = writeln!(pipe, "over");
        }
        let _ = self.guard.wait();
        status
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that was ended has no pipe to its guard any more, and perhaps a number that is another's.
        if self.guard.stdin.is_some() {
            self.kill();
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use super::*;

    fn start(script: &str) -> Process {
        let command = ["sh", "-c", script].map(str::to_owned);
        Process::spawn(&command, &BTreeMap::new(), Path::new("/nowhere/at/all")).expect("started")
    }

    /// Waits until `what` is there, for a minute at most.
    fn eventually<T>(what: impl Fn() -> Option<T>) -> T {
        for _ in 0..6000 {
            if let Some(found) = what() {
                return found;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        panic!("it never came");
    }

    #[test]
    fn what_it_started_ends_with_it() {
        let process = start("sleep 1000 & echo $!; wait");
        let child = eventually(|| process.last_words().trim().parse::<u32>().ok());
        let is_there = || Path::new(&format!("/proc/{child}")).exists();
        assert!(is_there());
        let (usage, exit) = process.end();
        assert_eq!(exit, Some(-9));
        assert!(usage.cpu_ns.is_some() && usage.rss_peak_bytes > Some(0), "{usage:?}");
        // Whoever inherits it has to wait for it; in a container without an init it stays as a zombie.
        let state = || std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        eventually(|| (!is_there() || state().contains(") Z ")).then_some(()));
    }

    #[test]
    fn an_end_of_its_own_is_told_and_its_last_words_are_kept() {
        let process = start("echo going >&2; exit 7");
        assert_eq!(eventually(|| process.exit()), 7);
        assert_eq!(process.exit(), Some(7), "it was not waited for");
        assert_eq!(process.last_words(), "going");
        assert_eq!(process.end().1, Some(7));
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let command = ["/no/such/program".to_owned()];
        let error = Process::spawn(&command, &BTreeMap::new(), Path::new("/")).expect_err("nothing");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn the_guard_ends_the_group_when_nobody_else_does() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("inner");
        std::fs::create_dir(&inner).expect("a folder");
        let command = ["sleep", "1000"].map(str::to_owned);
        let mut process = Process::spawn(&command, &BTreeMap::new(), &inner).expect("started");
        // As if this process were no more: the pipe breaks without a word.
        drop(process.guard.stdin.take());
        assert_eq!(eventually(|| process.exit()), -9);
        process.guard.wait().expect("the guard ends");
        assert!(!inner.exists());
        process.child.wait().expect("an end");
    }
}
