//! Ranks: how far, and how often.

use serde::Serialize;

use super::rounded;
use crate::{
    report::comparison::whole,
    stats::{
        brunner_munzel::brunner_munzel,
        effect_size::dominance,
        hodges_lehmann,
        interval::Confidence,
        resampling::{Reference, Resampling},
    },
    units::Seed,
};

/// The Hodges–Lehmann shift of block differences, in nanoseconds: one block in five may be an outlier of any size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Shift {
    /// The median of the means of all pairs of differences.
    pub estimate_ns: i64,
    /// The lower end of its signed-rank interval; null with too few blocks.
    pub low_ns: Option<i64>,
    /// Its upper end.
    pub high_ns: Option<i64>,
}

/// How the block means of the arm lie against those of the baseline, the pairing left aside.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ranked {
    /// P(arm > baseline) + ½ P(equal): below ½ the arm's blocks tend to be faster (Vargha and Delaney).
    pub a12: f64,
    /// Its interval.
    pub a12_interval: [f64; 2],
    /// P(arm > baseline) − P(arm < baseline).
    pub cliffs_delta: f64,
    /// Its interval.
    pub cliffs_delta_interval: [f64; 2],
    /// The two-sided p-value of Brunner and Munzel's test that neither tends to be larger.
    pub brunner_munzel_p: Option<f64>,
    /// What it was held against: `t`, `permutations` (all), or `permutations_drawn`.
    pub brunner_munzel_reference: Option<&'static str>,
}

pub(super) fn shift(differences: &[f64], confidence: Confidence) -> Option<Shift> {
    let shift = hodges_lehmann::one_sample(differences, confidence).ok()?;
    let interval = shift.interval.ok();
    Some(Shift {
        estimate_ns: whole(shift.estimate),
        low_ns: interval.map(|interval| whole(interval.low)),
        high_ns: interval.map(|interval| whole(interval.high)),
    })
}

/// `None` below two blocks.
pub(super) fn of(baselines: &[f64], arms: &[f64], confidence: Confidence, seed: Seed) -> Option<Ranked> {
    let dominance = dominance(baselines, arms, confidence).ok()?;
    let test = brunner_munzel(baselines, arms, &Resampling::standard(seed.label("brunner-munzel"))).ok();
    let reference = |reference| match reference {
        Reference::Asymptotic => "t",
        Reference::Exact { .. } => "permutations",
        Reference::MonteCarlo { .. } => "permutations_drawn",
    };
    Some(Ranked {
        a12: rounded(dominance.a12),
        a12_interval: [dominance.a12_interval.low, dominance.a12_interval.high].map(rounded),
        cliffs_delta: rounded(dominance.cliffs_delta),
        cliffs_delta_interval: [dominance.cliffs_delta_interval.low, dominance.cliffs_delta_interval.high].map(rounded),
        // Below this a double tells nothing, and 0 would be a lie.
        brunner_munzel_p: test.map(|test| test.significance.p.max(1e-15)),
        brunner_munzel_reference: test.map(|test| reference(test.significance.reference)),
    })
}
