//! Reads what a run has left.

use std::{fs::File, io::BufReader, path::Path};

use anyhow::{Context, anyhow};

use crate::{
    cli::exit::{Exit, Failure},
    record::{RunInfo, RunStatus, SCHEMA_VERSION, TrialRecord, journal::JournalReader},
    report::Report,
};

/// A run that has been read.
pub(super) struct ReadRun {
    pub(super) info: RunInfo,
    pub(super) report: Report,
}

/// Reads a run that may be judged.
///
/// # Errors
/// When it is no run of this version or an incomplete one (usage), and when it is invalid (exit code 4).
pub(super) fn read_run(folder: &Path) -> Result<ReadRun, Failure> {
    let info = read_run_info(folder).map_err(Failure::usage)?;
    if let Some(problem) = info.problems.first() {
        let error = anyhow!("{} is invalid, nothing can be told from it: {problem}", folder.display());
        return Err(Failure { exit: Exit::Invalid, error });
    }
    read_valid(folder, info).map_err(Failure::usage)
}

fn read_valid(folder: &Path, info: RunInfo) -> anyhow::Result<ReadRun> {
    let of = folder.display();
    anyhow::ensure!(info.status == RunStatus::Complete, "{of} was stopped before its plan was done; run it again");
    let mut report = Report::new(&info);
    let trials = read_journal(&folder.join("journal.ndjson"), |trial| {
        report.add(trial);
        Ok(())
    })?;
    ensure_whole(folder, &info, trials)?;
    report.close(&info);
    Ok(ReadRun { info, report })
}

/// A run that says that it is complete must have all its trials.
///
/// # Errors
/// When its journal has fewer.
pub(super) fn ensure_whole(folder: &Path, info: &RunInfo, trials: u64) -> anyhow::Result<()> {
    let planned = info.trials_planned();
    anyhow::ensure!(
        info.status != RunStatus::Complete || trials >= planned,
        "{}: the journal has {trials} whole trials of {planned}: it was cut off or changed",
        folder.display()
    );
    Ok(())
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
