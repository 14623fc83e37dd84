//! `provbench merge`: several runs of one experiment made into one.

use std::{
    collections::BTreeSet,
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    sync::mpsc::{SyncSender, sync_channel},
};

use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::Value;

use crate::{
    cli::{
        checks,
        exit::{Exit, Failure},
        run_folder::{RunFolder, write_artifacts, write_run_info},
        run_reader::read_run_info,
        stdout::print,
    },
    record::{ClockKind, MergedRun, RunInfo, RunStatus, TrialRecord, journal::JournalReader},
    report::{RenderOptions, Report, first_difference, render, terminal_table},
};

/// Trials that wait between the reader and the writer: enough that neither waits for long, few in memory.
const WAITING_MAX: usize = 4;

/// The buffer of a journal that is read.
const READ_BUFFER_BYTES: usize = 1 << 20;

/// Makes several runs of one experiment into one, losslessly: every line of their journals is kept, with its block
/// numbered anew, and everything else is rendered from them. Runs of other clocks, configurations or schema versions are
/// refused, and so is the same run twice
#[derive(Debug, Args)]
pub(super) struct MergeArguments {
    /// The folders of the runs, at least two
    #[arg(value_name = "RUN", num_args = 2.., required = true)]
    runs: Vec<PathBuf>,
    /// The folder of the merged run; must be empty or not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Draw no plots
    #[arg(long)]
    no_plots: bool,
}

pub(super) fn merge(arguments: &MergeArguments) -> Result<Exit, Failure> {
    let infos: Vec<RunInfo> = arguments
        .runs
        .iter()
        .map(|folder| read_run_info(folder))
        .collect::<anyhow::Result<_>>()
        .map_err(Failure::usage)?;
    for (folder, info) in arguments.runs.iter().zip(&infos).skip(1) {
        mixable(&infos[0], info).map_err(|reason| {
            Failure::usage(anyhow!("{} and {}: {reason}", arguments.runs[0].display(), folder.display()))
        })?;
    }
    distinct(&arguments.runs, &infos).map_err(Failure::usage)?;
    let mut info = merged(&infos);
    let mut folder = RunFolder::create(&arguments.out, &info)?;
    let mut report = Report::new(&info);
    let offsets: Vec<u32> = infos
        .iter()
        .scan(0, |next, info| {
            let offset = *next;
            *next += blocks_of(info);
            Some(offset)
        })
        .collect();
    let mut trials = 0;
    let written = std::thread::scope(|scope| -> Result<(), Failure> {
        let (send, received) = sync_channel(WAITING_MAX);
        let reader = scope.spawn(|| read_all(&arguments.runs, &offsets, send));
        for (trial, lines) in received {
            folder.trial_as_it_is(&trial, &lines).map_err(Failure::could_not_run)?;
            report.add(&trial);
            trials += 1;
        }
        reader
            .join()
            .map_err(|_| Failure::could_not_run(anyhow!("the reader broke down; please report this")))?
            .map_err(Failure::usage)
    });
    folder.finish().map_err(Failure::could_not_run)?;
    written?;
    if infos.iter().all(|info| info.status == RunStatus::Complete) {
        let planned: u64 = infos.iter().map(RunInfo::trials_planned).sum();
        if trials < planned {
            info.problems
                .push(format!("the journals have {trials} whole trials of {planned}: one was cut off or changed"));
        } else {
            info.status = RunStatus::Complete;
        }
    }
    report.close(&info);
    let summary = report.summary();
    let artifacts = render(&report, &info, &summary, &RenderOptions { plots: !arguments.no_plots })
        .map_err(Failure::could_not_run)?;
    write_artifacts(&arguments.out, &artifacts)
        .and_then(|()| write_run_info(&arguments.out, &info))
        .map_err(|error| Failure::could_not_run(anyhow!("failed to write to {}: {error}", arguments.out.display())))?;
    print(&format!("{}\n{}", terminal_table(&summary), arguments.out.display()));
    Ok(match info.status {
        _ if !info.problems.is_empty() => Exit::Invalid,
        RunStatus::Incomplete => Exit::CouldNotRun,
        RunStatus::Complete => checks::exit(&summary.gates),
    })
}

/// Blocks that a run's numbers go up to.
fn blocks_of(info: &RunInfo) -> u32 {
    let warmups = info.design.warmup * u32::try_from(info.merged.len().max(1)).unwrap_or(u32::MAX);
    warmups + info.blocks
}

/// A configuration without what may differ between runs that go together.
fn configuration(info: &RunInfo) -> Value {
    let mut config = info.config.clone();
    if let Value::Object(members) = &mut config {
        for member in ["seed", "blocks", "description"] {
            members.remove(member);
        }
    }
    config
}

