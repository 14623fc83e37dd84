//! The share that has ended in each of several ways by a time, when the first end rules the others out: a provisioning
//! that is deleted on the way succeeds, fails, or is canceled (Aalen and Johansen, An empirical transition matrix for
//! non-homogeneous Markov chains based on censored observations, Scand. J. Statist. 5, 1978).
//!
//! Taking the other ends as censored and using Kaplan and Meier's curve would say too much: the shares would add up to more
//! than one. The variance is that of the delta method (Marubini and Valsecchi, Analysing Survival Data from Clinical
//! Trials and Observational Studies, 1995, section 10.3), the interval the log-log one.

use crate::stats::{
    interval::{Confidence, Interval},
    normal,
    refusal::Refusal,
    survival::{CompetingObservation, check, kaplan_meier::log_log, risk::moments},
};

/// The share that has ended in one way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Incidence {
    /// The share.
    pub share: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Its interval; `None` for a share of 0 or 1.
    pub interval: Option<Interval>,
}

/// The shares from one end to the next.
#[derive(Clone, Debug, PartialEq)]
pub struct IncidenceStep {
    /// The time of the ends.
    pub time: f64,
    /// How many had neither ended nor been cut off before it.
    pub at_risk: usize,
    /// The share that has not ended in any way.
    pub survival: f64,
    /// The share of each way, by its number.
    pub incidences: Vec<Incidence>,
}

/// The cumulative incidence of competing ends.
#[derive(Clone, Debug, PartialEq)]
pub struct CumulativeIncidence {
    steps: Vec<IncidenceStep>,
    causes: usize,
    last_time: f64,
}

/// The running sums that the variance of one cause is made of.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    share: f64,
    /// Σ g, Σ I g and Σ I² g with g = d / (n (n − d)) and I the share at that time.
    greenwood: [f64; 3],
    /// Σ c and Σ I c with c = S d of the cause / n².
    cross: [f64; 2],
    /// Σ S² (n − d of the cause) d of the cause / n³.
    own: f64,
}

impl Sums {
    fn add(&mut self, before: f64, at_risk: f64, ended: f64, of_cause: f64) {
        self.share += before * of_cause / at_risk;
        let left = at_risk - ended;
        let g = if left > 0.0 { ended / (at_risk * left) } else { 0.0 };
        let c = before * of_cause / (at_risk * at_risk);
        for (power, sum) in self.greenwood.iter_mut().enumerate() {
            *sum += g * self.share.powi(i32::try_from(power).unwrap_or(0));
        }
        self.cross[0] += c;
        self.cross[1] += self.share * c;
        self.own += before * before * (at_risk - of_cause) * of_cause / at_risk.powi(3);
    }

    /// Σ (I(t) − I)² g + own − 2 Σ (I(t) − I) c, multiplied out so that one pass is enough.
    fn variance(&self) -> f64 {
        let [g, shared, squared] = self.greenwood;
        let of_survival = self.share * (self.share * g - 2.0 * shared) + squared;
        (of_survival + self.own - 2.0 * (self.share * self.cross[0] - self.cross[1])).max(0.0)
    }

    fn incidence(&self, z: f64) -> Incidence {
        let standard_error = self.variance().sqrt();
        let inside = 0.0 < self.share && self.share < 1.0;
        let interval = inside.then(|| log_log(self.share, z * standard_error / (self.share * self.share.ln())));
        Incidence { share: self.share, standard_error, interval }
    }
}

