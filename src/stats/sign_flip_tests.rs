use proptest::prelude::*;

use super::*;

#[test]
fn darwins_maize_gives_fishers_own_count() {
    // Fisher 1935, section 21: of 32 768 choices of signs, 1 726 are as extreme as the one that Darwin saw.
    let eighths = [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];
    let p = sign_flip_p(&eighths).unwrap();
    assert!((p - 1_726.0 / 32_768.0).abs() < 1e-12, "{p}");
}

#[test]
fn six_blocks_are_the_fewest_that_reach_five_percent() {
    assert_eq!(sign_flip_p(&[1.0; 5]), Some(0.0625));
    assert_eq!(sign_flip_p(&[1.0; 6]), Some(0.03125));
}

#[test]
fn without_a_difference_every_choice_is_as_extreme() {
    assert_eq!(sign_flip_p(&[0.0; 8]), Some(1.0));
    assert_eq!(sign_flip_p(&[]), None);
    assert_eq!(sign_flip_p(&[1.0; EXACT_MAX + 1]), None);
}

proptest! {
    #[test]
    fn meeting_in_the_middle_counts_what_plain_enumeration_counts(
        differences in prop::collection::vec(-1000_i32..1000, 1..12),
    ) {
        let seen = differences.iter().sum::<i32>().abs();
        let all = 1_u32 << differences.len();
        let reached = (0..all).filter(|signs| {
            let sum: i32 =
                differences.iter().enumerate().map(|(i, d)| if signs >> i & 1 == 1 { -d } else { *d }).sum();
            sum.abs() >= seen
        }).count();
        let floats: Vec<f64> = differences.iter().map(|d| f64::from(*d)).collect();
        let p = sign_flip_p(&floats).unwrap();
        prop_assert!((p - reached as f64 / f64::from(all)).abs() < 1e-12, "{} of {}, p = {}", reached, all, p);
    }
}

#[test]
fn the_smallest_p_and_the_fewest_blocks_belong_together() {
    assert_eq!(smallest_p(6).to_bits(), 0.03125_f64.to_bits());
    assert_eq!(smallest_p(0).to_bits(), 1.0_f64.to_bits());
    assert_eq!((blocks_needed(0.05), blocks_needed(0.01), blocks_needed(0.5)), (Some(6), Some(8), Some(3)));
    assert_eq!((blocks_needed(0.0), blocks_needed(f64::NAN), blocks_needed(1.0)), (None, None, None));
}

fn drawn() -> Resampling {
    Resampling::standard(crate::units::Seed::new(3))
}

#[test]
fn one_sided_tails_share_what_both_sides_have() {
    let differences = [3.0, -1.0, 4.0, 1.5, -0.5, 2.0, 6.0];
    let p = |tail| sign_flip_test(&differences, tail, &drawn()).unwrap().p;
    assert!((2.0 * p(Tail::Greater) - p(Tail::Both)).abs() < 1e-12);
    // The sum seen is above zero; whatever reaches −sum from below is all but the choices beyond it.
    assert!(p(Tail::Less) > 0.95 && p(Tail::Less) + p(Tail::Greater) >= 1.0);
    assert_eq!(
        sign_flip_test(&differences, Tail::Less, &drawn()).unwrap().smallest_p.to_bits(),
        (1.0_f64 / 128.0).to_bits()
    );
}

#[test]
fn drawn_signs_agree_with_the_exact_share() {
    // The same differences with a zero block added a few times more: zeros don't change the share.
    let eighths = [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];
    let mut many = eighths.to_vec();
    many.resize(EXACT_MAX + 40, 0.0);
    let drawn_result = sign_flip_test(&many, Tail::Both, &drawn()).unwrap();
    assert_eq!(drawn_result.reference, Reference::MonteCarlo { resamples: 10_000 });
    // Four standard errors of 10 000 draws at p = 0.0527.
    assert!((drawn_result.p - 1_726.0 / 32_768.0).abs() < 0.009, "{drawn_result:?}");
    assert_eq!(drawn_result, sign_flip_test(&many, Tail::Both, &drawn()).unwrap());
    let clear = sign_flip_test(&vec![1.0; 50], Tail::Both, &drawn()).unwrap();
    assert!((clear.p - 1.0 / 10_001.0).abs() < 1e-12 && clear.p >= clear.smallest_p);
}

#[test]
fn nothing_and_nonsense_are_refused() {
    assert!(matches!(sign_flip_test(&[], Tail::Both, &drawn()), Err(Refusal::TooSmall(_))));
    assert_eq!(sign_flip_test(&[f64::NAN], Tail::Both, &drawn()), Err(Refusal::NotFinite { index: 0 }));
    assert_eq!(sign_flip_test(&[0.0; 40], Tail::Both, &drawn()).unwrap().p.to_bits(), 1.0_f64.to_bits());
}
