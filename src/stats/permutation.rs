//! The exact sign-flip test of paired differences (Fisher, The Design of Experiments, 1935, section 21).
//!
//! When the arms don't differ, each block's difference could as well have had the other sign: the p-value is the share of
//! all 2ⁿ choices of signs whose sum is at least as far from zero as the one seen.

/// The most differences that are enumerated; above it the t distribution is as good.
pub const EXACT_MAX: usize = 20;

/// The exact two-sided p-value, or `None` for no differences or more than [`EXACT_MAX`].
///
/// The signs of each half are enumerated and sorted and the halves met in the middle: 2 · 2¹⁰ sums instead of 2²⁰.
#[must_use]
pub fn sign_flip_p(differences: &[f64]) -> Option<f64> {
    if differences.is_empty() || differences.len() > EXACT_MAX {
        return None;
    }
    let scale: f64 = differences.iter().map(|d| d.abs()).sum();
    // Sums of the same differences in another order differ by rounding; a tie is a tie.
    let seen = differences.iter().sum::<f64>().abs() - scale * 1e-12;
    if seen <= 0.0 {
        return Some(1.0);
    }
    let (left, right) = differences.split_at(differences.len() / 2);
    let (left, right) = (signed_sums(left), signed_sums(right));
    let mut reached = 0_usize;
    let mut first = right.len();
    for sum in &left {
        while first > 0 && sum + right[first - 1] >= seen {
            first -= 1;
        }
        reached += right.len() - first;
    }
    // By symmetry as many sums lie at or below −seen.
    Some(2.0 * reached as f64 / (left.len() * right.len()) as f64)
}

/// The sums under every choice of signs, in ascending order.
fn signed_sums(differences: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for d in differences {
        sums = sums.iter().flat_map(|sum| [sum + d, sum - d]).collect();
    }
    sums.sort_unstable_by(f64::total_cmp);
    sums
}

#[cfg(test)]
mod tests {
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
}
