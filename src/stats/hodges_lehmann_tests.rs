use proptest::prelude::*;

use super::*;

/// Hamilton's depression scale before and after, in thousandths (Hollander and Wolfe, table 3.1; R's `?wilcox.test`).
const BEFORE: [f64; 9] = [1830.0, 500.0, 1620.0, 2480.0, 1680.0, 1880.0, 1550.0, 3060.0, 1300.0];
const AFTER: [f64; 9] = [878.0, 647.0, 598.0, 2050.0, 1060.0, 1290.0, 1060.0, 3140.0, 1290.0];

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn the_paired_shift_is_that_of_hollander_and_wolfe() {
    // Examples 3.3 and 3.5: the estimate is −0.46, the 96 % interval −0.786 to −0.010.
    let differences: Vec<f64> = AFTER.iter().zip(BEFORE).map(|(after, before)| after - before).collect();
    let shift = one_sample(&differences, Confidence::new(0.96).unwrap()).unwrap();
    let interval = shift.interval.unwrap();
    assert!(near(shift.estimate, -460.0), "{shift:?}");
    assert!(near(interval.low, -786.0) && near(interval.high, -10.0), "{interval:?}");
    assert!(shift.exact);
}

#[test]
fn darwins_maize_has_the_shift_of_its_walsh_averages() {
    // NumPy 2.4.6: all 120 Walsh averages sorted; the median, and the ranks 26 and 95 of the table below.
    let eighths = [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];
    let shift = one_sample(&eighths, Confidence::STANDARD).unwrap();
    assert_eq!(shift.estimate.to_bits(), 25.0_f64.to_bits());
    assert_eq!(shift.interval, Ok(Interval { low: 4.0, high: 41.5 }));
}

#[test]
fn the_shift_between_samples_is_that_of_hollander_and_wolfe() {
    // Table 4.1, permeability of membranes at term and earlier: the estimate is −0.305; the 95 % interval has the ranks
    // 9 and 42 of the 50 differences, −0.76 and 0.15 (all 3 003 arrangements counted by NumPy).
    let term = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46];
    let early = [1.15, 0.88, 0.90, 0.74, 1.21];
    let shift = two_sample(&term, &early, Confidence::STANDARD).unwrap();
    let interval = shift.interval.unwrap();
    assert!(near(shift.estimate, -0.305), "{shift:?}");
    assert!(near(interval.low, -0.76) && near(interval.high, 0.15), "{interval:?}");
}

#[test]
fn ranks_are_those_of_the_published_tables() {
    // Wilcoxon's signed-rank test, two-sided 5 %: the largest sum that rejects (Wilcoxon and Wilcox, Some Rapid Approximate
    // Statistical Procedures, 1964, table 2); the rank is one more.
    for (n, sum) in [(6, 0), (7, 2), (8, 3), (9, 5), (10, 8), (12, 13), (15, 25), (20, 52), (25, 89), (30, 137)] {
        assert_eq!(signed_rank_critical(n, 0.025), Some(sum + 1), "n = {n}");
    }
    assert_eq!(signed_rank_critical(5, 0.025), None);
    // Mann and Whitney's U, two-sided 5 % (Milton, An extended table, JASA 59, 1964).
    for (m, n, u) in [(4, 4, 0), (5, 5, 2), (5, 10, 8), (8, 8, 13), (10, 10, 23), (12, 15, 49), (20, 20, 127)] {
        assert_eq!(mann_whitney_critical(m, n, 0.025), Some(u + 1), "{m} and {n}");
        assert_eq!(mann_whitney_critical(n, m, 0.025), Some(u + 1), "{n} and {m}");
    }
    assert_eq!(mann_whitney_critical(3, 3, 0.025), None);
}

#[test]
fn the_normal_ranks_are_off_by_a_few_of_thousands_where_they_take_over() {
    for tail in [0.05, 0.025, 0.005] {
        let (exact, normal) = (signed_rank_critical(100, tail).unwrap(), signed_rank_normal(100, tail).unwrap());
        assert!(exact.abs_diff(normal) <= 4, "{exact} {normal}");
        let (exact, normal) =
            (mann_whitney_critical(40, 50, tail).unwrap(), mann_whitney_normal(40, 50, tail).unwrap());
        assert!(exact.abs_diff(normal) <= 2, "{exact} {normal}");
    }
}

#[test]
fn small_samples_have_an_estimate_and_say_what_an_interval_needs() {
    let too_small = |n, needed| Err(TooSmall { n, needed });
    assert_eq!(one_sample(&[1.0; 5], Confidence::STANDARD).unwrap().interval, too_small(5, 6));
    assert_eq!(one_sample(&[1.0, 4.0], Confidence::STANDARD).unwrap().estimate.to_bits(), 2.5_f64.to_bits());
    assert_eq!(one_sample(&[], Confidence::STANDARD), Err(TooSmall { n: 0, needed: 1 }.into()));
    assert_eq!(one_sample(&[f64::NAN], Confidence::STANDARD), Err(Refusal::NotFinite { index: 0 }));
    assert_eq!(two_sample(&[1.0; 3], &[2.0; 3], Confidence::STANDARD).unwrap().interval, too_small(3, 4));
    assert_eq!(two_sample(&[1.0], &[], Confidence::STANDARD), Err(TooSmall { n: 0, needed: 1 }.into()));
    let same = one_sample(&[0.0; 8], Confidence::STANDARD).unwrap();
    assert_eq!(same.interval, Ok(Interval { low: 0.0, high: 0.0 }));
}

proptest! {
    #[test]
    fn counting_finds_what_sorting_all_pairs_finds(
        a in prop::collection::vec(-50_i32..50, 6..25),
        b in prop::collection::vec(-50_i32..50, 6..25),
    ) {
        let (a, b): (Vec<f64>, Vec<f64>) = (a.into_iter().map(f64::from).collect(), b.into_iter().map(f64::from).collect());
        let check = |shift: Shift, mut all: Vec<f64>, rank: u64| {
            all.sort_unstable_by(f64::total_cmp);
            let rank = usize::try_from(rank).unwrap();
            let median = f64::midpoint(all[(all.len() - 1) / 2], all[all.len() / 2]);
            assert_eq!((shift.estimate + 0.0).to_bits(), (median + 0.0).to_bits());
            let interval = shift.interval.unwrap();
            assert!(near(interval.low, all[rank - 1]) && near(interval.high, all[all.len() - rank]), "{interval:?}");
        };
        let walsh = (0..a.len()).flat_map(|i| (i..a.len()).map(move |j| (i, j))).map(|(i, j)| f64::midpoint(a[i], a[j]));
        let rank = signed_rank_critical(a.len(), 0.025).unwrap();
        check(one_sample(&a, Confidence::STANDARD).unwrap(), walsh.collect(), rank);
        let differences = b.iter().flat_map(|b| a.iter().map(move |a| b - a)).collect();
        let rank = mann_whitney_critical(a.len(), b.len(), 0.025).unwrap();
        check(two_sample(&a, &b, Confidence::STANDARD).unwrap(), differences, rank);
    }
}
