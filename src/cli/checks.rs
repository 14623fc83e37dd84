//! What CI wants of the answers: an exit code, JUnit XML, a summary of the step.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;

use crate::{
    cli::exit::{Exit, Failure},
    report::{Check, CheckOutcome, ComparisonSummary, junit, overall, step_summary},
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

/// The exit code that the answers ask for.
pub(super) fn exit(checks: &[Check]) -> Exit {
    match overall(checks) {
        CheckOutcome::Passed => Exit::Done,
        CheckOutcome::Failed => Exit::Gate,
        CheckOutcome::Inconclusive => Exit::Inconclusive,
    }
}
