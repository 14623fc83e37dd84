//! The machine that a run was made on.

use crate::record::HostInfo;

/// What is worth knowing of this machine.
#[must_use]
pub fn host_info() -> HostInfo {
    HostInfo {
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        cpu: cpu_name().unwrap_or_else(|| "unknown".to_owned()),
        cpus: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
    }
}

/// Linux tells it; elsewhere it stays unknown.
fn cpu_name() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}
