//! Durations in Go's notation: `30s`, `1m30s`, `1.5s`, `250ms`.

use std::{fmt::Write as _, time::Duration};

use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

const UNITS: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A text that is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Time does not run backwards here.
    #[error("the duration `{0}` is negative: write one from 0s up")]
    Negative(String),
    /// No number with a unit.
    #[error("`{0}` is not a duration: write numbers with the units h, m, s, ms, us or ns, as in `1m30s` or `250ms`")]
    Malformed(String),
    /// More than 584 years.
    #[error("the duration `{0}` is too long: at most 2562047h fit")]
    TooLong(String),
}

/// Reads a duration; `0` may stand without a unit.
///
/// # Errors
/// When it is negative, too long, or no duration at all.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    let malformed = || DurationError::Malformed(text.to_owned());
    let too_long = || DurationError::TooLong(text.to_owned());
    if let Some(rest) = text.strip_prefix('-') {
        return Err(match parse(rest) {
            Ok(_) => DurationError::Negative(text.to_owned()),
            Err(_) => malformed(),
        });
    }
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(malformed());
    }
    let mut total_ns = 0_u64;
    while !rest.is_empty() {
        let number_ends = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(malformed)?;
        let (number, after) = rest.split_at(number_ends);
        let unit_ends = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_ends);
        let (_, unit_ns) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
        let part_ns = scaled(number, *unit_ns).map_err(|error| match error {
            Unscaled::NoNumber => malformed(),
            Unscaled::TooBig => too_long(),
        })?;
        total_ns = total_ns.checked_add(part_ns).ok_or_else(too_long)?;
        rest = after;
    }
    Ok(Duration::from_nanos(total_ns))
}

/// A decimal number times a unit, exactly, cut off below a nanosecond.
fn scaled(number: &str, unit_ns: u64) -> Result<u64, Unscaled> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_number(whole) || !is_number(fraction) {
        return Err(Unscaled::NoNumber);
    }
    // What is left to fail is that digits do not fit.
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| Unscaled::TooBig)? };
    // 18 digits of a fraction of an hour are far below a nanosecond.
    let (numerator, denominator) =
        fraction.bytes().take(18).fold((0_u128, 1_u128), |(numerator, denominator), digit| {
            (numerator * 10 + u128::from(digit - b'0'), denominator * 10)
        });
    let ns = u128::from(whole) * u128::from(unit_ns) + numerator * u128::from(unit_ns) / denominator;
    u64::try_from(ns).map_err(|_| Unscaled::TooBig)
}

/// Why a number does not make nanoseconds.
enum Unscaled {
    NoNumber,
    TooBig,
}

/// Writes a duration so that [`parse`] reads the same back.
#[must_use]
pub fn format(duration: Duration) -> String {
    let ns = duration.as_nanos();
    if ns == 0 {
        return "0s".to_owned();
    }
    if ns < 1_000_000_000 {
        let (unit, unit_ns) = match ns {
            0..1_000 => ("ns", 1),
            1_000..1_000_000 => ("us", 1_000),
            _ => ("ms", 1_000_000),
        };
        return decimal(ns, unit_ns) + unit;
    }
    let mut text = String::new();
    let (hours, minutes) = (ns / 3_600_000_000_000, ns / 60_000_000_000 % 60);
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if minutes > 0 {
        let _ = write!(text, "{minutes}m");
    }
    let below_a_minute = ns % 60_000_000_000;
    if below_a_minute > 0 {
        text.push_str(&decimal(below_a_minute, 1_000_000_000));
        text.push('s');
    }
    text
}

fn decimal(ns: u128, unit_ns: u128) -> String {
    let (whole, rest) = (ns / unit_ns, ns % unit_ns);
    if rest == 0 {
        return whole.to_string();
    }
    let width = unit_ns.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0width$}").trim_end_matches('0'))
}

/// For `#[serde(with = …)]`: reads a duration.
///
/// # Errors
/// Those of [`parse`].
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// For `#[serde(with = …)]`: writes a duration.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_read_as_go_reads_them() {
        for (text, ns) in [
            ("0", 0),
            ("0s", 0),
            ("30s", 30_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1.5s", 1_500_000_000),
            (".5s", 500_000_000),
            ("250ms", 250_000_000),
            ("1h2m3.004s", 3_723_004_000_000),
            ("3us", 3_000),
            ("3µs", 3_000),
            ("7ns", 7),
            ("0.3333333333333333333h", 1_199_999_999_999),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_nanos(ns)), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_reason() {
        for text in ["", "s", "30", "1.2.3s", "5 s", "10days", "1m30", ".s", "1e3s", "--1s"] {
            assert_eq!(parse(text), Err(DurationError::Malformed(text.to_owned())), "{text}");
        }
        assert_eq!(parse("-30s"), Err(DurationError::Negative("-30s".to_owned())));
        for text in ["6000000h", "99999999999999999999999s"] {
            assert_eq!(parse(text), Err(DurationError::TooLong(text.to_owned())), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(ns in any::<u64>()) {
            let duration = Duration::from_nanos(ns);
            prop_assert_eq!(parse(&format(duration)), Ok(duration));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,12}") {
            let _ = parse(&text);
        }
    }
}
