//! What pairing the arms within blocks is worth.

use crate::stats::refusal::{Refusal, paired};

/// The share of the variance of a difference that common random numbers take away,
/// 1 − var(arm − baseline) / (var(arm) + var(baseline)), from block means.
///
/// 1 when the arms' luck cancels entirely, 0 when they are independent, negative when they work against each other (Law,
/// Simulation Modeling and Analysis, 5th edition, section 11.2).
///
/// # Errors
/// [`Refusal::Unpaired`], [`Refusal::TooSmall`] below two blocks, [`Refusal::NotFinite`], [`Refusal::NoSpread`] when
/// neither arm varies.
pub fn variance_reduction(baseline: &[f64], arm: &[f64]) -> Result<f64, Refusal> {
    paired(baseline, arm, 2)?;
    let differences: Vec<f64> = arm.iter().zip(baseline).map(|(arm, baseline)| arm - baseline).collect();
    let apart = variance(arm) + variance(baseline);
    if apart <= 0.0 {
        return Err(Refusal::NoSpread);
    }
    Ok(1.0 - variance(&differences) / apart)
}

/// The variance with n − 1; the caller has at least two values.
pub(crate) fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    // Equal values may differ from their mean by rounding; that is no spread.
    let rounding = mean * f64::EPSILON * n;
    if variance <= rounding * rounding { 0.0 } else { variance }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::quantile::TooSmall;

    #[test]
    fn arms_that_share_their_luck_lose_it_in_the_difference() {
        let baseline = [1.0, 2.0, 3.0, 4.0];
        let near = |a: Result<f64, Refusal>, b: f64| (a.unwrap() - b).abs() < 1e-12;
        assert!(near(variance_reduction(&baseline, &[11.0, 12.0, 13.0, 14.0]), 1.0));
        // Sums of products are 5, 5 and −2: var(d) = (10 + 4) / 3.
        assert!(near(variance_reduction(&baseline, &[2.0, 4.0, 1.0, 3.0]), 0.0));
        assert!(near(variance_reduction(&baseline, &[4.0, 3.0, 2.0, 1.0]), -1.0));
        // NumPy: a, b = [3, 5, 4, 8], [2, 6, 5, 9]; var(b - a), var(a), var(b) with ddof = 1 are 1, 14/3, 25/3.
        assert!(near(
            variance_reduction(&[3.0, 5.0, 4.0, 8.0], &[2.0, 6.0, 5.0, 9.0]),
            1.0 - 1.0 / (14.0 / 3.0 + 25.0 / 3.0)
        ));
    }

    #[test]
    fn without_spread_or_pairs_there_is_no_answer() {
        assert_eq!(variance_reduction(&[0.1; 5], &[0.3; 5]), Err(Refusal::NoSpread));
        assert_eq!(variance_reduction(&[1.0], &[1.0]), Err(TooSmall { n: 1, needed: 2 }.into()));
        assert_eq!(variance_reduction(&[1.0, 2.0], &[1.0]), Err(Refusal::Unpaired { left: 2, right: 1 }));
    }
}
