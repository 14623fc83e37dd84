//! What is written either as a word or as a map with one key. Whoever writes it otherwise is told what there is to choose from.

use std::{fmt, marker::PhantomData};

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};

/// One of several.
pub(super) trait Choice: Sized {
    /// What there is to choose from, as a message goes on after "expected".
    const ALLOWED: &'static str;

    /// Whether a word can be meant: one that can't is not repeated, and may be a secret.
    const HAS_WORDS: bool = false;

    /// What a word alone stands for.
    fn of_word(_word: &str) -> Option<Self> {
        None
    }

    /// What a key stands for, with its value still to be read; `None` where there is no such key.
    fn of_field<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Self>, A::Error>;
}

/// Reads a [`Choice`].
pub(super) struct Chosen<C>(pub(super) PhantomData<C>);

impl<'de, C: Choice> Visitor<'de> for Chosen<C> {
    type Value = C;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(C::ALLOWED)
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<C, E> {
        C::of_word(word).ok_or_else(|| {
            let word = if C::HAS_WORDS { format!("`{word}`") } else { "a text".to_owned() };
            E::custom(format_args!("{word} is none of these; expected {}", C::ALLOWED))
        })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<C, A::Error> {
        let Some(name) = map.next_key::<String>()? else {
            return Err(A::Error::custom(format_args!("nothing is chosen; expected {}", C::ALLOWED)));
        };
        let Some(chosen) = C::of_field(&name, &mut map)? else {
            return Err(A::Error::custom(format_args!("`{name}` is none of these; expected {}", C::ALLOWED)));
        };
        match map.next_entry::<String, IgnoredAny>()? {
            None => Ok(chosen),
            Some((other, _)) => {
                Err(A::Error::custom(format_args!("`{name}` and `{other}` don't go together; expected {}", C::ALLOWED)))
            }
        }
    }
}

/// Has a [`Choice`] read from whatever is written.
macro_rules! choice {
    ($choice:ty) => {
        impl<'de> serde::Deserialize<'de> for $choice {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($crate::harness::experiment::choice::Chosen(std::marker::PhantomData))
            }
        }
    };
}

pub(super) use choice;
