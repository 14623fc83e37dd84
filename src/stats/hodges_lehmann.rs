//! The Hodges–Lehmann shift (Estimates of location based on rank tests, Ann. Math. Statist. 34, 1963) and its intervals.
//!
//! Paired: the median of the means of all pairs of block differences, each with itself too (Walsh averages); its interval
//! takes the Walsh averages that the signed-rank test does not reject (Tukey, 1949). Two samples: the median of all
//! differences arm − baseline; its interval comes from the Mann–Whitney test in the same way (Moses, 1953). Both are given
//! in Hollander, Wolfe, Chicken, Nonparametric Statistical Methods, 3rd edition, sections 3.2–3.3 and 4.2–4.3.
//!
//! One block in five may be an outlier of any size without the estimate following it. The paired interval assumes that
//! differences are spread symmetrically around the shift.

use crate::stats::{
    interval::{Confidence, Interval},
    normal,
    order_statistic::{median, of_rank},
    quantile::TooSmall,
    refusal::{Refusal, both_usable, usable},
    resampling::choose,
};

/// The most differences for which the signed-rank distribution is counted out; above it it is as good as normal.
const EXACT_PAIRED: usize = 100;

/// The most values of either sample for which the Mann–Whitney distribution is counted out.
const EXACT_SIDE: usize = 50;

/// A shift, arm − baseline, in the unit of the values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shift {
    /// The estimate.
    pub estimate: f64,
    /// Its interval, or how many values (on the smaller side) the confidence needs.
    pub interval: Result<Interval, TooSmall>,
    /// Whether the interval's ranks come from the exact distribution; ties only make it cover more.
    pub exact: bool,
}

/// The shift of block differences.
///
/// # Errors
/// [`Refusal::TooSmall`] for no differences, [`Refusal::NotFinite`].
pub fn one_sample(differences: &[f64], confidence: Confidence) -> Result<Shift, Refusal> {
    usable(differences, 1)?;
    let mut sorted = differences.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let exact = n <= EXACT_PAIRED;
    let rank =
        if exact { signed_rank_critical(n, confidence.tail()) } else { signed_rank_normal(n, confidence.tail()) };
    let needed = (1..=1_100_u16).find(|&n| 0.5_f64.powi(n.into()) <= confidence.tail()).map_or(usize::MAX, usize::from);
    let range = Interval { low: sorted[0], high: sorted[n - 1] };
    let all = n as u64 * (n as u64 + 1) / 2;
    Ok(shift(all, rank, exact, range, TooSmall { n, needed }, |limit| walsh_averages_up_to(&sorted, limit)))
}

/// The shift between two independent samples.
///
/// # Errors
/// [`Refusal::TooSmall`] for an empty side, [`Refusal::NotFinite`].
pub fn two_sample(baseline: &[f64], arm: &[f64], confidence: Confidence) -> Result<Shift, Refusal> {
    both_usable(baseline, arm, 1)?;
    let (mut from, mut to) = (baseline.to_vec(), arm.to_vec());
    from.sort_unstable_by(f64::total_cmp);
    to.sort_unstable_by(f64::total_cmp);
    let (m, n) = (from.len(), to.len());
    let exact = m.max(n) <= EXACT_SIDE;
    let tail = confidence.tail();
    let rank = if exact { mann_whitney_critical(m, n, tail) } else { mann_whitney_normal(m, n, tail) };
    let needed = (1..=600).find(|&side| 1.0 / choose(2 * side, side) <= tail).unwrap_or(usize::MAX);
    let range = Interval { low: to[0] - from[m - 1], high: to[n - 1] - from[0] };
    let all = m as u64 * n as u64;
    let too_small = TooSmall { n: m.min(n), needed };
    Ok(shift(all, rank, exact, range, too_small, |limit| differences_up_to(&from, &to, limit)))
}

/// The median of `all` values and the ones of rank `rank` from either end, known only by how many lie up to a limit.
fn shift(
    all: u64,
    rank: Option<u64>,
    exact: bool,
    range: Interval,
    too_small: TooSmall,
    up_to: impl Fn(f64) -> u64,
) -> Shift {
    let at = |rank| of_rank(rank, range, &up_to);
    let interval = rank.map(|rank| Interval { low: at(rank), high: at(all + 1 - rank) }).ok_or(too_small);
    Shift { estimate: median(all, range, &up_to), interval, exact }
}

