//! `provbench report`: everything that is rendered, rendered again from the journal of a run.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;

use crate::{
    cli::{
        exit::{Exit, Failure},
        run_folder::{NewTables, write_artifacts},
        stdout::print,
    },
    record::{RunInfo, RunStatus, SCHEMA_VERSION, TrialRecord, journal::JournalReader},
    report::{RenderOptions, Report, render, terminal_table},
};

/// Renders the tables, plots and pages of a run again from its journal
#[derive(Debug, Args)]
pub(super) struct ReportArguments {
    /// The folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Leave the plots out
    #[arg(long)]
    no_plots: bool,
}

pub(super) fn report(arguments: &ReportArguments) -> Result<Exit, Failure> {
    let folder = &arguments.run;
    let mut run = read_run_info(folder).map_err(Failure::usage)?;
    let mut tables = NewTables::create(folder).map_err(Failure::could_not_run)?;
    let mut report = Report::new(&run);
    let read = read_journal(&folder.join("journal.ndjson"), |trial| {
        report.add(trial);
        Ok(tables.trial(trial)?)
    });
    let trials = match read {
        Ok(trials) => trials,
        Err(error) => {
            tables.discard();
            return Err(Failure::usage(error));
        }
    };
    tables.replace().map_err(Failure::could_not_run)?;
    let planned = u64::from(run.blocks) * run.arms.len() as u64 * run.scenarios.len() as u64;
    if run.status == RunStatus::Complete && trials < planned {
        run.status = RunStatus::Incomplete;
        run.problems.push(format!("the journal has {trials} whole trials of {planned}: it was cut off or changed"));
    }
    report.close(&run);
    let artifacts =
        render(&report, &run, &RenderOptions { plots: !arguments.no_plots }).map_err(Failure::could_not_run)?;
    write_artifacts(folder, &artifacts).map_err(Failure::could_not_run)?;
    print(&format!("{}\n{}", terminal_table(&report.summary()), folder.display()));
    Ok(match run.status {
        _ if !run.problems.is_empty() => Exit::Invalid,
        RunStatus::Incomplete => Exit::CouldNotRun,
        RunStatus::Complete => Exit::Done,
    })
}

/// Hands out the whole trials of a journal; returns how many there are.
pub(super) fn read_journal(
    path: &Path,
    mut take: impl FnMut(&TrialRecord) -> anyhow::Result<()>,
) -> anyhow::Result<u64> {
    let file = File::open(path).with_context(|| format!("failed to open {}", path.display()))?;
    let mut reader = JournalReader::open(BufReader::new(file)).with_context(|| path.display().to_string())?;
    let mut trials = 0;
    while let Some(trial) = reader.next_trial().with_context(|| path.display().to_string())? {
        take(&trial)?;
        trials += 1;
    }
    Ok(trials)
}

/// Reads the `run.json` of a run.
pub(super) fn read_run_info(folder: &Path) -> anyhow::Result<RunInfo> {
    let path = folder.join("run.json");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{} is not the folder of a run: failed to read run.json", folder.display()))?;
    let version: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
    anyhow::ensure!(
        version["schema_version"] == SCHEMA_VERSION,
        "{} has schema version {}, this provbench reads {SCHEMA_VERSION}; use the version that wrote it",
        path.display(),
        version["schema_version"]
    );
    serde_json::from_str(&text).with_context(|| format!("{} is not a run of this version", path.display()))
}
