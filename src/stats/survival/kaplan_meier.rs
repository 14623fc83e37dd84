//! The share that has not ended by a time (Kaplan and Meier, Nonparametric estimation from incomplete observations, JASA
//! 53, 1958), with Greenwood's variance and the log-log interval (Kalbfleisch and Prentice, The Statistical Analysis of
//! Failure Time Data, 1980, section 1.3), which stays within 0 and 1.

use crate::stats::{
    interval::{Confidence, Interval},
    normal,
    quantile::Level,
    refusal::Refusal,
    survival::{
        Observation, check,
        risk::{Moment, moments},
    },
};

/// The curve from one end to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// The time of the ends.
    pub time: f64,
    /// How many had neither ended nor been cut off before it.
    pub at_risk: usize,
    /// How many ended at it.
    pub ended: usize,
    /// The share that lasts beyond it.
    pub survival: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Its interval; `None` where nothing is left, and the formula has no answer.
    pub interval: Option<Interval>,
}

/// A quantile of the time; what the curve does not come down to is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurvivalQuantile {
    /// The first time by which the share of the level has ended.
    pub estimate: Option<f64>,
    /// The lower end of its interval (Brookmeyer and Crowley, A confidence interval for the median survival time,
    /// Biometrics 38, 1982).
    pub low: Option<f64>,
    /// The upper end; `None` when it lies beyond what was seen.
    pub high: Option<f64>,
}

/// The Kaplan–Meier curve.
#[derive(Clone, Debug, PartialEq)]
pub struct KaplanMeier {
    steps: Vec<Step>,
    last_time: f64,
}

impl KaplanMeier {
    /// From observations in any order.
    ///
    /// # Errors
    /// [`Refusal::TooSmall`] for none, [`Refusal::NotFinite`], [`Refusal::OutOfRange`] for a time below 0.
    pub fn of(observations: &[Observation], confidence: Confidence) -> Result<Self, Refusal> {
        check(observations.iter().map(|observation| observation.time))?;
        let all = ends(observations);
        let last_time = all.last().map_or(0.0, |moment| moment.time);
        let z = normal::upper_quantile(confidence.tail());
        let (mut survival, mut greenwood) = (1.0, 0.0);
        let steps = all
            .iter()
            .filter(|moment| moment.stopped > 0)
            .map(|moment| {
                let (at_risk, ended) = (moment.at_risk as f64, moment.stopped as f64);
                let left = at_risk - ended;
                survival *= left / at_risk;
                greenwood += if left > 0.0 { ended / (at_risk * left) } else { 0.0 };
                Step {
                    time: moment.time,
                    at_risk: moment.at_risk,
                    ended: moment.stopped,
                    survival,
                    standard_error: survival * greenwood.sqrt(),
                    interval: (survival > 0.0).then(|| log_log(survival, z * greenwood.sqrt() / survival.ln())),
                }
            })
            .collect();
        Ok(Self { steps, last_time })
    }

    /// The steps, in order of time.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The last time at which anything was seen.
    #[must_use]
    pub const fn last_time(&self) -> f64 {
        self.last_time
    }

    /// The share that lasts beyond a time; `None` after the last one seen, unless nothing was left then.
    #[must_use]
    pub fn survival_at(&self, time: f64) -> Option<f64> {
        let before = self.steps.partition_point(|step| step.time <= time);
        let survival = before.checked_sub(1).map_or(1.0, |last| self.steps[last].survival);
        (time <= self.last_time || survival <= 0.0).then_some(survival)
    }

    /// The time by which a share has ended, with its interval.
    #[must_use]
    pub fn quantile(&self, level: Level) -> SurvivalQuantile {
        // A product of ratios that is the share but for rounding has come down to it.
        let left = 1.0 - level.probability() + 1e-9;
        let first = |share: fn(&Step) -> f64| self.steps.iter().find(|step| share(step) <= left).map(|step| step.time);
        SurvivalQuantile {
            estimate: first(|step| step.survival),
            low: first(|step| step.interval.map_or(0.0, |interval| interval.low)),
            high: first(|step| step.interval.map_or(0.0, |interval| interval.high)),
        }
    }
}

/// How many ended at each time at which anything stopped.
pub(super) fn ends(observations: &[Observation]) -> Vec<Moment<usize>> {
    moments(observations, |observation| observation.time, |ended, observation| *ended += usize::from(observation.ended))
}

