//! One change of one object, as watchers get to see it.

use std::sync::Arc;

use bytes::Bytes;
use compact_str::CompactString;
use serde_json::{Map, Value};

/// The labels of an object, sorted by key; shared between its states for as long as they stay the same.
///
/// A plain list instead of a map: objects have few labels, and a map has room for many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Labels(Option<Arc<[Label]>>);

/// A key and its value.
type Label = (Box<str>, Box<str>);

impl Labels {
    /// The labels in an object's metadata.
    pub(super) fn of(metadata: &Map<String, Value>) -> Self {
        let pairs: Arc<[Label]> = pairs(metadata).map(|(key, value)| (key.into(), value.into())).collect();
        Self((!pairs.is_empty()).then_some(pairs))
    }

    /// Whether these are the labels in an object's metadata.
    pub(super) fn are_those_of(&self, metadata: &Map<String, Value>) -> bool {
        self.iter().eq(pairs(metadata))
    }

    /// The value of a label.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.iter().find(|(own, _)| *own == key).map(|(_, value)| value)
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|pairs| pairs.iter()).map(|(key, value)| (&**key, &**value))
    }
}

fn pairs(metadata: &Map<String, Value>) -> impl Iterator<Item = (&str, &str)> {
    let labels = metadata.get("labels").and_then(Value::as_object);
    labels.into_iter().flatten().filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It is there now.
    Added,
    /// It is another now.
    Modified,
    /// It is gone.
    Deleted,
}

impl Change {
    /// What stands before the object in a watch line.
    pub(super) fn prefix(self) -> &'static [u8] {
        match self {
            Self::Added => br#"{"type":"ADDED","object":"#,
            Self::Modified => br#"{"type":"MODIFIED","object":"#,
            Self::Deleted => br#"{"type":"DELETED","object":"#,
        }
    }
}

/// What stands after the object in a watch line.
pub(super) const SUFFIX: &[u8] = b"}\n";

/// One entry of a log.
#[derive(Debug)]
pub(super) struct Event {
    /// The resourceVersion that the change made.
    pub revision: u64,
    /// What happened.
    pub change: Change,
    /// Empty where the object has none.
    pub namespace: Arc<str>,
    /// The object's name.
    pub name: CompactString,
    /// The whole line, serialised once for all watchers.
    pub line: Bytes,
    /// The labels after the change.
    pub labels: Labels,
    /// The state before, kept only where the labels changed: only then can an object enter or leave a selection.
    pub before: Option<Before>,
}

/// The state of an object before its labels changed.
#[derive(Debug)]
pub(super) struct Before {
    /// Its labels.
    pub labels: Labels,
    /// Its bytes.
    pub object: Bytes,
}

impl Event {
    /// The object alone, without what a watch line puts around it.
    pub(super) fn object(&self) -> Bytes {
        object_of(self.change, &self.line)
    }
}

/// The part of a watch line that is the object; it shares the line's memory.
pub(super) fn object_of(change: Change, line: &Bytes) -> Bytes {
    let start = change.prefix().len().min(line.len());
    let end = line.len().saturating_sub(SUFFIX.len()).max(start);
    line.slice(start..end)
}

/// A watch line for an object whose own line says something else.
pub(super) fn line(change: Change, object: &[u8]) -> Bytes {
    let mut line = Vec::with_capacity(change.prefix().len() + object.len() + SUFFIX.len());
    line.extend_from_slice(change.prefix());
    line.extend_from_slice(object);
    line.extend_from_slice(SUFFIX);
    line.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_a_slice_of_its_line() {
        for change in [Change::Added, Change::Modified, Change::Deleted] {
            let line = line(change, br#"{"a":1}"#);
            assert_eq!(object_of(change, &line).as_ref(), br#"{"a":1}"#);
            assert!(line.ends_with(b"\n"));
            assert!(serde_json::from_slice::<Value>(&line).is_ok());
        }
    }
}
