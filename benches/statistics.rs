//! The budget of the bootstrap: BCa, 10 000 resamples × 4 statistics × 10 000 samples, in at most 1 s on two cores.
//!
//! `cargo bench --bench statistics`. The samples come in 30 blocks, in 1 000, and in 10 000 of one instance, which is the
//! costliest way.

use std::{hint::black_box, num::NonZeroUsize, time::Duration};

use criterion::{Criterion, criterion_group, criterion_main};
use provbench::{
    stats::{
        bootstrap::{Contrast, Options, PairedCluster, Statistic, of_clusters, of_pairs},
        brunner_munzel::brunner_munzel,
        hodges_lehmann,
        interval::Confidence,
        permutation::permutation_test,
        quantile::Level,
        resampling::Resampling,
        sequential::{Spending, boundaries},
        sign_flip::{Tail, sign_flip_test},
    },
    units::Seed,
};

const STATISTICS: [Statistic; 4] = [
    Statistic::Mean,
    Statistic::Quantile(Level::P50),
    Statistic::Quantile(Level::P90),
    Statistic::Quantile(Level::P99),
];

fn values(seed: u64, n: u64) -> Vec<f64> {
    (0..n).map(|i| 20.0 - 3.0 * Seed::new(seed).index(i).uniform().ln()).collect()
}

fn bca(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("BCa, 10 000 resamples × 4 statistics × 10 000 samples");
    group.sample_size(10).measurement_time(Duration::from_secs(5));
    let samples = values(1, 10_000);
    let others = values(2, 10_000);
    for blocks in [30, 1_000, 10_000] {
        let size = 10_000_usize.div_ceil(blocks);
        let clusters: Vec<&[f64]> = samples.chunks(size).collect();
        for threads in [1, 2] {
            let options = Options {
                confidence: Confidence::STANDARD,
                resampling: Resampling::standard(Seed::new(1)),
                threads: NonZeroUsize::new(threads).unwrap_or(NonZeroUsize::MIN),
            };
            group.bench_function(format!("{blocks} blocks, {threads} threads"), |bencher| {
                bencher.iter(|| black_box(of_clusters(&clusters, &STATISTICS, &options)));
            });
            if blocks == 30 && threads == 2 {
                let pairs: Vec<PairedCluster<'_>> = samples
                    .chunks(size)
                    .zip(others.chunks(size))
                    .map(|(baseline, arm)| PairedCluster { baseline, arm })
                    .collect();
                group.bench_function("30 blocks of two arms, 2 threads", |bencher| {
                    bencher.iter(|| black_box(of_pairs(&pairs, &STATISTICS.map(Contrast::Ratio), &options)));
                });
            }
        }
    }
    group.finish();
}

fn tests(criterion: &mut Criterion) {
    let resampling = Resampling::standard(Seed::new(1));
    let differences: Vec<f64> = values(3, 200).iter().map(|value| value - 22.0).collect();
    criterion.bench_function("sign flips, 30 blocks exactly", |bencher| {
        bencher.iter(|| black_box(sign_flip_test(&differences[..30], Tail::Both, &resampling)));
    });
    criterion.bench_function("sign flips, 200 blocks drawn", |bencher| {
        bencher.iter(|| black_box(sign_flip_test(&differences, Tail::Both, &resampling)));
    });
    criterion.bench_function("permutations, 15 and 15 exactly", |bencher| {
        bencher.iter(|| black_box(permutation_test(&differences[..15], &differences[15..30], &resampling)));
    });
    criterion.bench_function("Brunner-Munzel, 14 and 14 permuted", |bencher| {
        bencher.iter(|| black_box(brunner_munzel(&differences[..14], &differences[14..28], &resampling)));
    });
    let many = values(4, 10_000);
    criterion.bench_function("Hodges-Lehmann shift of 10 000 blocks", |bencher| {
        bencher.iter(|| black_box(hodges_lehmann::one_sample(&many, Confidence::STANDARD)));
    });
    let looks: Vec<f64> = (1..=40).map(|look| f64::from(look) / 40.0).collect();
    criterion.bench_function("boundaries of 40 looks", |bencher| {
        bencher.iter(|| black_box(boundaries(Spending::OBrienFleming, 0.05, &looks)));
    });
}

criterion_group!(benches, bca, tests);
criterion_main!(benches);
