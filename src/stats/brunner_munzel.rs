//! The Brunner–Munzel test of two independent samples (The nonparametric Behrens–Fisher problem: asymptotic theory and a
//! small-sample approximation, Biometrical Journal 42, 2000).
//!
//! It asks whether values of one arm tend to be larger, whatever the spreads: P(arm > baseline) + ½ P(equal) = ½. From
//! [`FEWEST_FOR_T`] a side the statistic is held against a t distribution; below that, and where the samples don't overlap
//! so that it has no variance, against its own permutations (Neubert and Brunner, A studentized permutation test for the
//! non-parametric Behrens–Fisher problem, Comput. Statist. Data Anal. 51, 2007).

use crate::stats::{
    ranks::{Placements, Tie, ties},
    refusal::{Refusal, both_usable},
    resampling::{Reference, Resampling, Significance, choose, drawn_p},
    student,
};

/// The fewest values a side for the t approximation.
pub const FEWEST_FOR_T: usize = 15;

/// The most arrangements that are all counted; more are drawn from.
const EXACT_MAX: f64 = 20_000.0;

/// The outcome of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrunnerMunzel {
    /// The statistic, positive when the arm's values tend to be larger; `None` when the samples don't overlap.
    pub statistic: Option<f64>,
    /// The degrees of freedom of the t approximation; `None` when the samples don't overlap.
    pub freedom: Option<f64>,
    /// P(arm > baseline) + ½ P(equal).
    pub relative_effect: f64,
    /// Its two-sided p-value.
    pub significance: Significance,
}

/// The Brunner–Munzel test, permuted when a side has fewer than [`FEWEST_FOR_T`] values.
///
/// # Errors
/// [`Refusal::TooSmall`] below two values a side, [`Refusal::NotFinite`].
pub fn brunner_munzel(baseline: &[f64], arm: &[f64], resampling: &Resampling) -> Result<BrunnerMunzel, Refusal> {
    both_usable(baseline, arm, 2)?;
    let ties = ties(baseline, arm);
    let placements = Placements::of(&ties);
    let seen = studentized(&placements);
    let freedom = freedom(&placements);
    let by_t = freedom
        .filter(|_| baseline.len().min(arm.len()) >= FEWEST_FOR_T)
        .and_then(|freedom| student::two_sided_p(seen, freedom))
        .map(|p| Significance { p, smallest_p: 0.0, reference: Reference::Asymptotic });
    Ok(BrunnerMunzel {
        statistic: Some(seen).filter(|statistic| statistic.is_finite()),
        freedom,
        relative_effect: placements.relative_effect(),
        significance: by_t.unwrap_or_else(|| permuted(&ties, arm.len(), seen, resampling)),
    })
}

/// The statistic; infinite when the samples don't overlap, 0 when neither is larger.
fn studentized(placements: &Placements) -> f64 {
    let (m, n) = (placements.baseline as f64, placements.arm as f64);
    let distance = placements.relative_effect() - 0.5;
    // Placements are counts of the other sample; divided by its size they are probabilities.
    let variance =
        placements.baseline_squares / ((m - 1.0) * m * n * n) + placements.arm_squares / ((n - 1.0) * n * m * m);
    if distance == 0.0 { 0.0 } else { distance / variance.sqrt() }
}

/// The degrees of freedom by Satterthwaite's rule; `None` without any variance.
fn freedom(placements: &Placements) -> Option<f64> {
    let (m, n) = (placements.baseline as f64, placements.arm as f64);
    let first = placements.baseline_squares * m / (m - 1.0);
    let second = placements.arm_squares * n / (n - 1.0);
    let freedom = (first + second).powi(2) / (first.powi(2) / (m - 1.0) + second.powi(2) / (n - 1.0));
    freedom.is_finite().then_some(freedom)
}

/// How many arrangements reach the statistic on either side, of how many.
#[derive(Default)]
struct Reached {
    above: usize,
    below: usize,
    all: usize,
}

impl Reached {
    fn count(&mut self, statistic: f64, seen: f64) {
        let tolerance = 1e-9 * (1.0 + if seen.is_finite() { seen.abs() } else { 0.0 });
        self.above += usize::from(statistic >= seen - tolerance);
        self.below += usize::from(statistic <= seen + tolerance);
        self.all += 1;
    }

    fn smaller_side(&self) -> usize {
        self.above.min(self.below)
    }
}

fn permuted(ties: &[Tie], arm: usize, seen: f64, resampling: &Resampling) -> Significance {
    let sizes: Vec<usize> = ties.iter().map(|tie| tie.baseline + tie.arm).collect();
    let pooled: usize = sizes.iter().sum();
    let arrangements = choose(pooled, arm);
    let smallest = (2.0 / arrangements).min(1.0);
    if arrangements <= EXACT_MAX {
        let reached = over_all(&sizes, pooled, arm, seen);
        return Significance {
            p: (2.0 * reached.smaller_side() as f64 / reached.all as f64).min(1.0),
            smallest_p: smallest,
            reference: Reference::Exact { arrangements: reached.all as u64 },
        };
    }
    let resamples = resampling.resamples;
    let reached = over_draws(&sizes, pooled, arm, seen, resampling);
    Significance {
        p: (2.0 * drawn_p(reached.smaller_side(), resamples)).min(1.0),
        smallest_p: smallest.max((2.0 * drawn_p(0, resamples)).min(1.0)),
        reference: Reference::MonteCarlo { resamples },
    }
}

/// The statistic of one arrangement: which places, in ascending order of value, are the arm's.
fn statistic_of(sizes: &[usize], is_arm: &[bool], ties: &mut Vec<Tie>) -> f64 {
    ties.clear();
    let mut place = 0;
    ties.extend(sizes.iter().map(|size| {
        let arm = is_arm[place..place + size].iter().filter(|arm| **arm).count();
        place += size;
        Tie { baseline: size - arm, arm }
    }));
    studentized(&Placements::of(ties))
}

fn over_all(sizes: &[usize], pooled: usize, arm: usize, seen: f64) -> Reached {
    let mut reached = Reached::default();
    let mut chosen: Vec<usize> = (0..arm).collect();
    let (mut is_arm, mut ties) = (vec![false; pooled], Vec::new());
    loop {
        is_arm.fill(false);
        for place in &chosen {
            is_arm[*place] = true;
        }
        reached.count(statistic_of(sizes, &is_arm, &mut ties), seen);
        // The next choice in lexicographic order: the last place that can move moves, those after it follow closely.
        let Some(moving) = (0..arm).rev().find(|i| chosen[*i] < pooled - arm + i) else { return reached };
        let first = chosen[moving] + 1;
        for (offset, place) in chosen[moving..].iter_mut().enumerate() {
            *place = first + offset;
        }
    }
}

fn over_draws(sizes: &[usize], pooled: usize, arm: usize, seen: f64, resampling: &Resampling) -> Reached {
    let mut reached = Reached::default();
    let draws = resampling.seed.label("Brunner-Munzel permutations");
    let mut ties = Vec::new();
    for draw in 0..resampling.resamples as u64 {
        let mut is_arm = vec![false; pooled];
        is_arm[..arm].fill(true);
        draws.index(draw).stream().shuffle(&mut is_arm);
        reached.count(statistic_of(sizes, &is_arm, &mut ties), seen);
    }
    reached
}

#[cfg(test)]
#[path = "brunner_munzel_tests.rs"]
mod tests;
