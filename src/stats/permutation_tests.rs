use proptest::prelude::*;

use super::*;
use crate::units::Seed;

const BASELINE: [f64; 5] = [1.2, 3.4, 2.2, 5.1, 2.2];
const ARM: [f64; 6] = [2.9, 6.1, 4.4, 5.1, 7.3, 2.2];

fn drawn() -> Resampling {
    Resampling::standard(Seed::new(5))
}

#[test]
fn all_arrangements_are_counted_as_numpy_counts_them() {
    // itertools.combinations(range(11), 6), NumPy 2.4.6: 53 of 462 differences of means are as far from 0.
    let test = permutation_test(&BASELINE, &ARM, &drawn()).unwrap();
    assert_eq!(test.reference, Reference::Exact { arrangements: 462 });
    assert!((test.p - 53.0 / 462.0).abs() < 1e-12, "{test:?}");
}

#[test]
fn four_a_side_are_the_fewest_that_reach_five_percent() {
    assert!((smallest_p(3, 3) - 0.1).abs() < 1e-12);
    assert!((smallest_p(4, 4) - 2.0 / 70.0).abs() < 1e-12);
    assert!((smallest_p(3, 20) - 1.0 / 1_771.0).abs() < 1e-12);
    let clear = permutation_test(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0], &drawn()).unwrap();
    assert_eq!(clear.p.to_bits(), clear.smallest_p.to_bits());
}

#[test]
fn drawn_arrangements_agree_with_the_exact_share() {
    // Each value three times: 33 values are too many to count. SciPy 1.17.1's t test gives 0.0028 for these.
    let thrice = |values: &[f64]| values.iter().flat_map(|value| [*value; 3]).collect::<Vec<_>>();
    let test = permutation_test(&thrice(&BASELINE), &thrice(&ARM), &drawn()).unwrap();
    assert_eq!(test.reference, Reference::MonteCarlo { resamples: 10_000 });
    assert!((0.001..0.006).contains(&test.p), "{test:?}");
    assert_eq!(permutation_test(&thrice(&BASELINE), &thrice(&ARM), &drawn()).unwrap(), test);
}

#[test]
fn equal_values_and_empty_sides_have_an_answer() {
    assert_eq!(permutation_test(&[0.1; 4], &[0.1; 4], &drawn()).unwrap().p.to_bits(), 1.0_f64.to_bits());
    assert_eq!(permutation_test(&[0.1; 40], &[0.1; 40], &drawn()).unwrap().p.to_bits(), 1.0_f64.to_bits());
    assert!(matches!(permutation_test(&[], &[1.0], &drawn()), Err(Refusal::TooSmall(_))));
    assert!(permutation_test(&[1.0], &[f64::INFINITY], &drawn()).is_err());
    assert_eq!(permutation_test(&[1.0], &[2.0], &drawn()).unwrap().p.to_bits(), 1.0_f64.to_bits());
}

proptest! {
    #[test]
    fn meeting_in_the_middle_counts_what_plain_enumeration_counts(
        values in prop::collection::vec(-100_i32..100, 2..11),
        split in 1_usize..10,
    ) {
        let split = split.min(values.len() - 1);
        let (baseline, arm) = values.split_at(split);
        let total: i32 = values.iter().sum();
        let n = i32::try_from(values.len()).unwrap();
        let size = arm.len();
        // n · Σ arm − size · Σ all is proportional to the difference of means, in whole numbers.
        let score = |sum: i32| (n * sum - i32::try_from(size).unwrap() * total).abs();
        let seen = score(arm.iter().sum());
        let subsets = (0_u32..1 << values.len()).filter(|bits| bits.count_ones() as usize == size);
        let sums = subsets.map(|bits| (0..values.len()).filter(|i| bits >> i & 1 == 1).map(|i| values[i]).sum());
        let (mut reached, mut all) = (0_u32, 0_u32);
        for sum in sums {
            reached += u32::from(score(sum) >= seen);
            all += 1;
        }
        let floats = |values: &[i32]| values.iter().map(|value| f64::from(*value)).collect::<Vec<_>>();
        let p = permutation_test(&floats(baseline), &floats(arm), &drawn()).unwrap().p;
        prop_assert!((p - f64::from(reached) / f64::from(all)).abs() < 1e-12, "{reached} of {all}, {p}");
    }
}
