//! Values of which means and quantiles are wanted: exact while they are few, a histogram once they are many.

use crate::stats::{
    histogram::Histogram,
    quantile::{Level, quantile},
};

/// Up to this many values are kept as they are. A histogram over the range of a run takes about as much room.
const EXACT_MAX: usize = 16_384;

/// Durations in nanoseconds.
#[derive(Clone, Debug)]
pub(super) struct Values {
    kept: Kept,
    sum: u128,
    n: u64,
}

#[derive(Clone, Debug)]
enum Kept {
    Exact(Vec<u64>),
    Histogram(Box<Histogram>),
}

impl Default for Values {
    fn default() -> Self {
        Self { kept: Kept::Exact(Vec::new()), sum: 0, n: 0 }
    }
}

impl Values {
    pub(super) fn add(&mut self, ns: u64) {
        self.sum += u128::from(ns);
        self.n += 1;
        match &mut self.kept {
            Kept::Exact(values) if values.len() < EXACT_MAX => values.push(ns),
            Kept::Exact(values) => {
                let mut histogram: Histogram = values.iter().copied().collect();
                histogram.record(ns);
                self.kept = Kept::Histogram(Box::new(histogram));
            }
            Kept::Histogram(histogram) => histogram.record(ns),
        }
    }

    /// How many.
    pub(super) fn n(&self) -> u64 {
        self.n
    }

    /// Their sum.
    pub(super) fn sum(&self) -> u128 {
        self.sum
    }

    /// All as a histogram.
    pub(super) fn histogram(&self) -> Histogram {
        match &self.kept {
            Kept::Exact(values) => values.iter().copied().collect(),
            Kept::Histogram(histogram) => histogram.as_ref().clone(),
        }
    }

    /// Quantiles with `zeros` more values of 0 among them, exact or within 0.1 %; `None` where they are too few.
    pub(super) fn quantiles<const N: usize>(&self, levels: [Level; N], zeros: u64) -> [Option<u64>; N] {
        match &self.kept {
            Kept::Exact(values) if zeros <= EXACT_MAX as u64 => {
                let mut sorted = vec![0; usize::try_from(zeros).unwrap_or_default()];
                sorted.extend_from_slice(values);
                sorted.sort_unstable();
                levels.map(|level| quantile(&sorted, level).ok())
            }
            _ => {
                let mut histogram = self.histogram();
                histogram.record_many(0, zeros);
                levels.map(|level| Some(histogram.value_at(level.probability())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_values_have_nearly_the_quantiles_that_few_have_exactly() {
        let (mut few, mut many) = (Values::default(), Values::default());
        for value in 1..=10_000_u64 {
            few.add(value * 1_000_000);
            for _ in 0..4 {
                many.add(value * 1_000_000);
            }
        }
        assert!(matches!((&few.kept, &many.kept), (Kept::Exact(_), Kept::Histogram(_))));
        assert_eq!((many.n(), many.sum()), (4 * few.n(), 4 * few.sum()));
        for zeros in [0, 5_000] {
            let levels = [Level::P50, Level::P95];
            let (exact, near) = (few.quantiles(levels, zeros), many.quantiles(levels, 4 * zeros));
            for (exact, near) in exact.into_iter().zip(near) {
                let (exact, near) = (exact.unwrap(), near.unwrap());
                assert!(exact.abs_diff(near) <= exact / 500, "{exact} and {near}");
            }
        }
        assert_eq!(Values::default().quantiles([Level::P50], 3), [None]);
    }
}
