//! One column of a table.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{age::age, json_path::JsonPath};
use crate::cluster::{field_error::FieldError, meta};

/// A column: its heading, and where its cells come from.
#[derive(Clone, Debug)]
pub(in crate::cluster) struct Column {
    name: String,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    kind: String,
    format: String,
    description: String,
    /// 0 is always shown, more only where there is room.
    priority: i64,
    cell: Cell,
}

/// Where a cell comes from.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    /// The object's name.
    Name,
    /// A value in it.
    At(JsonPath),
    /// How long ago the time at a path was.
    Age(JsonPath),
    /// Made of several values.
    Made(fn(&Value, Timestamp) -> Value),
}

impl Column {
    /// A column of a built-in kind.
    pub(super) fn new(name: &str, kind: &str, priority: i64, cell: Cell) -> Self {
        let format = if matches!(cell, Cell::Name) { "name" } else { "" };
        Self {
            name: name.to_owned(),
            kind: kind.to_owned(),
            format: format.to_owned(),
            description: String::new(),
            priority,
            cell,
        }
    }

    /// The name, with which every table begins.
    pub(super) fn name() -> Self {
        let description = "Name must be unique within a namespace, and can't be changed.".to_owned();
        Self { description, ..Self::new("Name", "string", 0, Cell::Name) }
    }

    /// The time since the object was created.
    pub(super) fn age() -> Self {
        let description = "The time since the object was created.".to_owned();
        Self { description, ..Self::new("Age", "string", 0, Cell::Made(since_creation)) }
    }

    /// A column that a definition asks for.
    ///
    /// # Errors
    /// What is wrong with it, at its place below `place`.
    pub(in crate::cluster) fn parse(column: &Value, place: &str) -> Result<Self, FieldError> {
        let text = |field: &str| column.get(field).and_then(Value::as_str).unwrap_or_default();
        for required in ["name", "type", "jsonPath"] {
            if text(required).is_empty() {
                return Err(FieldError::required(format!("{place}.{required}"), ""));
            }
        }
        let kind = text("type");
        let known = ["boolean", "date", "integer", "number", "string"];
        if !known.contains(&kind) {
            let supported = known.map(Value::from);
            return Err(FieldError::not_supported(format!("{place}.type"), &kind.into(), &supported));
        }
        let path = text("jsonPath");
        let parsed = JsonPath::parse(path)
            .map_err(|error| FieldError::invalid_text(format!("{place}.jsonPath"), path, &error))?;
        let description = match text("description") {
            "" => format!("Custom resource definition column (in JSONPath format): {path}"),
            description => description.to_owned(),
        };
        Ok(Self {
            name: text("name").to_owned(),
            kind: kind.to_owned(),
            format: text("format").to_owned(),
            description,
            priority: column.get("priority").and_then(Value::as_i64).unwrap_or(0),
            cell: if kind == "date" { Cell::Age(parsed) } else { Cell::At(parsed) },
        })
    }

    /// What a table says about it.
    pub(super) fn definition(&self) -> Value {
        json!({
            "name": self.name,
            "type": self.kind,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        })
    }

    /// The cell of an object.
    pub(super) fn cell(&self, object: &Value, now: Timestamp) -> Value {
        match &self.cell {
            Cell::Name => meta::text(object, "name").into(),
            // Of a time that is not there a definition's column shows nothing.
            Cell::Age(path) => path.first(object).map_or(Value::Null, |told| age(Some(told), now).into()),
            Cell::At(path) => path.first(object).map_or(Value::Null, |value| typed(&self.kind, value)),
            Cell::Made(make) => make(object, now),
        }
    }
}

fn since_creation(object: &Value, now: Timestamp) -> Value {
    age(object.pointer("/metadata/creationTimestamp"), now).into()
}

/// A value as a cell of a type; nothing where it is of another.
fn typed(kind: &str, value: &Value) -> Value {
    match (kind, value) {
        ("string" | "date", Value::String(text)) => text.as_str().into(),
        ("string", Value::Null) => Value::Null,
        ("string", other) => other.to_string().into(),
        ("integer", Value::Number(number)) => whole(number),
        ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => value.clone(),
        _ => Value::Null,
    }
}

fn whole(number: &serde_json::Number) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "a cell shows the whole part")]
    let cut = |number: f64| number.trunc() as i64;
    number.as_i64().or_else(|| number.as_f64().map(cut)).map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_has_its_columns_type() {
        let column = |kind: &str, path: &str| {
            Column::parse(&json!({"name": "X", "type": kind, "jsonPath": path}), "columns[0]").expect("a column")
        };
        let object =
            json!({"s": "x", "n": 3, "f": 2.5, "b": true, "o": {"a": 1}, "t": "1970-01-01T00:00:00Z", "z": null});
        let now = Timestamp::constant(60, 0);
        for (kind, path, expected) in [
            ("string", ".s", json!("x")),
            ("string", ".n", json!("3")),
            ("string", ".o", json!(r#"{"a":1}"#)),
            ("string", ".none", json!(null)),
            ("string", ".z", json!(null)),
            ("integer", ".n", json!(3)),
            ("integer", ".f", json!(2)),
            ("integer", ".s", json!(null)),
            ("number", ".f", json!(2.5)),
            ("boolean", ".b", json!(true)),
            ("boolean", ".s", json!(null)),
            ("date", ".t", json!("60s")),
            ("date", ".s", json!("<invalid>")),
            ("date", ".none", json!(null)),
        ] {
            assert_eq!(column(kind, path).cell(&object, now), expected, "{kind} {path}");
        }
    }

    #[test]
    fn a_column_that_makes_no_sense_is_refused_by_field() {
        for (column, field) in [
            (json!({"type": "string", "jsonPath": ".a"}), "c.name"),
            (json!({"name": "A", "jsonPath": ".a"}), "c.type"),
            (json!({"name": "A", "type": "text", "jsonPath": ".a"}), "c.type"),
            (json!({"name": "A", "type": "string"}), "c.jsonPath"),
            (json!({"name": "A", "type": "string", "jsonPath": "a"}), "c.jsonPath"),
        ] {
            assert_eq!(Column::parse(&column, "c").expect_err("refused").field, field, "{column}");
        }
    }
}
