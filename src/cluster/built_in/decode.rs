//! From JSON to what a Go struct would hold of it.

use serde_json::{Value, json};

use super::{
    super::{kinds::Kind, schema::Schema, status::Refusal},
    closed,
};

/// Brings an object of a kind of Kubernetes' own into the form that its struct has: no nulls, no unknown fields. The paths of
/// these go to `unknown`, where there is one. Objects of other kinds stay as they are.
///
/// # Errors
/// 400 where a value has a type or a form that its field cannot take.
pub(in crate::cluster) fn decode(
    kind: &Kind,
    object: &mut Value,
    unknown: Option<&mut Vec<String>>,
) -> Result<(), Refusal> {
    let Some(schema) = closed(kind) else { return Ok(()) };
    drop_nulls(object);
    schema.prune(object, unknown);
    check_types(kind, schema, object)?;
    for pointer in micro_times(kind) {
        if let Some(text) = object.pointer(pointer).and_then(Value::as_str).filter(|text| !is_micro_time(text)) {
            let layout = "2006-01-02T15:04:05.000000Z07:00";
            return Err(undecodable(kind, &format!("parsing time {text:?} as {layout:?}: cannot parse {text:?}")));
        }
    }
    if kind.name == "Secret" {
        check_base64(kind, object)?;
    }
    write_empty(kind, object);
    Ok(())
}

/// Writes the fields that an Event's struct has even where they are empty: times as null, the source as an empty object.
pub(super) fn write_empty(kind: &Kind, object: &mut Value) {
    let (times, source, texts): (&[&str], &str, &[&str]) = match (kind.group.as_str(), kind.name.as_str()) {
        ("", "Event") => {
            (&["eventTime", "firstTimestamp", "lastTimestamp"], "source", &["reportingComponent", "reportingInstance"])
        }
        ("events.k8s.io", "Event") => {
            (&["eventTime", "deprecatedFirstTimestamp", "deprecatedLastTimestamp"], "deprecatedSource", &[])
        }
        _ => return,
    };
    let Value::Object(fields) = object else { return };
    for time in times {
        fields.entry(*time).or_insert(Value::Null);
    }
    fields.entry(source).or_insert_with(|| json!({}));
    for text in texts {
        fields.entry(*text).or_insert_with(|| "".into());
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.iter_mut().for_each(|(_, value)| drop_nulls(value));
        }
        Value::Array(items) => items.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

fn check_types(kind: &Kind, schema: &Schema, object: &Value) -> Result<(), Refusal> {
    match schema.validate(object, None).into_iter().next() {
        None => Ok(()),
        Some(error) => {
            let found = error.message.split('"').nth(1).unwrap_or_default();
            let field = format!("{}.{}", kind.name, error.field);
            Err(undecodable(kind, &format!("json: cannot unmarshal {found} into Go struct field {field}")))
        }
    }
}

/// Where times stand that have microseconds.
fn micro_times(kind: &Kind) -> &'static [&'static str] {
    match kind.name.as_str() {
        "Lease" => &["/spec/acquireTime", "/spec/renewTime"],
        "Event" => &["/eventTime", "/series/lastObservedTime"],
        _ => &[],
    }
}

/// Go's layout for `MicroTime`: exactly six digits after the dot.
fn is_micro_time(text: &str) -> bool {
    let fraction = text.split_once('.').map(|(_, rest)| rest.bytes().take_while(u8::is_ascii_digit).count());
    fraction == Some(6) && text.contains('T') && text.parse::<jiff::Timestamp>().is_ok()
}

fn check_base64(kind: &Kind, object: &Value) -> Result<(), Refusal> {
    for text in object["data"].as_object().into_iter().flatten().filter_map(|(_, value)| value.as_str()) {
        if let Err(error) = data_encoding::BASE64.decode(text.as_bytes()) {
            let sentence = format!("illegal base64 data at input byte {}", error.position);
            return Err(undecodable(kind, &sentence));
        }
    }
    Ok(())
}

fn undecodable(kind: &Kind, why: &str) -> Refusal {
    let (name, version) = (&kind.name, &kind.version);
    Refusal::bad_request(format!("{name} in version {version:?} cannot be handled as a {name}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_microseconds_have_six_digits() {
        for good in ["2026-02-12T00:00:00.000000Z", "2026-02-12T00:00:00.123456+01:00"] {
            assert!(is_micro_time(good), "{good}");
        }
        for bad in ["2026-02-12T00:00:00Z", "2026-02-12T00:00:00.123Z", "2026-02-12 00:00:00.000000Z", "soon", ""] {
            assert!(!is_micro_time(bad), "{bad}");
        }
    }
}
