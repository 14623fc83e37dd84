//! Whether blocks depend on when they ran: a trend over the blocks, and likeness of neighbours.
//!
//! Both make the spread between blocks a wrong measure of the error, so both are tested on block means (or differences) in
//! the order in which the blocks ran.

use crate::stats::{
    interval::Interval,
    normal,
    order_statistic::median,
    refusal::{Refusal, usable},
    resampling::{Reference, Resampling, Significance, drawn_p},
};

/// The most blocks for which Kendall's distribution is counted out.
const EXACT_MAX: usize = 60;

/// A trend over the blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drift {
    /// Kendall's τ-a of value and block number: −1 for falling throughout, 1 for rising.
    pub tau: f64,
    /// The median slope between two blocks, in the values' unit a block (Theil, 1950; Sen, Estimates of the regression
    /// coefficient based on Kendall's tau, J. Am. Stat. Assoc. 63, 1968).
    pub slope: f64,
    /// The two-sided p-value of no trend.
    pub p: f64,
    /// Whether it comes from all orders of the blocks; with ties or many blocks it is a normal one, corrected for ties and
    /// continuity.
    pub exact: bool,
}

/// The test of Mann (Nonparametric tests against trend, Econometrica 13, 1945) and Kendall (Rank Correlation Methods).
///
/// # Errors
/// [`Refusal::TooSmall`] below two blocks, [`Refusal::NotFinite`].
pub fn drift(block_means: &[f64]) -> Result<Drift, Refusal> {
    usable(block_means, 2)?;
    let n = block_means.len() as u64;
    let pairs = n * (n - 1) / 2;
    let sizes = tie_sizes(block_means);
    let tied: u64 = sizes.iter().map(|size| size * (size - 1) / 2).sum();
    let not_rising = pairs_not_rising(block_means);
    // Rising pairs less falling ones.
    let score = pairs.cast_signed() + tied.cast_signed() - 2 * not_rising.cast_signed();
    let exact = tied == 0 && block_means.len() <= EXACT_MAX;
    let p =
        if exact { kendall_p(block_means.len(), not_rising.min(pairs - not_rising)) } else { tied_p(score, n, &sizes) };
    Ok(Drift { tau: score as f64 / pairs as f64, slope: median_slope(block_means, pairs), p, exact })
}

/// How often each value occurs.
fn tie_sizes(values: &[f64]) -> Vec<u64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a >= b).map(|tie| tie.len() as u64).collect()
}

/// How many pairs of an earlier and a later value don't rise, by merge sort.
fn pairs_not_rising(values: &[f64]) -> u64 {
    fn sort(values: &mut [f64], space: &mut Vec<f64>) -> u64 {
        if values.len() < 2 {
            return 0;
        }
        let (early, late) = values.split_at_mut(values.len() / 2);
        let mut count = sort(early, space) + sort(late, space);
        space.clear();
        let (mut i, mut j) = (0, 0);
        while i < early.len() || j < late.len() {
            if i == early.len() || (j < late.len() && late[j] <= early[i]) {
                count += (early.len() - i) as u64;
                space.push(late[j]);
                j += 1;
            } else {
                space.push(early[i]);
                i += 1;
            }
        }
        values.copy_from_slice(space);
        count
    }
    sort(&mut values.to_vec(), &mut Vec::with_capacity(values.len()))
}

/// The median slope of all pairs: a slope is at most v exactly when the pair doesn't rise once v a block is taken off.
fn median_slope(values: &[f64], pairs: u64) -> f64 {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let range = Interval { low: low - high, high: high - low };
    median(pairs, range, |slope| {
        let levelled: Vec<f64> = values.iter().enumerate().map(|(i, value)| value - slope * i as f64).collect();
        pairs_not_rising(&levelled)
    })
}

/// The exact two-sided p-value: the share of all orders with at most so many inversions, or as many from the other end.
fn kendall_p(n: usize, fewer: u64) -> f64 {
    let mut probabilities = vec![1.0];
    for size in 2..=n {
        // The value of rank `size` may come last, second to last, …: 0 to size − 1 more inversions, each as likely.
        let mut next = vec![0.0; probabilities.len() + size - 1];
        for (inversions, probability) in probabilities.iter().enumerate() {
            for more in 0..size {
                next[inversions + more] += probability / size as f64;
            }
        }
        probabilities = next;
    }
    (2.0 * probabilities.iter().take(usize::try_from(fewer).unwrap_or(usize::MAX).saturating_add(1)).sum::<f64>())
        .min(1.0)
}

/// The normal p-value with Kendall's variance for ties.
fn tied_p(score: i64, n: u64, ties: &[u64]) -> f64 {
    let term = |size: u64| (size as f64) * (size as f64 - 1.0) * (2.0 * size as f64 + 5.0);
    let variance = (term(n) - ties.iter().map(|size| term(*size)).sum::<f64>()) / 18.0;
    if variance <= 0.0 {
        return 1.0;
    }
    normal::two_sided_p((score.abs() - 1).max(0) as f64 / variance.sqrt())
}

/// Likeness of neighbouring blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Autocorrelation {
    /// The correlation of each block with the next, about −1 / n when there is none.
    pub lag1: f64,
    /// The two-sided test of no order, against permuted orders of the blocks (Wald and Wolfowitz, An exact test for
    /// randomness in the non-parametric case based on serial correlation, Ann. Math. Statist. 14, 1943).
    pub significance: Significance,
}

/// The first autocorrelation of block means, Σ (xᵢ − x̄)(xᵢ₊₁ − x̄) / Σ (xᵢ − x̄)², and its test.
///
/// # Errors
/// [`Refusal::TooSmall`] below five blocks, whose orders can't reach p < 0.05; [`Refusal::NotFinite`];
/// [`Refusal::NoSpread`].
pub fn autocorrelation(block_means: &[f64], resampling: &Resampling) -> Result<Autocorrelation, Refusal> {
    usable(block_means, 5)?;
    let mean = block_means.iter().sum::<f64>() / block_means.len() as f64;
    let largest = block_means.iter().map(|value| (value - mean).abs()).fold(0.0, f64::max);
    if largest <= mean.abs() * f64::EPSILON * block_means.len() as f64 {
        return Err(Refusal::NoSpread);
    }
    let mut deviations: Vec<f64> = block_means.iter().map(|value| (value - mean) / largest).collect();
    let squares: f64 = deviations.iter().map(|deviation| deviation * deviation).sum();
    let products = |values: &[f64]| values.windows(2).map(|pair| pair[0] * pair[1]).sum::<f64>();
    let seen = products(&deviations);
    let tolerance = 1e-12 * squares;
    let (mut above, mut below) = (0, 0);
    let draws = resampling.seed.label("autocorrelation");
    for draw in 0..resampling.resamples as u64 {
        draws.index(draw).stream().shuffle(&mut deviations);
        let permuted = products(&deviations);
        above += usize::from(permuted >= seen - tolerance);
        below += usize::from(permuted <= seen + tolerance);
    }
    let resamples = resampling.resamples;
    let two_sided = |reached| (2.0 * drawn_p(reached, resamples)).min(1.0);
    // An order and its mirror image are alike, so two of all n! are the fewest on a side.
    let orders: f64 = (1..=block_means.len()).map(|i| i as f64).product();
    Ok(Autocorrelation {
        lag1: seen / squares,
        significance: Significance {
            p: two_sided(above.min(below)),
            smallest_p: two_sided(0).max((4.0 / orders).min(1.0)),
            reference: Reference::MonteCarlo { resamples },
        },
    })
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
