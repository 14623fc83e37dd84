//! One field of a JSON object, without a look at what stands behind it.

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor},
};

/// Reads the field `name` of an object.
///
/// # Errors
/// Where the text is no JSON up to the end of that field, the field is of another form, or it is not there.
pub(crate) fn first_field<'de, T: Deserialize<'de>>(json: &'de str, name: &str) -> serde_json::Result<T> {
    let mut found = None;
    let end = Seek { name, found: &mut found }.deserialize(&mut serde_json::Deserializer::from_str(json));
    match found {
        Some(value) => Ok(value),
        None => end.and_then(|()| Err(serde_json::Error::custom(format_args!("missing field `{name}`")))),
    }
}

struct Seek<'a, T> {
    name: &'a str,
    found: &'a mut Option<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Seek<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(Fields { seek: self, lifetime: PhantomData::<&'de ()> })
    }
}

struct Fields<'a, 'de, T> {
    seek: Seek<'a, T>,
    lifetime: PhantomData<&'de ()>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<'_, 'de, T> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the field `{}`", self.seek.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        while let Some(is_wanted) = fields.next_key_seed(IsNamed(self.seek.name))? {
            if is_wanted {
                *self.seek.found = Some(fields.next_value()?);
                break;
            }
            fields.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// Whether a key is this one; no key is kept for it.
struct IsNamed<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for IsNamed<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for IsNamed<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<bool, E> {
        Ok(key == self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_the_field_is_not_looked_at() {
        assert_eq!(first_field::<u8>(r#"{"a": {"b": 2}, "b": 1, no more JSON"#, "b").unwrap(), 1);
        assert_eq!(first_field::<&str>(r#"{"\u0062": "x"}"#, "b").unwrap(), "x");
    }

    #[test]
    fn a_field_that_is_not_there_is_missed() {
        for (json, reason) in [
            (r#"{"a": 1}"#, "missing field `b`"),
            ("[]", "invalid type: sequence, expected an object with the field `b`"),
            (r#"{"b": "#, "EOF"),
            (r#"{"b": -1}"#, "invalid value"),
        ] {
            let error = first_field::<u8>(json, "b").unwrap_err().to_string();
            assert!(error.contains(reason), "{json}: {error}");
        }
    }
}
