//! `provbench report`: everything that is rendered, rendered again from the journal of a run.

use std::path::PathBuf;

use clap::Args;

use crate::{
    cli::{
        checks,
        exit::{Exit, Failure},
        run_folder::{NewTables, write_artifacts},
        run_reader::{read_journal, read_run_info},
        stdout::print,
    },
    record::RunStatus,
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
    let planned = run.trials_planned();
    if run.status == RunStatus::Complete && trials < planned {
        run.status = RunStatus::Incomplete;
        run.problems.push(format!("the journal has {trials} whole trials of {planned}: it was cut off or changed"));
    }
    report.close(&run);
    let summary = report.summary();
    let artifacts = render(&report, &run, &summary, &RenderOptions { plots: !arguments.no_plots })
        .map_err(Failure::could_not_run)?;
    write_artifacts(folder, &artifacts).map_err(Failure::could_not_run)?;
    print(&format!("{}\n{}", terminal_table(&summary), folder.display()));
    Ok(match run.status {
        _ if !run.problems.is_empty() => Exit::Invalid,
        RunStatus::Incomplete => Exit::CouldNotRun,
        RunStatus::Complete => checks::exit(&summary.gates),
    })
}
