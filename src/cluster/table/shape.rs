//! Answers in another form than the objects themselves: tables, and metadata alone.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Column, built_in};
use crate::{
    clock::SharedClock,
    cluster::{
        create::to_bytes,
        event,
        kinds::Kind,
        read::{LIST_TAIL, List},
        reply::Reply,
        status::Refusal,
    },
};

/// The form that a client asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum Shape {
    /// `as=Table`.
    Table { include: Include, version: TableVersion },
    /// `as=PartialObjectMetadata`, or the same with `List`.
    Metadata { of_list: bool },
}

/// What of an object comes with its row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cluster) enum Include {
    /// Nothing.
    None,
    /// Its metadata.
    #[default]
    Metadata,
    /// All of it.
    Object,
}

/// The version of `meta.k8s.io` that a table says it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum TableVersion {
    /// `v1`.
    V1,
    /// `v1beta1`, which is the same.
    V1Beta1,
}

impl TableVersion {
    fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "meta.k8s.io/v1",
            Self::V1Beta1 => "meta.k8s.io/v1beta1",
        }
    }
}

impl Shape {
    /// Gives an answer about a kind this form. What is no object of it, as a `Status`, stays as it is.
    ///
    /// # Errors
    /// 406 where a list was asked for and is none, or the other way round.
    pub(in crate::cluster) fn apply(self, reply: Reply, kind: &Kind, clock: &SharedClock) -> Result<Reply, Refusal> {
        match reply {
            Reply::Json(code, bytes) => {
                let Ok(object) = serde_json::from_slice::<Value>(&bytes) else { return Ok(Reply::Json(code, bytes)) };
                if object["kind"] != kind.name.as_str() {
                    return Ok(Reply::Json(code, bytes));
                }
                if self == (Self::Metadata { of_list: true }) {
                    return Err(Refusal::not_acceptable(&["application/json;as=PartialObjectMetadata"]));
                }
                Ok(Reply::Json(code, self.one(&object, &columns(kind), clock.now(), true)))
            }
            Reply::List(list) => {
                if self == (Self::Metadata { of_list: false }) {
                    return Err(Refusal::not_acceptable(&["application/json;as=PartialObjectMetadataList"]));
                }
                Ok(Reply::List(self.list(&list, &columns(kind), clock.now())))
            }
            Reply::Watch(watch) => {
                let lines = ShapedLines { shape: self, columns: columns(kind), clock: clock.clone(), headed: false };
                Ok(Reply::ShapedWatch(watch, lines))
            }
            other => Ok(other),
        }
    }

    fn list(self, list: &List, columns: &[Column], now: Timestamp) -> List {
        let mut head = list.head.to_vec();
        head.extend_from_slice(LIST_TAIL);
        let head: Value = serde_json::from_slice(&head).unwrap_or_default();
        let metadata = head.get("metadata").cloned().unwrap_or_default();
        let head = match self {
            Self::Table { version, .. } => open(&table(version, &metadata, Some(columns)), "rows"),
            Self::Metadata { .. } => open(
                &json!({"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": metadata}),
                "items",
            ),
        };
        let items = list.items.iter().filter_map(|bytes| serde_json::from_slice::<Value>(bytes).ok()).map(|object| {
            to_bytes(&match self {
                Self::Table { include, .. } => row(&object, columns, include, now),
                Self::Metadata { .. } => metadata_of(&object),
            })
        });
        List { head, items: items.collect() }
    }

    /// One object; a table with its one row, with or without the columns' definitions.
    fn one(self, object: &Value, columns: &[Column], now: Timestamp, headed: bool) -> Bytes {
        match self {
            Self::Metadata { .. } => to_bytes(&metadata_of(object)),
            Self::Table { include, version } => {
                let metadata = json!({"resourceVersion": object.pointer("/metadata/resourceVersion")});
                let mut table = table(version, &metadata, headed.then_some(columns));
                table["rows"] = json!([row(object, columns, include, now)]);
                to_bytes(&table)
            }
        }
    }
}

fn columns(kind: &Kind) -> Vec<Column> {
    match &kind.columns {
        // The definition asks for none: what every kind has.
        None => built_in::columns(kind),
        Some(own) => std::iter::once(Column::name()).chain(own.iter().cloned()).collect(),
    }
}

fn table(version: TableVersion, metadata: &Value, columns: Option<&[Column]>) -> Value {
    let definitions = columns.map(|columns| columns.iter().map(Column::definition).collect::<Vec<_>>());
    json!({
        "kind": "Table",
        "apiVersion": version.api_version(),
        "metadata": metadata,
        "columnDefinitions": definitions,
    })
}

/// The JSON of an object up to the beginning of a list in it.
fn open(object: &Value, list: &str) -> Bytes {
    let mut head = to_bytes(object).to_vec();
    head.pop();
    head.extend_from_slice(b",\"");
    head.extend_from_slice(list.as_bytes());
    head.extend_from_slice(b"\":[");
    head.into()
}

fn row(object: &Value, columns: &[Column], include: Include, now: Timestamp) -> Value {
    let cells: Vec<Value> = columns.iter().map(|column| column.cell(object, now)).collect();
    match include {
        Include::None => json!({"cells": cells, "object": null}),
        Include::Metadata => json!({"cells": cells, "object": metadata_of(object)}),
        Include::Object => json!({"cells": cells, "object": object}),
    }
}

fn metadata_of(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata"),
    })
}

/// Gives each line of a watch another form.
#[derive(Debug)]
pub(in crate::cluster) struct ShapedLines {
    shape: Shape,
    columns: Vec<Column>,
    clock: SharedClock,
    /// Whether the columns' definitions were sent: only the first table has them.
    headed: bool,
}

impl ShapedLines {
    /// The line in the other form. Errors stay as they are.
    pub(in crate::cluster) fn line(&mut self, line: &Bytes) -> Bytes {
        let Ok(event) = serde_json::from_slice::<Value>(line) else { return line.clone() };
        let kind = event["type"].as_str().unwrap_or_default();
        if kind == "ERROR" {
            return line.clone();
        }
        let now = self.clock.now();
        let object = match self.shape {
            // It is about no object: a table without rows, for its resourceVersion.
            Shape::Table { version, .. } if kind == "BOOKMARK" => {
                let mut empty = table(version, &event["object"]["metadata"], None);
                empty["rows"] = json!([]);
                to_bytes(&empty)
            }
            shape => {
                let headed = std::mem::replace(&mut self.headed, true);
                shape.one(&event["object"], &self.columns, now, !headed)
            }
        };
        let mut shaped = format!("{{\"type\":\"{kind}\",\"object\":").into_bytes();
        shaped.extend_from_slice(&object);
        shaped.extend_from_slice(event::SUFFIX);
        shaped.into()
    }
}
