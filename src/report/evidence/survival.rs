//! Times of which some were cut off.

use std::collections::BTreeMap;

use serde::Serialize;

use super::rounded;
use crate::{
    report::{comparison::whole, observations::Observations},
    stats::{
        interval::Confidence,
        quantile::Level,
        refusal::Refusal,
        resampling::Resampling,
        student::mean_interval_at,
        survival::{
            Observation,
            kaplan_meier::KaplanMeier,
            log_rank::{PairedObservations, log_rank_of_blocks},
            restricted_mean::restricted_mean,
        },
    },
    units::Seed,
};

/// A median by Kaplan and Meier, in nanoseconds. It has no interval: Greenwood's would take instances as independent, which
/// those of a block are not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MedianTime {
    /// The time by which half had ended; null where the curve does not come down to one half before everything was cut off.
    pub estimate_ns: Option<u64>,
}

/// What can be said of two arms although some of their times were cut off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Survival {
    /// The baseline's median.
    pub baseline_median: MedianTime,
    /// The arm's median.
    pub arm_median: MedianTime,
    /// The p-value of the log-rank test stratified by block, with the signs of whole blocks flipped.
    pub log_rank_p: Option<f64>,
    /// The time up to which means are taken: no instance was cut off before it.
    pub horizon_ns: Option<u64>,
    /// The mean difference over blocks of the means up to the horizon, arm − baseline, in nanoseconds.
    pub restricted_mean_difference_ns: Option<i64>,
    /// Its interval.
    pub restricted_mean_interval_ns: Option<[i64; 2]>,
}

type Blocks = BTreeMap<u32, Vec<Observation>>;

fn blocks(observations: &Observations) -> Blocks {
    let mut blocks = Blocks::new();
    for (by_block, ended) in [(observations.values_by_block(), true), (observations.bounds_by_block(), false)] {
        for (block, times) in by_block {
            blocks.entry(block).or_default().extend(times.into_iter().map(|time| Observation { time, ended }));
        }
    }
    blocks
}

/// `None` when the arms have no block in common.
pub(super) fn of(baseline: &Observations, arm: &Observations, confidence: Confidence, seed: Seed) -> Option<Survival> {
    let (baselines, arms) = (blocks(baseline), blocks(arm));
    let pairs: Vec<PairedObservations<'_>> = baselines
        .iter()
        .filter_map(|(block, baseline)| Some(PairedObservations { baseline, arm: arms.get(block)? }))
        .collect();
    if pairs.is_empty() {
        return None;
    }
    let draws = Resampling::standard(seed.label("log-rank"));
    let horizon = horizon(&pairs);
    let restricted = horizon.and_then(|horizon| {
        let mean = |side| restricted_mean(side, horizon, confidence).map(|restricted| restricted.mean);
        let differences: Result<Vec<f64>, Refusal> =
            pairs.iter().map(|pair| Ok(mean(pair.arm)? - mean(pair.baseline)?)).collect();
        mean_interval_at(&differences.ok()?, confidence)
    });
    Some(Survival {
        baseline_median: median(&baselines, confidence),
        arm_median: median(&arms, confidence),
        log_rank_p: log_rank_of_blocks(&pairs, &draws).ok().map(|test| rounded(test.significance.p)),
        horizon_ns: horizon.map(|horizon| whole(horizon).unsigned_abs()),
        restricted_mean_difference_ns: restricted.map(|mean| whole(mean.mean)),
        restricted_mean_interval_ns: restricted.map(|mean| [whole(mean.low), whole(mean.high)]),
    })
}

/// The first time at which anything was cut off; up to it every block's curve is known.
fn horizon(pairs: &[PairedObservations<'_>]) -> Option<f64> {
    let all = pairs.iter().flat_map(|pair| pair.baseline.iter().chain(pair.arm));
    all.filter(|observation| !observation.ended)
        .map(|observation| observation.time)
        .min_by(f64::total_cmp)
        .filter(|horizon| *horizon > 0.0)
}

fn median(blocks: &Blocks, confidence: Confidence) -> MedianTime {
    let all: Vec<Observation> = blocks.values().flatten().copied().collect();
    let Ok(curve) = KaplanMeier::of(&all, confidence) else { return MedianTime::default() };
    MedianTime { estimate_ns: curve.quantile(Level::P50).estimate.map(|time| whole(time).unsigned_abs()) }
}
