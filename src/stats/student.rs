//! Student's t distribution, as far as intervals and tests need it.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::stats::interval::Confidence;

/// The quantile of the t distribution with `freedom` degrees of freedom; `None` without any freedom.
#[must_use]
pub fn quantile(probability: f64, freedom: f64) -> Option<f64> {
    let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(probability);
    t.is_finite().then_some(t)
}

/// The value above which a probability of `tail` lies; a small tail keeps its digits. `None` without any freedom.
#[must_use]
pub fn upper_quantile(tail: f64, freedom: f64) -> Option<f64> {
    quantile(tail, freedom).map(|t| -t)
}

/// The probability above `t` under `freedom` degrees of freedom; `None` without any freedom.
#[must_use]
pub fn above(t: f64, freedom: f64) -> Option<f64> {
    Some(StudentsT::new(0.0, 1.0, freedom).ok()?.cdf(-t))
}

/// The two-sided p-value of `t` under `freedom` degrees of freedom; `None` without any freedom.
#[must_use]
pub fn two_sided_p(t: f64, freedom: f64) -> Option<f64> {
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok()?;
    Some((2.0 * distribution.cdf(-t.abs())).min(1.0))
}

/// An interval around a mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MeanInterval {
    /// The mean.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The standard error of the mean.
    pub standard_error: f64,
}

/// The 95 % interval of a mean, mean ± t · s / √n with n − 1 degrees of freedom; `None` below two values.
#[must_use]
pub fn mean_interval(values: &[f64]) -> Option<MeanInterval> {
    mean_interval_at(values, Confidence::STANDARD)
}

/// The interval of a mean at another confidence, as repeated looks at the same data need it; `None` below two values.
#[must_use]
pub fn mean_interval_at(values: &[f64], confidence: Confidence) -> Option<MeanInterval> {
    if values.len() < 2 {
        return None;
    }
    let n = values.len() as f64;
    let mean = mean(values)?;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let standard_error = (variance / n).sqrt();
    let half = upper_quantile(confidence.tail(), n - 1.0)? * standard_error;
    Some(MeanInterval { mean, low: mean - half, high: mean + half, standard_error })
}

/// The mean; `None` of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_published_table() {
        // NIST/SEMATECH e-Handbook of Statistical Methods, section 1.3.6.7.2, column 0.975.
        for (freedom, t) in [
            (1.0, 12.706),
            (2.0, 4.303),
            (5.0, 2.571),
            (9.0, 2.262),
            (19.0, 2.093),
            (29.0, 2.045),
            (60.0, 2.000),
            (100.0, 1.984),
        ] {
            let ours = quantile(0.975, freedom).unwrap();
            assert!((ours - t).abs() < 6e-4, "{freedom} degrees of freedom: {ours}");
        }
        // R: qt(0.975, 9), qt(0.975, 29).
        assert!((quantile(0.975, 9.0).unwrap() - 2.262_157_162_74).abs() < 1e-8);
        assert!((quantile(0.975, 29.0).unwrap() - 2.045_229_642_13).abs() < 1e-8);
    }

    #[test]
    fn one_value_has_no_interval() {
        assert_eq!(mean_interval(&[1.0]), None);
        assert_eq!(quantile(0.975, 0.0), None);
    }
}
