//! The folder of a run: what is written while it runs, and what is rendered from it.

use std::{
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};

use crate::{
    cli::exit::Failure,
    record::{RunInfo, TrialRecord, journal::JournalWriter},
    report::{Artifact, Tables},
};

/// The files of a run that grow trial by trial.
pub(super) struct RunFolder {
    path: PathBuf,
    journal: JournalWriter<BufWriter<File>>,
    tables: Files,
}

/// The tables, each in a file of its own.
type Files = Tables<BufWriter<File>>;

/// Begins the tables, with an ending to their names.
fn begin_tables(path: &Path, ending: &str) -> io::Result<Files> {
    Tables::begin(|name| File::create(path.join(format!("{name}{ending}"))).map(BufWriter::new))
}

/// A record could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write the records to {}: {source}; what was written before is kept", .path.display())]
pub(super) struct WriteError {
    path: PathBuf,
    source: io::Error,
}

impl RunFolder {
    /// Makes the folder of a new run; it must not hold anything yet.
    pub(super) fn create(path: &Path, run: &RunInfo) -> Result<Self, Failure> {
        if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
            let error = anyhow!("{} holds files already; choose another folder with --out", path.display());
            return Err(Failure::usage(error));
        }
        let what = || format!("failed to write to {}; choose another folder with --out", path.display());
        let open = || -> io::Result<Self> {
            fs::create_dir_all(path)?;
            // From here on the folder says of itself that it is not finished.
            write_run_info(path, run)?;
            let journal = BufWriter::new(File::create(path.join("journal.ndjson"))?);
            Ok(Self {
                path: path.to_owned(),
                journal: JournalWriter::begin(journal, run)?,
                tables: begin_tables(path, "")?,
            })
        };
        open().with_context(what).map_err(Failure::could_not_run)
    }

    /// Appends a trial; one that only warms up is in the journal alone.
    pub(super) fn trial(&mut self, trial: &TrialRecord) -> Result<(), WriteError> {
        self.append(trial, |journal| journal.trial(trial))
    }

    /// The same of a trial whose lines in the journal are there already.
    pub(super) fn trial_as_it_is(&mut self, trial: &TrialRecord, lines: &[u8]) -> Result<(), WriteError> {
        self.append(trial, |journal| journal.trial_as_it_is(lines))
    }

    fn append(
        &mut self,
        trial: &TrialRecord,
        journal: impl FnOnce(&mut JournalWriter<BufWriter<File>>) -> io::Result<()>,
    ) -> Result<(), WriteError> {
        let write = || -> io::Result<()> {
            journal(&mut self.journal)?;
            if trial.warmup {
                return Ok(());
            }
            self.tables.trial(trial)
        };
        let path = self.path.clone();
        write().map_err(|source| WriteError { path, source })
    }

    /// Finishes the tables.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        let Self { path, tables, .. } = self;
        tables.finish().map_err(|source| WriteError { path, source })
    }
}

/// The tables of a run that exists, written anew beside the old ones until they are whole.
pub(super) struct NewTables {
    path: PathBuf,
    tables: Files,
}

impl NewTables {
    const ENDING: &'static str = ".new";

    pub(super) fn create(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), tables: begin_tables(path, Self::ENDING)? })
    }

    pub(super) fn trial(&mut self, trial: &TrialRecord) -> io::Result<()> {
        if trial.warmup {
            return Ok(());
        }
        self.tables.trial(trial)
    }

    fn new_name(name: &str) -> String {
        format!("{name}{}", Self::ENDING)
    }

    /// Puts the new tables in the place of the old ones.
    pub(super) fn replace(self) -> io::Result<()> {
        self.tables.finish()?;
        let replace = |name: &str| fs::rename(self.path.join(Self::new_name(name)), self.path.join(name));
        Files::NAMES.into_iter().try_for_each(replace)
    }

    /// Leaves the old tables as they are.
    pub(super) fn discard(self) {
        for name in Files::NAMES {
            let _ = fs::remove_file(self.path.join(Self::new_name(name)));
        }
    }
}

/// Writes `run.json`.
pub(super) fn write_run_info(path: &Path, run: &RunInfo) -> io::Result<()> {
    let mut json = serde_json::to_vec_pretty(run)?;
    json.push(b'\n');
    fs::write(path.join("run.json"), json)
}

/// Writes what was rendered.
pub(super) fn write_artifacts(path: &Path, artifacts: &[Artifact]) -> io::Result<()> {
    for artifact in artifacts {
        let file = path.join(&artifact.path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, &artifact.bytes)?;
    }
    Ok(())
}
