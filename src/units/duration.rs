//! Durations in Go's notation, as environments and files carry them: `30s`, `1m30s`, `1.5h`, `250ms`.

use std::{fmt, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotADuration {
    /// It does not follow the notation.
    #[error("`{0}` is not a duration; write it like 30s, 1m30s or 250ms")]
    Notation(String),
    /// It is below zero.
    #[error("`{0}` is negative; a duration starts at 0s")]
    Negative(String),
    /// It is longer than can be counted in nanoseconds.
    #[error("`{0}` is longer than 584 years")]
    TooLong(String),
}

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration in the notation of Go's `time.ParseDuration`.
///
/// # Errors
/// When the text is none, is negative, or does not fit 64 bits of nanoseconds.
pub fn parse_duration(text: &str) -> Result<Duration, NotADuration> {
    let wrong = || NotADuration::Notation(text.to_owned());
    let trimmed = text.trim();
    let (negative, mut rest) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(end);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        if !is_number(number) {
            return Err(wrong());
        }
        total = nanoseconds(number, *factor)
            .and_then(|part| total.checked_add(part))
            .ok_or_else(|| NotADuration::TooLong(text.to_owned()))?;
        rest = tail;
    }
    if negative && total > 0 { Err(NotADuration::Negative(text.to_owned())) } else { Ok(Duration::from_nanos(total)) }
}

/// Digits with at most one point among them, and at least one digit.
fn is_number(text: &str) -> bool {
    text.matches('.').count() <= 1 && text.bytes().any(|byte| byte.is_ascii_digit())
}

/// `number` × `factor`, cut to whole nanoseconds; `None` when it is too large.
fn nanoseconds(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()? };
    // More than 18 digits can't change a nanosecond of an hour.
    let kept = &fraction[..fraction.len().min(18)];
    let digits: u128 = if kept.is_empty() { 0 } else { kept.parse().ok()? };
    let scale = 10_u128.pow(u32::try_from(kept.len()).ok()?);
    let part = u64::try_from(digits * u128::from(factor) / scale).ok()?;
    whole.checked_mul(factor)?.checked_add(part)
}

/// A duration written in Go's notation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct GoDuration(pub Duration);

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        if rest == 0 {
            return f.write_str("0s");
        }
        for (name, factor) in [("h", 3_600_000_000_000), ("m", 60_000_000_000)] {
            if rest >= factor {
                write!(f, "{}{name}", rest / factor)?;
                rest %= factor;
            }
        }
        let (name, factor) = match rest {
            0 => return Ok(()),
            1..1_000 => ("ns", 1),
            1_000..1_000_000 => ("us", 1_000),
            1_000_000..1_000_000_000 => ("ms", 1_000_000),
            _ => ("s", 1_000_000_000_u64),
        };
        write!(f, "{}", rest / factor)?;
        let fraction = rest % factor;
        if fraction > 0 {
            let digits = format!("{:0width$}", fraction, width = factor.ilog10() as usize);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str(name)
    }
}

impl fmt::Debug for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for GoDuration {
    type Err = NotADuration;

    fn from_str(text: &str) -> Result<Self, NotADuration> {
        parse_duration(text).map(Self)
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn gos_own_examples_are_read() {
        for (text, nanos) in [
            ("0", 0),
            ("0s", 0),
            ("-0s", 0),
            ("30s", 30_000_000_000),
            ("1m30s", 90_000_000_000),
            ("1h15m30.918273645s", 4_530_918_273_645),
            ("1.5h", 5_400_000_000_000),
            ("250ms", 250_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("10us", 10_000),
            ("10µs", 10_000),
            ("+5s", 5_000_000_000),
            ("0.3333333333333333333h", 1_199_999_999_999),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_reason() {
        for text in ["", "3", "-", "s", ".", "1x", "1..5s", "1 s", "s1", "thirty"] {
            assert_eq!(parse_duration(text), Err(NotADuration::Notation(text.into())), "{text}");
        }
        assert_eq!(parse_duration("-1s"), Err(NotADuration::Negative("-1s".into())));
        assert_eq!(parse_duration("99999999h"), Err(NotADuration::TooLong("99999999h".into())));
        assert_eq!(parse_duration("99999999999999999999s"), Err(NotADuration::TooLong("99999999999999999999s".into())));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(nanos in any::<u64>()) {
            let duration = Duration::from_nanos(nanos);
            prop_assert_eq!(parse_duration(&GoDuration(duration).to_string()), Ok(duration));
        }
    }
}
