//! What goes to stdout.

/// Prints lines to stdout. A reader that has gone away is no failure: what was done is done.
pub(super) fn print(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
