//! Ends the programs whatever happens to this process.
//!
//! A shell reads from a pipe whose other end only this process has. Each line names a program to start. When the pipe
//! closes, because it is dropped or because this process is no more, the shell kills what it started and removes the
//! folder. It has a process group of its own, so that Ctrl-C in a terminal reaches this process alone.

use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Stdio},
};

use super::{command::Command, folder::Folder};

/// How much of a log is shown.
const LOG_END: u64 = 2_000;

/// A child stays its shell's own until it was waited for, so that no number is ever killed that belongs to another program.
/// The word to end is a signal that the first shell does not catch itself: one that comes before the second has set its
/// trap ends it, and is not swallowed by the handler that it was born with.
const SCRIPT: &str = r#"
cd "$1" || exit 1
exec 3<&0 </dev/null
supervise() {
    before=$! stopped=
    trap 'stopped=1; [ "$!" = "$before" ] || kill -KILL "$!" 2>/dev/null' USR1 TERM
    if [ -z "$stopped" ]; then
        sh "./$1.sh" >"$1.log" 2>&1 &
    fi
    [ "$!" != "$before" ] || return
    wait "$!"
    code=$?
    [ -z "$stopped" ] || wait "$!"
    echo "$code" >"$1.exit"
}
trap : INT TERM HUP
guards=
while read -r program <&3; do
    supervise "$program" 3<&- &
    guards="$guards $!"
done
[ -z "$guards" ] || kill -USR1 $guards 2>/dev/null
wait
cd / && rm -rf "$1"
"#;

/// Programs that run in a folder.
#[derive(Debug)]
pub(super) struct Guard {
    folder: PathBuf,
    shell: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    pub(super) fn start(folder: Folder) -> io::Result<Self> {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", SCRIPT, "sh"]).arg(folder.path());
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        let mut shell = shell.spawn()?;
        let pipe = shell.stdin.take();
        Ok(Self { folder: folder.keep(), shell, pipe })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts a program.
    pub(super) fn run(&mut self, command: &Command) -> io::Result<()> {
        fs::write(self.folder.join(command.name).with_extension("sh"), command.script())?;
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        writeln!(pipe, "{}", command.name)
    }

    /// What a program ended with, if it did.
    pub(super) fn exit_code(&self, program: &str) -> Option<String> {
        let code = fs::read_to_string(self.folder.join(program).with_extension("exit")).ok()?;
        // The line may be half written.
        code.strip_suffix('\n').map(str::to_owned)
    }

    /// The end of what a program wrote.
    pub(super) fn log(&self, program: &str) -> String {
        let read = || -> io::Result<String> {
            let mut file = File::open(self.folder.join(program).with_extension("log"))?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(LOG_END)))?;
            let mut bytes = Vec::new();
            file.take(LOG_END).read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_else(|error| format!("(its log can't be read: {error})"))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.pipe.take());
        // It kills and removes, which takes a moment and no more.
        let _ = self.shell.wait();
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sleeper() -> Command {
        Command { name: "sleeper", program: "sleep".into(), arguments: vec!["1000".to_owned()] }
    }

    /// Waits until `is` holds, for ten seconds at most.
    fn eventually(is: impl Fn() -> bool) -> bool {
        (0..1000).any(|_| {
            std::thread::park_timeout(Duration::from_millis(10));
            is()
        })
    }

    /// The processes whose working directory is the folder.
    fn processes(folder: &Path) -> usize {
        let entries = fs::read_dir("/proc").expect("processes").flatten();
        entries.filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == folder)).count()
    }

    #[test]
    fn what_was_started_is_gone_after_the_drop_and_so_is_the_folder() {
        let mut guard = Guard::start(Folder::create().expect("a folder")).expect("a shell");
        guard.run(&sleeper()).expect("started");
        let folder = guard.folder().to_owned();
        // The shell, the one that waits, and the program.
        assert!(eventually(|| processes(&folder) == 3), "{}", processes(&folder));
        drop(guard);
        assert_eq!((processes(&folder), folder.exists()), (0, false));
    }

    #[test]
    fn a_drop_right_after_the_start_leaves_nothing_either() {
        for _ in 0..20 {
            let mut guard = Guard::start(Folder::create().expect("a folder")).expect("a shell");
            guard.run(&sleeper()).expect("started");
            let folder = guard.folder().to_owned();
            drop(guard);
            assert_eq!((processes(&folder), folder.exists()), (0, false));
        }
    }

    #[test]
    fn a_program_that_ends_is_noticed_with_what_it_said() {
        let mut guard = Guard::start(Folder::create().expect("a folder")).expect("a shell");
        let arguments = vec!["-c".to_owned(), "echo \"it's over\" >&2; exit 3".to_owned()];
        guard.run(&Command { name: "short", program: "sh".into(), arguments }).expect("started");
        assert!(eventually(|| guard.exit_code("short").is_some()));
        assert_eq!((guard.exit_code("short").as_deref(), guard.log("short").as_str()), (Some("3"), "it's over\n"));
    }
}
