//! Objects as bytes: whole watch lines, and what in them changes with each write.
//!
//! A write of the status changes the status and the resourceVersion and nothing else, and it is the most frequent write
//! by far. So it is remembered where these two stand in an object's bytes, and the rest is copied instead of serialised
//! again.

use std::ops::Range;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::event::{Change, SUFFIX};

/// Where in an object's bytes the parts stand that change most.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The digits of the resourceVersion.
    revision: Range<usize>,
    /// The status with its key and the comma before it; where there is none, the place that it would have.
    status: Range<usize>,
}

/// Writes a whole watch line.
pub(super) fn line(scratch: &mut Vec<u8>, change: Change, object: &Value) -> (Bytes, Layout) {
    scratch.clear();
    scratch.extend_from_slice(change.prefix());
    let layout = write_object(scratch, object);
    scratch.extend_from_slice(SUFFIX);
    (Bytes::copy_from_slice(scratch), layout)
}

/// Writes a MODIFIED line for an object of which only the status and the revision are others than in `old`.
pub(super) fn line_with_status(
    scratch: &mut Vec<u8>,
    old: &[u8],
    layout: &Layout,
    revision: u64,
    status: Option<&Value>,
) -> Option<(Bytes, Layout)> {
    let before = old.get(..layout.revision.start)?;
    let between = old.get(layout.revision.end..layout.status.start)?;
    let after = old.get(layout.status.end..)?;
    scratch.clear();
    scratch.extend_from_slice(Change::Modified.prefix());
    let base = scratch.len();
    scratch.extend_from_slice(before);
    let revision_start = scratch.len() - base;
    scratch.extend_from_slice(revision.to_string().as_bytes());
    let revision_end = scratch.len() - base;
    scratch.extend_from_slice(between);
    let status_start = scratch.len() - base;
    if let Some(status) = status {
        scratch.extend_from_slice(b",\"status\":");
        write(scratch, status);
    }
    let status_end = scratch.len() - base;
    scratch.extend_from_slice(after);
    scratch.extend_from_slice(SUFFIX);
    let layout = Layout { revision: revision_start..revision_end, status: status_start..status_end };
    Some((Bytes::copy_from_slice(scratch), layout))
}

/// Reads JSON, which must be UTF-8: checking that once is cheaper than for each of its texts.
pub(super) fn read(body: &[u8]) -> serde_json::Result<Value> {
    match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        // Says what is wrong and where.
        Err(_) => serde_json::from_slice(body),
    }
}

fn write_object(bytes: &mut Vec<u8>, object: &Value) -> Layout {
    let base = bytes.len();
    let mut layout = Layout::default();
    let Value::Object(fields) = object else {
        write(bytes, object);
        return layout;
    };
    let mut status = None;
    bytes.push(b'{');
    for (index, (field, value)) in fields.iter().enumerate() {
        let start = bytes.len() - base;
        if status.is_none() && field.as_str() > "status" {
            status = Some(start..start);
        }
        if index > 0 {
            bytes.push(b',');
        }
        write_key(bytes, field);
        match value {
            Value::Object(metadata) if field == "metadata" => layout.revision = write_metadata(bytes, base, metadata),
            value => write(bytes, value),
        }
        if field == "status" {
            status = Some(start..bytes.len() - base);
        }
    }
    let end = bytes.len() - base;
    layout.status = status.unwrap_or(end..end);
    bytes.push(b'}');
    layout
}

fn write_metadata(bytes: &mut Vec<u8>, base: usize, metadata: &Map<String, Value>) -> Range<usize> {
    let mut revision = 0..0;
    bytes.push(b'{');
    for (index, (field, value)) in metadata.iter().enumerate() {
        if index > 0 {
            bytes.push(b',');
        }
        write_key(bytes, field);
        // Within its quotes.
        let start = bytes.len() - base + 1;
        write(bytes, value);
        if field == "resourceVersion" {
            revision = start..(bytes.len() - base).saturating_sub(1);
        }
    }
    bytes.push(b'}');
    revision
}

fn write_key(bytes: &mut Vec<u8>, key: &str) {
    // A text into a vector: this cannot fail, nor can the values below, which have text keys and finite numbers only.
    let _ = serde_json::to_writer(&mut *bytes, key);
    bytes.push(b':');
}

fn write(bytes: &mut Vec<u8>, value: &Value) {
    let _ = serde_json::to_writer(bytes, value);
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::event::object_of, *};

    #[test]
    fn a_line_with_another_status_is_the_line_of_the_object_with_that_status() {
        let statuses = [None, Some(json!({"phase": "Running"})), Some(json!({"a": [1, {"b": "c\"d"}]}))];
        for extra in ["spec", "zone", "alpha"] {
            for before in &statuses {
                for after in &statuses {
                    let object = |revision: &str, status: &Option<Value>| {
                        let mut object =
                            json!({"kind": "X", "metadata": {"name": "n", "resourceVersion": revision, "uid": "u"}});
                        object[extra] = json!({"status": {"deep": 1}, "resourceVersion": "1"});
                        if let Some(status) = status {
                            object["status"] = status.clone();
                        }
                        object
                    };
                    let mut scratch = Vec::new();
                    let (old, layout) = line(&mut scratch, Change::Added, &object("9", before));
                    let old = object_of(Change::Added, &old);
                    assert_eq!(old, serde_json::to_vec(&object("9", before)).unwrap());
                    let spliced = line_with_status(&mut scratch, &old, &layout, 10, after.as_ref());
                    assert_eq!(spliced, Some(line(&mut scratch, Change::Modified, &object("10", after))));
                }
            }
        }
    }
}
