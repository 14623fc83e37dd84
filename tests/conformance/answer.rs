//! What a server answered, without what no two servers can have in common.

use serde_json::{Map, Value, json};

/// The code of an answer and its body, made comparable.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub code: u16,
    pub body: Value,
}

/// How long the part of a name is that a server makes up.
const SUFFIX: usize = 5;

/// Metadata that each server makes for itself.
const OWN: [&str; 5] = ["uid", "creationTimestamp", "resourceVersion", "managedFields", "selfLink"];

impl Answer {
    /// An answer with a JSON body, or with text.
    pub fn new(code: u16, bytes: &[u8]) -> Self {
        let body = serde_json::from_slice(bytes).unwrap_or_else(|_| json!({"text": String::from_utf8_lossy(bytes)}));
        Self { code, body }
    }

    /// Without what is the server's own.
    #[must_use]
    pub fn comparable(&self) -> Self {
        Self { code: self.code, body: comparable(&self.body) }
    }
}

/// A body without what is the server's own.
pub fn comparable(body: &Value) -> Value {
    let mut body = body.clone();
    if body["kind"] == "Status" {
        status(&mut body);
    } else {
        object(&mut body);
    }
    body
}

/// Messages are in words of a release; what a client acts on is the rest.
fn status(body: &mut Value) {
    let Some(body) = body.as_object_mut() else { return };
    body.remove("message");
    body.remove("metadata");
    let Some(details) = body.get_mut("details").and_then(Value::as_object_mut) else { return };
    details.remove("uid");
    let generated = details.get("causes").is_some_and(|causes| causes.to_string().contains("metadata.generateName"));
    if let (true, Some(Value::String(name))) = (generated, details.get_mut("name")) {
        masked(name);
    }
    if let Some(causes) = details.get_mut("causes").and_then(Value::as_array_mut) {
        for cause in &mut *causes {
            cause.as_object_mut().map(|cause| cause.remove("message"));
        }
        // The real server walks maps, whose order is another each time.
        causes.sort_by_key(Value::to_string);
        // Metadata of a custom object is checked twice there, and complained of twice.
        causes.dedup();
    }
}

fn object(body: &mut Value) {
    match body {
        Value::Array(items) => items.iter_mut().for_each(object),
        Value::Object(fields) => {
            if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
                self::metadata(metadata);
            }
            // Conditions of namespaces and definitions, and times that the server sets.
            for (key, value) in &mut *fields {
                if key == "lastTransitionTime" && value.is_string() {
                    *value = "T".into();
                } else if key == "uid" && value.is_string() {
                    *value = "U".into();
                } else {
                    object(value);
                }
            }
        }
        _ => {}
    }
}

fn metadata(metadata: &mut Map<String, Value>) {
    for field in OWN {
        metadata.remove(field);
    }
    // An empty token is no token: the real server writes it for custom resources only.
    if metadata.get("continue").is_some_and(|token| token == "") {
        metadata.remove("continue");
    }
    for (field, sign) in [("deletionTimestamp", "T"), ("continue", "C")] {
        if let Some(value) = metadata.get_mut(field).filter(|value| value.is_string()) {
            *value = sign.into();
        }
    }
    if let (true, Some(Value::String(name))) = (metadata.contains_key("generateName"), metadata.get_mut("name")) {
        masked(name);
    }
}

/// Hides the end of a name that a server made up. Of a long prefix the end is cut off, so that the length is known, not the
/// prefix.
fn masked(name: &mut String) {
    name.truncate(name.len().saturating_sub(SUFFIX));
    name.push_str("?????");
}
