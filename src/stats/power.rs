//! How many blocks an effect needs, and the smallest effect that so many blocks show.
//!
//! The power of the paired t test is exact for normal differences: the statistic follows the noncentral t distribution
//! with noncentrality effect · √blocks / sd (Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd edition,
//! chapter 2). Its square is a noncentral F, summed here as Poisson-weighted beta probabilities (Johnson, Kotz,
//! Balakrishnan, Continuous Univariate Distributions 2, section 30.3).
//!
//! A verdict asks for more, that the exact sign-flip test agrees. Of few blocks that takes power (of six at α = 0.05 from 0.80
//! to 0.62, of seven to 0.75, of ten to 0.785), so that plans are for both tests together (`both_tests`).

mod both_tests;

use statrs::{
    distribution::{ChiSquared, ContinuousCDF},
    function::{beta::beta_reg, gamma::ln_gamma},
};

use crate::stats::{
    interval::Confidence,
    pairing::variance,
    quantile::TooSmall,
    refusal::{Refusal, usable},
    sign_flip::blocks_needed,
    student,
};

/// The power that plans ask for unless they say otherwise.
pub const STANDARD_POWER: f64 = 0.8;

/// More blocks than any experiment will run.
const MOST_BLOCKS: usize = 1_000_000;

/// What a pilot's block differences say about blocks to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pilot {
    blocks: usize,
    mean: f64,
    sd: f64,
}

impl Pilot {
    /// From the differences of the blocks that were run.
    ///
    /// # Errors
    /// [`Refusal::TooSmall`] below two blocks, [`Refusal::NotFinite`].
    pub fn of(differences: &[f64]) -> Result<Self, Refusal> {
        usable(differences, 2)?;
        let mean = differences.iter().sum::<f64>() / differences.len() as f64;
        Ok(Self { blocks: differences.len(), mean, sd: variance(differences).sqrt() })
    }

    /// How many blocks it had.
    #[must_use]
    pub const fn blocks(&self) -> usize {
        self.blocks
    }

    /// The mean difference that it saw.
    #[must_use]
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation of its differences; 0 when they are all equal.
    #[must_use]
    pub const fn sd(&self) -> f64 {
        self.sd
    }

    /// The largest standard deviation that the pilot leaves plausible: a pilot of few blocks often shows too small a one
    /// (Browne, On the use of a pilot sample for sample size determination, Stat. Med. 14, 1995). One-sided.
    #[must_use]
    pub fn sd_at_most(&self, confidence: Confidence) -> Option<f64> {
        let freedom = (self.blocks - 1) as f64;
        let low = ChiSquared::new(freedom).ok()?.inverse_cdf(confidence.alpha());
        (low > 0.0).then(|| self.sd * (freedom / low).sqrt())
    }

    /// The smallest mean difference (in size) that the two-sided tests, Student's and the exact one, both find with
    /// probability `power` in `blocks` blocks that spread as the pilot's did.
    ///
    /// # Errors
    /// [`Refusal::TooSmall`] below two blocks and where so few can't reach `alpha` by the exact test; [`Refusal::NoSpread`]
    /// when the pilot's differences are all equal: any difference would do then, and none was measured;
    /// [`Refusal::OutOfRange`] unless 0 < `alpha` < `power` < 1.
    pub fn smallest_effect(&self, blocks: usize, alpha: f64, power: f64) -> Result<f64, Refusal> {
        check(alpha, power)?;
        let needed = least_blocks(alpha);
        if blocks < needed {
            return Err(TooSmall { n: blocks, needed }.into());
        }
        if self.sd == 0.0 {
            return Err(Refusal::NoSpread);
        }
        let reached = |effect: f64| self::power(effect, 1.0, blocks, alpha).map(|reached| reached >= power);
        let mut high = 1.0;
        while !reached(high)? {
            high *= 2.0;
        }
        let mut low = 0.0;
        for _ in 0..60 {
            let middle = f64::midpoint(low, high);
            if reached(middle)? { high = middle } else { low = middle }
        }
        Ok(high * enlargement(blocks, alpha, power)? * self.sd)
    }