/// Why two runs can't be made into one, if so.
fn mixable(first: &RunInfo, other: &RunInfo) -> Result<(), String> {
    if first.clock != other.clock {
        let (first, other) = (first.clock.as_str(), other.clock.as_str());
        return Err(format!("one is of the {first} clock, the other of the {other} one; these are never mixed"));
    }
    if first.experiment != other.experiment {
        return Err(format!("they are of the experiments {} and {}", first.experiment, other.experiment));
    }
    if first.design.until.is_some() || other.design.until.is_some() {
        return Err(
            "a run with `until` ends when it knows enough, and such ends don't add up to a plan of looks; merge runs \
                    with `blocks`, or run one with a larger max_blocks"
                .to_owned(),
        );
    }
    let (ours, theirs) = (configuration(first), configuration(other));
    match first_difference(&ours, &theirs, "") {
        Some((place, ours, theirs)) => Err(format!(
            "their configurations differ at {place} ({ours} against {theirs}); runs that go together differ in seed and blocks only"
        )),
        None => Ok(()),
    }
}

/// Refuses what would count the same blocks twice.
fn distinct(folders: &[PathBuf], infos: &[RunInfo]) -> anyhow::Result<()> {
    let mut paths = BTreeSet::new();
    for folder in folders {
        let path = folder.canonicalize().with_context(|| format!("failed to find {}", folder.display()))?;
        anyhow::ensure!(paths.insert(path), "{} is named twice", folder.display());
    }
    let mut begun = BTreeSet::new();
    for (folder, info) in folders.iter().zip(infos).filter(|(_, info)| info.clock == ClockKind::Real) {
        let own = match info.merged.as_slice() {
            [] => vec![(info.epoch.as_str(), info.seed.get())],
            merged => merged.iter().map(|run| (run.epoch.as_str(), run.seed.get())).collect(),
        };
        for (epoch, seed) in own {
            anyhow::ensure!(
                begun.insert((epoch, seed)),
                "{} has the run that began at {epoch} again: a copy holds no new blocks",
                folder.display()
            );
        }
    }
    let mut seeds = BTreeSet::new();
    for (folder, info) in folders.iter().zip(infos).filter(|(_, info)| info.clock == ClockKind::Virtual) {
        let own: Vec<u64> = match info.merged.as_slice() {
            [] => vec![info.seed.get()],
            merged => merged.iter().map(|run| run.seed.get()).collect(),
        };
        for seed in own {
            anyhow::ensure!(
                seeds.insert(seed),
                "{} has the seed {seed} again: in virtual time that is the same blocks once more, and no new ones",
                folder.display()
            );
        }
    }
    Ok(())
}

/// The facts of the merged run, which is incomplete until it is written.
fn merged(infos: &[RunInfo]) -> RunInfo {
    let mut offset = 0;
    let mut parts = Vec::new();
    for info in infos {
        if info.merged.is_empty() {
            parts.push(MergedRun {
                seed: info.seed,
                epoch: info.epoch.clone(),
                provbench_version: info.provbench_version.clone(),
                blocks: info.blocks,
                offset,
            });
        } else {
            parts.extend(info.merged.iter().map(|part| MergedRun { offset: part.offset + offset, ..part.clone() }));
        }
        offset += blocks_of(info);
    }
    RunInfo {
        blocks: infos.iter().map(|info| info.blocks).sum(),
        status: RunStatus::Incomplete,
        problems: infos.iter().flat_map(|info| info.problems.clone()).collect(),
        merged: parts,
        ..infos[0].clone()
    }
}

/// A trial and its lines.
type Read = (TrialRecord, Vec<u8>);

/// Reads the journals one after the other; ends early when nobody takes the trials any more.
fn read_all(folders: &[PathBuf], offsets: &[u32], send: SyncSender<Read>) -> anyhow::Result<()> {
    for (folder, offset) in folders.iter().zip(offsets) {
        let path = folder.join("journal.ndjson");
        if !read_one(&path, *offset, &send).with_context(|| path.display().to_string())? {
            break;
        }
    }
    drop(send);
    Ok(())
}

fn read_one(path: &Path, offset: u32, send: &SyncSender<Read>) -> anyhow::Result<bool> {
    let mut reader = JournalReader::open(BufReader::with_capacity(READ_BUFFER_BYTES, File::open(path)?))?;
    loop {
        let mut lines = Vec::new();
        let Some(trial) = reader.next_trial_into(offset, &mut lines)? else { return Ok(true) };
        if send.send((trial, lines)).is_err() {
            return Ok(false);
        }
    }
}
