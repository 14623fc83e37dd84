//! What CI wants of the answers: an exit code, JUnit XML, a summary of the step.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use clap::Args;

use crate::{
    cli::exit::{Exit, Failure},
    record::RunStatus,
    report::{Check, CheckOutcome, ComparisonSummary, Summary, junit, overall, step_summary},
};

/// Files for CI.
#[derive(Debug, Args)]
pub(super) struct CheckFiles {
    /// Write the gates' answers as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Append a summary in GitHub's Markdown; in a GitHub workflow it goes to the step's summary by itself
    #[arg(long, value_name = "FILE", env = "GITHUB_STEP_SUMMARY", hide_env_values = true)]
    summary: Option<PathBuf>,
}

impl CheckFiles {
    /// Tries that the files that were asked for can be written, and leaves nothing: what they are for may take hours. Those in
    /// the folder of the run, which is still to be made, are not tried.
    ///
    /// # Errors
    /// When one can't.
    pub(super) fn ensure_writable(&self, run: Option<&Path>) -> Result<(), Failure> {
        let in_run = |path: &Path| run.is_some_and(|run| absolute(path).starts_with(absolute(run)));
        let mut files = [&self.junit, &self.summary].into_iter().flatten().filter(|path| !in_run(path));
        files.try_for_each(|path| try_to_write(path))
    }

    /// Writes the files that were asked for.
    pub(super) fn write(
        &self,
        title: &str,
        checks: &[Check],
        comparisons: &[ComparisonSummary],
        warnings: &[String],
    ) -> Result<(), Failure> {
        if let Some(path) = &self.junit {
            write(path, |path| fs::write(path, junit(title, checks)))?;
        }
        if let Some(path) = &self.summary {
            let text = step_summary(title, checks, comparisons, warnings);
            write(path, |path| {
                let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
                file.write_all(text.as_bytes())
            })?;
        }
        Ok(())
    }
}

fn write(path: &Path, write: impl FnOnce(&Path) -> io::Result<()>) -> Result<(), Failure> {
    write(path).with_context(|| format!("failed to write {}", path.display())).map_err(Failure::could_not_run)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn try_to_write(path: &Path) -> Result<(), Failure> {
    let attempt = || -> anyhow::Result<()> {
        let there = fs::metadata(path).ok();
        ensure!(!there.as_ref().is_some_and(fs::Metadata::is_dir), "it is a folder");
        // A pipe would take this for the end of what it is to get.
        if there.as_ref().is_none_or(fs::Metadata::is_file) {
            fs::OpenOptions::new().create(true).append(true).open(path)?;
        }
        if there.is_none() {
            fs::remove_file(path)?;
        }
        Ok(())
    };
    let what = || format!("failed to write {}; nothing was run", path.display());
    attempt().with_context(what).map_err(Failure::could_not_run)
}

/// The exit code of a run as its summary tells of it.
pub(super) fn exit_of_run(summary: &Summary) -> Exit {
    match summary.status {
        _ if !summary.problems.is_empty() => Exit::Invalid,
        RunStatus::Incomplete => Exit::CouldNotRun,
        RunStatus::Complete => exit(&summary.gates),
    }
}

/// The exit code that the answers ask for.
pub(super) fn exit(checks: &[Check]) -> Exit {
    match overall(checks) {
        CheckOutcome::Passed => Exit::Done,
        CheckOutcome::Failed => Exit::Gate,
        CheckOutcome::Inconclusive => Exit::Inconclusive,
    }
}
