use super::*;
use crate::{
    stats::{interval::Interval, quantile::TooSmall},
    units::Seed,
};

fn question(margin: Option<f64>) -> Question {
    Question { margin, confidence: Confidence::STANDARD, resampling: Resampling::standard(Seed::new(1)) }
}

#[test]
fn each_part_is_what_it_gives_alone() {
    // Student 1908, as in compare's tests: R's t.test gives −1.58, −2.4598858 to −0.7001142.
    let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
    let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    let evidence = paired(&second, &first, &question(Some(3.0))).unwrap();
    assert_eq!(evidence.blocks, 10);
    assert!((evidence.mean.mean + 1.58).abs() < 1e-12 && (evidence.mean.low + 2.459_885_8).abs() < 1e-6);
    assert!((evidence.sign_flip.p - 4.0 / 1024.0).abs() < 1e-12);
    // NumPy: of the 55 Walsh averages the median is −1.3, ranks 9 and 47 are −2.7 and −0.9.
    let interval = evidence.shift.interval.unwrap();
    assert!((evidence.shift.estimate + 1.3).abs() < 1e-9, "{evidence:?}");
    assert!((interval.low + 2.7).abs() < 1e-9 && (interval.high + 0.9).abs() < 1e-9, "{interval:?}");
    assert!(evidence.equivalence.unwrap().equivalent);
    assert!(evidence.variance_reduction.unwrap() > 0.5);
}

#[test]
fn one_block_or_unequal_numbers_of_blocks_are_refused() {
    assert_eq!(paired(&[1.0], &[2.0], &question(None)), Err(TooSmall { n: 1, needed: 2 }.into()));
    assert_eq!(paired(&[1.0, 2.0], &[2.0], &question(None)), Err(Refusal::Unpaired { left: 2, right: 1 }));
    assert!(matches!(paired(&[1.0, 2.0], &[2.0, 3.0], &question(Some(-1.0))), Err(Refusal::OutOfRange { .. })));
}

#[test]
fn arms_without_spread_have_evidence_too() {
    let evidence = paired(&[100.0; 6], &[90.0; 6], &question(Some(20.0))).unwrap();
    assert_eq!(evidence.shift.interval, Ok(Interval { low: -10.0, high: -10.0 }));
    assert_eq!(evidence.variance_reduction, None);
    assert!(evidence.equivalence.unwrap().equivalent);
}