/// share^exp(±spread) in ascending order.
pub(super) fn log_log(share: f64, spread: f64) -> Interval {
    let spread = spread.abs();
    Interval { low: share.powf(spread.exp()), high: share.powf((-spread).exp()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::survival::fixture::{placebo, treated};

    #[test]
    fn the_remission_curve_is_the_published_one() {
        // Kalbfleisch and Prentice 1980, table 1.2 and section 1.3 (standard errors); intervals by lifelines 0.30.3,
        // KaplanMeierFitter().fit(T, E).confidence_interval_.
        let curve = KaplanMeier::of(&treated(), Confidence::STANDARD).unwrap();
        let expected = [
            (6.0, 21, 0.857_143, 0.076_4, 0.619_718, 0.951_552),
            (7.0, 17, 0.806_723, 0.086_9, 0.563_147, 0.922_809),
            (10.0, 15, 0.752_941, 0.096_3, 0.503_200, 0.889_362),
            (13.0, 12, 0.690_196, 0.106_8, 0.431_610, 0.849_066),
            (16.0, 11, 0.627_451, 0.114_1, 0.367_511, 0.804_912),
            (22.0, 7, 0.537_815, 0.128_2, 0.267_779, 0.746_791),
            (23.0, 6, 0.448_179, 0.134_6, 0.188_052, 0.680_143),
        ];
        assert_eq!(curve.steps().len(), expected.len());
        for (step, (time, at_risk, survival, error, low, high)) in curve.steps().iter().zip(expected) {
            let interval = step.interval.unwrap();
            assert!((step.time - time).abs() < 1e-12 && step.at_risk == at_risk, "{step:?}");
            assert!(
                (step.survival - survival).abs() < 1e-6 && (step.standard_error - error).abs() < 5.1e-5,
                "{step:?}"
            );
            assert!((interval.low - low).abs() < 1e-6 && (interval.high - high).abs() < 1e-6, "{step:?}");
        }
    }

    #[test]
    fn medians_are_those_of_lifelines_and_unknown_where_the_curve_stays_above() {
        // lifelines 0.30.3: medians 23 (13 to ∞) and 8 (4 to 11).
        let median = |observations: &[Observation]| {
            KaplanMeier::of(observations, Confidence::STANDARD).unwrap().quantile(Level::P50)
        };
        let quantile = |estimate, low, high| SurvivalQuantile { estimate, low, high };
        assert_eq!(median(&treated()), quantile(Some(23.0), Some(13.0), None));
        assert_eq!(median(&placebo()), quantile(Some(8.0), Some(4.0), Some(11.0)));
        let p90 = KaplanMeier::of(&treated(), Confidence::STANDARD).unwrap().quantile(Level::P90);
        assert_eq!(p90.estimate, None);
    }

    #[test]
    fn the_curve_is_known_up_to_the_last_look() {
        let curve = KaplanMeier::of(&treated(), Confidence::STANDARD).unwrap();
        assert_eq!(curve.survival_at(5.9), Some(1.0));
        assert!((curve.survival_at(6.0).unwrap() - 6.0 / 7.0).abs() < 1e-12);
        assert!(curve.survival_at(35.0).is_some());
        assert_eq!(curve.survival_at(35.1), None);
        let ended = KaplanMeier::of(&placebo(), Confidence::STANDARD).unwrap();
        assert_eq!(ended.survival_at(100.0), Some(0.0));
        assert_eq!(ended.steps().last().unwrap().interval, None);
    }

    #[test]
    fn unusable_and_missing_times_are_refused_and_all_censored_is_a_flat_curve() {
        let of = |time, ended| KaplanMeier::of(&[Observation { time, ended }], Confidence::STANDARD);
        assert!(matches!(KaplanMeier::of(&[], Confidence::STANDARD), Err(Refusal::TooSmall(_))));
        assert!(matches!(of(f64::NAN, true), Err(Refusal::NotFinite { index: 0 })));
        assert!(matches!(of(-1.0, true), Err(Refusal::OutOfRange { .. })));
        let flat = of(4.0, false).unwrap();
        assert!(flat.steps().is_empty());
        assert_eq!((flat.survival_at(4.0), flat.survival_at(5.0)), (Some(1.0), None));
        assert_eq!(of(4.0, true).unwrap().survival_at(9.0), Some(0.0));
    }
}
