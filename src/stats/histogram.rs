//! A latency histogram that keeps three significant digits over the whole range of a `u64` of nanoseconds.

use hdrhistogram::Histogram as Hdr;

/// Significant decimal digits that a bucket keeps: a value read back is within 0.1 % of the one recorded.
pub const SIGNIFICANT_DIGITS: u8 = 3;

/// An [`HdrHistogram`](Hdr) from 1 ns up that grows with its largest value: no value is cut off at a limit.
///
/// Histograms are merged, never averaged: quantiles of a merged histogram are those of all values together.
#[derive(Clone, Debug)]
pub struct Histogram {
    inner: Hdr<u64>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// An empty histogram.
    ///
    /// # Panics
    /// Never: three digits are within what the format allows.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: Hdr::new(SIGNIFICANT_DIGITS).expect("1 to 5 digits are allowed") }
    }

    /// Records a value, in nanoseconds.
    ///
    /// # Panics
    /// Never: a resizable histogram takes any value.
    pub fn record(&mut self, ns: u64) {
        // Not `saturating_record`: it cuts off at the present size instead of growing.
        self.inner.record(ns).expect("a resizable histogram takes any value");
    }

    /// Records a value so many times, in nanoseconds.
    ///
    /// # Panics
    /// Never: a resizable histogram takes any value.
    pub fn record_many(&mut self, ns: u64, times: u64) {
        self.inner.record_n(ns, times).expect("a resizable histogram takes any value");
    }

    /// Adds everything that `other` recorded.
    ///
    /// # Panics
    /// Never: a resizable histogram grows to what it is given.
    pub fn merge(&mut self, other: &Self) {
        self.inner.add(&other.inner).expect("a resizable histogram takes any other of the same digits");
    }

    /// How many values were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.inner.len()
    }

    /// The value at a quantile from 0 to 1, within the bucket's 0.1 %.
    #[must_use]
    pub fn value_at(&self, quantile: f64) -> u64 {
        self.inner.value_at_quantile(quantile)
    }

    /// The histogram itself, to be written in its own formats.
    #[must_use]
    pub fn as_hdr(&self) -> &Hdr<u64> {
        &self.inner
    }
}

impl FromIterator<u64> for Histogram {
    fn from_iter<I: IntoIterator<Item = u64>>(values: I) -> Self {
        let mut histogram = Self::new();
        for value in values {
            histogram.record(value);
        }
        histogram
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn no_value_is_cut_off_at_a_limit() {
        for exponent in 0..63 {
            let ns = 1_u64 << exponent;
            let read = Histogram::from_iter([ns]).value_at(1.0);
            assert!(read >= ns && read - ns <= ns / 1000, "{ns} came back as {read}");
        }
        assert_eq!(Histogram::from_iter([0]).value_at(0.5), 0);
        assert!(Histogram::from_iter([u64::MAX]).value_at(1.0) >= u64::MAX - u64::MAX / 1000);
    }

    proptest! {
        #[test]
        fn merging_is_recording_everything_in_one(
            a in prop::collection::vec(0..u64::MAX / 2, 0..200),
            b in prop::collection::vec(0..u64::MAX / 2, 0..200),
        ) {
            let mut merged: Histogram = a.iter().copied().collect();
            merged.merge(&b.iter().copied().collect());
            let together: Histogram = a.into_iter().chain(b).collect();
            prop_assert_eq!(merged.as_hdr(), together.as_hdr());
            prop_assert_eq!(merged.count(), together.count());
        }

        #[test]
        fn a_quantile_is_within_a_thousandth_of_an_order_statistic(
            mut values in prop::collection::vec(1..u64::MAX / 2, 1..300),
            percent in 1_u8..=100,
        ) {
            let histogram: Histogram = values.iter().copied().collect();
            values.sort_unstable();
            let rank = (values.len() * usize::from(percent)).div_ceil(100).max(1) - 1;
            let read = histogram.value_at(f64::from(percent) / 100.0);
            let near = |exact: u64| read.abs_diff(exact) <= exact / 1000 + 1;
            prop_assert!(near(values[rank]) || near(values[(rank + 1).min(values.len() - 1)]));
        }
    }
}
