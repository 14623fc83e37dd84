//! Objects as bytes: whole watch lines, and where in them the parts stand that are written alone.
//!
//! An object is kept as its JSON and nothing else. Most writes change the status or the metadata only, so it is remembered
//! where these stand: the rest is copied, neither read nor serialised again.

use std::ops::Range;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::{
    event::{Change, SUFFIX},
    value_text::{write, write_key},
};

/// A part of an object's bytes. An object is far smaller than 4 GiB: requests are limited to 3 MiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn new(start: usize, end: usize) -> Self {
        let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Self { start: narrow(start), end: narrow(end) }
    }

    fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The bytes that it stands for.
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        bytes.get(self.range()).unwrap_or_default()
    }
}

/// Where in an object's bytes the parts stand that are read or changed alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// The value of `metadata`.
    metadata: Span,
    /// The digits of the resourceVersion.
    revision: Span,
    /// The UID within its quotes.
    uid: Span,
    /// The status with its key and the comma before it; where there is none, the place that it would have.
    status: Span,
    /// The fields of the status, each with its key, sorted by key; none where the status is no object.
    fields: Box<[Span]>,
    /// Whether there are finalizers.
    pub held: bool,
    /// Whether there is a deletionTimestamp.
    pub leaving: bool,
    /// Whether there are `managedFields`.
    pub managed: bool,
}

const STATUS: &[u8] = b",\"status\":";

impl Layout {
    /// The resourceVersion.
    pub(super) fn revision<'a>(&self, object: &'a [u8]) -> &'a str {
        text(self.revision.of(object))
    }

    /// The UID.
    pub(super) fn uid<'a>(&self, object: &'a [u8]) -> &'a str {
        text(self.uid.of(object))
    }

    /// The metadata.
    pub(super) fn metadata(&self, object: &[u8]) -> Map<String, Value> {
        match read(self.metadata.of(object)) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        }
    }

    /// The JSON of the status.
    pub(super) fn status<'a>(&self, object: &'a [u8]) -> Option<&'a [u8]> {
        self.status.of(object).get(STATUS.len()..)
    }

    /// The fields of the status, each as its key and its JSON, sorted by key.
    pub(super) fn status_fields<'a>(&'a self, object: &'a [u8]) -> impl Iterator<Item = Field<'a>> {
        self.fields.iter().map(|span| Field::new(span.of(object)))
    }
}

/// One field of a status as it stands in the bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    /// Its key, as it is written within its quotes.
    pub key: &'a str,
    /// Its value.
    pub json: &'a [u8],
    whole: &'a [u8],
}

impl<'a> Field<'a> {
    fn new(whole: &'a [u8]) -> Self {
        // Keys with escapes are not laid out (see `write_status`), so that the first quote ends the key.
        let key = whole.get(1..).unwrap_or_default();
        let length = key.iter().position(|byte| *byte == b'"').unwrap_or(key.len());
        let (key, rest) = key.split_at(length);
        Self { key: text(key), json: rest.get(2..).unwrap_or_default(), whole }
    }
}

/// A field of a status that is about to be written.
pub(super) enum NewField<'a> {
    /// As it was.
    Kept(Field<'a>),
    /// Another value.
    Set(&'a str, &'a [u8]),
}

/// Writes a whole watch line.
pub(super) fn line(scratch: &mut Vec<u8>, change: Change, object: &Value) -> (Bytes, Layout) {
    Line::begin(scratch, change).object(object)
}

/// Writes a line for an object that is as before, but for its revision.
pub(super) fn line_with_revision(
    scratch: &mut Vec<u8>,
    change: Change,
    old: &[u8],
    layout: &Layout,
    revision: u64,
) -> Option<Bytes> {
    let mut line = Line::begin(scratch, change);
    line.copy(old.get(..layout.revision.start as usize)?);
    line.digits(revision);
    line.copy(old.get(layout.revision.end as usize..)?);
    Some(line.end())
}

