use super::*;
use crate::units::Seed;

fn drawn() -> Resampling {
    Resampling::standard(Seed::new(7))
}

#[test]
fn statistic_and_p_are_those_of_scipy() {
    // SciPy 1.17.1, stats.brunnermunzel(baseline, arm) → 1.0842030326038885, 0.29018626720430957 (its sign is arm − baseline).
    let baseline =
        [1.189, 1.508, 1.18, 0.521, 1.573, 1.25, 0.765, 1.337, 1.2, 1.158, 1.014, 1.314, 0.692, 0.922, 0.786];
    let arm =
        [2.179, 1.393, 1.068, 0.722, 1.099, 1.359, 1.083, 3.801, 3.02, 0.154, 0.298, 1.174, 0.963, 1.601, 1.606, 7.347];
    let test = brunner_munzel(&baseline, &arm, &drawn()).unwrap();
    assert!((test.statistic.unwrap() - 1.084_203_032_603_888_5).abs() < 1e-10, "{test:?}");
    assert!((test.significance.p - 0.290_186_267_204_309_57).abs() < 1e-8, "{test:?}");
    assert_eq!(test.significance.reference, Reference::Asymptotic);
}

#[test]
fn the_pain_scores_have_the_published_statistic_and_a_permuted_p() {
    // Brunner and Munzel 2000, table 1 (also SciPy's example): W = 3.1375, p by t 0.00579. Below 15 a side it is permuted.
    let first = [1., 2., 1., 1., 1., 1., 1., 1., 1., 1., 2., 4., 1., 1.];
    let second = [3., 3., 4., 3., 1., 2., 3., 1., 1., 5., 4.];
    let test = brunner_munzel(&first, &second, &drawn()).unwrap();
    assert!((test.statistic.unwrap() - 3.137_467_482_302_950_5).abs() < 1e-10, "{test:?}");
    let by_t = student::two_sided_p(3.137_467_482_302_950_5, test.freedom.unwrap()).unwrap();
    assert!((by_t - 0.005_786_208_666_151_469).abs() < 1e-9, "{by_t}");
    assert_eq!(test.significance.reference, Reference::MonteCarlo { resamples: 10_000 });
    // All 4 457 400 arrangements, counted in Python over how many of each score the second group gets: 19 447 on the smaller
    // side, p = 0.00872571. Three standard errors of 10 000 draws are 0.004.
    assert!((test.significance.p - 0.008_725_71).abs() < 0.004, "{test:?}");
}

#[test]
fn few_values_are_permuted_exactly() {
    // All 462 arrangements in Python with SciPy's formula: W = 1.948752085616792, 28 at or above, 440 at or below.
    let test = brunner_munzel(&[1.2, 3.4, 2.2, 5.1, 2.2], &[2.9, 6.1, 4.4, 5.1, 7.3, 2.2], &drawn()).unwrap();
    assert!((test.statistic.unwrap() - 1.948_752_085_616_792).abs() < 1e-12);
    assert_eq!(test.significance.reference, Reference::Exact { arrangements: 462 });
    assert!((test.significance.p - 56.0 / 462.0).abs() < 1e-12, "{test:?}");
}

#[test]
fn samples_that_do_not_overlap_have_no_statistic_and_a_permuted_p() {
    let low: Vec<f64> = (0..20).map(f64::from).collect();
    let high: Vec<f64> = (100..120).map(f64::from).collect();
    let test = brunner_munzel(&low, &high, &drawn()).unwrap();
    assert_eq!((test.statistic, test.freedom), (None, None));
    assert!((test.relative_effect - 1.0).abs() < 1e-12 && test.significance.p < 0.001);
    let few = brunner_munzel(&low[..4], &high[..4], &drawn()).unwrap();
    assert!((few.significance.p - 2.0 / 70.0).abs() < 1e-12, "{few:?}");
}

#[test]
fn equal_values_do_not_differ_and_too_few_are_refused() {
    for n in [2, 20] {
        let test = brunner_munzel(&vec![3.0; n], &vec![3.0; n], &drawn()).unwrap();
        assert!((test.significance.p - 1.0).abs() < 1e-12 && (test.relative_effect - 0.5).abs() < 1e-12, "{test:?}");
    }
    assert!(matches!(brunner_munzel(&[1.0], &[1.0, 2.0], &drawn()), Err(Refusal::TooSmall(_))));
    assert!(brunner_munzel(&[1.0, f64::NAN], &[1.0, 2.0], &drawn()).is_err());
}
