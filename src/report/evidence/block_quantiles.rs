//! How far the blocks of one arm spread.

use serde::Serialize;

use crate::{
    report::{comparison::whole, observations::Observations},
    stats::{
        harrell_davis::harrell_davis,
        interval::Confidence,
        quantile::{self, Level},
    },
};

/// A quantile of block means, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlockQuantile {
    /// Harrell and Davis's estimate.
    pub estimate_ns: Option<i64>,
    /// The 95 % interval between two order statistics, which assumes no distribution.
    pub interval_ns: Option<[i64; 2]>,
    /// Why there is none: `n too small: 3, at least 6 needed`.
    pub refused: Option<String>,
}

/// Quantiles of the means of an arm's blocks: of blocks, which are independent, and not of instances, which are not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlockQuantiles {
    /// How many blocks.
    pub blocks: usize,
    /// The median block.
    pub p50: BlockQuantile,
    /// The 90th percentile.
    pub p90: BlockQuantile,
    /// The 99th percentile.
    pub p99: BlockQuantile,
}

impl BlockQuantiles {
    /// `None` without blocks, and where times were cut off.
    pub(in crate::report) fn of(observations: &Observations) -> Option<Self> {
        let mut means: Vec<f64> = observations.block_means().map(|(_, mean)| mean).collect();
        if means.is_empty() || !observations.bounds().is_empty() {
            return None;
        }
        means.sort_unstable_by(f64::total_cmp);
        let at = |level| one(&means, level);
        Some(Self { blocks: means.len(), p50: at(Level::P50), p90: at(Level::P90), p99: at(Level::P99) })
    }
}

fn one(sorted: &[f64], level: Level) -> BlockQuantile {
    let interval = quantile::interval(sorted, level);
    let estimate = harrell_davis(sorted, level, Confidence::STANDARD);
    BlockQuantile {
        refused: estimate.as_ref().err().map(ToString::to_string),
        estimate_ns: estimate.ok().map(|estimate| whole(estimate.estimate)),
        interval_ns: interval.ok().map(|(low, high)| [whole(low), whole(high)]),
    }
}
