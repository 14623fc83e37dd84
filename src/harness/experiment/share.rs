//! A share, written as `5%` or `0.05`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, de};

/// A share of something, above 0 and at most 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

/// A text that is no share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no share; write it as 5% or 0.05, above 0 and at most 100%")]
pub struct NotAShare(String);

impl Share {
    /// The share as a number from 0 to 1.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    fn new(share: f64) -> Option<Self> {
        (share.is_finite() && share > 0.0 && share <= 1.0).then_some(Self(share))
    }
}

impl FromStr for Share {
    type Err = NotAShare;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim();
        let share = match trimmed.strip_suffix('%') {
            Some(percent) => percent.trim_end().parse::<f64>().ok().map(|percent| percent / 100.0),
            None => trimmed.parse::<f64>().ok(),
        };
        share.and_then(Self::new).ok_or_else(|| NotAShare(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Share;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a share such as 5% or 0.05")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Share, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_f64<E: de::Error>(self, share: f64) -> Result<Share, E> {
        Share::new(share).ok_or_else(|| E::custom(NotAShare(share.to_string())))
    }

    fn visit_u64<E: de::Error>(self, share: u64) -> Result<Share, E> {
        // 5 could mean 5 % as well as 500 %.
        Err(E::custom(NotAShare(share.to_string())))
    }

    fn visit_i64<E: de::Error>(self, share: i64) -> Result<Share, E> {
        Err(E::custom(NotAShare(share.to_string())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_in_percent_or_as_a_fraction() {
        for (text, share) in [("5%", 0.05), ("2.5 %", 0.025), ("0.05", 0.05), ("100%", 1.0)] {
            assert!((text.parse::<Share>().unwrap().get() - share).abs() < 1e-12, "{text}");
            assert!((serde_saphyr::from_str::<Share>(text).unwrap().get() - share).abs() < 1e-12, "{text}");
        }
        for bad in ["", "%", "5", "-1%", "0", "0%", "101%", "NaN", "inf", "five"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
            assert!(serde_saphyr::from_str::<Share>(bad).is_err(), "{bad}");
        }
    }
}
