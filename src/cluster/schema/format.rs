//! Forms of text that a schema may ask for. Those that are not known here are not checked, as on the real server.

/// A form of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Format {
    /// RFC 3339 with date, time and offset.
    DateTime,
    /// RFC 3339's full date.
    Date,
    /// RFC 4122.
    Uuid,
}

impl Format {
    /// The format of that name, where it is one that is checked.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "date-time" | "datetime" => Some(Self::DateTime),
            "date" => Some(Self::Date),
            "uuid" => Some(Self::Uuid),
            _ => None,
        }
    }

    /// The name that messages use.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DateTime => "date-time",
            Self::Date => "date",
            Self::Uuid => "uuid",
        }
    }

    /// Whether a text has this form.
    pub(super) fn fits(self, text: &str) -> bool {
        match self {
            Self::DateTime => is_date_time(text),
            Self::Date => is_date(text),
            Self::Uuid => is_uuid(text),
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
}
