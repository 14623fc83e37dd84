//! Durations of a profile, in Go's notation.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

use crate::units::{GoDuration, parse_duration};

/// Writes a duration so that it is read back the same.
#[must_use]
pub fn format(duration: Duration) -> String {
    GoDuration(duration).to_string()
}

/// For `#[serde(with = …)]`: reads a duration.
///
/// # Errors
/// When it is none, as [`parse_duration`] says.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse_duration(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// For `#[serde(with = …)]`: writes a duration.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// The same for durations that cannot be zero.
pub mod positive {
    use std::time::Duration;

    use serde::{Deserializer, de::Error as _};

    pub use super::serialize;

    /// For `#[serde(with = …)]`: reads a duration above zero.
    ///
    /// # Errors
    /// When it is none, as [`parse_duration`](crate::units::parse_duration) says, and for zero.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let duration = super::deserialize(deserializer)?;
        if duration.is_zero() {
            return Err(D::Error::custom("no time at all is not possible here: write more than 0s"));
        }
        Ok(duration)
    }
}
