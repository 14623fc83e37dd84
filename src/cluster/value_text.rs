//! Values as JSON text, byte for byte as serde_json writes them, without a call for each text: nearly all are plain.

use serde_json::Value;

/// Appends the key of a field, with its colon.
pub(super) fn write_key(bytes: &mut Vec<u8>, key: &str) {
    write_text(bytes, key);
    bytes.push(b':');
}

/// Appends a text. Nearly all of them are plain, and are copied as they stand.
fn write_text(bytes: &mut Vec<u8>, text: &str) {
    let is_plain = !text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\'));
    if is_plain {
        bytes.reserve(text.len() + 2);
        bytes.push(b'"');
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(b'"');
    } else {
        // A text into a vector: this cannot fail, nor can a number below.
        let _ = serde_json::to_writer(bytes, text);
    }
}

/// Appends a value, byte for byte as serde_json does.
pub(super) fn write(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.extend_from_slice(b"null"),
        Value::Bool(true) => bytes.extend_from_slice(b"true"),
        Value::Bool(false) => bytes.extend_from_slice(b"false"),
        Value::Number(number) => drop(serde_json::to_writer(bytes, number)),
        Value::String(text) => write_text(bytes, text),
        Value::Array(items) => {
            bytes.push(b'[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    bytes.push(b',');
                }
                write(bytes, item);
            }
            bytes.push(b']');
        }
        Value::Object(fields) => {
            bytes.push(b'{');
            for (index, (key, value)) in fields.iter().enumerate() {
                if index > 0 {
                    bytes.push(b',');
                }
                write_key(bytes, key);
                write(bytes, value);
            }
            bytes.push(b'}');
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_written_as_serde_json_writes_it() {
        for value in [
            json!({}),
            json!([]),
            json!([null, true, false, 0, -1, u64::MAX, 1.5, 1e300]),
            json!({"a\"b\\c\n": "tab\tzero\u{0}del\u{7f}ümlaut\u{2028}", "": ""}),
            json!({"a": {"b": [{"c": 1}, {"d": [[]]}]}, "e": "f"}),
        ] {
            let mut written = b"x".to_vec();
            write(&mut written, &value);
            assert_eq!(written[1..], serde_json::to_vec(&value).unwrap());
        }
    }
}
