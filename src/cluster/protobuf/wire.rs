//! The encoding (protobuf.dev, "Encoding"): numbered fields, each with its length or a number.

use data_encoding::BASE64;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{
    Unreadable,
    messages::{Message, Reads},
};

/// Deeper than any message here.
const DEEPEST: usize = 8;

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Content<'a> {
    pub(super) fn text(self) -> Result<String, Unreadable> {
        let Self::Bytes(bytes) = self else { return Err(Unreadable::Malformed) };
        String::from_utf8(bytes.to_vec()).map_err(|_| Unreadable::Malformed)
    }

    fn bytes(self) -> Result<&'a [u8], Unreadable> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Number(_) => Err(Unreadable::Malformed),
        }
    }

    fn number(self) -> Result<u64, Unreadable> {
        match self {
            Self::Number(number) => Ok(number),
            Self::Bytes(_) => Err(Unreadable::Malformed),
        }
    }
}

/// The fields of a message, in their order; ends after the first error.
pub(super) fn fields(bytes: &[u8]) -> impl Iterator<Item = Result<(u64, Content<'_>), Unreadable>> {
    let mut rest = Some(bytes);
    std::iter::from_fn(move || {
        let bytes = rest.filter(|bytes| !bytes.is_empty())?;
        let read = field(bytes);
        rest = read.map(|(_, left)| left);
        Some(read.map(|(field, _)| field).ok_or(Unreadable::Malformed))
    })
}

fn field(bytes: &[u8]) -> Option<((u64, Content<'_>), &[u8])> {
    let (tag, rest) = varint(bytes)?;
    let (content, rest) = match tag & 7 {
        0 => {
            let (number, rest) = varint(rest)?;
            (Content::Number(number), rest)
        }
        2 => {
            let (length, rest) = varint(rest)?;
            let (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            (Content::Bytes(bytes), rest)
        }
        // Kubernetes' objects have no other.
        _ => return None,
    };
    Some(((tag >> 3, content), rest))
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(index).ok()? * 7)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

/// A message as the JSON of its object; fields that say nothing are left out.
pub(super) fn object(message: Message, bytes: &[u8], depth: usize) -> Result<Value, Unreadable> {
    if depth > DEEPEST {
        return Err(Unreadable::Malformed);
    }
    let mut object = Map::new();
    for field in fields(bytes) {
        let (number, content) = field?;
        let known = message.iter().find(|(known, ..)| *known == number);
        let (_, name, reads) = known.ok_or_else(|| Unreadable::Unknown(format!("field {number}")))?;
        match reads {
            Reads::Ignored => {}
            Reads::Text => {
                let text = content.text()?;
                if !text.is_empty() {
                    object.insert((*name).to_owned(), text.into());
                }
            }
            Reads::Truth => drop(object.insert((*name).to_owned(), (content.number()? != 0).into())),
            Reads::Number => drop(object.insert((*name).to_owned(), content.number()?.cast_signed().into())),
            Reads::Time => {
                if let Some(time) = time(content.bytes()?)? {
                    object.insert((*name).to_owned(), time.into());
                }
            }
            Reads::One(message) => {
                let value = self::object(message, content.bytes()?, depth + 1)?;
                object.insert((*name).to_owned(), value);
            }
            Reads::Texts => push(&mut object, name, content.text()?.into()),
            Reads::Many(message) => {
                let value = self::object(message, content.bytes()?, depth + 1)?;
                push(&mut object, name, value);
            }
            Reads::Map { of_bytes } => {
                let (key, value) = entry(content.bytes()?, *of_bytes)?;
                let map = object.entry((*name).to_owned()).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(map) = map {
                    map.insert(key, value.into());
                }
            }
        }
    }
    Ok(Value::Object(object))
}

fn push(object: &mut Map<String, Value>, name: &str, value: Value) {
    if let Value::Array(items) = object.entry(name.to_owned()).or_insert_with(|| Value::Array(Vec::new())) {
        items.push(value);
    }
}

/// An entry of a map: a message of its key and its value.
fn entry(bytes: &[u8], of_bytes: bool) -> Result<(String, String), Unreadable> {
    let (mut key, mut value) = (String::new(), String::new());
    for field in fields(bytes) {
        match field? {
            (1, content) => key = content.text()?,
            (2, content) if of_bytes => value = BASE64.encode(content.bytes()?),
            (2, content) => value = content.text()?,
            _ => return Err(Unreadable::Malformed),
        }
    }
    Ok((key, value))
}

/// Seconds and nanoseconds; a time that is not set has neither.
fn time(bytes: &[u8]) -> Result<Option<String>, Unreadable> {
    let mut seconds = None;
    for field in fields(bytes) {
        if let (1, content) = field? {
            seconds = Some(content.number()?.cast_signed());
        }
    }
    let Some(seconds) = seconds else { return Ok(None) };
    let time = Timestamp::from_second(seconds).map_err(|_| Unreadable::Malformed)?;
    Ok(Some(time.to_string()))
}
