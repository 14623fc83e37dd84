use proptest::prelude::*;

use super::*;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-7
}

#[test]
fn delta_and_its_interval_are_those_of_rs_effsize() {
    // The example of ?cliff.delta in R's package effsize, which prints −0.25 and −0.7265846 to 0.3890062; NumPy 2.4.6 and
    // SciPy 1.17.1 over all pairs give the same.
    let treatment = [10., 10., 20., 20., 20., 30., 30., 30., 40., 50.];
    let control = [10., 20., 30., 40., 40., 50.];
    let dominance = dominance(&control, &treatment, Confidence::STANDARD).unwrap();
    assert!(near(dominance.cliffs_delta, -0.25) && near(dominance.a12, 0.375), "{dominance:?}");
    let interval = dominance.cliffs_delta_interval;
    assert!(near(interval.low, -0.726_584_6) && near(interval.high, 0.389_006_2), "{interval:?}");
    assert!(near(dominance.a12_interval.low, (1.0 - 0.726_584_6) / 2.0));
}

#[test]
fn samples_that_do_not_overlap_are_bounded_by_their_size() {
    let dominance = dominance(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0], Confidence::STANDARD).unwrap();
    // t(0.975, 6) = 2.446911848791681: (4 − t²) / (4 + t²) = −0.199 …
    assert!(near(dominance.cliffs_delta, 1.0) && near(dominance.cliffs_delta_interval.high, 1.0));
    assert!((dominance.cliffs_delta_interval.low + 0.199).abs() < 1e-3, "{dominance:?}");
}

#[test]
fn too_few_values_are_refused() {
    assert!(matches!(dominance(&[1.0], &[1.0, 2.0], Confidence::STANDARD), Err(Refusal::TooSmall(_))));
    assert!(matches!(dominance(&[1.0, f64::NAN], &[1.0, 2.0], Confidence::STANDARD), Err(Refusal::NotFinite { .. })));
}

proptest! {
    #[test]
    fn ranks_give_what_all_pairs_give(
        baseline in prop::collection::vec(0_i32..12, 2..15),
        arm in prop::collection::vec(0_i32..12, 2..15),
    ) {
        let floats = |values: &[i32]| values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
        let sign = |b: i32, a: i32| f64::from((a - b).signum());
        let (m, n) = (baseline.len() as f64, arm.len() as f64);
        let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
        let delta = mean(baseline.iter().flat_map(|b| arm.iter().map(move |a| sign(*b, *a))).collect());
        let square = |value: f64| (value - delta).powi(2);
        let rows: f64 = baseline.iter().map(|b| square(mean(arm.iter().map(|a| sign(*b, *a)).collect()))).sum();
        let columns: f64 = arm.iter().map(|a| square(mean(baseline.iter().map(|b| sign(*b, *a)).collect()))).sum();
        let pairs: f64 = baseline.iter().flat_map(|b| arm.iter().map(move |a| square(sign(*b, *a)))).sum();
        let variance_seen = (n * n * rows + m * m * columns - pairs) / (m * n * (m - 1.0) * (n - 1.0));
        let result = dominance(&floats(&baseline), &floats(&arm), Confidence::STANDARD).unwrap();
        prop_assert!((result.cliffs_delta - delta).abs() < 1e-12);
        let placements = Placements::of(&ties(&floats(&baseline), &floats(&arm)));
        let expected = variance_seen.max((1.0 - delta * delta) / (m * n - 1.0));
        prop_assert!((variance(&placements, delta) - expected).abs() < 1e-9);
        let interval = result.a12_interval;
        prop_assert!(0.0 <= interval.low && interval.low <= result.a12 && result.a12 <= interval.high && interval.high <= 1.0);
    }
}
