//! What goes to stdout.

use std::io::{self, ErrorKind, Write};

use anyhow::Context;

use crate::cli::exit::Failure;

/// Prints lines to stdout. A reader that has gone away is no failure: what was done is done.
///
/// # Errors
/// When the lines can't be written for another reason, such as a full disk: whoever reads them would miss some.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    write(&mut io::stdout().lock(), text).context("failed to write to stdout").map_err(Failure::could_not_run)
}

fn write(out: &mut impl Write, text: &str) -> io::Result<()> {
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fails(ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_reader_that_has_gone_away_is_no_failure() {
        assert!(write(&mut Fails(ErrorKind::BrokenPipe), "text").is_ok());
        assert_eq!(write(&mut Fails(ErrorKind::StorageFull), "text").unwrap_err().kind(), ErrorKind::StorageFull);
    }
}
