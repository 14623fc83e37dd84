use super::*;

#[test]
fn power_is_that_of_scipys_noncentral_t() {
    // SciPy 1.17.1: nct.sf(t, n - 1, d√n) + nct.cdf(-t, n - 1, d√n) with t = t.isf(0.025, n - 1).
    for (effect, blocks, expected) in [
        (0.5, 34, 0.807_777_501_279_273_8),
        (0.8, 15, 0.821_310_538_724_109_6),
        (0.2, 199, 0.801_691_024_037_065_5),
        (0.5, 20, 0.564_504_418_439_021_3),
        (1.0, 10, 0.803_096_856_632_721_8),
        (3.0, 6, 0.999_884_706_486_287_4),
        (0.01, 50, 0.050_550_880_794_291_27),
    ] {
        let ours = power(effect, 1.0, blocks, 0.05).unwrap();
        assert!((ours - expected).abs() < 1e-7, "{effect} in {blocks}: {ours}");
    }
    assert!((power(0.0, 1.0, 8, 0.05).unwrap() - 0.05).abs() < 1e-12);
}

/// A pilot with the standard deviation 1.
fn unit() -> Pilot {
    Pilot::of(&[-1.0, 0.0, 1.0]).unwrap()
}

#[test]
fn planned_blocks_are_the_published_ones() {
    // As G*Power and R's pwr.t.test(type = "paired", power = 0.8) plan them: d = 0.2, 0.5, 0.8 → 199, 34, 15; SciPy's
    // noncentral t gives 0.79970 for 198, 0.79537 for 33 and 0.79009 for 14.
    for (effect, blocks) in [(0.2, 199), (0.5, 34), (0.8, 15), (-0.5, 34)] {
        assert_eq!(unit().blocks_for(effect, 0.05, STANDARD_POWER), Ok(blocks), "{effect}");
    }
    // A large effect needs the blocks without which an exact test can't reject.
    assert_eq!(unit().blocks_for(50.0, 0.05, STANDARD_POWER), Ok(6));
}

#[test]
fn the_smallest_effect_is_the_one_whose_blocks_suffice() {
    let pilot = Pilot::of(&[10.0, 14.0, 12.0, 9.0, 15.0]).unwrap();
    assert!((pilot.mean() - 12.0).abs() < 1e-12 && (pilot.sd() - 6.5_f64.sqrt()).abs() < 1e-12);
    for blocks in [6, 8, 20, 100] {
        let effect = pilot.smallest_effect(blocks, 0.05, 0.8).unwrap();
        let by_t = power(effect, pilot.sd(), blocks, 0.05).unwrap();
        assert!(if blocks < 20 { by_t > 0.82 } else { (by_t - 0.8).abs() < 1e-9 }, "{blocks}: {by_t}");
        assert_eq!(pilot.blocks_for(effect * 1.000_001, 0.05, 0.8), Ok(blocks));
    }
    // statsmodels 0.15: TTestPower().solve_power(None, 20, 0.05, 0.8) = 0.6604416544380312.
    assert!((unit().smallest_effect(20, 0.05, 0.8).unwrap() - 0.660_441_7).abs() < 1e-6);
}

#[test]
fn few_blocks_need_what_the_exact_test_needs_beside_the_t_test() {
    // Simulated apart from this, 20 000 samples each: of six blocks 1.81 (all six signs alike: 0.8 = Φ(1.793)⁶), by the t test
    // alone 1.435, whose power by both is 0.61.
    for (blocks, alpha, simulated) in [
        (6, 0.05, 1.80),
        (7, 0.05, 1.355),
        (8, 0.05, 1.2055),
        (10, 0.05, 1.0132),
        (12, 0.05, 0.895),
        (8, 0.01, 1.94),
        (10, 0.01, 1.404),
        (12, 0.005, 1.344),
    ] {
        let effect = unit().smallest_effect(blocks, alpha, 0.8).unwrap();
        assert!((effect / simulated - 1.0).abs() < 0.015, "{blocks} at {alpha}: {effect}");
    }
    assert!(matches!(unit().smallest_effect(5, 0.05, 0.8), Err(Refusal::TooSmall(_))));
    // The t test alone would be content with six and seven.
    assert_eq!([1.9, 1.7, 1.3, 1.2].map(|effect| unit().blocks_for(effect, 0.05, 0.8).unwrap()), [6, 7, 8, 9]);
}

#[test]
fn the_power_of_both_tests_is_the_one_promised() {
    use crate::{
        stats::{normal, sign_flip::sign_flip_p, student::mean_interval},
        units::Seed,
    };
    for blocks in [6_u8, 7, 9] {
        let effect = unit().smallest_effect(blocks.into(), 0.05, 0.8).unwrap();
        let found = (0..4_000_u64).filter(|sample| {
            let seed = Seed::new(3).index(*sample);
            let differences: Vec<f64> =
                (0..blocks).map(|i| effect + normal::quantile(seed.index(i.into()).uniform())).collect();
            mean_interval(&differences).unwrap().low > 0.0 && sign_flip_p(&differences).unwrap() < 0.05
        });
        let share = found.count() as f64 / 4_000.0;
        // Three standard errors, and 1 % of the effect.
        assert!((share - 0.8).abs() < 0.03, "{blocks}: {share}");
    }
}

#[test]
fn a_short_pilot_may_have_shown_too_little_spread() {
    // SciPy 1.17.1: sqrt(9 / chi2.ppf(0.05, 9)) = 1.6451975743942215.
    let differences = [1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0];
    let pilot = Pilot::of(&differences).unwrap();
    let ratio = pilot.sd_at_most(Confidence::STANDARD).unwrap() / pilot.sd();
    assert!((ratio - 1.645_197_574_394_221_5).abs() < 1e-6, "{ratio}");
}

#[test]
fn a_pilot_without_spread_needs_only_what_an_exact_test_needs() {
    let pilot = Pilot::of(&[17.5; 4]).unwrap();
    assert_eq!(pilot.smallest_effect(6, 0.05, 0.8), Err(Refusal::NoSpread));
    assert_eq!(pilot.blocks_for(0.1, 0.05, 0.8), Ok(6));
}

#[test]
fn questions_without_an_answer_are_refused() {
    assert!(matches!(Pilot::of(&[1.0]), Err(Refusal::TooSmall(_))));
    assert!(matches!(unit().blocks_for(0.0, 0.05, 0.8), Err(Refusal::OutOfRange { .. })));
    assert!(matches!(unit().blocks_for(1e-9, 0.05, 0.8), Err(Refusal::OutOfRange { .. })));
    assert!(matches!(unit().blocks_for(1.0, 0.9, 0.8), Err(Refusal::OutOfRange { .. })));
    assert!(matches!(unit().smallest_effect(1, 0.05, 0.8), Err(Refusal::TooSmall(_))));
    assert!(matches!(power(1.0, -1.0, 5, 0.05), Err(Refusal::OutOfRange { .. })));
    assert!(matches!(power(1.0, 1.0, 5, 0.0), Err(Refusal::OutOfRange { .. })));
    // However large or small, a number comes out.
    for sd in [0.0, 1e-300, 1e-9, 1.0, 1e140] {
        for effect in [1e-140, 1.0, 1e140] {
            assert!((0.0..=1.0).contains(&power(effect, sd, 2, 1e-12).unwrap()), "{effect} / {sd}");
        }
    }
}
