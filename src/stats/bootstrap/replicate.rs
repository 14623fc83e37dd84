//! The statistics of many choices of blocks, spread over threads.

use std::{num::NonZeroUsize, thread};

use crate::stats::bootstrap::{Options, clustered::Choice};

/// The statistics of blocks drawn with replacement, a row a resample.
pub(super) fn drawn(
    clusters: usize,
    statistics: usize,
    evaluate: &(impl Fn(Choice<'_>, &mut [f64]) + Sync),
    options: &Options,
) -> Vec<f64> {
    let draws = options.resampling.seed.label("bootstrap");
    rows(options.resampling.resamples, clusters, statistics, options.threads, |resample, weights, out| {
        weights.fill(0);
        let mut stream = draws.index(resample as u64).stream();
        for _ in 0..clusters {
            weights[stream.below(clusters)] += 1;
        }
        evaluate(Choice::Counts(weights), out);
    })
}

/// The statistics with one block left out, a row a block.
pub(super) fn left_out(
    clusters: usize,
    statistics: usize,
    evaluate: &(impl Fn(Choice<'_>, &mut [f64]) + Sync),
    threads: NonZeroUsize,
) -> Vec<f64> {
    rows(clusters, 0, statistics, threads, |cluster, _, out| evaluate(Choice::AllBut(cluster), out))
}

/// Fills rows in parallel, each thread a run of them with weights of its own; what a row gets depends on its number alone.
fn rows(
    rows: usize,
    clusters: usize,
    statistics: usize,
    threads: NonZeroUsize,
    fill: impl Fn(usize, &mut [u32], &mut [f64]) + Sync,
) -> Vec<f64> {
    let mut filled = vec![0.0; rows * statistics];
    if statistics == 0 {
        return filled;
    }
    let share = rows.div_ceil(threads.get());
    let work = |first: usize, part: &mut [f64]| {
        let mut weights = vec![0; clusters];
        for (offset, out) in part.chunks_mut(statistics).enumerate() {
            fill(first + offset, &mut weights, out);
        }
    };
    if threads.get() == 1 {
        work(0, &mut filled);
    } else {
        thread::scope(|scope| {
            for (index, part) in filled.chunks_mut(share * statistics).enumerate() {
                let work = &work;
                scope.spawn(move || work(index * share, part));
            }
        });
    }
    filled
}
