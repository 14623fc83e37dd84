//! How numbers are written for people. Files for machines hold whole nanoseconds instead.

/// A unit of time to write in.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Unit {
    ns: f64,
    name: &'static str,
}

const UNITS: [Unit; 4] = [
    Unit { ns: 1e9, name: "s" },
    Unit { ns: 1e6, name: "ms" },
    Unit { ns: 1e3, name: "µs" },
    Unit { ns: 1.0, name: "ns" },
];

/// The largest unit of which a value has at least one; seconds from 100 ms on, so that one table reads in one unit.
fn unit(ns: f64) -> Unit {
    let ns = ns.abs();
    let enough = |unit: &&Unit| ns >= if unit.name == "s" { 0.1 * unit.ns } else { unit.ns };
    UNITS.iter().find(enough).copied().unwrap_or(if ns == 0.0 { UNITS[0] } else { UNITS[3] })
}

/// The decimals that show a value of this size to about four digits; nanoseconds are whole.
fn decimals(value: f64, unit: Unit) -> usize {
    match value.abs() {
        _ if unit.name == "ns" => 0,
        v if v >= 1e5 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        _ => 3,
    }
}

/// A fixed number of decimals with a true minus sign; never `−0`.
fn fixed(value: f64, decimals: usize) -> String {
    let digits = format!("{:.decimals$}", value.abs());
    let zero = digits.bytes().all(|b| matches!(b, b'0' | b'.'));
    if value < 0.0 && !zero { format!("−{digits}") } else { digits }
}

/// The same, with as many more decimals as it takes for something not to look like nothing: `−0.02` and not `0.0`.
fn fixed_not_zero(value: f64, decimals: usize) -> String {
    // Nine of a second are a nanosecond: there is nothing finer.
    let shows = |decimals: &usize| format!("{:.decimals$}", value.abs()).bytes().any(|b| matches!(b, b'1'..=b'9'));
    fixed(value, (decimals..=9).find(shows).unwrap_or(decimals))
}

/// The unit that the largest of several values is written in, so that none of them has needlessly many digits.
fn common_unit(values: &[i64]) -> Unit {
    unit(values.iter().map(|ns| ns.unsigned_abs()).max().unwrap_or_default() as f64)
}

/// A duration: `129.9 s`, `1.23 s`, `45.0 ms`.
pub(super) fn duration(ns: u64) -> String {
    let unit = unit(ns as f64);
    let value = ns as f64 / unit.ns;
    format!("{} {}", fixed(value, decimals(value, unit)), unit.name)
}

/// A difference of durations: `−17.8 s`, `+0.250 s`.
pub(super) fn difference(ns: i64) -> String {
    let unit = unit(ns as f64);
    let value = ns as f64 / unit.ns;
    let plus = if ns > 0 { "+" } else { "" };
    format!("{plus}{} {}", fixed(value, decimals(value, unit)), unit.name)
}

/// A difference with its interval in the same unit: `−17.8 s [−18.1, −17.5]`. An end that is not 0 never looks like 0, as
/// whether the interval excludes that is what one reads it for.
pub(super) fn difference_with_interval(ns: i64, interval: Option<(i64, i64)>) -> String {
    let Some((low, high)) = interval else { return difference(ns) };
    let unit = common_unit(&[ns, low, high]);
    let decimals = decimals(ns as f64 / unit.ns, unit);
    let number = |ns: i64| fixed_not_zero(ns as f64 / unit.ns, decimals);
    let plus = if ns > 0 { "+" } else { "" };
    format!("{plus}{} {} [{}, {}]", number(ns), unit.name, number(low), number(high))
}

/// A difference with the half of its interval in the same unit: `−17.5 ± 0.1 s`.
pub(super) fn difference_with_half(ns: i64, half: Option<u64>) -> String {
    let Some(half) = half else { return difference(ns) };
    let unit = common_unit(&[ns, i64::try_from(half).unwrap_or(i64::MAX)]);
    let value = ns as f64 / unit.ns;
    let decimals = decimals(value, unit);
    let plus = if ns > 0 { "+" } else { "" };
    let half = fixed_not_zero(half as f64 / unit.ns, decimals);
    format!("{plus}{} ± {half} {}", fixed_not_zero(value, decimals), unit.name)
}

/// By how much a ratio departs from 1, in percent without sign: `12.0 %`, `about 12 %` where a decimal would claim too
/// much.
pub(super) fn percent_off(ratio: f64, sure: bool) -> String {
    let percent = (ratio - 1.0).abs() * 100.0;
    if sure { format!("{percent:.1} %") } else { format!("about {percent:.0} %") }
}

/// A p-value: three decimals, and no zero that it is not.
pub(super) fn p_value(p: f64) -> String {
    if p < 0.001 { "p < 0.001".to_owned() } else { format!("p = {p:.3}") }
}

/// A count with its noun: `1 block`, `30 blocks`.
pub(super) fn count(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_sensible_digits_in_a_sensible_unit() {
        let cases = [
            (0, "0.000 s"),
            (7, "7 ns"),
            (1_500, "1.50 µs"),
            (45_000_000, "45.0 ms"),
            (250_000_000, "0.250 s"),
            (1_234_000_000, "1.23 s"),
            (129_900_000_000, "129.9 s"),
            (231_300_000_000_000, "231300 s"),
        ];
        for (ns, text) in cases {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn differences_carry_their_sign_and_share_the_unit_with_their_interval() {
        assert_eq!(
            difference_with_interval(-17_800_000_000, Some((-18_100_000_000, -17_500_000_000))),
            "−17.8 s [−18.1, −17.5]"
        );
        assert_eq!(difference_with_interval(250_000_000, Some((-4_000_000, 504_000_000))), "+0.250 s [−0.004, 0.504]");
        assert_eq!(difference_with_interval(0, None), "0.000 s");
        assert_eq!(difference_with_half(-17_500_000_000, Some(100_000_000)), "−17.5 ± 0.1 s");
    }

    #[test]
    fn an_end_that_is_not_zero_does_not_look_like_zero() {
        assert_eq!(
            difference_with_interval(-10_600_000_000, Some((-21_180_000_000, -21_400_000))),
            "−10.6 s [−21.2, −0.02]"
        );
        assert_eq!(difference_with_interval(12_000_000_000, Some((0, 1))), "+12.0 s [0.0, 0.000000001]");
        assert_eq!(difference_with_half(-17_500_000_000, Some(2_100_000)), "−17.5 ± 0.002 s");
    }

    #[test]
    fn the_unit_is_that_of_the_largest_number() {
        let wide = Some((-8_957_100_000, 8_887_800_000));
        assert_eq!(difference_with_interval(-34_700_000, wide), "−0.035 s [−8.957, 8.888]");
        assert_eq!(difference_with_interval(-34_700, wide), "−0.00003 s [−8.957, 8.888]");
        assert_eq!(difference_with_half(34_700_000, Some(8_900_000_000)), "+0.035 ± 8.900 s");
        assert_eq!(difference_with_interval(-34_700_000, Some((-40_000_000, -29_000_000))), "−34.7 ms [−40.0, −29.0]");
    }

    #[test]
    fn percentages_without_certainty_have_no_decimals() {
        assert_eq!(percent_off(0.8795, true), "12.1 %");
        assert_eq!(percent_off(1.0841, false), "about 8 %");
    }

    #[test]
    fn a_tiny_p_value_is_not_zero() {
        assert_eq!(p_value(0.0), "p < 0.001");
        assert_eq!(p_value(0.031_25), "p = 0.031");
    }
}
