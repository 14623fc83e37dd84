//! Whether the blocks of a comparison can be trusted, and what they could have shown.

use serde::Serialize;

use crate::{
    report::{comparison::whole, observations::Observations},
    stats::{
        compare::BlockPair,
        drift::{autocorrelation, drift},
        pairing::variance_reduction,
        power::{Pilot, STANDARD_POWER},
        resampling::Resampling,
    },
    units::Seed,
};

use super::judge::{blocks_needed, differences};

/// Draws of the autocorrelation's test: a p-value of 0.05 is known to ± 0.014.
const ORDERS_DRAWN: usize = 1_000;

/// What is known about the blocks of a comparison beside their means; `null` where there are too few.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diagnostics {
    /// The share of the difference's variance that common luck within blocks takes away; negative when it adds some.
    pub variance_reduction: Option<f64>,
    /// The p-value of no trend of the differences over the blocks (Mann–Kendall).
    pub drift_p_value: Option<f64>,
    /// The median change of the difference from block to block (Theil–Sen), in nanoseconds.
    pub drift_ns_per_block: Option<i64>,
    /// The correlation of a block's difference with the next one's.
    pub autocorrelation: Option<f64>,
    /// The p-value of no order among the blocks (Wald–Wolfowitz, permuted).
    pub autocorrelation_p_value: Option<f64>,
    /// The smallest difference that so many blocks of this spread find with 80 % probability, in nanoseconds; null where
    /// nothing varies.
    pub smallest_detectable_ns: Option<u64>,
    /// The blocks that a difference as large as the one seen would need to be found with 80 % probability. With a single
    /// block the spread is guessed from the instances within it.
    pub blocks_needed: Option<u64>,
}

/// Looks at the blocks that both arms have, in the order in which they ran; `instances` is what those of the baseline and
/// of the arm say, where they are known.
pub(crate) fn diagnose_pairs(
    pairs: &[BlockPair],
    instances: Option<(&Observations, &Observations)>,
    alpha: f64,
    seed: Seed,
) -> Diagnostics {
    let differences = differences(pairs);
    let (baselines, arms): (Vec<f64>, Vec<f64>) = pairs.iter().map(|pair| (pair.baseline, pair.arm)).unzip();
    let enough = pairs.len() >= blocks_needed(alpha);
    let drift = drift(&differences).ok().filter(|_| enough);
    let draws = Resampling { seed: seed.label("autocorrelation"), resamples: ORDERS_DRAWN };
    let likeness = autocorrelation(&differences, &draws).ok().filter(|_| enough);
    let smallest = Pilot::of(&differences)
        .ok()
        .filter(|_| enough)
        .and_then(|pilot| pilot.smallest_effect(pairs.len(), alpha, STANDARD_POWER).ok());
    Diagnostics {
        variance_reduction: variance_reduction(&baselines, &arms).ok().filter(|_| enough).map(rounded),
        drift_p_value: drift.map(|drift| rounded(drift.p)),
        drift_ns_per_block: drift.map(|drift| whole(drift.slope)),
        autocorrelation: likeness.map(|likeness| rounded(likeness.lag1)),
        autocorrelation_p_value: likeness.map(|likeness| rounded(likeness.significance.p)),
        // What is below a nanosecond is how numbers are rounded, and no spread.
        smallest_detectable_ns: smallest.map(|effect| whole(effect).unsigned_abs()).filter(|ns| *ns > 0),
        blocks_needed: needed(&differences, instances, alpha),
    }
}

/// Six decimals: what a ratio, a share or a p-value of a report is good for.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Blocks for the effect seen, at 80 % power; `None` where there is no effect or no spread to go by.
fn needed(differences: &[f64], instances: Option<(&Observations, &Observations)>, alpha: f64) -> Option<u64> {
    let effect = differences.iter().sum::<f64>() / differences.len().max(1) as f64;
    if effect == 0.0 || !effect.is_finite() {
        return None;
    }
    if let Ok(pilot) = Pilot::of(differences) {
        return pilot.blocks_for(effect, alpha, STANDARD_POWER).ok().map(|blocks| blocks as u64);
    }
    // One block says nothing of how blocks differ; its instances say how much luck there is in a mean of so many.
    let (baseline, arm) = instances?;
    let luck =
        |observations: &Observations| observations.within_blocks().map(|(variance, instances)| variance / instances);
    let sd = (luck(baseline)? + luck(arm)?).sqrt();
    // Two made-up blocks with just that mean and spread.
    let half = sd / std::f64::consts::SQRT_2;
    let pilot = Pilot::of(&[effect - half, effect + half]).ok()?;
    pilot.blocks_for(effect, alpha, STANDARD_POWER).ok().map(|blocks| blocks as u64)
}
