//! Quantiles that use the whole sample (Harrell and Davis, A new distribution-free quantile estimator, Biometrika 69,
//! 1982).
//!
//! The estimate is a mean of all order statistics, weighted by how likely each is the quantile of a sample of the size:
//! smoother than one or two of them, and closer to the truth for most distributions of times. Its standard error comes from
//! leaving out one value at a time, as the authors propose. Values are taken as independent; for instances of blocks use
//! [`crate::stats::bootstrap`].

use statrs::function::beta::beta_reg;

use crate::stats::{
    interval::{Confidence, Interval},
    normal,
    quantile::{Level, TooSmall},
    refusal::{Refusal, finite},
};

/// An estimate of a quantile, in the unit of the values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HarrellDavis {
    /// The estimate.
    pub estimate: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Its normal interval.
    pub interval: Interval,
}

/// The Harrell–Davis quantile of a sorted sample.
///
/// # Errors
/// [`Refusal::TooSmall`] by the rule of [`crate::stats::quantile`]; [`Refusal::NotFinite`]; [`Refusal::OutOfRange`] for a
/// sample that is not sorted.
pub fn harrell_davis(sorted: &[f64], level: Level, confidence: Confidence) -> Result<HarrellDavis, Refusal> {
    let n = sorted.len();
    if n < level.needed() {
        return Err(TooSmall { n, needed: level.needed() }.into());
    }
    finite(sorted)?;
    if !sorted.is_sorted() {
        return Err(Refusal::OutOfRange { what: "the sample must be sorted" });
    }
    let estimate = dot(&weights(n, level), sorted);
    let standard_error = leave_one_out_error(sorted, &weights(n - 1, level));
    let half = normal::upper_quantile(confidence.tail()) * standard_error;
    Ok(HarrellDavis { estimate, standard_error, interval: Interval { low: estimate - half, high: estimate + half } })
}

fn dot(weights: &[f64], values: &[f64]) -> f64 {
    weights.iter().zip(values).map(|(weight, value)| weight * value).sum()
}

/// The weights of n order statistics: steps of the beta distribution with (n + 1) p and (n + 1) (1 − p).
fn weights(n: usize, level: Level) -> Vec<f64> {
    let size = n as f64 + 1.0;
    let (a, b) = (size * level.probability(), size * (1.0 - level.probability()));
    let mut before = 0.0;
    (1..=n)
        .map(|i| {
            let here = if i == n { 1.0 } else { beta_reg(a, b, i as f64 / n as f64) };
            let weight = here - before;
            before = here;
            weight
        })
        .collect()
}

/// √((n − 1) / n · Σ (θ₍ᵢ₎ − mean)²) over the estimates without each value: those before it keep their places, those
/// after it move up one, so two running sums give each.
fn leave_one_out_error(sorted: &[f64], weights: &[f64]) -> f64 {
    let n = sorted.len();
    let mut without = dot(weights, &sorted[1..]);
    let mut estimates = Vec::with_capacity(n);
    estimates.push(without);
    for left_out in 1..n {
        // The value before comes back in the place of the one that goes.
        without += weights[left_out - 1] * (sorted[left_out - 1] - sorted[left_out]);
        estimates.push(without);
    }
    let mean = estimates.iter().sum::<f64>() / n as f64;
    let squares: f64 = estimates.iter().map(|estimate| (estimate - mean).powi(2)).sum();
    (squares * (n as f64 - 1.0) / n as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn estimate_and_error_are_those_of_scipy() {
        // SciPy 1.17.1: mstats.hdquantiles(x, [0.5]), mstats.hdquantiles_sd(x, [0.5]).
        let sorted = [10.42, 10.56, 15.48, 15.65, 18.73, 20.04, 21.32, 22.07, 22.13, 26.15, 37.72, 39.08];
        let median = harrell_davis(&sorted, Level::P50, Confidence::STANDARD).unwrap();
        assert!((median.estimate - 20.319_146_600_206_9).abs() < 1e-9, "{median:?}");
        assert!((median.standard_error - 1.882_140_193_991_135_3).abs() < 1e-9, "{median:?}");
        assert!((median.interval.half_width() - 1.959_963_984_5 * 1.882_140_194).abs() < 1e-8);
        let squares: Vec<f64> = (1..=30).map(|i| f64::from(i * i) / 10.0).collect();
        let tail = harrell_davis(&squares, Level::P90, Confidence::STANDARD).unwrap();
        assert!((tail.estimate - 75.892_294_809_289_44).abs() < 1e-9, "{tail:?}");
        assert!((tail.standard_error - 7.733_449_336_628_72).abs() < 1e-9, "{tail:?}");
        let cubes: Vec<f64> = (1..=1000).map(|i| (f64::from(i) / 1000.0).powi(3)).collect();
        let tail = harrell_davis(&cubes, Level::P99, Confidence::STANDARD).unwrap();
        assert!((tail.estimate - 0.971_799_480_066_107_6).abs() < 1e-9, "{tail:?}");
    }

    #[test]
    fn small_unsorted_and_unusable_samples_are_refused() {
        let ask = |sorted: &[f64], level| harrell_davis(sorted, level, Confidence::STANDARD);
        assert_eq!(ask(&[1.0; 5], Level::P50), Err(TooSmall { n: 5, needed: 6 }.into()));
        assert_eq!(ask(&[1.0; 298], Level::P99), Err(TooSmall { n: 298, needed: 299 }.into()));
        assert!(matches!(ask(&[2.0, 1.0, 3.0, 4.0, 5.0, 6.0], Level::P50), Err(Refusal::OutOfRange { .. })));
        assert!(matches!(ask(&[f64::NAN; 6], Level::P50), Err(Refusal::NotFinite { index: 0 })));
        let flat = ask(&[2.0; 29], Level::P90).unwrap();
        assert!((flat.estimate - 2.0).abs() < 1e-12 && flat.standard_error < 1e-9, "{flat:?}");
    }

    proptest! {
        #[test]
        fn running_sums_give_the_plain_jackknife(mut values in prop::collection::vec(-100.0_f64..100.0, 6..40)) {
            values.sort_unstable_by(f64::total_cmp);
            let n = values.len();
            let weights = weights(n - 1, Level::P50);
            let estimates: Vec<f64> = (0..n)
                .map(|out| {
                    let rest: Vec<f64> = values.iter().enumerate().filter(|(i, _)| *i != out).map(|(_, v)| *v).collect();
                    dot(&weights, &rest)
                })
                .collect();
            let mean = estimates.iter().sum::<f64>() / n as f64;
            let squares: f64 = estimates.iter().map(|estimate| (estimate - mean).powi(2)).sum();
            let plain = (squares * (n as f64 - 1.0) / n as f64).sqrt();
            prop_assert!((leave_one_out_error(&values, &weights) - plain).abs() < 1e-9);
        }
    }
}
