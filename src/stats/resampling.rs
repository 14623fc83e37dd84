//! Drawing at random: how much, from which seed; and what a test against such draws answers.

use crate::units::Seed;

/// How often to draw, and the seed that decides the draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resampling {
    /// The source of the draws; the same seed gives the same answer.
    pub seed: Seed,
    /// How many draws.
    pub resamples: usize,
}

impl Resampling {
    /// As many as reports use, 10 000: a p-value of 0.05 is then known to ± 0.004.
    #[must_use]
    pub const fn standard(seed: Seed) -> Self {
        Self { seed, resamples: 10_000 }
    }
}

/// What a statistic was held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    /// Every arrangement that the design could have led to.
    Exact {
        /// How many there are.
        arrangements: u64,
    },
    /// Arrangements drawn at random, the one seen counted in.
    MonteCarlo {
        /// How many were drawn.
        resamples: usize,
    },
    /// The distribution for many values.
    Asymptotic,
}

/// The outcome of a test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Significance {
    /// The probability of a result at least as extreme when the arms don't differ.
    pub p: f64,
    /// The smallest p-value that so many values can give, whatever they are; 0 where there is no such bound.
    pub smallest_p: f64,
    /// What it was held against.
    pub reference: Reference,
}

/// The p-value of drawn arrangements with the one seen among them, (1 + reached) / (1 + drawn), which is never 0
/// (Phipson and Smyth, Permutation p-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9, 2010).
pub(crate) fn drawn_p(reached: usize, resamples: usize) -> f64 {
    (1 + reached) as f64 / (1 + resamples) as f64
}

/// How many ways there are to choose `k` of `n`; exact below 2⁵³, above it to about 13 digits.
pub(crate) fn choose(n: usize, k: usize) -> f64 {
    let k = k.min(n - k);
    (1..=k).fold(1.0, |product, i| product * (n - k + i) as f64 / i as f64).round()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawn_p_is_never_zero() {
        assert!((drawn_p(0, 9_999) - 1e-4).abs() < 1e-12);
        assert!((drawn_p(0, 0) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn choices_are_counted() {
        let near = |a: f64, b: f64| (a - b).abs() < 0.5;
        assert!(near(choose(8, 4), 70.0) && near(choose(30, 15), 155_117_520.0));
        assert!(near(choose(5, 0), 1.0) && near(choose(5, 5), 1.0));
    }
}
