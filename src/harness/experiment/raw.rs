//! The experiment file as it is written.

use std::{collections::BTreeMap, fmt, path::PathBuf};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_saphyr::Spanned;

use crate::{
    harness::experiment::{
        ExperimentError,
        arm::EdaEngine,
        choice::{Choice, choice},
        places::Places,
        raw_operator::RawOperator,
        share::Share,
        subject_file::RawSubject,
    },
    record::ClockKind,
    units::GoDuration,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExperiment {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) seed: Option<u64>,
    #[serde(default)]
    pub(super) clock: Option<ClockKind>,
    #[serde(default)]
    pub(super) time_scale: Option<Spanned<f64>>,
    #[serde(default)]
    pub(super) blocks: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) until: Option<Spanned<RawUntil>>,
    #[serde(default)]
    pub(super) warmup: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) primary: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) margin: Option<Spanned<Share>>,
    #[serde(default)]
    pub(super) audit: Option<Spanned<RawAudit>>,
    #[serde(default)]
    pub(super) gates: Vec<Spanned<RawGate>>,
    pub(super) instances: Spanned<u32>,
    #[serde(default)]
    pub(super) tenants: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) arrival: Option<RawArrival>,
    #[serde(default)]
    pub(super) deadline: Option<Spanned<GoDuration>>,
    #[serde(default)]
    pub(super) instance: Option<RawInstance>,
    #[serde(default)]
    pub(super) profile: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) subject: Option<Spanned<RawSubjectPlace>>,
    pub(super) arms: Spanned<Vec<RawArm>>,
    pub(super) scenarios: Spanned<Vec<RawScenario>>,
}

/// A subject, or the path of a file with one.
#[derive(Debug)]
pub(super) enum RawSubjectPlace {
    File(String),
    Inline(Box<RawSubject>),
}

impl<'de> Deserialize<'de> for RawSubjectPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place;

        impl<'de> Visitor<'de> for Place {
            type Value = RawSubjectPlace;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the path of a subject's file, or a subject")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RawSubjectPlace, E> {
                Ok(RawSubjectPlace::File(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawSubjectPlace, A::Error> {
                RawSubject::deserialize(MapAccessDeserializer::new(map)).map(Box::new).map(RawSubjectPlace::Inline)
            }
        }

        deserializer.deserialize_any(Place)
    }
}

/// When a run without a fixed number of blocks ends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUntil {
    pub(super) half_width: Spanned<Share>,
    pub(super) max_blocks: Spanned<u32>,
    #[serde(default)]
    pub(super) looks: Option<Spanned<Vec<u32>>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawAudit {
    /// The baseline against itself.
    Aa,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGate {
    #[serde(default)]
    pub(super) metric: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) arm: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) scenario: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) require: Option<Spanned<RawRequirement>>,
    #[serde(default)]
    pub(super) margin: Option<Spanned<Share>>,
    #[serde(default)]
    pub(super) at_most: Option<Spanned<GoDuration>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawRequirement {
    Faster,
    Slower,
    Equivalent,
    NotSlower,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArrival {
    pub(super) spacing: Spanned<GoDuration>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawInstance {
    #[serde(default)]
    pub(super) template_id: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) template_parameters: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArm {
    pub(super) name: Spanned<String>,
    pub(super) provider: Spanned<String>,
    #[serde(default)]
    pub(super) profile: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) poll_interval: Option<Spanned<GoDuration>>,
    #[serde(default)]
    pub(super) old_jobs: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) backend: Option<Spanned<RawBackend>>,
    #[serde(default)]
    pub(super) operator: Option<Spanned<RawOperator>>,
    #[serde(default)]
    pub(super) namespace: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) settings: BTreeMap<String, Spanned<String>>,
}

/// The operator ends in the middle of a trial.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDisturbance {
    pub(super) after: GoDuration,
    #[serde(default)]
    pub(super) down: GoDuration,
}

/// What stands in for a simulated backend.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBackend {
    #[serde(default)]
    pub(super) eda: Option<Spanned<RawEda>>,
    #[serde(default)]
    pub(super) aap: Option<Spanned<RawLiveAap>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawEda {
    #[serde(default)]
    pub(super) engine: Option<EdaEngine>,
    #[serde(default)]
    pub(super) provision_webhook: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) deprovision_webhook: Option<Spanned<String>>,
}

/// A controller that is there already.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct RawLiveAap {
    pub(super) url: Spanned<String>,
    pub(super) token_from: Spanned<RawTokenPlace>,
    #[serde(default)]
    pub(super) ca_file: Option<Spanned<PathBuf>>,
    pub(super) templates: RawTemplates,
}

#[derive(Debug)]
pub(super) enum RawTokenPlace {
    Env(String),
    File(PathBuf),
}

impl Choice for RawTokenPlace {
    const ALLOWED: &'static str = "either `{env: VARIABLE}` or `{file: PATH}`";

    fn of_field<'de, A: MapAccess<'de>>(name: &str, map: &mut A) -> Result<Option<Self>, A::Error> {
        Ok(Some(match name {
            "env" => Self::Env(map.next_value()?),
            "file" => Self::File(map.next_value()?),
            _ => return Ok(None),
        }))
    }
}

choice!(RawTokenPlace);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTemplates {
    pub(super) provision: Spanned<String>,
    pub(super) deprovision: Spanned<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawKind {
    ProvisionDeprovision,
    DeleteDuringProvision,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScenario {
    #[serde(default)]
    pub(super) name: Option<Spanned<String>>,
    pub(super) kind: Spanned<RawKind>,
    #[serde(default)]
    pub(super) hold: Option<Spanned<GoDuration>>,
    #[serde(default)]
    pub(super) delete: Option<Spanned<RawDelete>>,
    #[serde(default)]
    pub(super) restart_operator: Option<Spanned<RawDisturbance>>,
    #[serde(default)]
    pub(super) kill_operator: Option<Spanned<RawDisturbance>>,
    #[serde(default)]
    pub(super) expect: BTreeMap<String, Spanned<RawExpectation>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDelete {
    #[serde(default)]
    pub(super) when_state: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) after: Option<GoDuration>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawExpectation {
    #[serde(default)]
    pub(super) provision_state: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) provision_jobs: Option<u32>,
    #[serde(default)]
    pub(super) deprovision_jobs: Option<u32>,
}

/// Reads a text as an experiment file, by its form alone.
pub(super) fn parse(text: &str, places: &Places<'_>) -> Result<RawExperiment, ExperimentError> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| places.malformed(&error))
}
