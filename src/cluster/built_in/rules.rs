//! The rules of Kubernetes' own kinds beyond the types of their fields, from `pkg/apis/*/validation`.

use serde_json::Value;

use super::super::{field_error::FieldError, kinds::Kind, meta};

/// What is wrong with an object, and with the change from `old` to it.
pub(in crate::cluster) fn check(kind: &Kind, object: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    match (kind.group.as_str(), kind.name.as_str()) {
        ("coordination.k8s.io", "Lease") => check_lease(&object["spec"], errors),
        ("", "Secret") => check_secret(object, old, errors),
        ("", "Event") => check_event(object, old, errors),
        _ => {}
    }
}

fn check_lease(spec: &Value, errors: &mut Vec<FieldError>) {
    let mut at_least = |field: &str, least: i64, rule: &str| {
        if let Some(number) = spec[field].as_i64().filter(|number| *number < least) {
            errors.push(FieldError::invalid(format!("spec.{field}"), &number.into(), rule));
        }
    };
    at_least("leaseDurationSeconds", 1, "must be greater than 0");
    at_least("leaseTransitions", 0, "must be greater than or equal to 0");
    if !spec["preferredHolder"].is_null() && spec["strategy"].is_null() {
        errors.push(FieldError::forbidden("spec.preferredHolder", "may only be specified if `strategy` is defined"));
    }
}

fn check_secret(object: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    for key in object["data"].as_object().into_iter().flatten().map(|(key, _)| key) {
        let fits = !key.is_empty()
            && key.len() <= 253
            && !matches!(key.as_str(), "." | "..")
            && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
        if !fits {
            let rule = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                        'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
            errors.push(FieldError::invalid_text(format!("data[{key}]"), key, rule));
        }
    }
    let Some(old) = old else { return };
    if object["type"] != old["type"] {
        errors.push(FieldError::invalid("type", &object["type"], "field is immutable"));
    }
    if old["immutable"] == true {
        let sealed = "field is immutable when `immutable` is set";
        if object["immutable"] != true {
            errors.push(FieldError::forbidden("immutable", sealed));
        }
        if object["data"] != old["data"] {
            errors.push(FieldError::forbidden("data", sealed));
        }
    }
}

/// An event lies in the namespace of what it is about, or in `default` where that has none.
fn check_event(object: &Value, old: Option<&Value>, errors: &mut Vec<FieldError>) {
    if old.is_some() {
        return;
    }
    let about = object["involvedObject"]["namespace"].as_str().unwrap_or_default();
    let own = meta::text(object, "namespace");
    let fits = if about.is_empty() { own == "default" } else { about == own };
    if !fits {
        errors.push(FieldError::invalid_text("involvedObject.namespace", about, "does not match event.namespace"));
    }
}
