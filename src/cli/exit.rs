//! Exit codes, which scripts rely on.

use std::process::{ExitCode, Termination};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done,
    /// Something outside kept it from running, or it was stopped.
    CouldNotRun,
    /// The command line, the experiment or the environment makes no sense.
    Usage,
    /// A gate failed: what is checked is not as it should be.
    Gate,
    /// An invariant is broken or samples were lost: the result is invalid.
    Invalid,
    /// A verdict was demanded, and the records don't tell.
    Inconclusive,
}

impl Exit {
    /// The code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::CouldNotRun => 1,
            Self::Usage => 2,
            Self::Gate => 3,
            Self::Invalid => 4,
            Self::Inconclusive => 5,
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}

/// What a command says on stderr before it ends with this code.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) error: anyhow::Error,
}

impl Failure {
    pub(super) fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: error.into() }
    }

    pub(super) fn could_not_run(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::CouldNotRun, error: error.into() }
    }

    /// Says it, and returns the code.
    pub(super) fn tell(self) -> Exit {
        let mut text = String::new();
        for cause in self.error.chain().map(ToString::to_string) {
            // Our own messages carry their cause already.
            if !text.contains(&cause) {
                if !text.is_empty() {
                    text.push_str(": ");
                }
                text.push_str(&cause);
            }
        }
        eprintln!("error: {text}");
        self.exit
    }
}
