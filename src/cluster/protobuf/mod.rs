//! The few objects that kubectl sends as protobuf: what its typed clients create, and questions about oneself.
//!
//! Answers are JSON, which those clients take too. A kind that is not known here, or a field of it, is refused with 415
//! rather than read by half.

mod messages;
mod wire;

use serde_json::{Map, Value, json};

/// What stands before every object.
const MAGIC: &[u8] = b"k8s\0";

/// What an object can't be read for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// It is no protobuf of an object.
    #[error("it is no object in protobuf")]
    Malformed,
    /// It has a kind or a field that is not known here.
    #[error("{0} is not known in protobuf here")]
    Unknown(String),
}

/// Reads an object with its kind.
///
/// # Errors
/// See [`Unreadable`].
pub(super) fn read(body: &[u8]) -> Result<Value, Unreadable> {
    let envelope = body.strip_prefix(MAGIC).ok_or(Unreadable::Malformed)?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), None);
    for field in wire::fields(envelope) {
        match field? {
            (1, wire::Content::Bytes(bytes)) => {
                for field in wire::fields(bytes) {
                    match field? {
                        (1, content) => api_version = content.text()?,
                        (2, content) => kind = content.text()?,
                        _ => return Err(Unreadable::Malformed),
                    }
                }
            }
            (2, wire::Content::Bytes(bytes)) => raw = Some(bytes),
            // The encoding and the type of the content, which are always the same.
            _ => {}
        }
    }
    let message =
        messages::of(&api_version, &kind).ok_or_else(|| Unreadable::Unknown(format!("{api_version}, Kind={kind}")))?;
    let mut object = match wire::object(message, raw.ok_or(Unreadable::Malformed)?, 0)? {
        Value::Object(object) => object,
        _ => Map::new(),
    };
    object.insert("apiVersion".to_owned(), json!(api_version));
    object.insert("kind".to_owned(), json!(kind));
    Ok(Value::Object(object))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field with bytes in it.
    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2, u8::try_from(content.len()).expect("short")];
        bytes.extend_from_slice(content);
        bytes
    }

    fn envelope(api_version: &str, kind: &str, raw: &[u8]) -> Vec<u8> {
        let meta = [field(1, api_version.as_bytes()), field(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), field(1, &meta), field(2, raw), field(3, b""), field(4, b"")].concat()
    }

    #[test]
    fn a_secret_is_read_as_kubectl_sends_it() {
        let label = [field(1, b"a"), field(2, b"1")].concat();
        let metadata = [field(1, b"s"), field(3, b"default"), field(8, b""), field(11, &label)].concat();
        let data = [field(1, b"k"), field(2, b"\xff\x00")].concat();
        let raw = [field(1, &metadata), field(2, &data), field(3, b"Opaque")].concat();
        let expected = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": {"k": "/wA="},
            "metadata": {"name": "s", "namespace": "default", "labels": {"a": "1"}},
        });
        assert_eq!(read(&envelope("v1", "Secret", &raw)).expect("an object"), expected);
    }

    #[test]
    fn what_is_not_known_is_refused_and_not_left_out() {
        let unknown = |body: &[u8]| matches!(read(body), Err(Unreadable::Unknown(_)));
        assert!(unknown(&envelope("apps/v1", "Deployment", b"")));
        assert!(unknown(&envelope("v1", "Namespace", &field(9, b"x"))));
    }

    #[test]
    fn what_is_malformed_is_refused_wherever_it_is_cut() {
        let whole = envelope("v1", "Namespace", &field(1, &field(1, b"n")));
        assert!(read(&whole).is_ok());
        for end in 0..whole.len() {
            // Without its last, empty fields it is whole.
            if let Ok(object) = read(&whole[..end]) {
                assert_eq!(object["metadata"]["name"], "n", "{end}");
            }
        }
        for body in [&b"{}"[..], b"k8s\0\x0a\xff", b"k8s\0\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b""] {
            assert!(read(body).is_err());
        }
    }
}
