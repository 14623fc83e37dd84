//! `--set PATH=VALUE`: values set over the file, such as `instances=50`, `arms.aap.poll_interval=5s` or
//! `scenarios.0.hold=10s`. A list is entered by index or by the name of an item.

use std::path::Path;

use serde_json::Value;

use crate::harness::experiment::{
    ExperimentError,
    raw::{self, RawExperiment},
};

/// The file with the values set over it.
pub(super) fn parse(text: &str, file: &Path, settings: &[String]) -> Result<RawExperiment, ExperimentError> {
    raw::parse(&apply(text, file, settings)?, file).map_err(|error| match error {
        // The place would be one in a text that nobody has seen: the file was right, so that it is what was set.
        ExperimentError::Invalid { message, .. } => {
            ExperimentError::Option { option: format!("--set {}", settings.join(" --set ")), message }
        }
        error => error,
    })
}

fn apply(text: &str, file: &Path, settings: &[String]) -> Result<String, ExperimentError> {
    let mut document: Value = serde_saphyr::from_str(text).map_err(|error| {
        let (line, column) = error.location().map_or((1, 1), |at| (at.line(), at.column()));
        ExperimentError::Invalid { file: file.to_owned(), line, column, message: error.to_string() }
    })?;
    for setting in settings {
        let wrong = |message: String| ExperimentError::Option { option: format!("--set {setting}"), message };
        let (path, value) =
            setting.split_once('=').ok_or_else(|| wrong("write it as PATH=VALUE, such as instances=50".to_owned()))?;
        let value: Value = serde_saphyr::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        set(&mut document, path, value).map_err(wrong)?;
    }
    serde_saphyr::to_string(&document).map_err(|error| ExperimentError::Option {
        option: "--set".to_owned(),
        message: format!("the experiment can't be written with these values: {error}"),
    })
}

fn set(document: &mut Value, path: &str, value: Value) -> Result<(), String> {
    let mut place = document;
    for segment in path.split('.') {
        place = enter(place, segment).ok_or_else(|| {
            format!("there is no `{segment}` on the path {path}; lists are entered by index or by an item's name")
        })?;
    }
    *place = value;
    Ok(())
}

fn enter<'a>(place: &'a mut Value, segment: &str) -> Option<&'a mut Value> {
    if place.is_null() {
        *place = Value::Object(serde_json::Map::new());
    }
    match place {
        Value::Object(map) if !segment.is_empty() => Some(map.entry(segment).or_insert(Value::Null)),
        Value::Array(items) => {
            let named = items.iter().position(|item| item.get("name").and_then(Value::as_str) == Some(segment));
            let index = named.or_else(|| segment.parse().ok())?;
            items.get_mut(index)
        }
        _ => None,
    }
}
