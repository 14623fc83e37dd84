use super::*;

const RULES: Rules = Rules { alpha: 0.05, margin: None, baseline_censored: 0, arm_censored: 0 };

fn pairs(baseline: &[f64], arm: &[f64]) -> Vec<BlockPair> {
    baseline.iter().zip(arm).map(|(&baseline, &arm)| BlockPair { baseline, arm }).collect()
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-6 * b.abs().max(1.0)
}

/// Eight differences around `middle`.
fn around(middle: f64) -> Vec<BlockPair> {
    let arm = [0.5, -0.5, 0.2, -0.2, 0.1, -0.1, 0.3, -0.3].map(|d| 100.0 + middle + d);
    pairs(&[100.0; 8], &arm)
}

#[test]
fn students_sleep_data_give_the_published_interval_and_the_exact_p() {
    // Student 1908, as in R's `sleep`: t.test(group1, group2, paired = TRUE).
    let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
    let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
    let judged = judge(&pairs(&second, &first), &RULES).unwrap();
    let (low, high) = judged.interval.unwrap();
    assert!(near(low, -2.459_885_8) && near(high, -0.700_114_2), "{low} {high}");
    assert_eq!((judged.p, judged.exact, judged.verdict), (Some(4.0 / 1024.0), true, Verdict::Faster));
    assert_eq!(judged.p_claim, judged.p);
}

#[test]
fn a_verdict_agrees_with_the_one_of_the_statistics_where_both_answer() {
    use crate::stats::compare::{CompareOptions, compare};
    for (middle, margin) in [(0.0, None), (0.0, Some(0.02)), (5.0, Some(0.02)), (-5.0, None), (1.9, Some(0.02))] {
        let ours = judge(&around(middle), &Rules { margin, ..RULES }).unwrap();
        let theirs = compare(&around(middle), &CompareOptions { margin, ..CompareOptions::default() }).unwrap();
        assert_eq!(ours.verdict, theirs.verdict, "{middle} {margin:?}");
        assert_eq!(ours.doubt, theirs.doubt.map(|doubt| doubt.to_string()));
    }
}

#[test]
fn each_claim_has_the_p_value_at_whose_level_the_interval_would_just_allow_it() {
    let margin = Some(0.005);
    let equivalent = judge(&around(0.0), &Rules { margin, ..RULES }).unwrap();
    assert_eq!(equivalent.verdict, Verdict::Equivalent);
    let p = equivalent.p_claim.unwrap();
    let at = |alpha| judge(&around(0.0), &Rules { alpha, margin, ..RULES }).unwrap();
    let (low, high) = at(p).interval.unwrap();
    assert!(near(low, -0.5) && near(high, 0.5), "{low} {high}");
    let slower = judge(&around(0.3), &Rules { margin, ..RULES }).unwrap();
    let (holds, p) = slower.not_slower.unwrap();
    let (_, high) = judge(&around(0.3), &Rules { alpha: p, ..RULES }).unwrap().interval.unwrap();
    assert!(near(high, 0.5) && !holds, "{high}");
}

#[test]
fn what_is_not_slower_need_be_neither_faster_nor_equivalent() {
    // Two wide to be equivalent, low enough not to be slower.
    let arm = [97.0, 99.5, 96.0, 100.2, 98.0, 100.4, 95.0, 99.9];
    let judged = judge(&pairs(&[100.0; 8], &arm), &Rules { margin: Some(0.01), ..RULES }).unwrap();
    assert!(judged.not_slower.is_some_and(|(holds, p)| holds && p < 0.05), "{judged:?}");
}

#[test]
fn a_level_below_five_percent_needs_more_blocks() {
    assert_eq!([0.05, 0.02, 0.001].map(blocks_needed), [6, 7, 11]);
    let arm = [50.0, 51.0, 49.0, 50.0, 52.0, 48.0];
    let six = pairs(&[100.0; 6], &arm);
    assert_eq!(judge(&six, &RULES).unwrap().verdict, Verdict::Faster);
    assert_eq!(judge(&six, &Rules { alpha: 0.02, ..RULES }).unwrap().verdict, Verdict::Inconclusive);
    assert_eq!(judge(&[], &RULES), None);
}

#[test]
fn lower_bounds_count_against_the_side_that_they_flatter() {
    let flattered = judge(&around(-10.0), &Rules { arm_censored: 2, ..RULES }).unwrap();
    assert!(flattered.doubt.unwrap().starts_with("2 censored in the arm that looks faster"));
    assert_eq!(judge(&around(-10.0), &Rules { baseline_censored: 2, ..RULES }).unwrap().verdict, Verdict::Faster);
    let rules = Rules { margin: Some(0.05), arm_censored: 1, ..RULES };
    assert!(judge(&around(0.0), &rules).unwrap().not_slower.is_some_and(|(holds, _)| !holds));
}

