//! Equivalence by two one-sided tests (Schuirmann, A comparison of the two one-sided tests procedure and the power
//! approach for assessing the equivalence of average bioavailability, J. Pharmacokinet. Biopharm. 15, 1987).

use crate::stats::{
    interval::{Confidence, Interval},
    pairing::variance,
    refusal::{Refusal, usable},
    student,
};

/// Whether a mean difference lies within a margin that does not matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equivalence {
    /// The mean difference.
    pub mean: f64,
    /// Student's interval at confidence 1 − 2α: it lies strictly within the margin exactly when both tests reject.
    pub interval: Interval,
    /// The p-value against a difference at or below −margin.
    pub p_lower: f64,
    /// The p-value against a difference at or above the margin.
    pub p_upper: f64,
    /// The larger of the two: that of equivalence.
    pub p: f64,
    /// Whether it is below α.
    pub equivalent: bool,
}

/// Tests whether block differences (arm − baseline) are, in the mean, within ±`margin`, in their unit.
///
/// # Errors
/// [`Refusal::TooSmall`] below two blocks, [`Refusal::NotFinite`], [`Refusal::OutOfRange`] unless `margin` > 0 and
/// 0 < `alpha` < ½.
pub fn equivalence(differences: &[f64], margin: f64, alpha: f64) -> Result<Equivalence, Refusal> {
    usable(differences, 2)?;
    if !(margin > 0.0 && margin.is_finite()) {
        return Err(Refusal::OutOfRange { what: "the margin of equivalence must be above 0" });
    }
    let no_alpha = Refusal::OutOfRange { what: "alpha must lie strictly between 0 and one half" };
    let confidence = Confidence::of_alpha(2.0 * alpha).ok_or(no_alpha)?;
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let standard_error = (variance(differences) / n).sqrt();
    let half = student::upper_quantile(confidence.tail(), n - 1.0).ok_or(no_alpha)? * standard_error;
    // Without spread the mean is certain.
    let p_above = |distance: f64| match standard_error {
        se if se > 0.0 => student::above(distance / se, n - 1.0).unwrap_or(1.0),
        _ => f64::from(u8::from(distance <= 0.0)),
    };
    let (p_lower, p_upper) = (p_above(mean + margin), p_above(margin - mean));
    let p = p_lower.max(p_upper);
    let interval = Interval { low: mean - half, high: mean + half };
    Ok(Equivalence { mean, interval, p_lower, p_upper, p, equivalent: p < alpha })
}

#[cfg(test)]
#[path = "equivalence_tests.rs"]
mod tests;
