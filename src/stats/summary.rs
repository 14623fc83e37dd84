//! The few numbers that stand for a sample.

use crate::{
    stats::quantile::{Level, TooSmall, quantile},
    units::Nanos,
};

/// What there is to say of a sample of durations; quantiles that it is too small for say so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleSummary {
    /// How many.
    pub n: usize,
    /// The mean, rounded to the nanosecond.
    pub mean: Nanos,
    /// The smallest.
    pub min: Nanos,
    /// The largest.
    pub max: Nanos,
    /// The median.
    pub p50: Result<Nanos, TooSmall>,
    /// The 95th percentile.
    pub p95: Result<Nanos, TooSmall>,
    /// The 99th percentile.
    pub p99: Result<Nanos, TooSmall>,
}

impl SampleSummary {
    /// Of a sorted sample in nanoseconds; `None` of an empty one.
    #[must_use]
    pub fn of_sorted(sorted: &[u64]) -> Option<Self> {
        let (&min, &max) = (sorted.first()?, sorted.last()?);
        let at = |level| quantile(sorted, level).map(Nanos::new);
        Some(Self {
            n: sorted.len(),
            mean: mean(sorted.iter().copied())?,
            min: Nanos::new(min),
            max: Nanos::new(max),
            p50: at(Level::P50),
            p95: at(Level::P95),
            p99: at(Level::P99),
        })
    }
}

/// The mean, rounded to the nearest nanosecond (halves up), exact however many; `None` of nothing.
#[must_use]
pub fn mean(values: impl IntoIterator<Item = u64>) -> Option<Nanos> {
    let (sum, n) = values.into_iter().fold((0_u128, 0_u128), |(sum, n), value| (sum + u128::from(value), n + 1));
    let rounded = (sum + n / 2).checked_div(n)?;
    u64::try_from(rounded).ok().map(Nanos::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn three_instances_have_a_mean_and_a_range_and_no_quantile() {
        let summary = SampleSummary::of_sorted(&[10, 20, 31]).unwrap();
        assert_eq!(
            (summary.n, summary.mean, summary.min, summary.max),
            (3, Nanos::new(20), Nanos::new(10), Nanos::new(31))
        );
        assert_eq!(summary.p50, Err(TooSmall { n: 3, needed: 6 }));
        assert_eq!(summary.p99, Err(TooSmall { n: 3, needed: 299 }));
        assert_eq!(SampleSummary::of_sorted(&[]), None);
    }

    #[test]
    fn a_mean_is_rounded_and_never_overflows() {
        assert_eq!(mean([1, 2]), Some(Nanos::new(2)));
        assert_eq!(mean([u64::MAX, u64::MAX]), Some(Nanos::new(u64::MAX)));
    }

    proptest! {
        #[test]
        fn the_mean_and_every_quantile_lie_within_the_range(mut values in prop::collection::vec(any::<u64>(), 1..500)) {
            values.sort_unstable();
            let summary = SampleSummary::of_sorted(&values).unwrap();
            for value in [Ok(summary.mean), summary.p50, summary.p95, summary.p99].into_iter().flatten() {
                prop_assert!(summary.min <= value && value <= summary.max);
            }
        }
    }
}
