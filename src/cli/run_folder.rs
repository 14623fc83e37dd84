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
    report::{Artifact, TableError, Tables},
};

/// The files of a run that grow trial by trial.
pub(super) struct RunFolder {
    path: PathBuf,
    journal: JournalWriter<BufWriter<File>>,
    tables: Files,
}

/// The tables, each in a file of its own.
type Files = Tables<BufWriter<File>>;

/// The names of the files that a run has before anything is rendered.
const RUN_INFO: &str = "run.json";
pub(super) const JOURNAL: &str = "journal.ndjson";

/// Begins the tables, with an ending to their names.
fn begin_tables(path: &Path, ending: &str) -> Result<Files, WriteError> {
    Tables::begin(|name| File::create(path.join(format!("{name}{ending}"))).map(BufWriter::new))
        .map_err(|error| WriteError::of_table(path, ending, error))
}

/// A file could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write {}: {source}", .path.display())]
pub(super) struct WriteError {
    path: PathBuf,
    source: io::Error,
}

impl WriteError {
    /// What makes an error one of a file.
    fn of(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self { path: path.to_owned(), source }
    }

    fn of_table(folder: &Path, ending: &str, error: TableError) -> Self {
        let TableError { name, source } = error;
        Self { path: folder.join(format!("{name}{ending}")), source }
    }
}

/// Refuses a folder that holds something already.
///
/// # Errors
/// When it does (usage).
pub(super) fn ensure_free(path: &Path) -> Result<(), Failure> {
    if fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) {
        let error = anyhow!("{} holds files already; choose another folder with --out", path.display());
        return Err(Failure::usage(error));
    }
    Ok(())
}

impl RunFolder {
    /// The names of the files that are there from the beginning.
    pub(super) fn first_files() -> impl Iterator<Item = &'static str> {
        [RUN_INFO, JOURNAL].into_iter().chain(Files::NAMES)
    }

    /// Makes the folder of a new run; it must not hold anything yet.
    pub(super) fn create(path: &Path, run: &RunInfo) -> Result<Self, Failure> {
        ensure_free(path)?;
        let what = || format!("failed to write to {}; choose another folder with --out", path.display());
        let open = || -> Result<Self, WriteError> {
            fs::create_dir_all(path).map_err(WriteError::of(path))?;
            // From here on the folder says of itself that it is not finished.
            write_run_info(path, run)?;
            let file = path.join(JOURNAL);
            let journal = File::create(&file).and_then(|file| JournalWriter::begin(BufWriter::new(file), run));
            Ok(Self {
                path: path.to_owned(),
                journal: journal.map_err(WriteError::of(&file))?,
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
        journal(&mut self.journal).map_err(WriteError::of(&self.path.join(JOURNAL)))?;
        if trial.warmup {
            return Ok(());
        }
        self.tables.trial(trial).map_err(|error| WriteError::of_table(&self.path, "", error))
    }

    /// Finishes the tables.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        let Self { path, tables, .. } = self;
        tables.finish().map_err(|error| WriteError::of_table(&path, "", error))
    }
}

/// The tables of a run that exists, written anew beside the old ones until they are whole. Unless they take their place, the
/// old ones stay as they are.
pub(super) struct NewTables {
    tables: Files,
    files: NewFiles,
}

/// The files of new tables in a folder; what is left of them goes with it.
struct NewFiles(PathBuf);

impl NewFiles {
    const ENDING: &'static str = ".new";

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}{}", Self::ENDING))
    }
}

impl Drop for NewFiles {
    fn drop(&mut self) {
        for name in Files::NAMES {
            let _ = fs::remove_file(self.path(name));
        }
    }
}

impl NewTables {
    pub(super) fn create(path: &Path) -> Result<Self, WriteError> {
        let files = NewFiles(path.to_owned());
        Ok(Self { tables: begin_tables(path, NewFiles::ENDING)?, files })
    }

    pub(super) fn trial(&mut self, trial: &TrialRecord) -> Result<(), WriteError> {
        if trial.warmup {
            return Ok(());
        }
        self.tables.trial(trial).map_err(|error| WriteError::of_table(&self.files.0, NewFiles::ENDING, error))
    }

    /// Puts the new tables in the place of the old ones.
    pub(super) fn replace(self) -> Result<(), WriteError> {
        let Self { tables, files } = self;
        tables.finish().map_err(|error| WriteError::of_table(&files.0, NewFiles::ENDING, error))?;
        Files::NAMES.into_iter().try_for_each(|name| {
            let path = files.0.join(name);
            fs::rename(files.path(name), &path).map_err(WriteError::of(&path))
        })
    }
}

/// Writes `run.json`.
pub(super) fn write_run_info(path: &Path, run: &RunInfo) -> Result<(), WriteError> {
    let path = path.join(RUN_INFO);
    let write = || {
        let mut json = serde_json::to_vec_pretty(run)?;
        json.push(b'\n');
        fs::write(&path, json)
    };
    write().map_err(WriteError::of(&path))
}

/// Writes what was rendered.
pub(super) fn write_artifacts(path: &Path, artifacts: &[Artifact]) -> Result<(), WriteError> {
    for artifact in artifacts {
        let file = path.join(&artifact.path);
        let write = || {
            fs::create_dir_all(file.parent().unwrap_or(path))?;
            fs::write(&file, &artifact.bytes)
        };
        write().map_err(WriteError::of(&file))?;
    }
    Ok(())
}
