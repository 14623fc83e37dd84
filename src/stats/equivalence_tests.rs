use super::*;

const DIFFERENCES: [f64; 8] = [0.4, -0.3, 0.2, 0.1, -0.5, 0.6, -0.1, 0.3];

#[test]
fn p_values_and_interval_are_those_of_statsmodels() {
    // statsmodels 0.15: DescrStatsW(d).ttost_mean(-0.5, 0.5) → 0.007863…, lower 0.0013765…; tconfint_mean(0.1).
    let result = equivalence(&DIFFERENCES, 0.5, 0.05).unwrap();
    assert!((result.p - 0.007_863_288_030_509_945).abs() < 1e-9, "{result:?}");
    assert!((result.p_lower - 0.001_376_519_527_638_870_6).abs() < 1e-9, "{result:?}");
    assert!((result.interval.low + 0.159_100_816_141_331_8).abs() < 1e-7, "{result:?}");
    assert!((result.interval.high - 0.334_100_816_141_331_8).abs() < 1e-7, "{result:?}");
    assert!(result.equivalent);
}

#[test]
fn the_interval_and_the_tests_say_the_same() {
    for margin in [0.3, 0.334, 0.335, 0.4, 1.0] {
        let result = equivalence(&DIFFERENCES, margin, 0.05).unwrap();
        let inside = -margin < result.interval.low && result.interval.high < margin;
        assert_eq!(result.equivalent, inside, "{margin}: {result:?}");
    }
}

#[test]
fn differences_without_spread_are_certain() {
    assert!(equivalence(&[0.1; 4], 0.2, 0.05).unwrap().equivalent);
    assert!(!equivalence(&[0.3; 4], 0.2, 0.05).unwrap().equivalent);
    assert!(!equivalence(&[-0.3; 4], 0.2, 0.05).unwrap().equivalent);
}

#[test]
fn questions_without_an_answer_are_refused() {
    assert!(matches!(equivalence(&[1.0], 1.0, 0.05), Err(Refusal::TooSmall(_))));
    assert!(matches!(equivalence(&DIFFERENCES, 0.0, 0.05), Err(Refusal::OutOfRange { .. })));
    assert!(matches!(equivalence(&DIFFERENCES, f64::NAN, 0.05), Err(Refusal::OutOfRange { .. })));
    assert!(matches!(equivalence(&DIFFERENCES, 1.0, 0.5), Err(Refusal::OutOfRange { .. })));
    assert!(matches!(equivalence(&[f64::NAN, 1.0], 1.0, 0.05), Err(Refusal::NotFinite { index: 0 })));
}
