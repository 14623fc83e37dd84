//! The budgets of the reports: a million samples with everything, and the February experiment.
//!
//! `cargo bench --bench report` prints seconds and the peak of memory; making up the records is not counted in time.

#[path = "../tests/report_records/mod.rs"]
mod records;

use std::{
    fs::{self, File},
    hint::black_box,
    path::Path,
    time::{Duration, Instant},
};

use provbench::{
    record::RunInfo,
    report::{Artifact, RenderOptions, Report, Tables, render, terminal_table},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (time, bytes) = whole(folder.path(), 100, 5_000)?;
    println!(
        "1 000 000 samples, 12 000 000 transitions, 23 000 000 segments, all files ({} MB): {time:.2?}",
        bytes >> 20
    );
    if let Some(peak) = peak_mb() {
        println!("  peak memory: {peak} MB");
    }
    let (run, report) = accumulated(30, 3);
    for plots in [false, true] {
        let rounds = if plots { 10 } else { 200 };
        let time = timed(rounds, || {
            black_box(
                render(&report, &run, &report.summary(), &RenderOptions { plots })
                    .map(|files| files.len())
                    .unwrap_or_default(),
            );
        });
        println!("February, 30 blocks × 2 arms × 3 instances, render with plots = {plots}: {time:.2?}");
    }
    let time = timed(200, || {
        black_box(terminal_table(&report.summary()));
    });
    println!("February, summary and terminal table: {time:.2?}");
    Ok(())
}

/// Adds and writes a whole run to files; the time without making up the records, and the bytes of the artifacts.
fn whole(folder: &Path, blocks: u32, instances: u32) -> Result<(Duration, usize), Box<dyn std::error::Error>> {
    let run = records::run(blocks, instances);
    let mut report = Report::new(&run);
    let mut tables = Tables::begin(|name| File::create(folder.join(name)))?;
    let mut time = Duration::ZERO;
    let (mut adding, mut writing) = (Duration::ZERO, Duration::ZERO);
    for block in 1..=blocks {
        for trial in records::block(block, instances) {
            let start = now();
            report.add(&trial);
            adding += start.elapsed();
            let start = now();
            tables.trial(&trial)?;
            writing += start.elapsed();
        }
    }
    let start = now();
    tables.finish()?;
    let rendered = render(&report, &run, &report.summary(), &RenderOptions { plots: true })?;
    let bytes = write(folder, &rendered)?;
    let rest = start.elapsed();
    println!("  add {adding:.2?}, tables {writing:.2?}, render and write {rest:.2?}");
    time += adding + writing + rest;
    Ok((time, bytes))
}

fn write(folder: &Path, artifacts: &[Artifact]) -> std::io::Result<usize> {
    for artifact in artifacts {
        let path = folder.join(&artifact.path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, &artifact.bytes)?;
    }
    let mut bytes = artifacts.iter().map(|artifact| artifact.bytes.len()).sum();
    for table in Tables::<File>::NAMES {
        bytes += usize::try_from(fs::metadata(folder.join(table))?.len()).unwrap_or(usize::MAX);
    }
    Ok(bytes)
}

fn accumulated(blocks: u32, instances: u32) -> (RunInfo, Report) {
    let run = records::run(blocks, instances);
    let mut report = Report::new(&run);
    for block in 1..=blocks {
        for trial in records::block(block, instances) {
            report.add(&trial);
        }
    }
    (run, report)
}

/// The mean time of a round, after one that warms up.
fn timed(rounds: u32, mut round: impl FnMut()) -> Duration {
    round();
    let start = now();
    for _ in 0..rounds {
        round();
    }
    start.elapsed() / rounds
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Instant {
    Instant::now()
}

/// The peak of the process's memory, where the system tells it.
fn peak_mb() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()? >> 10)
}
