//! What a process spends, as Linux tells in `/proc`.

use std::fs;

/// Nanoseconds in a tick of `/proc/PID/stat`: USER_HZ is 100 in the interface of Linux to programs.
const TICK_NS: u64 = 10_000_000;

/// What a process, or several after one another, spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Processor time of it and of children that it waited for, in nanoseconds.
    pub(super) cpu_ns: Option<u64>,
    /// The most memory that one had at a time, in bytes.
    pub(super) rss_peak_bytes: Option<u64>,
}

impl Usage {
    /// Of a process group whose leader was not waited for yet: what a wrapper started counts too. One that has ended still
    /// tells its processor time, not its memory.
    pub(super) fn of_group(leader: u32) -> Self {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let file = |process: u32, name: &str| fs::read_to_string(format!("/proc/{process}/{name}")).unwrap_or_default();
        numbers.fold(Self::default(), |usage, process| {
            let stat = file(process, "stat");
            if group(&stat) == Some(leader) {
                usage.and(Self { cpu_ns: cpu_ns(&stat), rss_peak_bytes: rss_peak_bytes(&file(process, "status")) })
            } else {
                usage
            }
        })
    }

    /// Together with what another spent, before, after or beside it.
    pub(super) fn and(self, other: Self) -> Self {
        let sum = |one: Option<u64>, other: Option<u64>| one.map(|one| one + other.unwrap_or(0)).or(other);
        Self { cpu_ns: sum(self.cpu_ns, other.cpu_ns), rss_peak_bytes: self.rss_peak_bytes.max(other.rss_peak_bytes) }
    }
}

/// Field 5: its process group.
fn group(stat: &str) -> Option<u32> {
    stat.rsplit_once(") ")?.1.split_ascii_whitespace().nth(2)?.parse().ok()
}

/// Fields 14 to 17: its own time in user and kernel mode, and that of its children.
fn cpu_ns(stat: &str) -> Option<u64> {
    // The name of the program, in parentheses, may have anything in it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split_ascii_whitespace().skip(11).take(4).map(|field| field.parse::<u64>().ok());
    let sum = times.try_fold((0, 0), |(sum, count), ticks| Some((sum + ticks?, count + 1)))?;
    (sum.1 == 4).then_some(sum.0 * TICK_NS)
}

fn rss_peak_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_read_whatever_the_program_is_called() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 100 0 0 0 7 5 2 1 20 0 3 0 100 1000 200 18446744073709551615";
        assert_eq!(cpu_ns(stat), Some(15 * TICK_NS));
        assert_eq!(cpu_ns("42 (x) S 1"), None);
        assert_eq!((group(stat), group("42 (x) S")), (Some(42), None));
        assert_eq!(rss_peak_bytes("Name:\tx\nVmHWM:\t    1234 kB\nVmRSS:\t 9 kB\n"), Some(1234 * 1024));
        assert_eq!(rss_peak_bytes("Name:\tx\n"), None, "one that has ended has none");
    }

    #[test]
    fn what_came_before_is_added_and_the_peak_stays() {
        let one = Usage { cpu_ns: Some(3), rss_peak_bytes: Some(10) };
        let other = Usage { cpu_ns: Some(4), rss_peak_bytes: None };
        assert_eq!(one.and(other), Usage { cpu_ns: Some(7), rss_peak_bytes: Some(10) });
        assert_eq!(Usage::default().and(one), one);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_wrapper_starts_counts_too() {
        use std::{
            os::unix::process::CommandExt as _,
            process::{Command, Stdio},
            time::Duration,
        };

        use rustix::process::{Pid, Signal, kill_process_group};

        // The shell itself does next to nothing; it waits for no child before the pipe ends.
        let script = "(i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done; echo done; sleep 60) & echo started; wait";
        let mut child =
            Command::new("sh").args(["-c", script]).process_group(0).stdout(Stdio::piped()).spawn().expect("a shell");
        let group = child.id();
        let spent = (0..600).find_map(|_| {
            std::thread::park_timeout(Duration::from_millis(50));
            let usage = Usage::of_group(group);
            (usage.cpu_ns >= Some(5 * TICK_NS)).then_some(usage)
        });
        let killed = kill_process_group(Pid::from_child(&child), Signal::KILL);
        let _ = child.wait();
        assert!(killed.is_ok());
        assert!(spent.is_some_and(|usage| usage.rss_peak_bytes > Some(100_000)), "{spent:?}");
    }
}
