//! What can be wrong with an experiment file: what, where, and how to mend it.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::sim::profile::ProfileError;

/// An experiment that can't be run as it is written.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// The file can't be read.
    #[error("{}: failed to read the experiment: {source}; check the path", .file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The file is not text.
    #[error("{}: the file is not UTF-8 text; save it as UTF-8", .file.display())]
    NotText {
        /// The file.
        file: PathBuf,
    },
    /// Something in the file makes no sense.
    #[error("{}:{line}:{column}: {message}", .file.display())]
    Invalid {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The column, from 1.
        column: u64,
        /// What is wrong, and how to mend it.
        message: String,
    },
    /// Something that the command line sets makes no sense.
    #[error("{option}: {message}")]
    Option {
        /// The option.
        option: String,
        /// What is wrong, and how to mend it.
        message: String,
    },
    /// A profile that an arm names can't be used.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

/// The text of a file.
pub(super) fn read_text(file: &Path) -> Result<String, ExperimentError> {
    std::fs::read_to_string(file).map_err(|source| match source.kind() {
        io::ErrorKind::InvalidData => ExperimentError::NotText { file: file.to_owned() },
        _ => ExperimentError::Read { file: file.to_owned(), source },
    })
}
