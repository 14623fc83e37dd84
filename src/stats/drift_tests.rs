use proptest::prelude::*;

use super::*;
use crate::{stats::quantile::TooSmall, units::Seed};

const RISING: [f64; 10] = [3.0, 1.0, 4.0, 1.5, 5.0, 9.0, 2.6, 5.3, 5.8, 9.7];

fn drawn() -> Resampling {
    Resampling::standard(Seed::new(13))
}

#[test]
fn a_trend_without_ties_has_scipys_exact_p() {
    // SciPy 1.17.1: kendalltau(range(10), x) → 0.6, 0.016666115520282188; theilslopes(x).slope = 0.5.
    let result = drift(&RISING).unwrap();
    assert!((result.tau - 0.6).abs() < 1e-12 && (result.p - 0.016_666_115_520_282_188).abs() < 1e-12, "{result:?}");
    assert!((result.slope - 0.5).abs() < 1e-9 && result.exact, "{result:?}");
    let falling: Vec<f64> = RISING.iter().map(|value| -value).collect();
    let mirrored = drift(&falling).unwrap();
    assert!((mirrored.tau + 0.6).abs() < 1e-12 && (mirrored.p - result.p).abs() < 1e-15);
}

#[test]
fn a_trend_with_ties_has_kendalls_corrected_variance() {
    // Kendall's variance by hand in Python: S = 45, 207.666… → 2 · norm.sf(44 / √207.666…) = 0.00226340585131275.
    let result = drift(&[1.0, 2.0, 2.0, 3.0, 1.0, 4.0, 4.0, 5.0, 5.0, 6.0, 3.0, 7.0]).unwrap();
    assert!((result.p - 0.002_263_405_851_312_75).abs() < 1e-9 && !result.exact, "{result:?}");
    assert!((result.tau - 45.0 / 66.0).abs() < 1e-12 && (result.slope - 0.5).abs() < 1e-9, "{result:?}");
}

#[test]
fn the_normal_p_is_near_the_exact_one_where_it_takes_over() {
    let values: Vec<f64> = (0..60).map(|i| f64::from(i) * 0.0031 + f64::from(i * 37 % 60) * 0.02).collect();
    let (exact, score) = (drift(&values).unwrap(), drift(&values).unwrap().tau * 1_770.0);
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of pairs")]
    let normal = tied_p(score.round() as i64, 60, &[1; 60]);
    assert!(exact.exact && (exact.p - normal).abs() < 1e-3, "{} {normal}", exact.p);
}

#[test]
fn blocks_that_do_not_vary_do_not_drift() {
    let flat = drift(&[2.0; 7]).unwrap();
    assert!(flat.tau.abs() < 1e-12 && flat.slope.abs() < 1e-12 && (flat.p - 1.0).abs() < 1e-12);
    assert_eq!(drift(&[1.0]), Err(TooSmall { n: 1, needed: 2 }.into()));
    assert_eq!(drift(&[1.0, f64::NAN]), Err(Refusal::NotFinite { index: 1 }));
}

#[test]
fn lag_one_is_that_of_statsmodels() {
    // statsmodels 0.15: acf(x, nlags=1)[1] = 0.094783332682876.
    let result = autocorrelation(&RISING, &drawn()).unwrap();
    assert!((result.lag1 - 0.094_783_332_682_876).abs() < 1e-12, "{result:?}");
    assert!(result.significance.p > 0.2);
}

#[test]
fn waves_and_alternation_are_found() {
    let wave: Vec<f64> = (0..40).map(|i| (f64::from(i) / 5.0).sin()).collect();
    let found = autocorrelation(&wave, &drawn()).unwrap();
    assert!(found.lag1 > 0.8 && found.significance.p < 0.001, "{found:?}");
    let alternating: Vec<f64> = (0..12).map(|i| f64::from(i % 2)).collect();
    let found = autocorrelation(&alternating, &drawn()).unwrap();
    // Only two of the 924 arrangements alternate throughout.
    assert!(found.lag1 < -0.8 && found.significance.p < 0.02, "{found:?}");
}

#[test]
fn too_few_blocks_or_no_spread_are_refused() {
    assert_eq!(autocorrelation(&[1.0; 4], &drawn()), Err(TooSmall { n: 4, needed: 5 }.into()));
    assert_eq!(autocorrelation(&[0.1; 9], &drawn()), Err(Refusal::NoSpread));
    assert_eq!(autocorrelation(&[0.0; 9], &drawn()), Err(Refusal::NoSpread));
}

proptest! {
    #[test]
    fn merging_counts_what_all_pairs_count(values in prop::collection::vec(-20_i32..20, 2..40)) {
        let floats: Vec<f64> = values.iter().map(|value| f64::from(*value)).collect();
        let pairs = |i: usize| values[i + 1..].iter().map(move |later| (i, *later));
        let falling = (0..values.len()).flat_map(pairs).filter(|(i, later)| *later <= values[*i]).count();
        prop_assert_eq!(pairs_not_rising(&floats), falling as u64);
        let mut slopes: Vec<f64> = (0..values.len())
            .flat_map(|i| (i + 1..values.len()).map(move |j| (i, j)))
            .map(|(i, j)| (floats[j] - floats[i]) / (j - i) as f64)
            .collect();
        slopes.sort_unstable_by(f64::total_cmp);
        let median = f64::midpoint(slopes[(slopes.len() - 1) / 2], slopes[slopes.len() / 2]);
        prop_assert!((drift(&floats).unwrap().slope - median).abs() < 1e-9);
    }
}
