use proptest::prelude::*;

use super::*;
use crate::units::Seed;

const LEVELS: [Level; 3] = [Level::P50, Level::P90, Level::P99];

fn options(resamples: usize, threads: usize) -> Options {
    Options {
        confidence: Confidence::STANDARD,
        resampling: Resampling { seed: Seed::new(17), resamples },
        threads: NonZeroUsize::new(threads).unwrap(),
    }
}

/// Blocks of made-up times, skewed, with luck of their own.
fn blocks(blocks: u64, instances: u64) -> Vec<Vec<f64>> {
    let seed = Seed::new(23);
    (0..blocks)
        .map(|block| {
            let luck = 1.0 + seed.label("block").index(block).uniform();
            (0..instances).map(|i| 10.0 - luck * seed.index(block).index(i).uniform().ln()).collect()
        })
        .collect()
}

fn slices(blocks: &[Vec<f64>]) -> Vec<&[f64]> {
    blocks.iter().map(Vec::as_slice).collect()
}

#[test]
fn a_mean_of_six_blocks_has_the_intervals_of_all_its_resamples() {
    // NumPy over itertools.product(x, repeat=6), all 46 656 resamples: percentile 2.8333 to 18, BCa 3.6667 to 22,
    // standard deviation 4.0374405.
    let blocks = [1.0, 2.0, 4.0, 7.0, 11.0, 30.0].map(|value| vec![value; 3]);
    let result = of_clusters(&slices(&blocks), &[Statistic::Mean], &options(20_000, 2)).unwrap()[0].unwrap();
    assert!((result.estimate - 55.0 / 6.0).abs() < 1e-12);
    assert!((result.standard_error - 4.037_440_5).abs() < 0.06, "{result:?}");
    // Means of six whole numbers lie a sixth apart, and drawn ends may be a step or two off.
    let near = |a: f64, b: f64| (a - b).abs() < 0.34;
    assert!(near(result.percentile.low, 17.0 / 6.0) && near(result.percentile.high, 18.0), "{result:?}");
    assert!(near(result.bca.low, 22.0 / 6.0) && near(result.bca.high, 22.0), "{result:?}");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let blocks = blocks(20, 30);
    let statistics = [Statistic::Mean, Statistic::Quantile(Level::P50), Statistic::Quantile(Level::P99)];
    let alone = of_clusters(&slices(&blocks), &statistics, &options(500, 1)).unwrap();
    for threads in [2, 3, 7, 600] {
        assert_eq!(of_clusters(&slices(&blocks), &statistics, &options(500, threads)).unwrap(), alone);
    }
    let other = Options { resampling: Resampling { seed: Seed::new(1), resamples: 500 }, ..options(500, 1) };
    assert_ne!(of_clusters(&slices(&blocks), &statistics, &other).unwrap(), alone);
}

#[test]
fn statistics_of_the_whole_are_those_of_the_pooled_sample() {
    let blocks = blocks(12, 40);
    let mut pooled: Vec<f64> = blocks.concat();
    pooled.sort_unstable_by(f64::total_cmp);
    let statistics = LEVELS.map(Statistic::Quantile);
    let results = of_clusters(&slices(&blocks), &statistics, &options(300, 2)).unwrap();
    for (level, result) in LEVELS.iter().zip(results) {
        let result = result.unwrap();
        assert!((result.estimate - plain_quantile(&pooled, *level)).abs() < 1e-12);
        assert!(result.bca.low <= result.estimate && result.estimate <= result.bca.high, "{result:?}");
    }
}

#[test]
fn pairs_are_drawn_together() {
    // Both arms share the blocks' luck, which cancels in the difference and in the ratio.
    let baseline = blocks(10, 30);
    let arm: Vec<Vec<f64>> = baseline.iter().map(|block| block.iter().map(|value| value * 0.5).collect()).collect();
    let pairs: Vec<PairedCluster<'_>> =
        baseline.iter().zip(&arm).map(|(baseline, arm)| PairedCluster { baseline, arm }).collect();
    let p90 = Statistic::Quantile(Level::P90);
    let contrasts = [Contrast::Ratio(Statistic::Mean), Contrast::Ratio(p90), Contrast::Difference(Statistic::Mean)];
    let results = of_pairs(&pairs, &contrasts, &options(500, 2)).unwrap();
    for result in &results[..2] {
        let result = result.unwrap();
        assert!((result.estimate - 0.5).abs() < 1e-12 && result.standard_error < 1e-12, "{result:?}");
        assert!((result.bca.low - 0.5).abs() < 1e-12 && (result.bca.high - 0.5).abs() < 1e-12, "{result:?}");
    }
    let alone = of_clusters(&slices(&baseline), &[Statistic::Mean], &options(500, 2)).unwrap()[0].unwrap();
    let difference = results[2].unwrap();
    assert!((difference.estimate + alone.estimate / 2.0).abs() < 1e-9);
    assert!((difference.standard_error - alone.standard_error / 2.0).abs() < 1e-9);
}

