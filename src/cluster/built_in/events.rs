//! The two groups that serve Events: `""` and `events.k8s.io`. They show the same objects, with other names for some fields
//! (`pkg/apis/events/v1/conversion.go`).

use serde_json::{Map, Value};

use super::{super::kinds::Kind, decode::write_empty};

/// The fields that have a name of their own in each group: that in core/v1, then that in events.k8s.io/v1.
const RENAMED: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("reportingComponent", "reportingController"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
];

/// The group that serves the objects of this kind too, where there is one.
pub(in crate::cluster) fn other_group(kind: &Kind) -> Option<&'static str> {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "events") => Some("events.k8s.io"),
        ("events.k8s.io", "events") => Some(""),
        _ => None,
    }
}

/// An Event of the other group as `kind` shows it; metadata and all that has the same name in both stay as they are.
pub(in crate::cluster) fn converted(event: Value, kind: &Kind) -> Value {
    let Value::Object(fields) = event else { return event };
    let to_core = kind.group.is_empty();
    let renamed = |field: String| {
        let pair = RENAMED.iter().map(|&(core, new)| if to_core { (new, core) } else { (core, new) });
        pair.into_iter().find(|(from, _)| *from == field).map_or(field, |(_, to)| to.to_owned())
    };
    let fields = fields.into_iter().map(|(field, value)| (renamed(field), value));
    // Core Events write these even where they are empty, the others do not.
    let left_out = |field: &str, value: &Value| {
        !to_core && matches!(field, "reportingController" | "reportingInstance") && value.as_str() == Some("")
    };
    let mut fields: Map<String, Value> = fields.filter(|(field, value)| !left_out(field, value)).collect();
    fields.insert("apiVersion".to_owned(), kind.api_version().into());
    let mut event = Value::Object(fields);
    write_empty(kind, &mut event);
    event
}
