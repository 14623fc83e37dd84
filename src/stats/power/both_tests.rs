//! What the exact test costs beside the t test.
//!
//! A difference is called one where Student's interval excludes 0 *and* the sign-flip p-value lies below α. Of few blocks the
//! latter is coarse: with six, 2 / 2⁶ is the only p-value below 0.05, so that all six signs have to be the same (probability
//! Φ(d)⁶ for an effect of d standard deviations: 0.62 where the t test alone has a power of 0.8).
//!
//! For normal differences the mean is independent of the standard deviation s and of the shape u, the differences less their
//! mean over s, and s of u (Basu, On statistics independent of a complete sufficient statistic, Sankhyā 15, 1955). Both tests
//! reject, the larger mean the more surely, from a mean of c(u) · s on, where c(u) is Student's critical value over √n or, when
//! larger, the shift of u at which the share of all choices of signs falls below α. The power is then the mean of
//! Φ(√n (d − c(u) s)) over shapes and standard deviations. These are drawn, always from the same seed; the same draws with
//! Student's critical value alone are a control whose power is known exactly, so that only the ratio of the two effects is
//! taken from them.

use crate::{
    stats::{
        normal,
        sign_flip::{EXACT_MAX, sign_flip_p},
    },
    units::Seed,
};

/// Choices of signs from whose number on the exact test is as fine as the t test: when α leaves it more of them, power is lost
/// by less than 1 % (simulated for α of 0.005 to 0.05).
const CHOICES_MAX: f64 = 4_096.0;

/// The most draws; the effect of six blocks is then known to about 1 %.
const DRAWS_MAX: usize = 512;

/// The fewest; with more blocks shapes differ less from each other.
const DRAWS_MIN: usize = 64;

/// By what factor the effect that both tests find with a probability of `power` is larger than the one that the t test with the
/// `critical` value of its statistic does; 1 where the exact test is as fine, or isn't made for want of time. The blocks must be
/// enough for the exact test to reach `alpha` at all.
pub(super) fn enlargement(blocks: usize, alpha: f64, critical: f64, power: f64) -> f64 {
    let n = blocks as f64;
    if blocks > EXACT_MAX || alpha * n.exp2() / 2.0 > CHOICES_MAX {
        return 1.0;
    }
    let by_t = critical / n.sqrt();
    // A p-value takes time in proportion to 2^(n / 2).
    let draws = (65_536_usize >> blocks.div_ceil(2)).clamp(DRAWS_MIN, DRAWS_MAX);
    let seed = Seed::new(0).label("power of both tests");
    let draws: Vec<Draw> = (0..draws as u64).map(|i| draw(seed.index(i), blocks)).collect();
    let by_both: Vec<f64> = draws.iter().map(|draw| threshold(&draw.shape, by_t, alpha)).collect();
    let effect_of_t = effect(power, n, || draws.iter().map(|draw| draw.sd * by_t));
    let effect_of_both = effect(power, n, || draws.iter().zip(&by_both).map(|(draw, by_both)| draw.sd * by_both));
    (effect_of_both / effect_of_t).max(1.0)
}

/// Standard normal differences.
struct Draw {
    sd: f64,
    /// Less their mean, in standard deviations.
    shape: Vec<f64>,
}

fn draw(seed: Seed, blocks: usize) -> Draw {
    let values: Vec<f64> = (0..blocks as u64).map(|i| normal::quantile(seed.index(i).uniform())).collect();
    let mean = values.iter().sum::<f64>() / blocks as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let sd = (squares / (blocks as f64 - 1.0)).sqrt();
    Draw { sd, shape: values.iter().map(|value| (value - mean) / sd).collect() }
}

/// The mean, in standard deviations, from which on both tests reject differences of a shape; the t test does from `by_t` on. The
/// more a shape is shifted, the fewer choices of signs give as large a sum.
fn threshold(shape: &[f64], by_t: f64, alpha: f64) -> f64 {
    let rejects =
        |mean: f64| sign_flip_p(&shape.iter().map(|u| u + mean).collect::<Vec<_>>()).is_some_and(|p| p < alpha);
    if rejects(by_t) {
        return by_t;
    }
    // No value lies further below the mean than (n − 1) / √n standard deviations: all signs are the same there.
    let (mut low, mut high) = (by_t, by_t + (shape.len() as f64).sqrt());
    for _ in 0..10 {
        let middle = f64::midpoint(low, high);
        if rejects(middle) { high = middle } else { low = middle }
    }
    high
}

/// The effect, in standard deviations, at which the mean of Φ(√n (effect − threshold)) is `power`.
fn effect<I: Iterator<Item = f64>>(power: f64, n: f64, thresholds: impl Fn() -> I) -> f64 {
    let reached = |effect: f64| {
        let (sum, count) = thresholds().fold((0.0, 0.0), |(sum, count), threshold| {
            (sum + normal::below(n.sqrt() * (effect - threshold)), count + 1.0)
        });
        sum >= power * count
    };
    let mut high = 1.0;
    while !reached(high) {
        high *= 2.0;
    }
    let mut low = 0.0;
    for _ in 0..20 {
        let middle = f64::midpoint(low, high);
        if reached(middle) { high = middle } else { low = middle }
    }
    high
}
