//! The permutation test of two independent samples (Pitman, Significance tests which may be applied to samples from any
//! populations, 1937).
//!
//! When the arms don't differ, each value could as well have been the other arm's: the p-value is the share of all ways to
//! choose as many values for the arm whose difference of means is at least as far from zero as the one seen. It is for
//! arms that share no blocks, such as two runs; arms of one run are paired, see [`crate::stats::sign_flip`].

use crate::stats::{
    refusal::{Refusal, both_usable},
    resampling::{Reference, Resampling, Significance, choose, drawn_p},
};

/// The most values of both arms together whose arrangements are all counted.
pub const EXACT_MAX: usize = 30;

/// The smallest two-sided p-value of samples of these sizes (1 without one of them).
///
/// With arms of one size every arrangement has a mirror image that is as extreme.
#[must_use]
pub fn smallest_p(baseline: usize, arm: usize) -> f64 {
    if baseline == 0 || arm == 0 {
        return 1.0;
    }
    let mirror = if baseline == arm { 2.0 } else { 1.0 };
    mirror / choose(baseline + arm, arm)
}

/// The two-sided permutation test of a difference of means, exact up to [`EXACT_MAX`] values together.
///
/// # Errors
/// [`Refusal::TooSmall`] for an empty side, [`Refusal::NotFinite`].
pub fn permutation_test(baseline: &[f64], arm: &[f64], resampling: &Resampling) -> Result<Significance, Refusal> {
    both_usable(baseline, arm, 1)?;
    let mut pooled: Vec<f64> = baseline.iter().chain(arm).copied().collect();
    let grand_mean = pooled.iter().sum::<f64>() / pooled.len() as f64;
    for value in &mut pooled {
        *value -= grand_mean;
    }
    // Centred, the sum of the arm's values grows with the difference of means whichever values the arm gets.
    let scale: f64 = pooled.iter().map(|value| value.abs()).sum();
    let seen = pooled[baseline.len()..].iter().sum::<f64>().abs() - scale * 1e-12;
    let smallest = smallest_p(baseline.len(), arm.len());
    if pooled.len() <= EXACT_MAX {
        let (reached, arrangements) = count_extreme(&pooled, arm.len(), seen);
        return Ok(Significance {
            p: if seen <= 0.0 { 1.0 } else { reached as f64 / arrangements as f64 },
            smallest_p: smallest,
            reference: Reference::Exact { arrangements },
        });
    }
    let resamples = resampling.resamples;
    let reached = reached_by_draws(&mut pooled, arm.len(), seen, resampling);
    Ok(Significance {
        p: drawn_p(reached, resamples),
        smallest_p: smallest.max(drawn_p(0, resamples)),
        reference: Reference::MonteCarlo { resamples },
    })
}

/// How many choices of `size` values have a sum of at least `seen` (> 0) in size, and of how many: all subsets of each half, sorted by size and
/// sum, are met in the middle.
fn count_extreme(values: &[f64], size: usize, seen: f64) -> (u64, u64) {
    let (left, right) = values.split_at(values.len() / 2);
    let (left, right) = (subset_sums(left), subset_sums(right));
    let (mut reached, mut all) = (0, 0);
    for (chosen, sums) in left.iter().enumerate() {
        let Some(others) = size.checked_sub(chosen).and_then(|rest| right.get(rest)) else { continue };
        let (mut first_above, mut first_inside) = (others.len(), others.len());
        for sum in sums {
            while first_above > 0 && sum + others[first_above - 1] >= seen {
                first_above -= 1;
            }
            while first_inside > 0 && sum + others[first_inside - 1] > -seen {
                first_inside -= 1;
            }
            reached += (others.len() - first_above + first_inside) as u64;
        }
        all += (sums.len() * others.len()) as u64;
    }
    (reached, all)
}

/// The sums of all subsets by how many values they take, each list in ascending order.
fn subset_sums(values: &[f64]) -> Vec<Vec<f64>> {
    let mut by_size = vec![vec![0.0]];
    for value in values {
        by_size.push(Vec::new());
        for size in (1..by_size.len()).rev() {
            let with: Vec<f64> = by_size[size - 1].iter().map(|sum| sum + value).collect();
            by_size[size].extend(with);
        }
    }
    for sums in &mut by_size {
        sums.sort_unstable_by(f64::total_cmp);
    }
    by_size
}

fn reached_by_draws(pooled: &mut [f64], size: usize, seen: f64, resampling: &Resampling) -> usize {
    let draws = resampling.seed.label("permutations");
    (0..resampling.resamples as u64)
        .filter(|&draw| {
            let mut stream = draws.index(draw).stream();
            // The first `size` places of a Fisher–Yates shuffle; where it starts from doesn't matter.
            for place in 0..size {
                let other = place + stream.below(pooled.len() - place);
                pooled.swap(place, other);
            }
            pooled[..size].iter().sum::<f64>().abs() >= seen
        })
        .count()
}

#[cfg(test)]
#[path = "permutation_tests.rs"]
mod tests;
