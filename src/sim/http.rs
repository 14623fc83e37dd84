//! Small helpers for services that answer whole requests with whole responses.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde::Serialize;
use tower::BoxError;

/// A backend as a service: a whole request in, a whole response out.
pub type HttpService = tower::util::BoxCloneService<Request<Bytes>, Response<Bytes>, BoxError>;

/// About how many bytes a job takes as JSON: room that is made at once, instead of growing into it.
pub(super) const JOB_SIZE: usize = 2048;

/// An answer with a JSON body.
pub(super) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response<Bytes> {
    // Our own types serialise; an empty body would be the worst that could come of a mistake.
    raw_json(status, serde_json::to_vec(body).unwrap_or_default())
}

/// Writes a value as JSON.
pub(super) fn write_json<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    // As above: our own types serialise, and a vector takes whatever is written.
    let _ = serde_json::to_writer(out, value);
}

/// An answer with a body that is JSON already.
pub(super) fn raw_json(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    respond(status, "application/json", body)
}

/// An answer with a body of text.
pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    respond(status, "text/plain; charset=utf-8", body)
}

/// An answer for people.
pub(super) fn html(status: StatusCode, body: impl Into<Bytes>) -> Response<Bytes> {
    respond(status, "text/html; charset=utf-8", body)
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    response
}

/// Puts a header on an answer; a value that no header can hold is left out.
pub(super) fn with_header(
    mut response: Response<Bytes>,
    name: header::HeaderName,
    value: impl AsRef<str>,
) -> Response<Bytes> {
    if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
        response.headers_mut().insert(name, value);
    }
    response
}

fn respond(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The parameters of a query string, in their order.
#[derive(Clone, Copy)]
pub(super) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    /// Of a request.
    pub(super) fn of(request: &'a Request<Bytes>) -> Self {
        Self(request.uri().query().unwrap_or_default())
    }

    /// Of a query string without its question mark, or a form as a body carries it.
    pub(super) const fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// All pairs, decoded.
    pub(super) fn pairs(self) -> impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)> {
        self.0.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode_form(key), decode_form(value))
        })
    }

    /// The last value of a parameter.
    pub(super) fn get(self, name: &str) -> Option<Cow<'a, str>> {
        self.pairs().filter(|(key, _)| key == name).last().map(|(_, value)| value)
    }
}

/// Decodes `%XX`; what is not valid stays as it is.
pub(super) fn decode_path(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        decoded.push(escaped.unwrap_or(bytes[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    match String::from_utf8(decoded) {
        Ok(decoded) => Cow::Owned(decoded),
        Err(_) => Cow::Borrowed(text),
    }
}

/// Encodes what may not stand in the value of a query.
pub(super) fn encode_query(text: &str) -> Cow<'_, str> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    if text.bytes().all(plain) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if plain(byte) {
            encoded.push(char::from(byte));
        } else {
            use std::fmt::Write as _;
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    Cow::Owned(encoded)
}

fn decode_form(text: &str) -> Cow<'_, str> {
    if text.contains('+') { Cow::Owned(decode_path(&text.replace('+', " ")).into_owned()) } else { decode_path(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_read_with_its_escapes() {
        let query = Query::new("name=Activated+by+Event-Driven%20Ansible&id__in=1,2&flag&page=1&page=2");
        assert_eq!(query.get("name").as_deref(), Some("Activated by Event-Driven Ansible"));
        assert_eq!(query.get("id__in").as_deref(), Some("1,2"));
        assert_eq!(query.get("flag").as_deref(), Some(""));
        assert_eq!(query.get("page").as_deref(), Some("2"));
        assert_eq!(query.get("nothing"), None);
    }

    #[test]
    fn broken_escapes_stay_as_they_are() {
        for text in ["%", "%2", "%zz", "a%+1", "%ff"] {
            assert_eq!(decode_path(text), text);
        }
        assert_eq!(decode_path("create%20vm%2B%2BDefault"), "create vm++Default");
    }

    #[test]
    fn what_is_encoded_is_decoded_to_itself() {
        for text in ["create-vm", "create vm", "a&b=c+d", "größe"] {
            let query = format!("name={}", encode_query(text));
            assert_eq!(Query::new(&query).get("name").as_deref(), Some(text));
        }
    }
}
