//! How often values of one arm are larger: Vargha and Delaney's A12 and Cliff's δ, which is 2 · A12 − 1.
//!
//! A12 is P(arm > baseline) + ½ P(equal) (Vargha and Delaney, A critique and improvement of the CL common language effect
//! size statistics, J. Educ. Behav. Statist. 25, 2000). The interval is the asymmetric one of Cliff (Ordinal Methods for
//! Behavioral Data Analysis, 1996, equation 5.12) with his unbiased variance and Student's t, as Feng and Cliff (Monte
//! Carlo evaluation of ordinal d with improved confidence interval, J. Mod. Appl. Stat. Methods 3, 2004) recommend.

use crate::stats::{
    interval::{Confidence, Interval},
    ranks::{Placements, ties},
    refusal::{Refusal, both_usable},
    student,
};

/// How the arm's values dominate the baseline's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dominance {
    /// P(arm > baseline) + ½ P(equal), from 0 to 1.
    pub a12: f64,
    /// Its interval.
    pub a12_interval: Interval,
    /// P(arm > baseline) − P(arm < baseline), from −1 to 1.
    pub cliffs_delta: f64,
    /// Its interval.
    pub cliffs_delta_interval: Interval,
}

/// A12 and Cliff's δ of two independent samples.
///
/// # Errors
/// [`Refusal::TooSmall`] below two values a side, [`Refusal::NotFinite`].
pub fn dominance(baseline: &[f64], arm: &[f64], confidence: Confidence) -> Result<Dominance, Refusal> {
    both_usable(baseline, arm, 2)?;
    let placements = Placements::of(&ties(baseline, arm));
    let a12 = placements.relative_effect();
    let delta = 2.0 * a12 - 1.0;
    let freedom = (baseline.len() + arm.len() - 2) as f64;
    let t = student::upper_quantile(confidence.tail(), freedom)
        .ok_or(Refusal::OutOfRange { what: "the confidence must leave a tail that can be told from 0" })?;
    let interval = interval_of(delta, variance(&placements, delta), t, baseline.len().min(arm.len()) as f64);
    Ok(Dominance {
        a12,
        a12_interval: Interval { low: f64::midpoint(1.0, interval.low), high: f64::midpoint(1.0, interval.high) },
        cliffs_delta: delta,
        cliffs_delta_interval: interval,
    })
}

/// The unbiased variance of δ, kept from below by (1 − δ²) / (m n − 1) as Cliff does.
fn variance(placements: &Placements, delta: f64) -> f64 {
    let (m, n) = (placements.baseline as f64, placements.arm as f64);
    // A row's mean dominance is 2 · placement / size − 1, so squares of placements are a quarter of its squares.
    let of_baseline = 4.0 * placements.baseline_squares / (n * n);
    let of_arm = 4.0 * placements.arm_squares / (m * m);
    let of_pairs = m * n - placements.tied_pairs - m * n * delta * delta;
    let unbiased = (n * n * of_baseline + m * m * of_arm - of_pairs) / (m * n * (m - 1.0) * (n - 1.0));
    unbiased.max((1.0 - delta * delta) / (m * n - 1.0))
}

fn interval_of(delta: f64, variance: f64, t: f64, smaller: f64) -> Interval {
    if delta.abs() >= 1.0 {
        // Without overlap the formula gives a single point; Cliff bounds it by what so few values can't tell from it.
        let bound = ((smaller - t * t) / (smaller + t * t)).max(-1.0);
        return if delta > 0.0 { Interval { low: bound, high: 1.0 } } else { Interval { low: -1.0, high: -bound } };
    }
    let square = delta * delta;
    let spread = t * variance.sqrt() * ((1.0 - square).powi(2) + t * t * variance).sqrt();
    let scale = 1.0 - square + t * t * variance;
    let end = |spread: f64| ((delta - delta * square + spread) / scale).clamp(-1.0, 1.0);
    Interval { low: end(-spread), high: end(spread) }
}

#[cfg(test)]
#[path = "effect_size_tests.rs"]
mod tests;
