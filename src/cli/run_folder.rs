//! The folder of a run: what is written while it runs, and what is rendered from it.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};

use crate::{
    cli::exit::Failure,
    record::{RunInfo, TrialRecord, journal::JournalWriter},
    report::{Artifact, SamplesCsv, TransitionsCsv},
};

/// The files of a run that grow trial by trial.
pub(super) struct RunFolder {
    path: PathBuf,
    journal: JournalWriter<BufWriter<File>>,
    samples: SamplesCsv<BufWriter<File>>,
    transitions: TransitionsCsv<BufWriter<File>>,
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
            let file = |name: &str| File::create(path.join(name)).map(BufWriter::new);
            Ok(Self {
                path: path.to_owned(),
                journal: JournalWriter::begin(file("journal.ndjson")?, run)?,
                samples: SamplesCsv::new(file("samples.csv")?)?,
                transitions: TransitionsCsv::new(file("transitions.csv")?)?,
            })
        };
        open().with_context(what).map_err(Failure::could_not_run)
    }

    /// The folder of a run that exists, whose tables are written anew from its journal.
    pub(super) fn rewrite(path: &Path) -> io::Result<Tables> {
        let file = |name: &str| File::create(path.join(name)).map(BufWriter::new);
        Ok(Tables {
            samples: SamplesCsv::new(file("samples.csv")?)?,
            transitions: TransitionsCsv::new(file("transitions.csv")?)?,
        })
    }

    /// Appends a trial.
    pub(super) fn trial(&mut self, trial: &TrialRecord) -> Result<(), WriteError> {
        let write = || -> io::Result<()> {
            self.journal.trial(trial)?;
            self.samples.trial(trial)?;
            self.transitions.trial(trial)
        };
        let path = self.path.clone();
        let mut write = write;
        write().map_err(|source| WriteError { path, source })
    }

    /// Finishes the tables.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        let Self { path, samples, transitions, .. } = self;
        Tables { samples, transitions }.finish().map_err(|source| WriteError { path, source })
    }
}

/// The two tables that grow trial by trial.
pub(super) struct Tables {
    samples: SamplesCsv<BufWriter<File>>,
    transitions: TransitionsCsv<BufWriter<File>>,
}

impl Tables {
    pub(super) fn trial(&mut self, trial: &TrialRecord) -> io::Result<()> {
        self.samples.trial(trial)?;
        self.transitions.trial(trial)
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.samples.finish()?.flush()?;
        self.transitions.finish()?.flush()
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
