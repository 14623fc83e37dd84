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
    report::{RenderOptions, Report, render, terminal_table},
};

/// Renders the tables, plots and pages of a run again from its journal
///
/// The exit code is the one that the run itself had: 1 for one that was stopped, 4 for one that is invalid; 4 also when the
/// journal has lost samples since, which is told in what is rendered. A journal that is not the run's is refused.
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
    let lost = read_journal(folder, &run, |trial| {
        report.add(trial);
        tables.trial(trial).map_err(Failure::could_not_run)
    })?;
    run.problems.extend(lost);
    report.close(&run);
    let summary = report.summary();
    let artifacts = render(&report, &run, &summary, &RenderOptions { plots: !arguments.no_plots })
        .map_err(Failure::could_not_run)?;
    tables.replace().map_err(Failure::could_not_run)?;
    write_artifacts(folder, &artifacts).map_err(Failure::could_not_run)?;
    print(&format!("{}\n{}", terminal_table(&summary), folder.display()))?;
    Ok(checks::exit_of_run(&summary))
}
