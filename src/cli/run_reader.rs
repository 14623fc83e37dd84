//! Reads what a run has left.

use std::{
    fs::File,
    io::{BufReader, ErrorKind},
    path::Path,
};

use anyhow::{Context, anyhow};

use crate::{
    cli::{
        exit::{Exit, Failure},
        run_folder::JOURNAL,
    },
    record::{RunInfo, RunJournal, RunStatus, SCHEMA_VERSION, TrialRecord, journal::JournalError},
    report::Report,
};

/// The buffer of a journal that is read.
const READ_BUFFER_BYTES: usize = 1 << 18;

/// A run that has been read.
pub(super) struct ReadRun {
    pub(super) info: RunInfo,
    pub(super) report: Report,
}

/// Reads a run that may be judged.
///
/// # Errors
/// When it is no run of this version or an incomplete one (usage), and when it is invalid or samples were lost (exit code 4).
pub(super) fn read_run(folder: &Path) -> Result<ReadRun, Failure> {
    let info = read_run_info(folder).map_err(Failure::usage)?;
    ensure_valid(folder, info.problems.first())?;
    if info.status == RunStatus::Incomplete {
        let error = anyhow!("{} was stopped before its plan was done; run it again", folder.display());
        return Err(Failure::usage(error));
    }
    let mut report = Report::new(&info);
    let mut problem = None;
    let lost = read_journal(folder, &info, |trial| {
        if problem.is_none() {
            problem = trial.problems.first().map(|problem| format!("{}: {problem}", trial.key));
        }
        report.add(trial);
        Ok(())
    })?;
    ensure_whole(folder, &lost)?;
    ensure_valid(folder, problem.as_ref())?;
    report.close(&info);
    Ok(ReadRun { info, report })
}

fn ensure_valid(folder: &Path, problem: Option<&String>) -> Result<(), Failure> {
    problem.map_or(Ok(()), |problem| {
        let error = anyhow!("{} is invalid, nothing can be told from it: {problem}", folder.display());
        Err(Failure { exit: Exit::Invalid, error })
    })
}

/// Refuses a run of which something was lost, as [`read_journal`] tells it.
///
/// # Errors
/// With exit code 4.
pub(super) fn ensure_whole(folder: &Path, lost: &[String]) -> Result<(), Failure> {
    let Some(first) = lost.first() else { return Ok(()) };
    let more = if lost.len() > 1 { format!(" (and {} more)", lost.len() - 1) } else { String::new() };
    Err(Failure { exit: Exit::Invalid, error: anyhow!("{}: {first}{more}", folder.display()) })
}

/// Hands out the whole trials of a run's journal; returns what was lost of it, a sentence each.
///
/// # Errors
/// When the journal is not the one of the run or is damaged (usage), when it can't be read, and what `take` says.
pub(super) fn read_journal(
    folder: &Path,
    info: &RunInfo,
    mut take: impl FnMut(&TrialRecord) -> Result<(), Failure>,
) -> Result<Vec<String>, Failure> {
    let mut journal = open_journal(folder, info)?;
    while let Some(trial) = journal.next_trial().map_err(|error| unreadable(folder, error))? {
        take(&trial)?;
    }
    Ok(journal.lost())
}

/// Opens the journal of a run.
///
/// # Errors
/// When it can't be opened, or is not the one of the run.
pub(super) fn open_journal(folder: &Path, info: &RunInfo) -> Result<RunJournal<BufReader<File>>, Failure> {
    let path = folder.join(JOURNAL);
    let file =
        File::open(&path).with_context(|| format!("failed to open {}", path.display())).map_err(Failure::usage)?;
    RunJournal::open(BufReader::with_capacity(READ_BUFFER_BYTES, file), info).map_err(|error| unreadable(folder, error))
}

/// What there is to say of a journal that can't be read.
pub(super) fn unreadable(folder: &Path, error: JournalError) -> Failure {
    let path = folder.join(JOURNAL);
    // What is no text was damaged; anything else is the disk.
    let exit = match &error {
        JournalError::Read { source, .. } if source.kind() != ErrorKind::InvalidData => Exit::CouldNotRun,
        _ => Exit::Usage,
    };
    Failure { exit, error: anyhow::Error::new(error).context(path.display().to_string()) }
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
