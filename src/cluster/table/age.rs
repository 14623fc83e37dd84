//! How long ago something was, in the few characters that Kubernetes takes for it.

use jiff::Timestamp;
use serde_json::Value;

/// The age at `now` of what happened at a time that an object tells; the words are the API server's own where there is no such
/// time.
pub(super) fn age(told: Option<&Value>, now: Timestamp) -> String {
    let Some(told) = told.filter(|told| !told.is_null()) else { return "<unknown>".to_owned() };
    match told.as_str().and_then(|text| text.parse::<Timestamp>().ok()) {
        Some(at) => human(now.as_second() - at.as_second()),
        None => "<invalid>".to_owned(),
    }
}

/// Two units at most, the smaller one only while the larger is small. The limits are those of
/// k8s.io/apimachinery's `duration.HumanDuration`.
fn human(seconds: i64) -> String {
    // A clock that is a second behind is no reason to complain.
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    let seconds = seconds.max(0);
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    let with = |large: i64, unit: char, small: i64, small_unit: char| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{small_unit}") }
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => with(minutes, 'm', seconds % 60, 's'),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => with(hours, 'h', minutes % 60, 'm'),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => with(days, 'd', hours % 24, 'h'),
        () if years < 2 => format!("{days}d"),
        () if years < 8 => with(years, 'y', days % 365, 'd'),
        () => format!("{years}y"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_age_takes_few_characters() {
        const HOUR: i64 = 3600;
        const DAY: i64 = 24 * HOUR;
        for (seconds, expected) in [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (599, "9m59s"),
            (600, "10m"),
            (179 * 60, "179m"),
            (3 * HOUR, "3h"),
            (3 * HOUR + 120, "3h2m"),
            (8 * HOUR + 120, "8h"),
            (47 * HOUR, "47h"),
            (48 * HOUR, "2d"),
            (50 * HOUR, "2d2h"),
            (8 * DAY + HOUR, "8d"),
            (729 * DAY, "729d"),
            (730 * DAY, "2y"),
            (731 * DAY, "2y1d"),
            (9 * 365 * DAY + DAY, "9y"),
        ] {
            assert_eq!(human(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn what_is_no_time_has_no_age() {
        let now = Timestamp::constant(1_000, 0);
        assert_eq!(age(None, now), "<unknown>");
        assert_eq!(age(Some(&json!(null)), now), "<unknown>");
        assert_eq!(age(Some(&json!("yesterday")), now), "<invalid>");
        assert_eq!(age(Some(&json!("1970-01-01T00:16:30Z")), now), "10s");
    }
}