#[test]
fn differences_without_spread_are_certain() {
    let same = judge(&pairs(&[100.0; 8], &[100.0; 8]), &Rules { margin: Some(0.02), ..RULES }).unwrap();
    assert_eq!((same.verdict, same.p_claim), (Verdict::Equivalent, Some(0.0)));
    let quick = QuickTest::new(8, 0.05);
    assert!(!quick.claims(&[0.0; 8]) && quick.claims(&[1.0; 8]));
    assert!(!QuickTest::new(5, 0.05).claims(&[1.0; 5]));
}

#[test]
fn without_spread_a_p_value_agrees_with_the_verdict_on_the_bound_too() {
    // A baseline of nothing has a margin of nothing, which nothing is within.
    let nothing = judge(&pairs(&[0.0; 8], &[0.0; 8]), &Rules { margin: Some(0.02), ..RULES }).unwrap();
    assert_eq!((nothing.verdict, nothing.p_claim), (Verdict::Equivalent, Some(0.0)));
    assert_eq!(nothing.not_slower, Some((true, 0.0)));
    assert_eq!(nothing.different_by_margin.map(|(holds, _)| holds), Some(false));
    let something = judge(&pairs(&[0.0; 8], &[1.0; 8]), &Rules { margin: Some(0.02), ..RULES }).unwrap();
    assert_eq!((something.verdict, something.slower_by_margin), (Verdict::Slower, Some((true, 0.0))));
    assert_eq!(something.not_slower.map(|(holds, _)| holds), Some(false));
    // 128 and a quarter of it are exact in binary.
    for (arm, within) in [(160.0, true), (96.0, true), (160.5, false), (95.5, false)] {
        let judged = judge(&pairs(&[128.0; 8], &[arm; 8]), &Rules { margin: Some(0.25), ..RULES }).unwrap();
        assert_eq!(judged.verdict == Verdict::Equivalent, within, "{arm}");
        assert_eq!(judged.p_claim.filter(|_| within), within.then_some(0.0), "{arm}");
        assert_eq!(judged.different_by_margin.map(|(holds, _)| holds), Some(!within), "{arm}");
    }
    assert_eq!(below(&[7.0; 8], 7.0, 0.05), (Some(true), Some(0.0), Some((7.0, 7.0))));
    assert_eq!(below(&[7.0; 8], 6.0, 0.05), (Some(false), Some(0.0), Some((7.0, 7.0))));
}

#[test]
fn doubts_call_the_interval_by_its_level() {
    let at = |alpha| judge(&around(0.0), &Rules { alpha, ..RULES }).unwrap().doubt.unwrap();
    assert_eq!(at(0.05), "the 95 % interval includes 0");
    assert_eq!(at(0.0103), "the 98.97 % interval includes 0");
    // Darwin's maize, as Fisher tells it: Student's p is 0.0497, the exact one 0.0527.
    let eighths = [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];
    let maize = pairs(&[100.0; 15], &eighths.map(|d| 100.0 + d));
    let doubt = judge(&maize, &Rules { alpha: 0.0498, ..RULES }).unwrap().doubt.unwrap();
    assert_eq!(doubt, "the 95.02 % interval excludes 0, but the exact test gives p = 0.0527");
}

#[test]
fn a_limit_is_kept_or_broken_only_when_the_interval_says_so() {
    let means = [100.0, 101.0, 99.0, 100.0, 102.0, 98.0];
    assert_eq!([110.0, 90.0, 100.0].map(|limit| below(&means, limit, 0.05).0), [Some(true), Some(false), None]);
    assert_eq!(below(&means[..5], 1_000.0, 0.05).0, None, "five blocks tell nothing");
}

#[test]
fn only_what_lies_beyond_the_margin_is_known_to_be_beyond_it() {
    // The interval is about ±0.28 wide, the margin 2.
    for (middle, slower, different) in [
        (0.0, false, false),
        (1.5, false, false),
        (1.9, false, false),
        (2.1, false, false),
        (3.0, true, true),
        (-3.0, false, true),
        (-1.9, false, false),
    ] {
        let judged = judge(&around(middle), &Rules { margin: Some(0.02), ..RULES }).unwrap();
        let holds = |side: Option<(bool, f64)>| {
            let (holds, p) = side.unwrap();
            assert!(!holds || p < 0.05, "{middle}: {p}");
            holds
        };
        assert_eq!(
            (holds(judged.slower_by_margin), holds(judged.different_by_margin)),
            (slower, different),
            "{middle}"
        );
    }
    let without = judge(&around(3.0), &RULES).unwrap();
    assert_eq!((without.slower_by_margin, without.different_by_margin), (None, None));
}
