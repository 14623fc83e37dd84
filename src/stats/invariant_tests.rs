//! Whatever goes in, no NaN and no infinity comes out, and nothing panics.

use std::{fmt::Debug, num::NonZeroUsize};

use proptest::prelude::*;

use crate::{
    stats::{
        bootstrap::{Contrast, Options, PairedCluster, Statistic, of_clusters, of_pairs},
        brunner_munzel::brunner_munzel,
        drift::{autocorrelation, drift},
        effect_size::dominance,
        equivalence::equivalence,
        evidence::{Question, paired},
        harrell_davis::harrell_davis,
        hodges_lehmann,
        interval::Confidence,
        multiplicity::holm,
        pairing::variance_reduction,
        permutation::permutation_test,
        power::Pilot,
        quantile::Level,
        resampling::Resampling,
        sequential::{Spending, boundaries},
        sign_flip::{Tail, sign_flip_test},
        survival::{
            CompetingObservation, Observation,
            aalen_johansen::CumulativeIncidence,
            kaplan_meier::KaplanMeier,
            log_rank::log_rank,
            restricted_mean::{restricted_mean, restricted_mean_difference},
        },
    },
    units::Seed,
};

/// Ordinary numbers, many of them equal, and the worst ones.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (0_u8..5).prop_map(f64::from),
        4 => -1e3_f64..1e3,
        2 => prop::sample::select(vec![0.0, -0.0, 1e150, -1e150, 1e-150, 5e-324, 1e-9, 0.1, 1e16]),
        1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::MAX, 1e151]),
    ]
}

/// Mostly usable samples: one bad value in a sample refuses it, and would hide everything else.
fn sample(longest: usize) -> impl Strategy<Value = Vec<f64>> {
    let clean = value().prop_map(|value| if value.is_finite() && value.abs() <= 1e150 { value } else { 1.0 });
    prop_oneof![
        8 => prop::collection::vec(clean, 0..longest),
        1 => prop::collection::vec(value(), 0..longest),
        1 => (value(), 0..longest).prop_map(|(value, n)| vec![value; n]),
    ]
}

/// Every number in an answer is printed by its `Debug`, whatever its type.
#[track_caller]
fn assert_numbers(answer: &impl Debug) {
    let text = format!("{answer:?}");
    let words = text.split(|c: char| !c.is_alphanumeric());
    assert!(!words.into_iter().any(|word| word == "NaN" || word == "inf"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn no_answer_on_blocks_holds_nan_or_infinity(a in sample(40), b in sample(40), margin in value()) {
        let resampling = Resampling { seed: Seed::new(1), resamples: 20 };
        let confidence = Confidence::STANDARD;
        assert_numbers(&sign_flip_test(&a, Tail::Less, &resampling));
        assert_numbers(&permutation_test(&a, &b, &resampling));
        assert_numbers(&brunner_munzel(&a, &b, &resampling));
        assert_numbers(&hodges_lehmann::one_sample(&a, confidence));
        assert_numbers(&hodges_lehmann::two_sample(&a, &b, confidence));
        assert_numbers(&dominance(&a, &b, confidence));
        assert_numbers(&equivalence(&a, margin, 0.05));
        assert_numbers(&drift(&a));
        assert_numbers(&autocorrelation(&a, &resampling));
        assert_numbers(&variance_reduction(&a, &b));
        assert_numbers(&holm(&a));
        let both = a.len().min(b.len());
        let question = Question { margin: Some(margin.abs()), confidence, resampling };
        assert_numbers(&paired(&a[..both], &b[..both], &question));
        if let Ok(pilot) = Pilot::of(&a) {
            assert_numbers(&(pilot, pilot.sd_at_most(confidence), pilot.smallest_effect(7, 0.05, 0.8)));
            assert_numbers(&pilot.blocks_for(margin, 0.05, 0.8));
        }
        assert_numbers(&boundaries(Spending::OBrienFleming, 0.05, &a));
    }

    #[test]
    fn no_answer_on_samples_holds_nan_or_infinity(
        blocks in prop::collection::vec((sample(12), sample(12)), 0..12),
        level in prop::sample::select(vec![Level::P50, Level::P90, Level::P99]),
        horizon in value(),
    ) {
        let options = Options {
            confidence: Confidence::STANDARD,
            resampling: Resampling { seed: Seed::new(1), resamples: 200 },
            threads: NonZeroUsize::MIN,
        };
        let statistics = [Statistic::Mean, Statistic::Quantile(level)];
        let clusters: Vec<&[f64]> = blocks.iter().map(|block| block.0.as_slice()).collect();
        assert_numbers(&of_clusters(&clusters, &statistics, &options));
        let pairs: Vec<PairedCluster<'_>> =
            blocks.iter().map(|(baseline, arm)| PairedCluster { baseline, arm }).collect();
        assert_numbers(&of_pairs(&pairs, &statistics.map(Contrast::Difference), &options));
        assert_numbers(&of_pairs(&pairs, &statistics.map(Contrast::Ratio), &options));
        let mut sorted = clusters.concat();
        sorted.sort_unstable_by(f64::total_cmp);
        assert_numbers(&harrell_davis(&sorted, level, Confidence::STANDARD));

        let observed = |values: &[f64]| -> Vec<Observation> {
            values.iter().enumerate().map(|(i, value)| Observation { time: value.abs(), ended: i % 3 > 0 }).collect()
        };
        let (one, other) = (observed(&sorted), observed(&blocks.iter().flat_map(|block| block.1.clone()).collect::<Vec<_>>()));
        assert_numbers(&KaplanMeier::of(&one, Confidence::STANDARD));
        assert_numbers(&log_rank(&one, &other));
        assert_numbers(&restricted_mean(&one, horizon, Confidence::STANDARD));
        assert_numbers(&restricted_mean_difference(&one, &other, horizon, Confidence::STANDARD));
        let competing: Vec<CompetingObservation> = one
            .iter()
            .enumerate()
            .map(|(i, observation)| CompetingObservation { time: observation.time, cause: observation.ended.then_some(i % 2) })
            .collect();
        assert_numbers(&CumulativeIncidence::of(&competing, 2, Confidence::STANDARD));
    }
}
