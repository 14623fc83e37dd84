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
            self.samples.trial(trial)?;
            self.transitions.trial(trial)
        };
        let path = self.path.clone();
        write().map_err(|source| WriteError { path, source })
    }

    /// Finishes the tables.
    pub(super) fn finish(self) -> Result<(), WriteError> {
        let Self { path, samples, transitions, .. } = self;
        finish(samples, transitions).map_err(|source| WriteError { path, source })
    }
}

fn finish(samples: SamplesCsv<BufWriter<File>>, transitions: TransitionsCsv<BufWriter<File>>) -> io::Result<()> {
    samples.finish()?.flush()?;
    transitions.finish()?.flush()
}

/// The tables of a run that exists, written anew beside the old ones until they are whole.
pub(super) struct NewTables {
    path: PathBuf,
    samples: SamplesCsv<BufWriter<File>>,
    transitions: TransitionsCsv<BufWriter<File>>,
}

impl NewTables {
    const NAMES: [(&'static str, &'static str); 2] =
        [("samples.csv.new", "samples.csv"), ("transitions.csv.new", "transitions.csv")];

    pub(super) fn create(path: &Path) -> io::Result<Self> {
        let file = |name: &str| File::create(path.join(name)).map(BufWriter::new);
        Ok(Self {
            path: path.to_owned(),
            samples: SamplesCsv::new(file(Self::NAMES[0].0)?)?,
            transitions: TransitionsCsv::new(file(Self::NAMES[1].0)?)?,
        })
    }

    pub(super) fn trial(&mut self, trial: &TrialRecord) -> io::Result<()> {
        if trial.warmup {
            return Ok(());
        }
        self.samples.trial(trial)?;
        self.transitions.trial(trial)
    }

    /// Puts the new tables in the place of the old ones.
    pub(super) fn replace(self) -> io::Result<()> {
        finish(self.samples, self.transitions)?;
        Self::NAMES.into_iter().try_for_each(|(new, old)| fs::rename(self.path.join(new), self.path.join(old)))
    }

    /// Leaves the old tables as they are.
    pub(super) fn discard(self) {
        for (new, _) in Self::NAMES {
            let _ = fs::remove_file(self.path.join(new));
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
