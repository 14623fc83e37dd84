//! Forms of text that a schema may ask for. Those that are not known here are not checked, as on the real server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A form of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Format {
    /// RFC 3339 with date, time and offset.
    DateTime,
    /// RFC 3339's full date.
    Date,
    /// RFC 4122.
    Uuid,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A network: an address and the length of its prefix.
    Cidr,
    /// A hardware address.
    Mac,
    /// RFC 1034, as Go's strfmt has it.
    Hostname,
    /// A URI that can stand alone.
    Uri,
    /// Base64.
    Byte,
}

impl Format {
    /// The format of that name, where it is one that is checked.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "date-time" | "datetime" => Some(Self::DateTime),
            "date" => Some(Self::Date),
            "uuid" => Some(Self::Uuid),
            "ipv4" => Some(Self::Ipv4),
            "ipv6" => Some(Self::Ipv6),
            "cidr" => Some(Self::Cidr),
            "mac" => Some(Self::Mac),
            "hostname" => Some(Self::Hostname),
            "uri" => Some(Self::Uri),
            "byte" => Some(Self::Byte),
            _ => None,
        }
    }

    /// The name that messages use.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DateTime => "date-time",
            Self::Date => "date",
            Self::Uuid => "uuid",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Cidr => "cidr",
            Self::Mac => "mac",
            Self::Hostname => "hostname",
            Self::Uri => "uri",
            Self::Byte => "byte",
        }
    }

    /// Whether a text has this form.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::DateTime => is_date_time(text),
            Self::Date => is_date(text),
            Self::Uuid => is_uuid(text),
            Self::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Self::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
            Self::Cidr => is_network(text),
            Self::Mac => is_hardware_address(text),
            Self::Hostname => is_hostname(text),
            Self::Uri => is_uri(text),
            Self::Byte => data_encoding::BASE64.decode(text.as_bytes()).is_ok(),
        }
    }
}

fn is_date_time(text: &str) -> bool {
    if is_plain_date_time(text) {
        return true;
    }
    // The library takes more than RFC 3339 (a space for the T, no seconds, time zone names), so look at the shape first.
    let bytes = text.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (13, b':'), (16, b':')];
    let zoned = bytes.last() == Some(&b'Z')
        || bytes.last() == Some(&b'z')
        || bytes.len().checked_sub(6).and_then(|at| bytes.get(at)).is_some_and(|sign| matches!(sign, b'+' | b'-'));
    bytes.len() >= 20
        && separators.iter().all(|(at, separator)| bytes.get(*at) == Some(separator))
        && bytes.get(10).is_some_and(|t| matches!(t, b'T' | b't'))
        && zoned
        && text.parse::<jiff::Timestamp>().is_ok()
}

/// Whether a text surely is a time, as Kubernetes writes it: whole seconds in UTC, and a day that every month has.
fn is_plain_date_time(text: &str) -> bool {
    let Ok(text) = <&[u8; 20]>::try_from(text.as_bytes()) else { return false };
    let shaped = text.iter().zip(b"dddd-dd-ddTdd:dd:ddZ").all(|(byte, shape)| match shape {
        b'd' => byte.is_ascii_digit(),
        separator => byte == separator,
    });
    let within = |at: usize, range: std::ops::RangeInclusive<u8>| {
        shaped && range.contains(&((text[at] - b'0') * 10 + (text[at + 1] - b'0')))
    };
    within(5, 1..=12) && within(8, 1..=28) && within(11, 0..=23) && within(14, 0..=59) && within(17, 0..=59)
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

fn is_network(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let longest = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    length.bytes().all(|byte| byte.is_ascii_digit()) && length.parse::<u8>().is_ok_and(|length| length <= longest)
}

/// Six, eight or twenty pairs of digits between colons or dashes.
fn is_hardware_address(text: &str) -> bool {
    let separator = if text.contains(':') { ':' } else { '-' };
    let pairs: Vec<&str> = text.split(separator).collect();
    matches!(pairs.len(), 6 | 8 | 20)
        && pairs.iter().all(|pair| pair.len() == 2 && pair.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    text.len() <= 255 && text.strip_suffix('.').unwrap_or(text).split('.').all(is_label)
}

/// Go's `url.ParseRequestURI`: a scheme and something behind it, or a path from the root.
fn is_uri(text: &str) -> bool {
    if text.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        return false;
    }
    text.starts_with('/')
        || text.split_once(':').is_some_and(|(scheme, rest)| {
            !rest.is_empty()
                && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
                && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
        })
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_rfc_3339() {
        for good in ["2026-02-12T00:00:00Z", "2026-02-12T00:00:00.123456Z", "2026-02-12t23:59:59+01:00"] {
            assert!(Format::DateTime.fits(good), "{good}");
        }
        for bad in
            ["", "2026-02-12", "2026-02-12T00:00:00", "2026-02-12 00:00:00Z", "2026-13-12T00:00:00Z", "yesterday"]
        {
            assert!(!Format::DateTime.fits(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_taken_for_a_plain_time_is_one() {
        for text in ["2026-01-01T00:00:00Z", "0000-12-28T23:59:59Z"] {
            assert!(is_plain_date_time(text) && text.parse::<jiff::Timestamp>().is_ok(), "{text}");
        }
        for text in [
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T00:00:0xZ",
            "2026-01-01T00:00:00z",
        ] {
            assert!(!is_plain_date_time(text), "{text}");
        }
    }

    #[test]
    fn dates_and_uuids_are_checked() {
        assert!(Format::Date.fits("2026-02-28") && !Format::Date.fits("2026-02-30"));
        assert!(Format::Uuid.fits("01234567-89ab-cdef-0123-456789abcdef") && !Format::Uuid.fits("01234567"));
        assert_eq!(Format::named("int64"), None);
    }

    #[test]
    fn addresses_and_names_are_checked() {
        for (format, good, bad) in [
            ("ipv4", &["10.0.0.1"][..], &["10.0.0", "::1", "256.0.0.1"][..]),
            ("ipv6", &["::1", "fe80::1"], &["10.0.0.1", ":::"]),
            ("cidr", &["10.0.0.0/8", "fd00::/64"], &["10.0.0.0", "10.0.0.0/33", "10.0.0.0/+8", "x/8"]),
            ("mac", &["00:1A:2b:3c:4d:5e", "00-1a-2b-3c-4d-5e"], &["00:1a:2b", "00:1a:2b:3c:4d:5g"]),
            ("hostname", &["a", "a.b-c.example", "example."], &["", "-a", "a..b", "a_b"]),
            ("uri", &["https://example.com/x", "/x", "urn:a:b"], &["", "x", "http:", "a b://c"]),
            ("byte", &["", "YQ=="], &["YQ", "!"]),
        ] {
            let format = Format::named(format).unwrap();
            for text in good {
                assert!(format.fits(text), "{} {text}", format.name());
            }
            for text in bad {
                assert!(!format.fits(text), "{} {text}", format.name());
            }
        }
    }
}