#[test]
fn too_little_to_draw_from_is_refused() {
    let few = blocks(5, 100);
    let mean = [Statistic::Mean];
    let too_small = |n, needed| Refusal::TooSmall(TooSmall { n, needed });
    assert_eq!(of_clusters(&slices(&few), &mean, &options(500, 1)), Err(too_small(5, 6)));
    assert_eq!(of_clusters(&[], &mean, &options(500, 1)), Err(too_small(0, 6)));
    let mut gap = blocks(6, 10);
    gap[3].clear();
    assert_eq!(of_clusters(&slices(&gap), &mean, &options(500, 1)), Err(too_small(0, 1)));
    gap[3] = vec![f64::NAN];
    assert_eq!(of_clusters(&slices(&gap), &mean, &options(500, 1)), Err(Refusal::NotFinite { index: 0 }));
    assert!(matches!(of_clusters(&slices(&few), &mean, &options(10, 1)), Err(Refusal::TooSmall(_))));
    let enough = blocks(6, 3);
    assert!(matches!(of_clusters(&slices(&enough), &mean, &options(10, 1)), Err(Refusal::OutOfRange { .. })));
    let tails = [Statistic::Mean, Statistic::Quantile(Level::P90)];
    let results = of_clusters(&slices(&enough), &tails, &options(500, 1)).unwrap();
    assert!(results[0].is_ok());
    assert_eq!(results[1], Err(too_small(18, 29)));
    assert_eq!(of_clusters(&slices(&enough), &[], &options(500, 1)), Ok(vec![]));
    let (zero, one) = (vec![0.0], vec![1.0]);
    let pairs = [PairedCluster { baseline: &zero, arm: &one }; 6];
    let ratio = of_pairs(&pairs, &[Contrast::Ratio(Statistic::Mean)], &options(500, 1)).unwrap();
    assert!(matches!(ratio[0], Err(Refusal::OutOfRange { .. })));
    let (tiny, huge) = (vec![1e-300], vec![1e150]);
    let pairs = [PairedCluster { baseline: &tiny, arm: &huge }; 6];
    let ratio = of_pairs(&pairs, &[Contrast::Ratio(Statistic::Mean)], &options(500, 1)).unwrap();
    assert!(matches!(ratio[0], Err(Refusal::OutOfRange { .. })));
}

fn plain_quantile(sorted: &[f64], level: Level) -> f64 {
    let (rank, weight) = level.position(sorted.len() as u64);
    let rank = usize::try_from(rank).unwrap();
    let next = sorted[(rank + 1).min(sorted.len() - 1)];
    sorted[rank] + weight * (next - sorted[rank])
}

proptest! {
    #[test]
    fn a_resample_has_the_statistics_of_its_pooled_values(
        blocks in prop::collection::vec(prop::collection::vec(0_i32..1000, 1..60), 1..12),
        draws in prop::collection::vec(any::<prop::sample::Index>(), 1..12),
    ) {
        let blocks: Vec<Vec<f64>> =
            blocks.iter().map(|block| block.iter().map(|value| f64::from(*value)).collect()).collect();
        let mut weights = vec![0; blocks.len()];
        let mut pooled = Vec::new();
        for draw in draws {
            let block = draw.index(blocks.len());
            weights[block] += 1;
            pooled.extend_from_slice(&blocks[block]);
        }
        pooled.sort_unstable_by(f64::total_cmp);
        let sample = ClusteredSample::new(&slices(&blocks)).unwrap();
        for level in LEVELS {
            let ours = sample.statistic(Statistic::Quantile(level), Choice::Counts(&weights));
            prop_assert!((ours - plain_quantile(&pooled, level)).abs() < 1e-9);
        }
        for left_out in 0..if blocks.len() > 1 { blocks.len() } else { 0 } {
            let mut weights = vec![1; blocks.len()];
            weights[left_out] = 0;
            for statistic in [Statistic::Mean, Statistic::Quantile(Level::P50), Statistic::Quantile(Level::P90)] {
                let counted = sample.statistic(statistic, Choice::Counts(&weights));
                prop_assert!((sample.statistic(statistic, Choice::AllBut(left_out)) - counted).abs() < 1e-9);
            }
        }
        let mean = pooled.iter().sum::<f64>() / pooled.len() as f64;
        prop_assert!((sample.statistic(Statistic::Mean, Choice::Counts(&weights)) - mean).abs() < 1e-9);
    }
}
