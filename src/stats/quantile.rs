//! Exact quantiles of a sorted sample, and the sample size below which a quantile is not worth printing.
//!
//! A quantile is estimated by linear interpolation between order statistics, type 7 of Hyndman and Fan (Sample
//! quantiles in statistical packages, The American Statistician 50, 1996): what R and `NumPy` do by default. The level is
//! a whole number of percent, so that ranks are exact integers and no rounding depends on the platform.
//!
//! The rule of size: the widest distribution-free interval that a sample can give for the quantile, from its minimum to
//! its maximum, covers it with probability 1 − pⁿ − (1 − p)ⁿ (Hahn and Meeker, Statistical Intervals, 1991, section 5.2).
//! Below 95 % no two-sided 95 % interval exists, and the sample is [`TooSmall`].

use statrs::distribution::{Binomial, DiscreteCDF};

/// The confidence of every interval in this crate.
pub const CONFIDENCE: f64 = 0.95;

/// The level of a quantile, in whole percent from 1 to 99.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(u8);

impl Level {
    /// The median.
    pub const P50: Self = Self(50);
    /// The 90th percentile.
    pub const P90: Self = Self(90);
    /// The 95th percentile.
    pub const P95: Self = Self(95);
    /// The 99th percentile.
    pub const P99: Self = Self(99);

    /// The level of `percent`, or `None` outside 1 to 99.
    #[must_use]
    pub const fn percent(percent: u8) -> Option<Self> {
        if 0 < percent && percent < 100 { Some(Self(percent)) } else { None }
    }

