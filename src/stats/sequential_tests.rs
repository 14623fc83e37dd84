use super::*;

fn z_of(spending: Spending, fractions: &[f64]) -> Vec<f64> {
    boundaries(spending, 0.05, fractions).unwrap().iter().map(|boundary| boundary.z).collect()
}

/// Published boundaries have four decimals, of which the program that made them left the last one to chance.
fn assert_near(ours: &[f64], published: &[f64]) {
    assert_eq!(ours.len(), published.len());
    for (a, b) in ours.iter().zip(published) {
        assert!((a - b).abs() < 1.5e-4, "{ours:?} instead of {published:?}");
    }
}

#[test]
fn five_equal_looks_have_the_published_boundaries() {
    // Two-sided α = 0.05, 0.025 a side: Reboussin, DeMets, Kim, Lan, Computations for group sequential boundaries using the
    // Lan-DeMets spending function method, Control. Clin. Trials 21, 2000; the same numbers in R's ldbounds.
    let fractions = [0.2, 0.4, 0.6, 0.8, 1.0];
    assert_near(&z_of(Spending::OBrienFleming, &fractions), &[4.8769, 3.3569, 2.6803, 2.2898, 2.0310]);
    assert_near(&z_of(Spending::Pocock, &fractions), &[2.4380, 2.4268, 2.4101, 2.3966, 2.3859]);
}

#[test]
fn the_second_look_is_that_of_an_adaptive_integral() {
    // SciPy 1.17.1, integrate.quad over the first look's density and optimize.brentq for the boundary.
    let fractions = [0.2, 0.4];
    for (spending, first, second) in [
        (Spending::OBrienFleming, 4.876_884_948_790_762, 3.357_011_921_574_642_3),
        (Spending::Pocock, 2.437_976_688_050_011_6, 2.426_813_858_150_110_6),
    ] {
        let z = z_of(spending, &fractions);
        assert!((z[0] - first).abs() < 1e-8 && (z[1] - second).abs() < 1e-6, "{z:?}");
    }
}

#[test]
fn one_look_at_the_end_is_the_ordinary_test() {
    for spending in [Spending::OBrienFleming, Spending::Pocock] {
        let only = boundaries(spending, 0.05, &[1.0]).unwrap()[0];
        assert!((only.z - 1.959_963_985).abs() < 1e-8 && (only.nominal_alpha - 0.05).abs() < 1e-9, "{only:?}");
        assert!((only.cumulative_alpha - 0.05).abs() < 1e-12);
    }
}

#[test]
fn spending_rises_from_nothing_to_all_of_alpha() {
    for spending in [Spending::OBrienFleming, Spending::Pocock] {
        let spent: Vec<f64> = (0..=20_u8).map(|i| spending.spent(f64::from(i) / 20.0, 0.05)).collect();
        assert!(spent.is_sorted() && spent[0].abs() < 1e-12 && (spent[20] - 0.05).abs() < 1e-12, "{spent:?}");
    }
}

#[test]
fn a_boundary_does_not_depend_on_the_looks_to_come() {
    let (few, many) = (z_of(Spending::Pocock, &[0.3, 0.5]), z_of(Spending::Pocock, &[0.3, 0.5, 0.51, 1.0]));
    assert_near(&few, &many[..2]);
}

#[test]
fn the_probability_of_ever_crossing_is_alpha() {
    // A walk of 10 000 simulated experiments with uneven looks: crossings within four standard errors of 5 %.
    let fractions = [0.15, 0.4, 0.45, 0.8, 1.0];
    let bounds = z_of(Spending::OBrienFleming, &fractions);
    let experiments = 10_000_u64;
    let crossed = (0..experiments)
        .filter(|experiment| {
            let mut stream = crate::units::Seed::new(11).label("walk").index(*experiment).stream();
            let (mut s, mut before) = (0.0, 0.0);
            fractions.iter().zip(&bounds).any(|(fraction, bound)| {
                let uniform = ((stream.next_bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
                s += normal::quantile(uniform) * f64::sqrt(fraction - before);
                before = *fraction;
                f64::abs(s) >= bound * fraction.sqrt()
            })
        })
        .count();
    let rate = crossed as f64 / experiments as f64;
    assert!((rate - 0.05).abs() < 4.0 * (0.05 * 0.95 / experiments as f64).sqrt(), "{rate}");
}

#[test]
fn a_look_too_early_to_spend_anything_has_a_boundary_that_is_never_reached() {
    let mut monitor = Monitor::new(Spending::OBrienFleming, 0.05).unwrap();
    let first = monitor.look(1e-4).unwrap();
    assert!(first.z.is_finite() && first.nominal_alpha >= 0.0 && first.nominal_alpha < 1e-100, "{first:?}");
    let last = monitor.look(1.0).unwrap();
    assert!((last.z - 1.959_963_985).abs() < 1e-5, "{last:?}");
}

#[test]
fn looks_that_go_back_or_beyond_the_end_do_not_count() {
    let mut monitor = Monitor::new(Spending::Pocock, 0.05).unwrap();
    monitor.look(0.5).unwrap();
    for fraction in [0.5, 0.4, 1.01, f64::NAN] {
        assert!(matches!(monitor.look(fraction), Err(Refusal::OutOfRange { .. })), "{fraction}");
    }
    assert!((monitor.look(1.0).unwrap().cumulative_alpha - 0.05).abs() < 1e-12);
    assert!(Monitor::new(Spending::Pocock, 0.0).is_none());
    assert!(boundaries(Spending::Pocock, 1.0, &[1.0]).is_err());
}
