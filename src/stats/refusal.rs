//! Why a question about numbers has no answer.

use crate::stats::quantile::TooSmall;

/// The largest size of a value that is taken: its square, and the sum of a hundred million of them, is still a number.
const LARGEST: f64 = 1e150;

/// Why there is no answer; no number is given in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Fewer values than the question needs.
    #[error(transparent)]
    TooSmall(#[from] TooSmall),
    /// A value that is not a number, infinite, or above 10¹⁵⁰ in size.
    #[error("value {index} (from 0) is not a finite number of usable size")]
    NotFinite {
        /// Where it stands, from 0.
        index: usize,
    },
    /// The values are all equal, so there is no spread to measure a difference against.
    #[error("the values don't vary")]
    NoSpread,
    /// A pairing with more values on one side.
    #[error("{left} values against {right}: a pairing needs as many on either side")]
    Unpaired {
        /// How many the baseline has.
        left: usize,
        /// How many the arm has.
        right: usize,
    },
    /// Everything observed is censored.
    #[error("every observation is censored: none ended")]
    NoEnds,
    /// A parameter that the question has no meaning for.
    #[error("{what}")]
    OutOfRange {
        /// What it must be.
        what: &'static str,
    },
}

/// Refuses values that no arithmetic can be done with.
///
/// # Errors
/// [`Refusal::NotFinite`] with the index of the first.
pub(crate) fn finite(values: &[f64]) -> Result<(), Refusal> {
    match values.iter().position(|value| value.is_nan() || value.abs() > LARGEST) {
        Some(index) => Err(Refusal::NotFinite { index }),
        None => Ok(()),
    }
}

/// Refuses unusable values, and fewer than `needed`.
///
/// # Errors
/// [`Refusal::TooSmall`] or [`Refusal::NotFinite`].
pub(crate) fn usable(values: &[f64], needed: usize) -> Result<(), Refusal> {
    if values.len() < needed {
        return Err(TooSmall { n: values.len(), needed }.into());
    }
    finite(values)
}

/// Refuses two samples of which one is unusable or below `needed`.
///
/// # Errors
/// As [`usable`].
pub(crate) fn both_usable(baseline: &[f64], arm: &[f64], needed: usize) -> Result<(), Refusal> {
    usable(baseline, needed)?;
    usable(arm, needed)
}

/// Refuses a pairing of different lengths, unusable values, and fewer than `needed` pairs.
///
/// # Errors
/// [`Refusal::Unpaired`], or as [`usable`].
pub(crate) fn paired(baseline: &[f64], arm: &[f64], needed: usize) -> Result<(), Refusal> {
    if baseline.len() != arm.len() {
        return Err(Refusal::Unpaired { left: baseline.len(), right: arm.len() });
    }
    both_usable(baseline, arm, needed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_values_are_named_by_their_place() {
        assert_eq!(finite(&[1.0, f64::NAN]), Err(Refusal::NotFinite { index: 1 }));
        assert_eq!(finite(&[f64::NEG_INFINITY]), Err(Refusal::NotFinite { index: 0 }));
        assert_eq!(finite(&[1.0, 2.0, 1e200]), Err(Refusal::NotFinite { index: 2 }));
        assert_eq!(finite(&[]), Ok(()));
        assert_eq!(usable(&[1.0], 2), Err(Refusal::TooSmall(TooSmall { n: 1, needed: 2 })));
        assert_eq!(paired(&[1.0], &[], 0), Err(Refusal::Unpaired { left: 1, right: 0 }));
    }
}
