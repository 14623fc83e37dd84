//! The mean time up to a horizon: the area under the Kaplan–Meier curve (Irwin, The standard error of an estimate of
//! expectation of life, J. Hyg. 47, 1949; Royston and Parmar, Restricted mean survival time, BMC Med. Res. Methodol. 13,
//! 2013).

use crate::stats::{
    interval::{Confidence, Interval},
    normal,
    refusal::Refusal,
    survival::{Observation, kaplan_meier::KaplanMeier},
};

/// A restricted mean, in the unit of the times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RestrictedMean {
    /// The mean of the smaller of time and horizon.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Its normal interval.
    pub interval: Interval,
}

/// A difference of restricted means, arm − baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RestrictedMeanDifference {
    /// The difference.
    pub difference: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Its normal interval.
    pub interval: Interval,
    /// The two-sided p-value of no difference; `None` when neither arm varies.
    pub p: Option<f64>,
}

/// The restricted mean of independent observations up to `horizon`.
///
/// # Errors
/// [`Refusal::TooSmall`] for none, [`Refusal::NotFinite`], [`Refusal::OutOfRange`] for a time below 0 and for a horizon that
/// is not above 0, or beyond the last time seen while something had not ended.
pub fn restricted_mean(
    observations: &[Observation],
    horizon: f64,
    confidence: Confidence,
) -> Result<RestrictedMean, Refusal> {
    let curve = KaplanMeier::of(observations, confidence)?;
    if !(horizon > 0.0 && horizon.is_finite()) || curve.survival_at(horizon).is_none() {
        return Err(Refusal::OutOfRange { what: "the horizon must lie above 0 and within the times that were seen" });
    }
    let steps = curve.steps();
    let steps = &steps[..steps.partition_point(|step| step.time <= horizon)];
    // From the horizon backwards, so that the area still to come is at hand at each end.
    let (mut area, mut variance, mut until) = (0.0, 0.0, horizon);
    for step in steps.iter().rev() {
        area += step.survival * (until - step.time);
        until = step.time;
        let (at_risk, ended) = (step.at_risk as f64, step.ended as f64);
        if at_risk > ended {
            variance += area * area * ended / (at_risk * (at_risk - ended));
        }
    }
    let mean = area + until;
    let standard_error = variance.sqrt();
    Ok(RestrictedMean { mean, standard_error, interval: around(mean, standard_error, confidence) })
}

/// The difference of the restricted means of two independent samples up to the same `horizon`.
///
/// # Errors
/// As [`restricted_mean`] for either side.
pub fn restricted_mean_difference(
    baseline: &[Observation],
    arm: &[Observation],
    horizon: f64,
    confidence: Confidence,
) -> Result<RestrictedMeanDifference, Refusal> {
    let (baseline, arm) = (restricted_mean(baseline, horizon, confidence)?, restricted_mean(arm, horizon, confidence)?);
    let difference = arm.mean - baseline.mean;
    let standard_error = arm.standard_error.hypot(baseline.standard_error);
    Ok(RestrictedMeanDifference {
        difference,
        standard_error,
        interval: around(difference, standard_error, confidence),
        p: (standard_error > 0.0).then(|| normal::two_sided_p(difference / standard_error)),
    })
}

fn around(middle: f64, standard_error: f64, confidence: Confidence) -> Interval {
    let half = normal::upper_quantile(confidence.tail()) * standard_error;
    Interval { low: middle - half, high: middle + half }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::survival::fixture::{maintained, not_maintained, treated};

    #[test]
    fn means_and_errors_are_those_of_rs_survival() {
        // R, survival: print(survfit(Surv(time, status) ~ x, aml), rmean = 161): 52.6 (19.83) and 22.7 (4.18); with more
        // digits from the same formula in NumPy.
        for (observations, mean, error) in [
            (maintained(), 52.645_454_545_454_55, 19.828_602_795_562_585),
            (not_maintained(), 22.708_333_333_333_336, 4.180_941_981_033_155),
        ] {
            let result = restricted_mean(&observations, 161.0, Confidence::STANDARD).unwrap();
            assert!((result.mean - mean).abs() < 1e-9 && (result.standard_error - error).abs() < 1e-9, "{result:?}");
        }
        // A horizon between two ends, NumPy.
        let result = restricted_mean(&treated(), 20.0, Confidence::STANDARD).unwrap();
        assert!((result.mean - 16.116_526_610_644_257).abs() < 1e-9, "{result:?}");
        assert!((result.standard_error - 1.251_560_196_005_047_3).abs() < 1e-9, "{result:?}");
    }

    #[test]
    fn a_difference_has_both_errors() {
        let result = restricted_mean_difference(&not_maintained(), &maintained(), 161.0, Confidence::STANDARD).unwrap();
        assert!((result.difference - 29.937_121_212_121_21).abs() < 1e-9, "{result:?}");
        assert!((result.standard_error - 19.828_602_795_562_585_f64.hypot(4.180_941_981_033_155)).abs() < 1e-9);
        // 29.937 / 20.265 = 1.4773.
        assert!((result.p.unwrap() - 0.139_6).abs() < 1e-3, "{result:?}");
    }

    #[test]
    fn without_censoring_it_is_the_plain_mean() {
        let times = [3.0, 1.0, 7.0, 5.0];
        let observations = times.map(|time| Observation { time, ended: true });
        let result = restricted_mean(&observations, 10.0, Confidence::STANDARD).unwrap();
        assert!((result.mean - 4.0).abs() < 1e-12);
        // Greenwood's errors are those of a mean with n instead of n − 1.
        assert!((result.standard_error - (5.0_f64 / 4.0).sqrt()).abs() < 1e-12, "{result:?}");
    }

    #[test]
    fn a_horizon_beyond_what_was_seen_is_refused() {
        let ask = |horizon| restricted_mean(&treated(), horizon, Confidence::STANDARD);
        for horizon in [35.1, 0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(ask(horizon), Err(Refusal::OutOfRange { .. })), "{horizon}");
        }
        assert!(matches!(restricted_mean(&[], 1.0, Confidence::STANDARD), Err(Refusal::TooSmall(_))));
        let open = [Observation { time: 4.0, ended: false }];
        let result = restricted_mean(&open, 4.0, Confidence::STANDARD).unwrap();
        assert!((result.mean - 4.0).abs() < 1e-12 && result.standard_error.abs() < 1e-12);
        assert_eq!(restricted_mean_difference(&open, &open, 4.0, Confidence::STANDARD).unwrap().p, None);
    }
}