/// Writes a MODIFIED line for an object of which only the metadata are others than in `old`; their revision included.
pub(super) fn line_with_metadata(
    scratch: &mut Vec<u8>,
    old: &[u8],
    layout: &Layout,
    metadata: &Map<String, Value>,
) -> Option<(Bytes, Layout)> {
    let mut line = Line::begin(scratch, Change::Modified);
    let mut new = layout.clone();
    line.copy(old.get(..layout.metadata.start as usize)?);
    line.metadata(metadata, &mut new);
    let status_start = line.at() + (layout.status.start as usize).checked_sub(layout.metadata.end as usize)?;
    line.copy(old.get(layout.metadata.end as usize..)?);
    let moved = |span: Span| {
        Span::new(
            span.start as usize - layout.status.start as usize + status_start,
            span.end as usize - layout.status.start as usize + status_start,
        )
    };
    new.status = moved(layout.status);
    new.fields = layout.fields.iter().map(|span| moved(*span)).collect();
    Some((line.end(), new))
}

/// Writes a MODIFIED line for an object of which only the status and the revision are others than in `old`.
pub(super) fn line_with_status(
    scratch: &mut Vec<u8>,
    old: &[u8],
    layout: &Layout,
    revision: u64,
    status: Option<&Value>,
) -> Option<(Bytes, Layout)> {
    around_status(scratch, old, layout, revision, |line, new| {
        if let Some(status) = status {
            line.copy(STATUS);
            line.status(status, new);
        }
    })
}

/// The same where some fields of the status are as they were.
pub(super) fn line_with_status_fields<'a>(
    scratch: &mut Vec<u8>,
    old: &[u8],
    layout: &Layout,
    revision: u64,
    fields: impl Iterator<Item = NewField<'a>>,
) -> Option<(Bytes, Layout)> {
    around_status(scratch, old, layout, revision, |line, new| {
        line.copy(STATUS);
        line.copy(b"{");
        let mut spans = Vec::with_capacity(layout.fields.len() + 2);
        for (index, field) in fields.enumerate() {
            if index > 0 {
                line.copy(b",");
            }
            let start = line.at();
            match field {
                NewField::Kept(field) => line.copy(field.whole),
                NewField::Set(key, json) => {
                    write_key(line.bytes, key);
                    line.copy(json);
                }
            }
            spans.push(Span::new(start, line.at()));
        }
        line.copy(b"}");
        new.fields = spans.into();
    })
}

