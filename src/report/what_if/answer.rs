//! What is predicted.

use serde::Serialize;

use crate::{
    record::ClockKind,
    report::{Outcomes, metric::Metric},
    stats::summary::SampleSummary,
    units::{GoDuration, Nanos},
};

/// How far a number may differ between the courses that a run may take, as a share.
const COURSES_OFF_MAX: f64 = 0.02;

/// What a run would have measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The interval that was asked about.
    pub poll_interval: GoDuration,
    /// The clock of all times.
    pub clock: ClockKind,
    /// What speaks against the prediction, a sentence each: a run that is invalid or was stopped, instances that did not come
    /// through.
    pub warnings: Vec<String>,
    /// What the prediction rests on, a sentence each.
    pub assumptions: Vec<String>,
    /// Each arm in each scenario.
    pub arms: Vec<PredictedArm>,
}

/// One arm in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictedArm {
    /// The scenario.
    pub scenario: String,
    /// The arm.
    pub arm: String,
    /// The interval that it was run at.
    pub poll_interval: GoDuration,
    /// Whether its operator asks for the state of jobs at all; where it does not, no interval changes anything.
    pub is_polled: bool,
    /// How its instances ended.
    pub outcomes: Outcomes,
    /// Whether its jobs wait for each other, so that the queue of the backend was replayed.
    pub queue_replayed: bool,
    /// The arm that was run at the interval asked about, and differs from this one in nothing else; null where none was.
    pub rerun_arm: Option<String>,
    /// Its totals.
    pub metrics: Vec<PredictedMetric>,
}

impl PredictedArm {
    /// Whether any deprovisioning came to its end: what polls move is there.
    pub(super) fn has_deprovisioned(&self) -> bool {
        self.metrics.iter().any(|found| found.metric == Metric::DeprovisionTotal)
    }
}

/// One total.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictedMetric {
    /// Which.
    pub metric: Metric,
    /// As measured at the arm's interval.
    pub measured: Numbers,
    /// As predicted.
    pub predicted: Numbers,
    /// The fields of the prediction that are null because chance decides them: which of several jobs goes first.
    pub uncertain: Vec<&'static str>,
    /// As measured at the interval asked about.
    pub rerun: Option<Numbers>,
}

/// A total in numbers; a quantile that `n` is too small for is null.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Numbers {
    /// Instances that came to the end of it.
    pub n: usize,
    /// The mean, rounded.
    pub mean_ns: u64,
    /// The median (type 7).
    pub p50_ns: Option<u64>,
    /// The 95th percentile (type 7).
    pub p95_ns: Option<u64>,
}

impl Numbers {
    pub(super) fn of(values: &[u64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_unstable();
        let summary = SampleSummary::of_sorted(&sorted)?;
        let given = |quantile: Result<Nanos, _>| quantile.ok().map(Nanos::get);
        Some(Self { n: summary.n, mean_ns: summary.mean.get(), p50_ns: given(summary.p50), p95_ns: given(summary.p95) })
    }

    /// What holds in other courses too, and the names of the fields that don't: those that differ in one of them by more than
    /// [`COURSES_OFF_MAX`].
    pub(super) fn as_far_as_known(self, courses: &[Self]) -> (Self, Vec<&'static str>) {
        let differs = |of: fn(&Self) -> Option<u64>| {
            let value = of(&self).map(|ns| ns as f64);
            let off =
                |course: &Self| value.zip(of(course)).is_some_and(|(a, b)| (b as f64 - a).abs() > COURSES_OFF_MAX * a);
            courses.iter().any(off)
        };
        let (p50, p95) = (differs(|numbers| numbers.p50_ns), differs(|numbers| numbers.p95_ns));
        let fields = [("mean_ns", differs(|numbers| Some(numbers.mean_ns))), ("p50_ns", p50), ("p95_ns", p95)];
        let uncertain = fields.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect();
        let known = Self { p50_ns: self.p50_ns.filter(|_| !p50), p95_ns: self.p95_ns.filter(|_| !p95), ..self };
        (known, uncertain)
    }
}
