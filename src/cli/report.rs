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
        run_folder::{RunFolder, write_artifacts},
    },
    record::{RunInfo, SCHEMA_VERSION, journal::JournalReader},
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
    let run = read_run_info(folder).map_err(Failure::usage)?;
    let journal = folder.join("journal.ndjson");
    let open = || -> anyhow::Result<JournalReader<BufReader<File>>> {
        let file = File::open(&journal).with_context(|| format!("failed to open {}", journal.display()))?;
        Ok(JournalReader::open(BufReader::new(file))?)
    };
    let mut reader = open().map_err(Failure::usage)?;
    let mut tables = RunFolder::rewrite(folder).map_err(Failure::could_not_run)?;
    let mut report = Report::new(&run);
    while let Some(trial) = reader.next_trial().map_err(Failure::usage)? {
        tables.trial(&trial).map_err(Failure::could_not_run)?;
        report.add(&trial);
    }
    tables.finish().map_err(Failure::could_not_run)?;
    report.close(&run);
    let artifacts =
        render(&report, &run, &RenderOptions { plots: !arguments.no_plots }).map_err(Failure::could_not_run)?;
    write_artifacts(folder, &artifacts).map_err(Failure::could_not_run)?;
    println!("{}", terminal_table(&report.summary()));
    println!("{}", folder.display());
    Ok(if run.problems.is_empty() { Exit::Done } else { Exit::Invalid })
}

/// Reads the `run.json` of a run.
fn read_run_info(folder: &Path) -> anyhow::Result<RunInfo> {
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
