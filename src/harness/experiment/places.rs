//! Where what is read was written: in the file, or on the command line.

use std::path::Path;

use serde_saphyr::Spanned;

use crate::harness::experiment::{ExperimentError, is_secret};

/// Where a part of an experiment comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The file, at a line and a column, from 1.
    File { line: u64, column: u64 },
    /// A value that was set over it, by its number among those.
    Setting(usize),
}

/// A setting as it was given, but for a secret in it: messages end in logs.
pub(super) fn shown(setting: &str) -> String {
    match setting.split_once('=') {
        Some((path, value))
            if is_secret(path.rsplit('.').next().unwrap_or(path))
                || (value.starts_with(['[', '{']) && is_secret(value)) =>
        {
            format!("--set {path}=(secret)")
        }
        _ => format!("--set {setting}"),
    }
}

/// What turns a place in the text that was read into one that its author knows.
pub(super) struct Places<'a> {
    pub(super) file: &'a Path,
    /// The origin of each line of a text that was put together; empty where the text is the file's own.
    lines: Vec<Origin>,
    settings: &'a [String],
}

impl<'a> Places<'a> {
    /// Those of a file as it is.
    pub(super) fn of_file(file: &'a Path) -> Self {
        Self { file, lines: Vec::new(), settings: &[] }
    }

    /// Those of a text whose lines come from a file and from what was set over it.
    pub(super) fn of_lines(file: &'a Path, lines: Vec<Origin>, settings: &'a [String]) -> Self {
        Self { file, lines, settings }
    }

    /// What is wrong with a value.
    pub(super) fn invalid<T>(&self, at: &Spanned<T>, message: impl Into<String>) -> ExperimentError {
        self.invalid_at(at.referenced.line(), at.referenced.column(), message.into())
    }

    /// What is wrong at a place of the text that was read.
    fn invalid_at(&self, line: u64, column: u64, message: String) -> ExperimentError {
        let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        match self.lines.get(index).copied().unwrap_or(Origin::File { line, column }) {
            Origin::File { line, column } => {
                ExperimentError::Invalid { file: self.file.to_owned(), line, column, message }
            }
            Origin::Setting(number) => {
                let setting = self.settings.get(number).map_or("", String::as_str);
                ExperimentError::Option { option: shown(setting), message }
            }
        }
    }

    /// What the YAML library says of the text.
    pub(super) fn malformed(&self, error: &serde_saphyr::Error) -> ExperimentError {
        let text = error.to_string();
        // The place stands in front of the message already.
        let message = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]).to_owned();
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        self.invalid_at(line, column, message)
    }
}