impl CumulativeIncidence {
    /// From observations in any order, with causes numbered below `causes`.
    ///
    /// # Errors
    /// [`Refusal::TooSmall`] for none, [`Refusal::NotFinite`], [`Refusal::OutOfRange`] for a time below 0 or a cause that is
    /// not below `causes`.
    pub fn of(observations: &[CompetingObservation], causes: usize, confidence: Confidence) -> Result<Self, Refusal> {
        check(observations.iter().map(|observation| observation.time))?;
        if observations.iter().filter_map(|observation| observation.cause).any(|cause| cause >= causes) {
            return Err(Refusal::OutOfRange { what: "a cause must be numbered below the number of causes" });
        }
        let all = moments(
            observations,
            |observation| observation.time,
            |ended: &mut Vec<usize>, observation| {
                ended.resize(causes, 0);
                if let Some(cause) = observation.cause {
                    ended[cause] += 1;
                }
            },
        );
        let z = normal::upper_quantile(confidence.tail());
        let mut survival = 1.0;
        let mut sums = vec![Sums::default(); causes];
        let mut steps = Vec::new();
        for moment in all.iter().filter(|moment| moment.stopped.iter().any(|ended| *ended > 0)) {
            let (at_risk, ended) = (moment.at_risk as f64, moment.stopped.iter().sum::<usize>() as f64);
            for (sums, of_cause) in sums.iter_mut().zip(&moment.stopped) {
                sums.add(survival, at_risk, ended, *of_cause as f64);
            }
            survival *= (at_risk - ended) / at_risk;
            steps.push(IncidenceStep {
                time: moment.time,
                at_risk: moment.at_risk,
                survival,
                incidences: sums.iter().map(|sums| sums.incidence(z)).collect(),
            });
        }
        Ok(Self { steps, causes, last_time: all.last().map_or(0.0, |moment| moment.time) })
    }

    /// The steps, in order of time.
    #[must_use]
    pub fn steps(&self) -> &[IncidenceStep] {
        &self.steps
    }

