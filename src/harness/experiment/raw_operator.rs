//! The operator of an arm, as it is written.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_saphyr::Spanned;

use super::choice::{Choice, choice};
use crate::units::GoDuration;

/// Which operator an arm measures.
#[derive(Debug)]
pub(super) enum RawOperator {
    InProcess,
    None,
    External(Box<RawProgram>),
}

impl Choice for RawOperator {
    const HAS_WORDS: bool = true;
    const ALLOWED: &'static str = "one of `in_process`, `none` and `{external: {command: [PROGRAM, ARGUMENT, …]}}`";

    fn of_word(word: &str) -> Option<Self> {
        match word {
            "in_process" => Some(Self::InProcess),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    fn of_field<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Self>, A::Error> {
        Ok(match name {
            "external" => Some(Self::External(Box::new(map.next_value::<WrittenProgram>()?.0))),
            word => match Self::of_word(word) {
                Some(chosen) => {
                    // `{none: }` says the same as the word.
                    map.next_value::<()>()?;
                    Some(chosen)
                }
                None => None,
            },
        })
    }
}

choice!(RawOperator);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawProgram {
    pub(super) command: Spanned<Vec<String>>,
    #[serde(default)]
    pub(super) env: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) ready: Option<Spanned<RawReady>>,
    #[serde(default)]
    pub(super) ready_timeout: Option<Spanned<GoDuration>>,
}

/// The same, where something else may be written, as the command alone.
struct WrittenProgram(RawProgram);

impl<'de> Deserialize<'de> for WrittenProgram {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;

        impl<'de> Visitor<'de> for Written {
            type Value = WrittenProgram;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a program, as `{command: [PROGRAM, ARGUMENT, …]}` and perhaps `env`, `ready`, `ready_timeout`",
                )
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WrittenProgram, A::Error> {
                RawProgram::deserialize(MapAccessDeserializer::new(map)).map(WrittenProgram)
            }
        }

        deserializer.deserialize_any(Written)
    }
}

/// How a program shows that it is ready.
#[derive(Debug)]
pub(super) enum RawReady {
    Probe,
    Url(String),
    After(GoDuration),
}

impl Choice for RawReady {
    const HAS_WORDS: bool = true;
    const ALLOWED: &'static str = "one of `probe`, `{url: http://HOST:PORT/PATH}` and `{after: 5s}`";

    fn of_word(word: &str) -> Option<Self> {
        (word == "probe").then_some(Self::Probe)
    }

    fn of_field<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Self>, A::Error> {
        Ok(Some(match name {
            "url" => Self::Url(map.next_value()?),
            "after" => Self::After(map.next_value()?),
            _ => return Ok(None),
        }))
    }
}

choice!(RawReady);
