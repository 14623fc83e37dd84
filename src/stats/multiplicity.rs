//! Several tests at once.

use crate::stats::refusal::{Refusal, finite};

/// P-values adjusted for being several, in the order given: rejecting those below α keeps the probability of any false
/// rejection at α, whatever the dependence (Holm, A simple sequentially rejective multiple test procedure, Scand. J.
/// Statist. 6, 1979).
///
/// # Errors
/// [`Refusal::NotFinite`]; [`Refusal::OutOfRange`] for a value outside 0 to 1.
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>, Refusal> {
    finite(p_values)?;
    if p_values.iter().any(|p| !(0.0..=1.0).contains(p)) {
        return Err(Refusal::OutOfRange { what: "a p-value must lie within 0 and 1" });
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![0.0; p_values.len()];
    let mut largest = 0.0_f64;
    for (done, &index) in order.iter().enumerate() {
        let remaining = (p_values.len() - done) as f64;
        largest = largest.max((remaining * p_values[index]).min(1.0));
        adjusted[index] = largest;
    }
    Ok(adjusted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn adjusted_values_are_those_of_statsmodels() {
        // statsmodels 0.15: multipletests([0.01, 0.04, 0.03, 0.005], method="holm")[1].
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]).unwrap();
        for (ours, theirs) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
            assert!((ours - theirs).abs() < 1e-12, "{adjusted:?}");
        }
    }

    #[test]
    fn what_is_no_probability_is_refused() {
        assert_eq!(holm(&[]), Ok(vec![]));
        assert!(matches!(holm(&[0.1, 1.5]), Err(Refusal::OutOfRange { .. })));
        assert_eq!(holm(&[f64::NAN]), Err(Refusal::NotFinite { index: 0 }));
    }

    proptest! {
        #[test]
        fn adjusting_only_raises_and_keeps_the_order(p_values in prop::collection::vec(0.0_f64..=1.0, 1..20)) {
            let adjusted = holm(&p_values).unwrap();
            for (i, p) in p_values.iter().enumerate() {
                prop_assert!(adjusted[i] >= *p && adjusted[i] <= 1.0);
                for (j, other) in p_values.iter().enumerate() {
                    prop_assert!(p > other || adjusted[i] <= adjusted[j]);
                }
            }
        }
    }
}
