//! Latency models: how long something takes, as a distribution.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, Normal};

use super::duration;
use crate::units::Seed;

/// The 95th percentile of the standard normal distribution.
const Z95: f64 = 1.644_853_626_951_472_2;

/// A distribution of durations.
///
/// A draw is the quantile of one keyed uniform number (inversion), so two models drawn under one key move together: what is
/// slow in one arm is slow in the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Spec", into = "Spec")]
pub struct Latency {
    spec: Spec,
    shape: Shape,
}

/// What is computed from a specification once.
#[derive(Clone, Debug, PartialEq)]
enum Shape {
    Fixed(Duration),
    Uniform {
        min_ns: f64,
        range_ns: f64,
    },
    /// `low` and `high` are the probabilities between which the uniform number is put: the truncation.
    Lognormal {
        mu: f64,
        sigma: f64,
        low: f64,
        high: f64,
    },
    /// Sorted.
    Empirical(Vec<f64>),
}

/// A latency as it is written in a profile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Spec {
    Fixed(#[serde(with = "duration")] Duration),
    Uniform(UniformSpec),
    Lognormal(LognormalSpec),
    Empirical(EmpiricalSpec),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UniformSpec {
    #[serde(with = "duration")]
    min: Duration,
    #[serde(with = "duration")]
    max: Duration,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LognormalSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mean: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sd: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    median: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p95: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    min: Option<Text>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<Text>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EmpiricalSpec {
    samples: Vec<Text>,
}

/// A duration where serde's `with` does not reach.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
struct Text(#[serde(with = "duration")] Duration);

/// A latency model that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LatencyError {
    /// `min` above `max`.
    #[error("`min` ({}) is above `max` ({}): swap them", duration::format(*.0), duration::format(*.1))]
    Reversed(Duration, Duration),
    /// Neither or both pairs of parameters.
    #[error("a lognormal latency has either `mean` and `sd` or `median` and `p95`: give one of the pairs, whole")]
    Parameters,
    /// A logarithm of nothing.
    #[error("a lognormal latency has a `mean` or `median` above 0s: write `fixed: 0s` for no latency")]
    Zero,
    /// A 95th percentile that lies below the 50th.
    #[error("`p95` ({}) is below `median` ({}): swap them", duration::format(*.0), duration::format(*.1))]
    Percentiles(Duration, Duration),
    /// Between `min` and `max` lies none of the distribution.
    #[error("`min` and `max` leave nothing of the distribution: widen them")]
    Truncation,
    /// Nothing to draw from.
    #[error("an empirical latency has one sample at least: list them under `samples`")]
    NoSamples,
}

impl Latency {
    /// Always the same.
    #[must_use]
    pub fn fixed(duration: Duration) -> Self {
        Self { spec: Spec::Fixed(duration), shape: Shape::Fixed(duration) }
    }

    /// Anything from `min` to `max`, all alike.
    ///
    /// # Errors
    /// When `min` is above `max`.
    pub fn uniform(min: Duration, max: Duration) -> Result<Self, LatencyError> {
        Spec::Uniform(UniformSpec { min, max }).try_into()
    }

    /// Lognormal with this mean and standard deviation.
    ///
    /// # Errors
    /// When the mean is zero.
    pub fn lognormal(mean: Duration, sd: Duration) -> Result<Self, LatencyError> {
        let spec = LognormalSpec { mean: Some(Text(mean)), sd: Some(Text(sd)), ..LognormalSpec::default() };
        Spec::Lognormal(spec).try_into()
    }

    /// What was measured elsewhere: the samples' distribution with straight lines between them.
    ///
    /// # Errors
    /// When there is no sample.
    pub fn empirical(samples: &[Duration]) -> Result<Self, LatencyError> {
        Spec::Empirical(EmpiricalSpec { samples: samples.iter().copied().map(Text).collect() }).try_into()
    }

    /// The draw under a key: the same key, the same duration.
    #[must_use]
    pub fn draw(&self, seed: Seed) -> Duration {
        match self.shape {
            Shape::Fixed(duration) => duration,
            _ => self.quantile(seed.uniform()),
        }
    }

    /// The duration below which a share `p` of all draws lies; `p` is put into 0 to 1.
    #[must_use]
    pub fn quantile(&self, p: f64) -> Duration {
        let p = p.clamp(0.0, 1.0);
        match &self.shape {
            Shape::Fixed(duration) => *duration,
            Shape::Uniform { min_ns, range_ns } => from_ns(min_ns + p * range_ns),
            Shape::Lognormal { mu, sigma, low, high } => {
                let z = Normal::standard().inverse_cdf((low + p * (high - low)).clamp(0.0, 1.0));
                // At p = 0 or 1 without a truncation z is infinite: exp gives 0 or infinity, and the cast saturates.
                from_ns(if *sigma > 0.0 { (mu + sigma * z).exp() } else { mu.exp() })
            }
            Shape::Empirical(samples) => from_ns(interpolated(samples, p)),
        }
    }
}

/// The quantile of sorted samples by linear interpolation between order statistics (Hyndman and Fan 1996, type 7).
fn interpolated(samples: &[f64], p: f64) -> f64 {
    let last = samples.len().saturating_sub(1);
    let at = p * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and the number of samples")]
    let below = (at.floor() as usize).min(last);
    let above = (below + 1).min(last);
    match (samples.get(below), samples.get(above)) {
        (Some(low), Some(high)) => low + (at - below as f64) * (high - low),
        _ => 0.0,
    }
}

fn in_ns(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}

fn from_ns(ns: f64) -> Duration {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates, and never negative")]
    let ns = ns.round() as u64;
    Duration::from_nanos(ns)
}

impl TryFrom<Spec> for Latency {
    type Error = LatencyError;

    fn try_from(spec: Spec) -> Result<Self, LatencyError> {
        let shape = match &spec {
            Spec::Fixed(duration) => Shape::Fixed(*duration),
            Spec::Uniform(UniformSpec { min, max }) if min > max => return Err(LatencyError::Reversed(*min, *max)),
            Spec::Uniform(UniformSpec { min, max }) => {
                Shape::Uniform { min_ns: in_ns(*min), range_ns: in_ns(*max) - in_ns(*min) }
            }
            Spec::Lognormal(spec) => lognormal(spec)?,
            Spec::Empirical(spec) if spec.samples.is_empty() => return Err(LatencyError::NoSamples),
            Spec::Empirical(spec) => {
                let mut samples: Vec<f64> = spec.samples.iter().map(|sample| in_ns(sample.0)).collect();
                samples.sort_by(f64::total_cmp);
                Shape::Empirical(samples)
            }
        };
        Ok(Self { spec, shape })
    }
}

impl From<Latency> for Spec {
    fn from(latency: Latency) -> Self {
        latency.spec
    }
}

fn lognormal(spec: &LognormalSpec) -> Result<Shape, LatencyError> {
    let (mu, sigma) = match (spec.mean, spec.sd, spec.median, spec.p95) {
        (Some(Text(mean)), Some(_), None, None) | (None, None, Some(Text(mean)), Some(_)) if mean.is_zero() => {
            return Err(LatencyError::Zero);
        }
        (Some(Text(mean)), Some(Text(sd)), None, None) => {
            let variance = (in_ns(sd) / in_ns(mean)).powi(2).ln_1p();
            (in_ns(mean).ln() - variance / 2.0, variance.sqrt())
        }
        (None, None, Some(Text(median)), Some(Text(p95))) if p95 < median => {
            return Err(LatencyError::Percentiles(p95, median));
        }
        (None, None, Some(Text(median)), Some(Text(p95))) => {
            (in_ns(median).ln(), (in_ns(p95) / in_ns(median)).ln() / Z95)
        }
        _ => return Err(LatencyError::Parameters),
    };
    if let (Some(Text(min)), Some(Text(max))) = (spec.min, spec.max)
        && min > max
    {
        return Err(LatencyError::Reversed(min, max));
    }
    let below = |limit: Duration| {
        if sigma > 0.0 {
            Normal::standard().cdf((in_ns(limit).ln() - mu) / sigma)
        } else {
            f64::from(in_ns(limit).ln() >= mu)
        }
    };
    let low = spec.min.map_or(0.0, |min| below(min.0));
    let high = spec.max.map_or(1.0, |max| below(max.0));
    if low >= high && sigma > 0.0 {
        return Err(LatencyError::Truncation);
    }
    Ok(Shape::Lognormal { mu, sigma, low, high })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secs(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    fn read(yaml: &str) -> Result<Latency, String> {
        serde_saphyr::from_str(yaml).map_err(|error| error.to_string())
    }

    fn draws(latency: &Latency, n: u64) -> Vec<f64> {
        (0..n).map(|i| latency.draw(Seed::new(3).label("x").index(i)).as_secs_f64()).collect()
    }

    fn mean_and_sd(draws: &[f64]) -> (f64, f64) {
        let n = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / n;
        (mean, (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
    }

    #[test]
    fn a_lognormal_has_the_mean_and_spread_that_it_was_given() {
        let latency = Latency::lognormal(secs(30.0), secs(6.0)).expect("valid");
        let (mean, sd) = mean_and_sd(&draws(&latency, 40_000));
        assert!((mean - 30.0).abs() < 0.1, "{mean}");
        assert!((sd - 6.0).abs() < 0.1, "{sd}");
    }

    #[test]
    fn a_lognormal_by_percentiles_goes_through_both() {
        let latency = read("lognormal: {median: 2s, p95: 5s}").expect("valid");
        assert!((latency.quantile(0.5).as_secs_f64() - 2.0).abs() < 1e-6);
        assert!((latency.quantile(0.95).as_secs_f64() - 5.0).abs() < 1e-6);
    }

    #[test]
    fn the_normal_quantile_is_the_one_of_r() {
        // qlnorm(c(0.001, 0.25, 0.9), 0, 1) in R 4.
        let latency = Latency {
            spec: Spec::Fixed(Duration::ZERO),
            shape: Shape::Lognormal { mu: 1e9_f64.ln(), sigma: 1.0, low: 0.0, high: 1.0 },
        };
        for (p, expected) in [(0.001, 0.045_491_39), (0.25, 0.509_416_28), (0.9, 3.602_224_48)] {
            let got = latency.quantile(p).as_secs_f64();
            assert!((got - expected).abs() < 1e-7, "{p}: {got}");
        }
    }

    #[test]
    fn a_truncated_lognormal_stays_inside_without_piling_up_at_the_ends() {
        let latency = read("lognormal: {mean: 10s, sd: 5s, min: 6s, max: 14s}").expect("valid");
        let mut drawn = draws(&latency, 5_000);
        drawn.sort_by(f64::total_cmp);
        assert!(drawn[0] >= 6.0 && drawn[4_999] <= 14.0);
        drawn.dedup();
        assert!(drawn.len() > 4_990, "{}", drawn.len());
    }

    #[test]
    fn empirical_draws_interpolate_between_the_samples() {
        let latency = read("empirical: {samples: [3s, 1s, 2s]}").expect("valid");
        for (p, expected) in [(0.0, 1.0), (0.25, 1.5), (0.5, 2.0), (1.0, 3.0)] {
            assert!((latency.quantile(p).as_secs_f64() - expected).abs() < 1e-9, "{p}");
        }
        assert_eq!(read("empirical: {samples: [4s]}").expect("valid").quantile(0.7), secs(4.0));
    }

    #[test]
    fn nonsense_is_refused_with_the_way_out() {
        for (yaml, part) in [
            ("uniform: {min: 5s, max: 2s}", "`min` (5s) is above `max` (2s)"),
            ("lognormal: {mean: 5s}", "give one of the pairs"),
            ("lognormal: {mean: 5s, sd: 1s, p95: 9s}", "give one of the pairs"),
            ("lognormal: {mean: 0s, sd: 1s}", "write `fixed: 0s`"),
            ("lognormal: {median: 5s, p95: 4s}", "is below `median`"),
            ("lognormal: {mean: 1s, sd: 10ms, min: 1h}", "leave nothing"),
            ("empirical: {samples: []}", "one sample at least"),
            ("fixed: -3s", "is negative"),
            ("fixed: soon", "is not a duration"),
            ("uniform: {min: 5s, max: 6s, mean: 5s}", "mean"),
            ("gaussian: {mean: 5s}", "gaussian"),
        ] {
            let error = read(yaml).expect_err(yaml);
            assert!(error.contains(part), "{yaml}: {error}");
        }
    }

    proptest! {
        #[test]
        fn quantiles_never_fall(mean in 1_u64..10_000, sd in 0_u64..10_000, a in 0.0..1.0_f64, b in 0.0..1.0_f64) {
            let latency = Latency::lognormal(Duration::from_millis(mean), Duration::from_millis(sd)).expect("valid");
            let (low, high) = if a < b { (a, b) } else { (b, a) };
            prop_assert!(latency.quantile(low) <= latency.quantile(high));
        }

        #[test]
        fn a_latency_survives_being_written(min in 0_u64..1_000_000_000_000, range in 0_u64..1_000_000_000_000) {
            let latency = Latency::uniform(Duration::from_nanos(min), Duration::from_nanos(min + range)).expect("valid");
            let json = serde_json::to_string(&latency).expect("serialises");
            prop_assert_eq!(serde_json::from_str::<Latency>(&json).expect("reads back"), latency);
        }
    }
}
