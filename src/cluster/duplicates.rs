//! Keys that an object has twice. JSON readers keep the last of them, so that they have to be looked for in the text.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The paths of all keys that stand more than once in an object, as `spec.disks[0].name`. Of a text that is no JSON there are
/// none: others say what is wrong with it.
pub(super) fn duplicates(body: &[u8]) -> Vec<String> {
    let mut search = Search::default();
    let mut reader = serde_json::Deserializer::from_slice(body);
    let _ = (&mut search).deserialize(&mut reader);
    search.found
}

#[derive(Default)]
struct Search {
    path: String,
    found: Vec<String>,
}

impl Search {
    fn within<R>(&mut self, step: &str, act: impl FnOnce(&mut Self) -> R) -> R {
        let length = self.path.len();
        if !self.path.is_empty() && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        let result = act(self);
        self.path.truncate(length);
        result
    }
}

impl<'de> DeserializeSeed<'de> for &mut Search {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Search {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let mut index = 0;
        while self.within(&format!("[{index}]"), |search| items.next_element_seed(search))?.is_some() {
            index += 1;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut seen = std::collections::BTreeSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            self.within(&key, |search| {
                if seen.contains(&key) && !search.found.contains(&search.path) {
                    search.found.push(search.path.clone());
                }
                fields.next_value_seed(search)
            })?;
            seen.insert(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_stand_twice_are_found_with_their_paths() {
        let body = br#"{"a": 1, "b": {"c": 1, "c": 2, "c": 3}, "l": [{"x": 1}, {"x": 1, "x": null}], "a": "s"}"#;
        assert_eq!(duplicates(body), ["b.c", "l[1].x", "a"]);
        assert_eq!(duplicates(br#"{"a": {"b": 1}, "c": {"b": 1}}"#), [""; 0]);
        assert_eq!(duplicates(b"{"), [""; 0]);
    }
}
