//! What other methods say of a comparison: whether its verdict hangs on the one method that gave it.
//!
//! A verdict rests on the mean of block differences with Student's interval and the sign-flip test. Here the same blocks are
//! asked in other ways, none of which changes the verdict: [`Shift`] by ranks, [`Resampled`] by drawing whole blocks,
//! [`Ranked`] without regard to pairing, [`Survival`] where times were cut off. [`BlockQuantiles`] tell how far the blocks of
//! one arm spread, [`End`] in which ways the provision jobs of an arm ended, by time. [`cells`] words them for people.

mod block_quantiles;
pub(super) mod cells;
mod ends;
mod ranked;
mod resampled;
mod survival;

use serde::Serialize;

pub(super) use self::ends::ProvisionEnds;
pub use self::{
    block_quantiles::{BlockQuantile, BlockQuantiles},
    ends::{End, EndTimes},
    ranked::{Ranked, Shift},
    resampled::{Estimate, Resampled},
    survival::{MedianTime, Survival},
};
use crate::{
    report::{
        number::{difference_with_interval, p_value},
        observations::Observations,
        verdict::diagnostics::rounded,
    },
    stats::{
        compare::{ALPHA, BlockPair, Verdict},
        interval::Confidence,
    },
    units::Seed,
};

/// What the blocks that two arms have in common say by other methods; all differences are arm − baseline.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Evidence {
    /// Why there are no answers on times: too few blocks, or times that were cut off.
    pub refused: Option<String>,
    /// The Hodges–Lehmann shift of block differences.
    pub shift: Option<Shift>,
    /// Statistics of instances, with intervals from drawing whole blocks.
    pub resampled: Option<Resampled>,
    /// How often a block of the arm takes longer than one of the baseline.
    pub ranked: Option<Ranked>,
    /// Where times were cut off: what can be said all the same.
    pub survival: Option<Survival>,
}

impl Evidence {
    /// The evidence of the blocks that both have.
    pub(super) fn of(baseline: &Observations, arm: &Observations, alpha: f64, seed: Seed) -> Self {
        let Some(confidence) = Confidence::of_alpha(alpha) else { return Self::default() };
        let seed = seed.label("evidence");
        let censored = baseline.bounds().len() + arm.bounds().len();
        if censored > 0 {
            return Self {
                refused: Some(format!(
                    "{censored} censored: ranks and quantiles of what finished would be a selection"
                )),
                survival: survival::of(baseline, arm, confidence, seed),
                ..Self::default()
            };
        }
        let (baselines, arms) = means(baseline, arm);
        let (refused, resampled) = match resampled::of(baseline, arm, confidence, seed) {
            Ok(resampled) => (None, Some(resampled)),
            Err(refusal) => (Some(format!("blocks: {refusal}")), None),
        };
        Self { refused, resampled, ..Self::of_means(&baselines, &arms, confidence, seed) }
    }

    /// The part that needs no more than the means of the blocks that both have.
    fn of_means(baselines: &[f64], arms: &[f64], confidence: Confidence, seed: Seed) -> Self {
        let differences: Vec<f64> = baselines.iter().zip(arms).map(|(baseline, arm)| arm - baseline).collect();
        Self {
            shift: ranked::shift(&differences, confidence),
            ranked: ranked::of(baselines, arms, confidence, seed),
            ..Self::default()
        }
    }

    /// The evidence of two runs of which no more than the means of blocks are known; `censored` stand in them at their lower
    /// bounds.
    pub(super) fn of_pairs(pairs: &[BlockPair], censored: usize, alpha: f64, seed: Seed) -> Self {
        let Some(confidence) = Confidence::of_alpha(alpha).filter(|_| censored == 0) else { return Self::default() };
        let (baselines, arms): (Vec<f64>, Vec<f64>) = pairs.iter().map(|pair| (pair.baseline, pair.arm)).unzip();
        let refused = Some("a baseline keeps the means of blocks and not their instances".to_owned());
        Self { refused, ..Self::of_means(&baselines, &arms, confidence, seed.label("evidence")) }
    }

    /// What the other methods say where that is not what a verdict says, a part of a sentence each.
    pub(super) fn dissenters(&self, verdict: Verdict) -> Vec<String> {
        let shift = self.shift.as_ref().and_then(|shift| Some((shift.estimate_ns, shift.low_ns.zip(shift.high_ns)?)));
        let resampled = self.resampled.as_ref();
        let mean = resampled.and_then(|resampled| {
            let of = &resampled.mean_ns;
            Some((of.estimate?, of.bca.map(|[low, high]| (low, high))?))
        });
        let p50 = resampled.and_then(|resampled| Some((resampled.p50_ns.estimate?, resampled.p50_ns.bca?)));
        let p = self.ranked.as_ref().and_then(|ranked| ranked.brunner_munzel_p);
        let intervals = [("the Hodges–Lehmann shift", shift), ("the bootstrap of the mean", mean)];
        let intervals = intervals.into_iter().filter_map(|(name, found)| Some((name, found?)));
        let said = |(name, (estimate, (low, high))): (&str, (i64, (i64, i64)))| {
            let agrees = match verdict {
                Verdict::Faster => high < 0,
                Verdict::Slower => low > 0,
                Verdict::Inconclusive => low <= 0 && 0 <= high,
                Verdict::Equivalent => true,
            };
            (!agrees).then(|| format!("{name} is about {}", difference_with_interval(estimate, Some((low, high)))))
        };
        let mut dissenters: Vec<String> = intervals.filter_map(said).collect();
        let opposite = |[low, high]: [i64; 2]| match verdict {
            Verdict::Faster => low > 0,
            Verdict::Slower => high < 0,
            Verdict::Equivalent | Verdict::Inconclusive => false,
        };
        if let Some((median, interval)) = p50.filter(|(_, interval)| opposite(*interval)) {
            let [low, high] = interval;
            dissenters.push(format!("the medians differ by {}", difference_with_interval(median, Some((low, high)))));
        }
        if let Some(p) = p.filter(|p| matches!(verdict, Verdict::Faster | Verdict::Slower) && *p >= ALPHA) {
            dissenters.push(format!("blocks of neither arm tend to be larger (Brunner and Munzel, {})", p_value(p)));
        }
        dissenters
    }
}

/// The means of the blocks that both have.
fn means(baseline: &Observations, arm: &Observations) -> (Vec<f64>, Vec<f64>) {
    baseline.block_means().filter_map(|(block, mean)| Some((mean, arm.block_mean(block)?))).unzip()
}

#[cfg(test)]
mod tests;
