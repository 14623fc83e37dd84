//! What can be wrong with an experiment file: what, where, and how to mend it.

use std::path::PathBuf;

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
        source: std::io::Error,
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
