//! Statistics of instances, with intervals from drawing whole blocks with replacement.

use std::{num::NonZeroUsize, thread};

use serde::Serialize;

use super::rounded;
use crate::{
    report::{comparison::whole, observations::Observations},
    stats::{
        bootstrap::{Bootstrap, Contrast, Options, PairedCluster, Statistic, of_pairs},
        interval::Confidence,
        quantile::Level,
        refusal::Refusal,
        resampling::Resampling,
    },
    units::Seed,
};

/// Numbers drawn, resamples times blocks, above which there are fewer resamples: the more blocks, the closer is what is drawn
/// to a normal distribution, whose ends need fewer draws.
const DRAWS_MAX: usize = 1_000_000;

/// The fewest resamples: the ends of a 95 % interval are the 50th from either side, known to a twentieth of a standard error.
const RESAMPLES_MIN: usize = 2_000;

/// An estimate with its two intervals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Estimate<T> {
    /// Of the instances as they were; null when refused.
    pub estimate: Option<T>,
    /// Between the percentiles of the resamples.
    pub percentile: Option<[T; 2]>,
    /// Corrected for bias and acceleration.
    pub bca: Option<[T; 2]>,
    /// Why there is no answer.
    pub refused: Option<String>,
}

/// What drawing whole blocks says; differences are arm − baseline, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Resampled {
    /// How many times the blocks were drawn.
    pub resamples: usize,
    /// Arm / baseline of the means of all instances.
    pub ratio_of_means: Estimate<f64>,
    /// The difference of the means of all instances.
    pub mean_ns: Estimate<i64>,
    /// The difference of the medians.
    pub p50_ns: Estimate<i64>,
    /// The difference of the 90th percentiles.
    pub p90_ns: Estimate<i64>,
    /// The difference of the 99th percentiles.
    pub p99_ns: Estimate<i64>,
}

/// # Errors
/// With too few blocks in common.
pub(super) fn of(
    baseline: &Observations,
    arm: &Observations,
    confidence: Confidence,
    seed: Seed,
) -> Result<Resampled, Refusal> {
    let (baselines, arms) = (baseline.values_by_block(), arm.values_by_block());
    let blocks: Vec<PairedCluster<'_>> = baselines
        .iter()
        .filter_map(|(block, baseline)| Some(PairedCluster { baseline, arm: arms.get(block)? }))
        .collect();
    let quantiles = [Level::P50, Level::P90, Level::P99].map(|level| Contrast::Difference(Statistic::Quantile(level)));
    let [p50, p90, p99] = quantiles;
    let contrasts = [Contrast::Ratio(Statistic::Mean), Contrast::Difference(Statistic::Mean), p50, p90, p99];
    let standard = Resampling::standard(seed.label("blocks"));
    let resamples = standard.resamples.min((DRAWS_MAX / blocks.len().max(1)).max(RESAMPLES_MIN));
    let options = Options {
        confidence,
        resampling: Resampling { resamples, ..standard },
        threads: thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
    };
    let mut answers = of_pairs(&blocks, &contrasts, &options)?.into_iter();
    let mut next = || answers.next().unwrap_or(Err(Refusal::NoSpread));
    Ok(Resampled {
        resamples,
        ratio_of_means: estimate(next(), rounded),
        mean_ns: estimate(next(), whole),
        p50_ns: estimate(next(), whole),
        p90_ns: estimate(next(), whole),
        p99_ns: estimate(next(), whole),
    })
}

fn estimate<T>(answer: Result<Bootstrap, Refusal>, unit: impl Fn(f64) -> T) -> Estimate<T> {
    match answer {
        Ok(answer) => Estimate {
            estimate: Some(unit(answer.estimate)),
            percentile: Some([unit(answer.percentile.low), unit(answer.percentile.high)]),
            bca: Some([unit(answer.bca.low), unit(answer.bca.high)]),
            refused: None,
        },
        Err(refusal) => Estimate { estimate: None, percentile: None, bca: None, refused: Some(refusal.to_string()) },
    }
}