/// How many means of two (i ≤ j) of the sorted values lie up to `limit`, in one pass from both ends.
fn walsh_averages_up_to(sorted: &[f64], limit: f64) -> u64 {
    let (mut count, mut end) = (0, sorted.len());
    for (i, value) in sorted.iter().enumerate() {
        while end > 0 && f64::midpoint(*value, sorted[end - 1]) > limit {
            end -= 1;
        }
        if end <= i {
            break;
        }
        count += (end - i) as u64;
    }
    count
}

/// How many differences `to` − `from` lie up to `limit`, both sorted.
fn differences_up_to(from: &[f64], to: &[f64], limit: f64) -> u64 {
    let (mut count, mut end) = (0, 0);
    for start in from {
        while end < to.len() && to[end] - start <= limit {
            end += 1;
        }
        count += end as u64;
    }
    count
}

/// The largest rank whose value and all beyond it have a probability of at most `tail`; `None` when even the first has
/// more. `probabilities` are of 0, 1, 2, …
fn critical(probabilities: &[f64], tail: f64) -> Option<u64> {
    let mut sum = 0.0;
    let within = probabilities.iter().take_while(|probability| {
        sum += **probability;
        // Sums of exact binary fractions are exact at these sizes, other ones nearly.
        sum <= tail * (1.0 + 1e-12)
    });
    Some(within.count() as u64).filter(|count| *count > 0)
}

/// From the exact distribution of the signed-rank sum: each rank is in it or not, with one half.
fn signed_rank_critical(n: usize, tail: f64) -> Option<u64> {
    let mut probabilities = vec![1.0];
    for rank in 1..=n {
        let before = std::mem::take(&mut probabilities);
        probabilities = vec![0.0; before.len() + rank];
        for (sum, probability) in before.iter().enumerate() {
            probabilities[sum] += probability / 2.0;
            probabilities[sum + rank] += probability / 2.0;
        }
    }
    critical(&probabilities, tail)
}

fn signed_rank_normal(n: usize, tail: f64) -> Option<u64> {
    let n = n as f64;
    normal_rank(n * (n + 1.0) / 4.0, n * (n + 1.0) * (2.0 * n + 1.0) / 24.0, tail)
}

/// From the exact distribution of the Mann–Whitney statistic, by the last value's sample:
/// p(m, n, u) = m/(m+n) · p(m − 1, n, u − n) + n/(m+n) · p(m, n − 1, u).
fn mann_whitney_critical(m: usize, n: usize, tail: f64) -> Option<u64> {
    // `row[j]` holds the distribution of i against j values.
    let mut row: Vec<Vec<f64>> = vec![vec![1.0]; n + 1];
    for i in 1..=m {
        let mut next: Vec<Vec<f64>> = Vec::with_capacity(n + 1);
        next.push(vec![1.0]);
        for j in 1..=n {
            let (first, second) = (i as f64 / (i + j) as f64, j as f64 / (i + j) as f64);
            let mut probabilities = vec![0.0; i * j + 1];
            for (u, probability) in row[j].iter().enumerate() {
                probabilities[u + j] += first * probability;
            }
            for (u, probability) in next[j - 1].iter().enumerate() {
                probabilities[u] += second * probability;
            }
            next.push(probabilities);
        }
        row = next;
    }
    critical(&row[n], tail)
}

fn mann_whitney_normal(m: usize, n: usize, tail: f64) -> Option<u64> {
    let (m, n) = (m as f64, n as f64);
    normal_rank(m * n / 2.0, m * n * (m + n + 1.0) / 12.0, tail)
}

/// The rank by the normal approximation with a correction of one half.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank within 1 and the number of pairs")]
fn normal_rank(mean: f64, variance: f64, tail: f64) -> Option<u64> {
    let rank = (mean + 0.5 - normal::upper_quantile(tail) * variance.sqrt()).floor();
    (rank >= 1.0).then_some(rank as u64)
}

#[cfg(test)]
#[path = "hodges_lehmann_tests.rs"]
mod tests;