    /// The shares by a time; `None` after the last one seen, unless everything had ended, and for a cause that there is not.
    #[must_use]
    pub fn at(&self, time: f64, cause: usize) -> Option<Incidence> {
        let before = self.steps.partition_point(|step| step.time <= time);
        let step = before.checked_sub(1).map(|last| &self.steps[last]);
        if cause >= self.causes || (time > self.last_time && step.is_none_or(|step| step.survival > 0.0)) {
            return None;
        }
        let nothing = Incidence { share: 0.0, standard_error: 0.0, interval: None };
        Some(step.map_or(nothing, |step| step.incidences[cause]))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::survival::{Observation, kaplan_meier::KaplanMeier};

    fn observations() -> Vec<CompetingObservation> {
        let times = [1.5, 2.2, 3.1, 3.9, 4.4, 5.0, 6.3, 7.7, 8.1, 9.6, 10.2, 11.8];
        let causes =
            [Some(0), Some(1), None, Some(0), Some(2), Some(0), None, Some(1), Some(0), None, Some(2), Some(0)];
        times.into_iter().zip(causes).map(|(time, cause)| CompetingObservation { time, cause }).collect()
    }

    #[test]
    fn shares_and_variances_are_those_of_lifelines() {
        // lifelines 0.30.3: AalenJohansenFitter().fit(T, cause, event_of_interest=k), cumulative_density_, variance_,
        // confidence_interval_.
        let curve = CumulativeIncidence::of(&observations(), 3, Confidence::STANDARD).unwrap();
        for (time, cause, share, variance) in [
            (1.5, 0, 0.083_333_333_333, 0.006_365_740_741),
            (3.9, 0, 0.175_925_925_926, 0.012_843_411_827),
            (5.0, 0, 0.268_518_518_519, 0.017_701_665_143),
            (8.1, 0, 0.379_629_629_63, 0.023_040_028_197),
            (2.2, 1, 0.083_333_333_333, 0.006_365_740_741),
            (10.0, 1, 0.194_444_444_444, 0.015_590_706_447),
            (4.4, 2, 0.092_592_592_593, 0.007_763_679_317),
            (10.2, 2, 0.259_259_259_259, 0.024_447_492_76),
        ] {
            let ours = curve.at(time, cause).unwrap();
            assert!((ours.share - share).abs() < 1e-10, "{time} {cause}: {ours:?}");
            assert!((ours.standard_error.powi(2) - variance).abs() < 1e-10, "{time} {cause}: {ours:?}");
        }
        let interval = curve.at(9.6, 0).unwrap().interval.unwrap();
        assert!((interval.low - 0.113_577).abs() < 1e-6 && (interval.high - 0.649_691).abs() < 1e-6, "{interval:?}");
        let interval = curve.at(10.2, 2).unwrap().interval.unwrap();
        assert!((interval.low - 0.039_150).abs() < 1e-6 && (interval.high - 0.569_852).abs() < 1e-6, "{interval:?}");
    }

    #[test]
    fn what_was_not_seen_is_not_known() {
        let curve = CumulativeIncidence::of(&observations()[..10], 3, Confidence::STANDARD).unwrap();
        assert!(curve.at(9.6, 0).is_some());
        assert_eq!((curve.at(9.7, 0), curve.at(1.0, 3)), (None, None));
        assert!((curve.at(0.0, 1).unwrap().share).abs() < 1e-12);
        assert!(matches!(CumulativeIncidence::of(&[], 3, Confidence::STANDARD), Err(Refusal::TooSmall(_))));
        let bad = [CompetingObservation { time: 1.0, cause: Some(3) }];
        assert!(matches!(CumulativeIncidence::of(&bad, 3, Confidence::STANDARD), Err(Refusal::OutOfRange { .. })));
        let open = [CompetingObservation { time: 1.0, cause: None }];
        assert!(CumulativeIncidence::of(&open, 0, Confidence::STANDARD).unwrap().steps().is_empty());
    }

    proptest! {
        #[test]
        fn shares_and_what_is_left_add_up_to_one(
            ends in prop::collection::vec((0_u8..30, prop::option::of(0_usize..3)), 1..60),
        ) {
            let observations: Vec<CompetingObservation> =
                ends.iter().map(|(time, cause)| CompetingObservation { time: f64::from(*time), cause: *cause }).collect();
            let any: Vec<Observation> = observations
                .iter()
                .map(|observation| Observation { time: observation.time, ended: observation.cause.is_some() })
                .collect();
            let curve = CumulativeIncidence::of(&observations, 3, Confidence::STANDARD).unwrap();
            let survival = KaplanMeier::of(&any, Confidence::STANDARD).unwrap();
            for (step, km) in curve.steps().iter().zip(survival.steps()) {
                let shares: f64 = step.incidences.iter().map(|incidence| incidence.share).sum();
                prop_assert!((shares + step.survival - 1.0).abs() < 1e-9);
                prop_assert!((step.survival - km.survival).abs() < 1e-12);
                for incidence in &step.incidences {
                    prop_assert!(incidence.standard_error.is_finite());
                }
            }
        }

        #[test]
        fn one_cause_alone_has_greenwoods_errors(ends in prop::collection::vec((0_u8..30, any::<bool>()), 1..60)) {
            let observations: Vec<Observation> =
                ends.iter().map(|(time, ended)| Observation { time: f64::from(*time), ended: *ended }).collect();
            let competing: Vec<CompetingObservation> = observations
                .iter()
                .map(|o| CompetingObservation { time: o.time, cause: o.ended.then_some(0) })
                .collect();
            let curve = CumulativeIncidence::of(&competing, 1, Confidence::STANDARD).unwrap();
            let survival = KaplanMeier::of(&observations, Confidence::STANDARD).unwrap();
            for (step, km) in curve.steps().iter().zip(survival.steps()) {
                prop_assert!((step.incidences[0].share + km.survival - 1.0).abs() < 1e-9);
                // The delta method's terms for a single cause are Greenwood's.
                prop_assert!(km.survival <= 0.0 || (step.incidences[0].standard_error - km.standard_error).abs() < 1e-9);
            }
        }
    }
}
