//! Newtypes for what is counted and named everywhere: nanoseconds, seeds, ids.

mod duration;

use std::{fmt, ops::Sub, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

pub use duration::{GoDuration, NotADuration, parse_duration};

/// A point in time or a duration, in nanoseconds; a point counts from the epoch of its trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nanos(u64);

impl Nanos {
    /// No time at all, or the epoch itself.
    pub const ZERO: Self = Self(0);

    /// From a count of nanoseconds.
    #[must_use]
    pub const fn new(ns: u64) -> Self {
        Self(ns)
    }

    /// The count of nanoseconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The same in seconds, for display and statistics only.
    #[must_use]
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The time from `earlier` to `self`, or `None` where `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Option<Self> {
        match self.0.checked_sub(earlier.0) {
            Some(ns) => Some(Self(ns)),
            None => None,
        }
    }
}

impl From<Duration> for Nanos {
    /// Saturates after 584 years.
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Nanos> for Duration {
    fn from(nanos: Nanos) -> Self {
        Self::from_nanos(nanos.0)
    }
}

impl Sub for Nanos {
    type Output = Self;

    /// Saturates at zero: a clock of ours never runs backwards.
    fn sub(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

/// The index of an instance within its trial, from 0; written `ci-0001` for index 0, as its object is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(u32);

impl InstanceId {
    /// From an index that starts at 0.
    #[must_use]
    pub const fn from_index(index: u32) -> Self {
        Self(index)
    }

    /// The index, from 0.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ci-{:04}", u64::from(self.0) + 1)
    }
}

/// A text that is not the name of an instance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an instance: expected `ci-` and a number from 1")]
pub struct NotAnInstance(String);

impl FromStr for InstanceId {
    type Err = NotAnInstance;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.strip_prefix("ci-")
            .and_then(|digits| digits.parse::<u32>().ok())
            .and_then(|number| number.checked_sub(1))
            .map(Self)
            .ok_or_else(|| NotAnInstance(text.to_owned()))
    }
}

impl Serialize for InstanceId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for InstanceId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The source of every random draw: a draw depends on the seed and on what it is for, never on the order of the calls.
///
/// `Seed::new(7).label("running").index(3)` names a stream; [`Seed::uniform`] is its first draw and
/// [`Seed::stream`] all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(u64);

impl Seed {
    /// The seed of a run.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The seed for one purpose under this one (FNV-1a of the label, mixed).
    #[must_use]
    pub fn label(self, label: &str) -> Self {
        Self(mix(self.0 ^ mix(fnv1a_64(label.as_bytes()))))
    }

    /// The seed for one member of a series under this one.
    #[must_use]
    pub const fn index(self, index: u64) -> Self {
        Self(mix(self.0.wrapping_add(mix(index ^ 0x5851_f42d_4c95_7f2d))))
    }

    /// One draw, uniform over the open interval (0, 1), so that its logarithm is finite.
    #[must_use]
    pub const fn uniform(self) -> f64 {
        ((mix(self.0 ^ 0x2545_f491_4f6c_dd1d) >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    }

    /// All draws under this seed, 64 random bits each.
    #[must_use]
    pub const fn stream(self) -> Stream {
        Stream { state: self.0 }
    }
}

/// The draws under one [`Seed`]: SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
#[derive(Clone, Debug)]
pub struct Stream {
    state: u64,
}

impl Stream {
    /// The next 64 random bits.
    pub const fn next_bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number below `bound`, without bias that could matter (Lemire's multiplication; bias < bound / 2^64).
    pub fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.next_bits()) * bound as u128;
        usize::try_from(product >> 64).unwrap_or(0)
    }

    /// Puts a slice in random order (Fisher–Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// SplitMix64's finaliser, after Stafford's variant 13.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The 64-bit FNV-1a hash (Fowler, Noll, Vo; offset basis and prime from the authors' page).
#[must_use]
pub fn fnv1a_64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fnv1a_matches_the_authors_test_vectors() {
        assert_eq!(fnv1a_64(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a_64(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a_64(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn splitmix64_matches_the_published_sequence() {
        // The first outputs for seed 1234567, as in Vigna's splitmix64.c and the Java reference.
        let mut stream = Seed::new(1_234_567).stream();
        assert_eq!(stream.next_bits(), 6_457_827_717_110_365_317);
        assert_eq!(stream.next_bits(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn draws_depend_on_the_purpose_and_not_on_the_order() {
        let seed = Seed::new(1);
        let a = seed.label("running").index(1).uniform();
        let _ = seed.label("pending").index(1).uniform();
        assert_eq!(a.to_bits(), seed.label("running").index(1).uniform().to_bits());
        assert!((a - seed.label("pending").index(1).uniform()).abs() > 1e-12);
        assert!((a - seed.label("running").index(2).uniform()).abs() > 1e-12);
    }

    #[test]
    fn uniform_draws_have_the_mean_and_spread_of_a_uniform() {
        let n = 10_000_u64;
        let draws: Vec<f64> = (0..n).map(|i| Seed::new(9).index(i).uniform()).collect();
        let mean = draws.iter().sum::<f64>() / n as f64;
        let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n as f64;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        assert!((variance - 1.0 / 12.0).abs() < 0.003, "{variance}");
    }

    #[test]
    fn instances_are_named_and_read_back() {
        let id = InstanceId::from_index(0);
        assert_eq!(id.to_string(), "ci-0001");
        assert_eq!("ci-0001".parse(), Ok(id));
        assert_eq!(InstanceId::from_index(99_999).to_string(), "ci-100000");
        for bad in ["ci-0", "ci-", "x-1", "ci-99999999999"] {
            assert!(bad.parse::<InstanceId>().is_err(), "{bad}");
        }
    }
}
