//! A seed on a command line.

/// Reads a seed.
///
/// # Errors
/// When it is no whole number, is negative, or does not fit 64 bits.
pub(super) fn seed(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("a seed is a whole number from 0 to {}", u64::MAX))
}