    /// The level as a probability.
    #[must_use]
    pub fn probability(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// Where the quantile of `n` ≥ 1 sorted values lies: the rank from 0 of the value below it, and the weight of the next.
    pub(crate) fn position(self, n: u64) -> (u64, f64) {
        let hundredths = n.saturating_sub(1) * u64::from(self.0);
        (hundredths / 100, (hundredths % 100) as f64 / 100.0)
    }

    /// The smallest sample that has a two-sided 95 % interval for this quantile: 6 for p50, 29 for p90, 59 for p95,
    /// 299 for p99.
    #[must_use]
    pub fn needed(self) -> usize {
        // Both tails shrink with n, so a walk from 1 stops; for p1 and p99 it stops at 299.
        (1..=u16::MAX).find(|&n| widest_coverage(n, self) >= CONFIDENCE).map_or(usize::MAX, usize::from)
    }
}

/// The probability that the range from the minimum to the maximum of `n` holds the quantile.
fn widest_coverage(n: u16, level: Level) -> f64 {
    let p = level.probability();
    1.0 - p.powi(n.into()) - (1.0 - p).powi(n.into())
}

/// The sample is too small for what was asked; no number is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("n too small: {n}, at least {needed} needed")]
pub struct TooSmall {
    /// The size of the sample.
    pub n: usize,
    /// The smallest size that would do.
    pub needed: usize,
}

/// The quantile of a sorted sample, in the sample's unit, rounded to the nearest whole (halves up).
///
/// # Errors
/// [`TooSmall`] by the rule of the [module](self).
pub fn quantile(sorted: &[u64], level: Level) -> Result<u64, TooSmall> {
    let needed = level.needed();
    match interpolate(sorted, level) {
        Some(value) if sorted.len() >= needed => Ok(value),
        _ => Err(TooSmall { n: sorted.len(), needed }),
    }
}

/// The quantile of a sorted sample of any size but zero, to draw with; print [`quantile`] instead.
#[must_use]
pub fn interpolate(sorted: &[u64], level: Level) -> Option<u64> {
    debug_assert!(sorted.is_sorted(), "quantiles are read from a sorted sample");
    let last = sorted.len().checked_sub(1)?;
    // h = (n − 1) p in hundredths: its whole part is the rank from 0, its rest the weight of the next one.
    let h = last * usize::from(level.0);
    let (rank, weight) = (h / 100, (h % 100) as u128);
    let low = u128::from(sorted[rank]);
    let high = u128::from(sorted[(rank + 1).min(last)]);
    u64::try_from((low * (100 - weight) + high * weight + 50) / 100).ok()
}

/// The ranks, from 1, of the two order statistics that bound the quantile with 95 % confidence: with equal tails where
/// the sample allows it, otherwise with the nearer extreme on one side (Conover, Practical Nonparametric Statistics,
/// 3rd edition, section 3.2).
///
/// The interval holds for independent observations; parallel instances of one block are not.
///
/// # Errors
/// [`TooSmall`] by the rule of the [module](self).
pub fn interval_ranks(n: usize, level: Level) -> Result<(usize, usize), TooSmall> {
    let too_small = TooSmall { n, needed: level.needed() };
    if n < too_small.needed {
        return Err(too_small);
    }
    let below = Binomial::new(level.probability(), n as u64).map_err(|_| too_small)?;
    let alpha = 1.0 - CONFIDENCE;
    // [X(l), X(u)] covers with P(l ≤ B ≤ u − 1), B being how many of the sample lie below the quantile.
    let low = largest_with_tail(n, |rank| below.cdf(rank as u64 - 1) <= alpha / 2.0);
    let high = largest_with_tail(n, |rank| below.sf((n - rank) as u64) <= alpha / 2.0).map(|rank| n + 1 - rank);
    Ok(match (low, high) {
        (Some(low), Some(high)) => (low, high),
        (_, None) => {
            let rest = alpha - below.sf(n as u64 - 1);
            (largest_with_tail(n, |rank| below.cdf(rank as u64 - 1) <= rest).unwrap_or(1), n)
        }
        (None, Some(_)) => {
            let rest = alpha - below.cdf(0);
            (1, largest_with_tail(n, |rank| below.sf((n - rank) as u64) <= rest).map_or(n, |rank| n + 1 - rank))
        }
    })
}

/// The two values of a sorted sample between which the quantile lies with 95 % confidence, see [`interval_ranks`].
///
/// # Errors
/// [`TooSmall`] by the rule of the [module](self).
pub fn interval<T: Copy>(sorted: &[T], level: Level) -> Result<(T, T), TooSmall> {
    let (low, high) = interval_ranks(sorted.len(), level)?;
    Ok((sorted[low - 1], sorted[high - 1]))
}

/// The largest rank from 1 to `n` for which a condition holds that holds up to some rank and not after it.
fn largest_with_tail(n: usize, holds: impl Fn(usize) -> bool) -> Option<usize> {
    let (mut known, mut open) = (0, n);
    while known < open {
        let middle = known + (open - known).div_ceil(2);
        if holds(middle) {
            known = middle;
        } else {
            open = middle - 1;
        }
    }
    (known > 0).then_some(known)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_smallest_samples_for_an_interval_are_the_published_ones() {
        // Hahn and Meeker, Statistical Intervals, table A.15; design: p90 from 29, p99 from 299.
        assert_eq!(Level::P50.needed(), 6);
        assert_eq!(Level::P90.needed(), 29);
        assert_eq!(Level::P95.needed(), 59);
        assert_eq!(Level::P99.needed(), 299);
        assert_eq!(Level::percent(1).map(Level::needed), Some(299));
    }

    #[test]
    fn a_sample_below_the_rule_gets_a_refusal_and_no_number() {
        let sorted: Vec<u64> = (1..=58).collect();
        assert_eq!(quantile(&sorted, Level::P95), Err(TooSmall { n: 58, needed: 59 }));
        assert_eq!(quantile(&[], Level::P50), Err(TooSmall { n: 0, needed: 6 }));
        let refusal = quantile(&sorted[..3], Level::P50).unwrap_err();
        assert_eq!(refusal.to_string(), "n too small: 3, at least 6 needed");
    }

    #[test]
    fn quantiles_are_those_of_r_type_7() {
        // R: quantile(c(1, 2, 4, 8, 16, 32) * 100, c(.5, .9), type = 7) → 600, 2400.
        let sorted = [100, 200, 400, 800, 1600, 3200];
        assert_eq!(quantile(&sorted, Level::P50), Ok(600));
        assert_eq!(interpolate(&sorted, Level::P90), Some(2400));
        // numpy.percentile(range(1, 101), 95) = 95.05, here in hundredths.
        let hundred: Vec<u64> = (1..=100).map(|i| i * 100).collect();
        assert_eq!(quantile(&hundred, Level::P95), Ok(9505));
    }

    #[test]
    fn the_median_interval_is_that_of_the_sign_test_table() {
        // Two-sided 5 % critical values r of the sign test (Dixon and Mood, JASA 41, 1946, table 1); the interval goes from
        // rank r + 1 to rank n − r.
        for (n, r) in
            [(6, 0), (8, 0), (9, 1), (11, 1), (12, 2), (15, 3), (17, 4), (20, 5), (25, 7), (30, 9), (50, 17), (100, 39)]
        {
            assert_eq!(interval_ranks(n, Level::P50), Ok((r + 1, n - r)), "n = {n}");
        }
        assert_eq!(interval_ranks(5, Level::P50), Err(TooSmall { n: 5, needed: 6 }));
        assert_eq!(interval(&[10, 20, 30, 40, 50, 60, 70, 80, 90], Level::P50), Ok((20, 80)));
    }

    #[test]
    fn a_tail_quantile_of_a_just_large_enough_sample_is_bounded_by_its_maximum() {
        let (low, high) = interval_ranks(29, Level::P90).unwrap();
        assert_eq!(high, 29);
        let covered = Binomial::new(0.9, 29).unwrap();
        assert!(covered.cdf(28) - covered.cdf(low as u64 - 1) >= 0.95, "rank {low}");
        assert!(covered.cdf(28) - covered.cdf(low as u64) < 0.95, "rank {low} could be higher");
    }

    proptest! {
        #[test]
        fn a_quantile_lies_within_the_sample_and_rises_with_its_level(
            mut sample in prop::collection::vec(any::<u64>(), 1..400),
            a in 1_u8..100,
            b in 1_u8..100,
        ) {
            sample.sort_unstable();
            let at = |percent| interpolate(&sample, Level::percent(percent).unwrap()).unwrap();
            prop_assert!(at(a) >= sample[0] && at(a) <= sample[sample.len() - 1]);
            prop_assert!(at(a.min(b)) <= at(a.max(b)));
        }

        #[test]
        fn interval_ranks_cover_at_least_95_percent(n in 1_usize..2_000, percent in 1_u8..100) {
            let level = Level::percent(percent).unwrap();
            if let Ok((low, high)) = interval_ranks(n, level) {
                let below = Binomial::new(level.probability(), n as u64).unwrap();
                let coverage = below.cdf(high as u64 - 1) - below.cdf(low as u64 - 1);
                prop_assert!(1 <= low && low < high && high <= n);
                prop_assert!(coverage >= 0.95 - 1e-9, "{coverage}");
            } else {
                prop_assert!(n < level.needed());
            }
        }
    }
}