fn around_status(
    scratch: &mut Vec<u8>,
    old: &[u8],
    layout: &Layout,
    revision: u64,
    write: impl FnOnce(&mut Line<'_>, &mut Layout),
) -> Option<(Bytes, Layout)> {
    // The revision stands in the metadata, and these before the status: `metadata` sorts before `status`.
    let mut line = Line::begin(scratch, Change::Modified);
    line.copy(old.get(..layout.revision.start as usize)?);
    let revision_start = line.at();
    line.digits(revision);
    let grown = line.at();
    let shift = |at: u32| at as usize + grown - layout.revision.end as usize;
    let uid = if layout.uid.start > layout.revision.start {
        Span::new(shift(layout.uid.start), shift(layout.uid.end))
    } else {
        layout.uid
    };
    let mut new = Layout {
        metadata: Span::new(layout.metadata.start as usize, shift(layout.metadata.end)),
        revision: Span::new(revision_start, grown),
        uid,
        status: Span::default(),
        fields: Box::default(),
        held: layout.held,
        leaving: layout.leaving,
        managed: layout.managed,
    };
    line.copy(old.get(layout.revision.end as usize..layout.status.start as usize)?);
    let start = line.at();
    write(&mut line, &mut new);
    new.status = Span::new(start, line.at());
    line.copy(old.get(layout.status.end as usize..)?);
    Some((line.end(), new))
}

/// Reads JSON, which must be UTF-8: checking that once is cheaper than for each of its texts.
pub(super) fn read(body: &[u8]) -> serde_json::Result<Value> {
    match std::str::from_utf8(body) {
        Ok(text) => serde_json::from_str(text),
        // Says what is wrong and where.
        Err(_) => serde_json::from_slice(body),
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// A line that is being written; positions are counted from the start of its object.
struct Line<'a> {
    bytes: &'a mut Vec<u8>,
    base: usize,
}

impl<'a> Line<'a> {
    fn begin(scratch: &'a mut Vec<u8>, change: Change) -> Self {
        scratch.clear();
        scratch.extend_from_slice(change.prefix());
        let base = scratch.len();
        Self { bytes: scratch, base }
    }

    fn at(&self) -> usize {
        self.bytes.len() - self.base
    }

    fn copy(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn digits(&mut self, number: u64) {
        use std::io::Write;
        let _ = write!(self.bytes, "{number}");
    }

    fn end(self) -> Bytes {
        self.bytes.extend_from_slice(SUFFIX);
        Bytes::copy_from_slice(self.bytes)
    }

    fn object(mut self, object: &Value) -> (Bytes, Layout) {
        let mut layout = Layout::default();
        let Value::Object(fields) = object else {
            write(self.bytes, object);
            return (self.end(), layout);
        };
        let mut status = None;
        self.copy(b"{");
        for (index, (field, value)) in fields.iter().enumerate() {
            let start = self.at();
            if status.is_none() && field.as_str() > "status" {
                status = Some(Span::new(start, start));
            }
            if index > 0 {
                self.copy(b",");
            }
            write_key(self.bytes, field);
            match (field.as_str(), value) {
                ("metadata", Value::Object(metadata)) => self.metadata(metadata, &mut layout),
                ("status", value) => {
                    self.status(value, &mut layout);
                    status = Some(Span::new(start, self.at()));
                }
                (_, value) => write(self.bytes, value),
            }
        }
        let end = self.at();
        layout.status = status.unwrap_or(Span::new(end, end));
        self.copy(b"}");
        (self.end(), layout)
    }

    fn metadata(&mut self, metadata: &Map<String, Value>, layout: &mut Layout) {
        let whole = self.at();
        self.copy(b"{");
        layout.held = false;
        layout.leaving = false;
        layout.managed = false;
        for (index, (field, value)) in metadata.iter().enumerate() {
            if index > 0 {
                self.copy(b",");
            }
            write_key(self.bytes, field);
            let start = self.at();
            write(self.bytes, value);
            // Within the quotes.
            let inner = Span::new(start + 1, self.at().saturating_sub(1));
            match field.as_str() {
                "resourceVersion" => layout.revision = inner,
                "uid" => layout.uid = inner,
                "finalizers" => layout.held = value.as_array().is_some_and(|list| !list.is_empty()),
                "deletionTimestamp" => layout.leaving = true,
                "managedFields" => layout.managed = true,
                _ => {}
            }
        }
        self.copy(b"}");
        layout.metadata = Span::new(whole, self.at());
    }

    fn status(&mut self, status: &Value, layout: &mut Layout) {
        let Value::Object(fields) = status else {
            write(self.bytes, status);
            return;
        };
        let mut spans = Vec::with_capacity(fields.len());
        let mut plain = true;
        self.copy(b"{");
        for (index, (field, value)) in fields.iter().enumerate() {
            if index > 0 {
                self.copy(b",");
            }
            let start = self.at();
            write_key(self.bytes, field);
            plain &= self.at() - start == field.len() + 3;
            write(self.bytes, value);
            spans.push(Span::new(start, self.at()));
        }
        self.copy(b"}");
        // A key with an escape in it would have to be read to be compared: such a status is always read whole.
        layout.fields = if plain { spans.into() } else { Box::default() };
    }
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