    /// The fewest blocks with which the two-sided tests, Student's and the exact one, both find a mean difference of `effect`
    /// with probability `power`.
    ///
    /// # Errors
    /// [`Refusal::OutOfRange`] for an effect of zero, for one that a million blocks don't find, and unless
    /// 0 < `alpha` < `power` < 1.
    pub fn blocks_for(&self, effect: f64, alpha: f64, power: f64) -> Result<usize, Refusal> {
        check(alpha, power)?;
        if effect == 0.0 || !effect.is_finite() {
            return Err(Refusal::OutOfRange { what: "an effect to plan for must be a number other than 0" });
        }
        let least = least_blocks(alpha);
        let reached = |blocks: usize| self::power(effect, self.sd, blocks, alpha).map(|reached| reached >= power);
        let mut high = least;
        while !reached(high)? {
            if high >= MOST_BLOCKS {
                return Err(Refusal::OutOfRange { what: "the effect is so small that a million blocks don't find it" });
            }
            high = (high * 2).min(MOST_BLOCKS);
        }
        let mut low = least;
        while low < high {
            let middle = usize::midpoint(low, high);
            if reached(middle)? { high = middle } else { low = middle + 1 }
        }
        // The exact test asks for a few more where blocks are few, and for none from some twenty on.
        let by_both = |blocks| self::power(effect / enlargement(blocks, alpha, power)?, self.sd, blocks, alpha);
        while by_both(high)? < power {
            high += 1;
        }
        Ok(high)
    }
}

/// The fewest blocks by which an exact test can reach `alpha`.
fn least_blocks(alpha: f64) -> usize {
    blocks_needed(alpha).unwrap_or(MOST_BLOCKS).max(2)
}

/// By what factor an effect has to be larger for both tests to find it as surely as the t test alone does.
fn enlargement(blocks: usize, alpha: f64, power: f64) -> Result<f64, Refusal> {
    Ok(both_tests::enlargement(blocks, alpha, critical(blocks, alpha)?, power))
}

/// The size that the t statistic of so many blocks has to exceed.
fn critical(blocks: usize, alpha: f64) -> Result<f64, Refusal> {
    Confidence::of_alpha(alpha)
        .and_then(|confidence| student::upper_quantile(confidence.tail(), blocks as f64 - 1.0))
        .ok_or(Refusal::OutOfRange { what: "alpha must lie strictly between 0 and 1" })
}

fn check(alpha: f64, power: f64) -> Result<(), Refusal> {
    if 0.0 < alpha && alpha < power && power < 1.0 {
        Ok(())
    } else {
        Err(Refusal::OutOfRange { what: "0 < alpha < power < 1 is needed" })
    }
}

/// The probability that the two-sided paired t test at level `alpha` finds a mean difference of `effect` when block
/// differences have the standard deviation `sd`; one without spread is found for certain.
///
/// # Errors
/// [`Refusal::TooSmall`] below two blocks; [`Refusal::OutOfRange`] for an `alpha` outside (0, 1), a negative `sd`, or an
/// effect that is no finite number.
pub fn power(effect: f64, sd: f64, blocks: usize, alpha: f64) -> Result<f64, Refusal> {
    if blocks < 2 {
        return Err(TooSmall { n: blocks, needed: 2 }.into());
    }
    if !(effect.is_finite() && sd.is_finite() && sd >= 0.0) {
        return Err(Refusal::OutOfRange {
            what: "effect and standard deviation must be finite, the latter not below 0",
        });
    }
    let freedom = (blocks - 1) as f64;
    let critical = critical(blocks, alpha)?;
    if effect == 0.0 {
        return Ok(alpha);
    }
    let noncentrality = effect.abs() / sd * (blocks as f64).sqrt();
    // An effect that nothing can be seen of; its square may not even be a number above 0.
    if noncentrality < 1e-9 {
        return Ok(alpha);
    }
    // Beyond this no critical value of a few blocks is left unreached, and the sum would have too many terms.
    if noncentrality > 1e4 {
        return Ok(1.0);
    }
    Ok(1.0 - noncentral_square_below(critical * critical, freedom, noncentrality))
}

/// The probability that the square of a noncentral t lies below `square`.
fn noncentral_square_below(square: f64, freedom: f64, noncentrality: f64) -> f64 {
    let mean = noncentrality * noncentrality / 2.0;
    let x = square / (square + freedom);
    // Outside ten standard deviations of the Poisson weights nothing is left of double precision.
    let reach = 10.0 * mean.sqrt() + 40.0;
    let (first, last) = ((mean - reach).max(0.0).floor(), (mean + reach).ceil());
    let mut sum = 0.0;
    let mut j = first;
    while j <= last {
        let weight = (j * mean.ln() - mean - ln_gamma(j + 1.0)).exp();
        sum += weight * beta_reg(j + 0.5, freedom / 2.0, x);
        j += 1.0;
    }
    sum.clamp(0.0, 1.0)
}

#[cfg(test)]
#[path = "power_tests.rs"]
mod tests;
