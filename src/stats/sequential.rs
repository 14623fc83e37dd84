//! Looking at the data while blocks are still being run, without more false findings.
//!
//! Each look may spend a part of α, as a function of the information that it has (Lan and DeMets, Discrete sequential
//! boundaries for clinical trials, Biometrika 70, 1983). The boundary of a look depends on the looks so far and not on
//! those to come, so the number of looks needn't be planned. The probability of crossing for the first time comes from
//! the recursion of Armitage, McPherson and Rowe (Repeated significance tests on accumulating data, J. R. Stat. Soc. A
//! 132, 1969), with Simpson's rule.
//!
//! # Flow
//! [`Monitor::look`] with the fraction of blocks done, blocks / most blocks, gives the level of this look. Reject when the
//! test's p-value is at or below [`Boundary::nominal_alpha`]. The interval at that level,
//! [`Confidence::of_alpha`](crate::stats::interval::Confidence::of_alpha), covers the true value at every look together
//! with probability 1 − α (repeated confidence interval, Jennison and Turnbull, Group Sequential Methods, 2000, chapter 9).
//!
//! # Assumptions
//! Block differences are independent of each other; the test's statistic is about normal (for small numbers of blocks use
//! p-values of an exact or t test, which carry the level over).

use crate::stats::{normal, refusal::Refusal};

/// Beyond this many standard deviations nothing is left of double precision.
const FARTHEST: f64 = 38.0;

/// The share of the density that is worth a grid, in standard deviations.
const GRID_REACH: f64 = 9.0;

/// How α is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spending {
    /// Hardly anything early, nearly all of it at the end, as O'Brien and Fleming's boundary: 2 (2 − 2 Φ(z(α/4) / √t)).
    OBrienFleming,
    /// About evenly, as Pocock's boundary: α ln(1 + (e − 1) t).
    Pocock,
}

impl Spending {
    /// The part of a two-sided `alpha` that is spent when a `fraction` of the information is there; all of it from 1 on,
    /// nothing up to 0.
    #[must_use]
    pub fn spent(self, fraction: f64, alpha: f64) -> f64 {
        if fraction >= 1.0 {
            return alpha;
        }
        if fraction <= 0.0 {
            return 0.0;
        }
        match self {
            Self::OBrienFleming => 4.0 * normal::above(normal::upper_quantile(alpha / 4.0) / fraction.sqrt()),
            Self::Pocock => alpha * (1.0 + (std::f64::consts::E - 1.0) * fraction).ln(),
        }
    }
}

/// What one look may conclude from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Boundary {
    /// The fraction of the information at this look.
    pub fraction: f64,
    /// The size that a standard normal statistic has to reach.
    pub z: f64,
    /// The same as a two-sided level for this look's p-value.
    pub nominal_alpha: f64,
    /// What is spent of α up to this look.
    pub cumulative_alpha: f64,
}

/// Follows an experiment from look to look.
#[derive(Clone, Debug)]
pub struct Monitor {
    spending: Spending,
    alpha: f64,
    spent: f64,
    fraction: f64,
    /// The last boundary, on the scale of the process that has the variance of the fraction.
    bound: f64,
    /// The step of information that led to the last look.
    step: f64,
    /// The process before the last look, unless it had stopped by then: points, and the probability at each.
    before: Vec<(f64, f64)>,
}

impl Monitor {
    /// Before the first look, with a two-sided `alpha`; `None` outside (0, 1).
    #[must_use]
    pub fn new(spending: Spending, alpha: f64) -> Option<Self> {
        (0.0 < alpha && alpha < 1.0).then(|| Self {
            spending,
            alpha,
            spent: 0.0,
            fraction: 0.0,
            bound: 0.0,
            step: 0.0,
            before: Vec::new(),
        })
    }

    /// The boundary of the next look, at a fraction of the information above that of the look before and up to 1.
    ///
    /// # Errors
    /// [`Refusal::OutOfRange`] for any other fraction; the look then doesn't count.
    pub fn look(&mut self, fraction: f64) -> Result<Boundary, Refusal> {
        if !(self.fraction < fraction && fraction <= 1.0) {
            return Err(Refusal::OutOfRange {
                what: "fractions of information must rise from look to look and end at 1",
            });
        }
        let step = fraction - self.fraction;
        let here = self.continued(step);
        let sd = step.sqrt();
        let cumulative = self.spending.spent(fraction, self.alpha);
        let share = cumulative - self.spent;
        let leaves = |z: f64| {
            let bound = z * fraction.sqrt();
            let leaving =
                |(s, mass): &(f64, f64)| mass * (normal::above((bound - s) / sd) + normal::above((bound + s) / sd));
            here.iter().map(leaving).sum::<f64>()
        };
        let z = falls_to(share, leaves);
        *self = Self {
            spent: cumulative,
            fraction,
            bound: z.min(GRID_REACH) * fraction.sqrt(),
            step,
            before: here,
            ..*self
        };
        Ok(Boundary { fraction, z, nominal_alpha: normal::two_sided_p(z), cumulative_alpha: cumulative })
    }

    /// The process at the last look where it goes on, on a grid that is fine enough for a next step of that size.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred intervals")]
    fn continued(&self, next: f64) -> Vec<(f64, f64)> {
        if self.before.is_empty() {
            return vec![(0.0, 1.0)];
        }
        let sd = self.step.sqrt();
        let finest = self.step.min(next).sqrt() / 8.0;
        // An even number of intervals, for Simpson's rule.
        let intervals = 2 * ((self.bound / finest).ceil() as usize).max(2);
        let width = 2.0 * self.bound / intervals as f64;
        let density = 1.0 / (sd * (2.0 * std::f64::consts::PI).sqrt());
        (0..=intervals)
            .map(|i| {
                let s = width * i as f64 - self.bound;
                let weight = if i == 0 || i == intervals { 1.0 } else { 2.0 * (1 + i % 2) as f64 } * width / 3.0;
                let here: f64 =
                    self.before.iter().map(|(from, mass)| mass * (-0.5 * ((s - from) / sd).powi(2)).exp()).sum();
                (s, weight * density * here)
            })
            .collect()
    }
}

/// Where a falling function of a size from 0 to [`FARTHEST`] reaches a value.
fn falls_to(value: f64, function: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, FARTHEST);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if function(middle) > value { low = middle } else { high = middle }
    }
    high
}

/// The boundaries of looks at the given fractions of the information.
///
/// # Errors
/// [`Refusal::OutOfRange`] for an `alpha` outside (0, 1) and for fractions that don't rise within (0, 1].
pub fn boundaries(spending: Spending, alpha: f64, fractions: &[f64]) -> Result<Vec<Boundary>, Refusal> {
    let mut monitor =
        Monitor::new(spending, alpha).ok_or(Refusal::OutOfRange { what: "alpha must lie strictly between 0 and 1" })?;
    fractions.iter().map(|fraction| monitor.look(*fraction)).collect()
}

#[cfg(test)]
#[path = "sequential_tests.rs"]
mod tests;
