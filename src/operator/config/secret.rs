//! Secrets.

use std::{borrow::Cow, fmt, path::PathBuf};

/// A secret: it can be used, and never shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Source);

#[derive(Clone, PartialEq, Eq)]
enum Source {
    Value(String),
    File(PathBuf),
}

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(secret: String) -> Self {
        Self(Source::Value(secret))
    }

    /// A secret in a file, which is read each time that it is needed: it may be replaced at any time.
    #[must_use]
    pub fn in_file(path: PathBuf) -> Self {
        Self(Source::File(path))
    }

    /// The secret itself, for a request's header only.
    ///
    /// # Errors
    /// When its file can't be read.
    pub fn reveal(&self) -> std::io::Result<Cow<'_, str>> {
        match &self.0 {
            Source::Value(secret) => Ok(Cow::Borrowed(secret)),
            Source::File(path) => std::fs::read_to_string(path).map(|secret| Cow::Owned(secret.trim().to_owned())),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Value(_) => f.write_str("(secret)"),
            Source::File(path) => write!(f, "(secret in {})", path.display()),
        }
    }
}
