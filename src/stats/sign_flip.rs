//! The sign-flip test of paired differences (Fisher, The Design of Experiments, 1935, section 21).
//!
//! When the arms don't differ, each block's difference could as well have had the other sign: the p-value is the share of
//! all 2ⁿ choices of signs whose sum is at least as far from zero as the one seen. Nothing is assumed of the
//! distribution. Up to [`EXACT_MAX`] blocks every choice is counted, above it signs are drawn.

use crate::stats::{
    refusal::{Refusal, usable},
    resampling::{Reference, Resampling, Significance, drawn_p},
};

/// The most differences whose choices of signs are all counted.
pub const EXACT_MAX: usize = 30;

/// Which differences count as extreme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// Those far from zero on either side.
    Both,
    /// Large ones: the arm takes more than the baseline.
    Greater,
    /// Small ones: the arm takes less than the baseline.
    Less,
}

/// The smallest two-sided p-value of that many blocks, 2 / 2ᵇ (1 for none).
#[must_use]
pub fn smallest_p(blocks: usize) -> f64 {
    0.5_f64.powi(i32::try_from(blocks).unwrap_or(i32::MAX).saturating_sub(1)).min(1.0)
}

/// The fewest blocks whose two-sided exact test can reach p < `alpha`: 6 for 0.05; `None` outside (0, 1).
#[must_use]
pub fn blocks_needed(alpha: f64) -> Option<usize> {
    (0.0 < alpha && alpha < 1.0).then(|| (1..=1_100).find(|blocks| smallest_p(*blocks) < alpha)).flatten()
}

/// The exact two-sided p-value, or `None` for no differences or more than [`EXACT_MAX`].
#[must_use]
pub fn sign_flip_p(differences: &[f64]) -> Option<f64> {
    (1..=EXACT_MAX).contains(&differences.len()).then(|| exact_p(differences, Tail::Both))
}

/// The sign-flip test of block differences, exact up to [`EXACT_MAX`] blocks.
///
/// # Errors
/// [`Refusal::TooSmall`] for no differences, [`Refusal::NotFinite`].
pub fn sign_flip_test(differences: &[f64], tail: Tail, resampling: &Resampling) -> Result<Significance, Refusal> {
    usable(differences, 1)?;
    let one_sided = smallest_p(differences.len()) / 2.0;
    let smallest = if tail == Tail::Both { 2.0 * one_sided } else { one_sided };
    let blocks = differences.len();
    if blocks <= EXACT_MAX {
        let reference = Reference::Exact { arrangements: 1 << blocks };
        return Ok(Significance { p: exact_p(differences, tail), smallest_p: smallest, reference });
    }
    let resamples = resampling.resamples;
    Ok(Significance {
        p: drawn_p(reached_by_draws(differences, tail, resampling), resamples),
        smallest_p: smallest.max(drawn_p(0, resamples)),
        reference: Reference::MonteCarlo { resamples },
    })
}

/// The sum that an arrangement has to reach: sums of the same differences in another order differ by rounding, and a tie
/// is a tie.
fn threshold(differences: &[f64], tail: Tail) -> f64 {
    let scale: f64 = differences.iter().map(|d| d.abs()).sum();
    let sum: f64 = differences.iter().sum();
    let seen = match tail {
        Tail::Both => sum.abs(),
        Tail::Greater => sum,
        Tail::Less => -sum,
    };
    seen - scale * 1e-12
}

/// The signs of each half are enumerated and sorted and the halves met in the middle: 2 · 2¹⁵ sums instead of 2³⁰.
fn exact_p(differences: &[f64], tail: Tail) -> f64 {
    let seen = threshold(differences, tail);
    if tail == Tail::Both && seen <= 0.0 {
        return 1.0;
    }
    let (left, right) = differences.split_at(differences.len() / 2);
    let (left, right) = (signed_sums(left), signed_sums(right));
    let mut reached = 0_usize;
    let mut first = right.len();
    for sum in &left {
        while first > 0 && sum + right[first - 1] >= seen {
            first -= 1;
        }
        reached += right.len() - first;
    }
    // By symmetry as many sums lie at or below −seen, and a positive sum is never also a negative one.
    let sides = if tail == Tail::Both { 2.0 } else { 1.0 };
    sides * reached as f64 / (left.len() as f64 * right.len() as f64)
}

/// The sums under every choice of signs, in ascending order: each difference shifts two sorted lists, which are merged.
fn signed_sums(differences: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for difference in differences {
        let size = difference.abs();
        let (mut lower, mut upper) = (0, 0);
        let mut merged = Vec::with_capacity(2 * sums.len());
        // The lower copy is never behind the upper one, so it runs out first.
        while upper < sums.len() {
            if lower < sums.len() && sums[lower] - size <= sums[upper] + size {
                merged.push(sums[lower] - size);
                lower += 1;
            } else {
                merged.push(sums[upper] + size);
                upper += 1;
            }
        }
        sums = merged;
    }
    sums
}

fn reached_by_draws(differences: &[f64], tail: Tail, resampling: &Resampling) -> usize {
    let seen = threshold(differences, tail);
    let draws = resampling.seed.label("sign flips");
    (0..resampling.resamples as u64)
        .filter(|&draw| {
            let mut stream = draws.index(draw).stream();
            let sum: f64 = differences
                .chunks(64)
                .map(|chunk| {
                    let bits = stream.next_bits();
                    chunk.iter().enumerate().map(|(i, d)| if bits >> i & 1 == 1 { -d } else { *d }).sum::<f64>()
                })
                .sum();
            if tail == Tail::Both { sum.abs() >= seen } else { sum >= seen }
        })
        .count()
}

#[cfg(test)]
#[path = "sign_flip_tests.rs"]
mod tests;
