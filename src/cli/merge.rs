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
        created::Created,
        exit::{Exit, Failure},
        run_folder::{RunFolder, ensure_free, write_artifacts, write_run_info},
        run_reader::{open_journal, read_run_info, unreadable},
        stdout::print,
    },
    record::{ClockKind, MergedRun, RunInfo, RunJournal, RunStatus, TrialRecord},
    report::{RenderOptions, Report, Summary, first_difference, render, terminal_table},
};

/// Trials that wait between the reader and the writer: enough that neither waits for long, few in memory.
const WAITING_MAX: usize = 4;

/// Makes several runs of one experiment into one, losslessly: every line of their journals is kept, with its block
/// numbered anew, and everything else is rendered from them. Runs of other clocks, configurations or schema versions are
/// refused, and so is the same run twice. When it fails, nothing that it created is left behind; of runs that have lost
/// samples one is made, which is invalid (exit code 4)
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
    let parts = parts(&arguments.runs, &infos)?;
    ensure_free(&arguments.out)?;
    // What fails halfway must not stand in the way of the next attempt.
    let mut created = Created::in_folder(&arguments.out);
    let summary = write(arguments, &infos, parts, &mut created)?;
    created.keep();
    print(&format!("{}\n{}", terminal_table(&summary), arguments.out.display()))?;
    Ok(checks::exit_of_run(&summary))
}

/// A run that goes into the merged one.
struct Part<'a> {
    folder: &'a Path,
    journal: RunJournal<BufReader<File>>,
    /// What is added to the numbers of its blocks.
    offset: u32,
}

/// The runs, each with its journal open.
fn parts<'a>(folders: &'a [PathBuf], infos: &[RunInfo]) -> Result<Vec<Part<'a>>, Failure> {
    let mut next = 0_u32;
    let parts = folders.iter().zip(infos).map(|(folder, info)| {
        let offset = next;
        next = next.saturating_add(info.blocks_in_all());
        Ok(Part { folder, journal: open_journal(folder, info)?, offset })
    });
    parts.collect()
}

/// Writes the merged run.
fn write(
    arguments: &MergeArguments,
    infos: &[RunInfo],
    parts: Vec<Part<'_>>,
    created: &mut Created,
) -> Result<Summary, Failure> {
    let mut info = merged(infos);
    created.files(RunFolder::first_files());
    let mut folder = RunFolder::create(&arguments.out, &info)?;
    let mut report = Report::new(&info);
    let lost = std::thread::scope(|scope| {
        let (send, received) = sync_channel(WAITING_MAX);
        let reader = scope.spawn(|| read_all(parts, send));
        for (trial, lines) in received {
            folder.trial_as_it_is(&trial, &lines).map_err(Failure::could_not_run)?;
            report.add(&trial);
        }
        reader.join().map_err(|_| Failure::could_not_run(anyhow!("the reader broke down; please report this")))?
    })?;
    folder.finish().map_err(Failure::could_not_run)?;
    info.problems.extend(lost);
    if infos.iter().all(|info| info.status == RunStatus::Complete) {
        info.status = RunStatus::Complete;
    }
    report.close(&info);
    let summary = report.summary();
    let artifacts = render(&report, &info, &summary, &RenderOptions { plots: !arguments.no_plots })
        .map_err(Failure::could_not_run)?;
    created.files(artifacts.iter().map(|artifact| &artifact.path));
    write_artifacts(&arguments.out, &artifacts)
        .and_then(|()| write_run_info(&arguments.out, &info))
        .map_err(Failure::could_not_run)?;
    Ok(summary)
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
        offset += info.blocks_in_all();
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

/// Reads the journals one after the other; ends early when nobody takes the trials any more. Returns what was lost of them.
fn read_all(parts: Vec<Part<'_>>, send: SyncSender<Read>) -> Result<Vec<String>, Failure> {
    let mut lost = Vec::new();
    for Part { folder, mut journal, offset } in parts {
        loop {
            let mut lines = Vec::new();
            let read = journal.next_trial_into(offset, &mut lines).map_err(|error| unreadable(folder, error))?;
            let Some(trial) = read else { break };
            if send.send((trial, lines)).is_err() {
                return Ok(lost);
            }
        }
        lost.extend(journal.lost().iter().map(|lost| format!("{}: {lost}", folder.display())));
    }
    // Whoever takes them waits for more until then.
    drop(send);
    Ok(lost)
}
