//! The columns of the kinds that come without a definition.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    age::age,
    column::{Cell, Column},
    json_path::JsonPath,
};
use crate::cluster::{kinds::Kind, meta};

/// The columns of a kind that asks for none itself: what the real server shows of it, else name and age.
pub(super) fn columns(kind: &Kind) -> Vec<Column> {
    let text = |name: &str, path: &str| at(name, "string", 0, path);
    let mut columns = vec![Column::name()];
    match (kind.group.as_str(), kind.name.as_str()) {
        ("", "Namespace") => columns.push(text("Status", ".status.phase")),
        ("", "Secret") => {
            columns.push(text("Type", ".type"));
            columns.push(made("Data", "integer", 0, |object, _| {
                object.get("data").and_then(Value::as_object).map_or(0, serde_json::Map::len).into()
            }));
        }
        ("coordination.k8s.io", "Lease") => columns.push(text("Holder", ".spec.holderIdentity")),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            columns.push(at("Created At", "date", 0, ".metadata.creationTimestamp"));
            return columns;
        }
        ("" | "events.k8s.io", "Event") => return events(),
        ("kubevirt.io", "VirtualMachine") => {
            columns.push(Column::age());
            columns.push(text("Status", ".status.printableStatus"));
            columns.push(text("Ready", r#".status.conditions[?(@.type=="Ready")].status"#));
            return columns;
        }
        ("kubevirt.io", "VirtualMachineInstance") => {
            columns.push(Column::age());
            columns.push(text("Phase", ".status.phase"));
            columns.push(text("NodeName", ".status.nodeName"));
            columns.push(text("Ready", r#".status.conditions[?(@.type=="Ready")].status"#));
            return columns;
        }
        ("cdi.kubevirt.io", "DataVolume") => {
            columns.push(text("Phase", ".status.phase"));
            columns.push(text("Progress", ".status.progress"));
        }
        _ => {}
    }
    columns.push(Column::age());
    columns
}

fn at(name: &str, kind: &str, priority: i64, path: &str) -> Column {
    // The paths stand above, and a test reads them all.
    let path = JsonPath::parse(path).map_or(Cell::Made(|_, _| Value::Null), Cell::At);
    Column::new(name, kind, priority, path)
}

fn made(name: &str, kind: &str, priority: i64, make: fn(&Value, Timestamp) -> Value) -> Column {
    Column::new(name, kind, priority, Cell::Made(make))
}

/// Events have their own order: what happened is of more interest than what the event is called. There are two forms of
/// them, with other names for the same.
fn events() -> Vec<Column> {
    vec![
        made("Last Seen", "string", 0, |event, now| age(last_seen(event), now).into()),
        at("Type", "string", 0, ".type"),
        at("Reason", "string", 0, ".reason"),
        made("Object", "string", 0, |event, _| {
            let about = first(event, &["/involvedObject", "/regarding"]);
            let part =
                |field: &str| about.and_then(|about| about.get(field)).and_then(Value::as_str).unwrap_or_default();
            format!("{}/{}", part("kind").to_lowercase(), part("name")).into()
        }),
        made("Subobject", "string", 1, |event, _| {
            first(event, &["/involvedObject/fieldPath", "/regarding/fieldPath"]).cloned().unwrap_or_else(|| "".into())
        }),
        made("Source", "string", 1, |event, _| {
            let said = |paths: &[&str]| first(event, paths).and_then(Value::as_str).filter(|text| !text.is_empty());
            let by = said(&["/source/component", "/reportingComponent", "/reportingController"]).unwrap_or_default();
            match said(&["/source/host", "/reportingInstance"]) {
                Some(on) => format!("{by}, {on}").into(),
                None => by.into(),
            }
        }),
        made("Message", "string", 0, |event, _| {
            let message = first(event, &["/message", "/note"]).and_then(Value::as_str).unwrap_or_default();
            message.trim().into()
        }),
        made("First Seen", "string", 1, |event, now| {
            age(first(event, &["/firstTimestamp", "/deprecatedFirstTimestamp", "/eventTime"]), now).into()
        }),
        made("Count", "integer", 1, |event, _| {
            first(event, &["/series/count", "/count", "/deprecatedCount"]).cloned().unwrap_or_else(|| 1.into())
        }),
        made("Name", "string", 1, |event, _| meta::text(event, "name").into()),
    ]
}

fn last_seen(event: &Value) -> Option<&Value> {
    first(
        event,
        &["/series/lastObservedTime", "/lastTimestamp", "/deprecatedLastTimestamp", "/eventTime", "/firstTimestamp"],
    )
}

/// The first of several places where something is.
fn first<'a>(object: &'a Value, pointers: &[&str]) -> Option<&'a Value> {
    pointers.iter().filter_map(|pointer| object.pointer(pointer)).find(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::cluster::kinds;

    #[test]
    fn every_built_in_kind_has_columns_whose_paths_can_be_read() {
        for kind in kinds::built_in() {
            let columns = columns(&kind);
            assert!(columns.len() >= 2, "{}", kind.name);
            let empty = json!({"metadata": {"name": "x", "creationTimestamp": "1970-01-01T00:00:00Z"}});
            let cells: Vec<Value> = columns.iter().map(|column| column.cell(&empty, Timestamp::UNIX_EPOCH)).collect();
            assert!(cells.contains(&json!("x")), "{}: {cells:?}", kind.name);
            let broken = columns.iter().filter(|column| format!("{column:?}").contains("Made")).count();
            let made = match kind.name.as_str() {
                "Event" => 8,
                "Secret" => 2,
                "CustomResourceDefinition" => 0,
                _ => 1,
            };
            assert_eq!(broken, made, "{}: a path that can't be read", kind.name);
        }
    }

    #[test]
    fn both_forms_of_an_event_show_the_same() {
        let now = Timestamp::constant(100, 0);
        let core = json!({
            "metadata": {"name": "e.1"}, "type": "Normal", "reason": "Created", "message": "hello\n",
            "involvedObject": {"kind": "ComputeInstance", "name": "ci-1"}, "lastTimestamp": "1970-01-01T00:01:30Z",
            "source": {"component": "operator"}, "count": 2, "firstTimestamp": "1970-01-01T00:00:40Z",
        });
        let new = json!({
            "metadata": {"name": "e.1"}, "type": "Normal", "reason": "Created", "note": "hello",
            "regarding": {"kind": "ComputeInstance", "name": "ci-1"}, "eventTime": "1970-01-01T00:00:40.000000Z",
            "series": {"count": 2, "lastObservedTime": "1970-01-01T00:01:30.000000Z"}, "reportingController": "operator",
        });
        let shown = |event: &Value| -> Vec<Value> { events().iter().map(|column| column.cell(event, now)).collect() };
        let expected =
            json!(["10s", "Normal", "Created", "computeinstance/ci-1", "", "operator", "hello", "60s", 2, "e.1"]);
        assert_eq!(Value::Array(shown(&core)), expected);
        assert_eq!(Value::Array(shown(&new)), expected);
    }
}
