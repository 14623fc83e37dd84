//! The arms of a run, by what sets them apart beside the poll interval.

use std::time::Duration;

use serde_json::Value;

use crate::{
    record::RunInfo,
    report::what_if::{error::WhatIfError, queue::Capacity},
    units::{GoDuration, parse_duration},
};

/// An arm of a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct PolledArm {
    pub(super) name: String,
    /// How often its operator asks for the state of a job.
    pub(super) interval: GoDuration,
    /// Whether its operator asks AAP at all.
    pub(super) is_polled: bool,
    /// The room of its backend, where that is known.
    pub(super) capacity: Option<Capacity>,
    /// Everything that it was configured with but its name and the interval.
    pub(super) identity: Value,
}

/// The arms of a run with their poll intervals, from the configuration as it was resolved.
pub(super) fn polled_arms(run: &RunInfo, setting: &str, default: Duration) -> Result<Vec<PolledArm>, WhatIfError> {
    let configured = run.config.get("arms").and_then(Value::as_array);
    let named = |name: &str| configured?.iter().find(|arm| arm.get("name").and_then(Value::as_str) == Some(name));
    run.arms
        .iter()
        .map(|name| {
            let refuse = |missing: &str| WhatIfError::Settings { arm: name.clone(), missing: missing.to_owned() };
            let mut identity = named(name).cloned().ok_or_else(|| refuse("its configuration is not there"))?;
            let fields = identity.as_object_mut().ok_or_else(|| refuse("its configuration is no map"))?;
            fields.remove("name");
            let settings = fields.get_mut("settings").and_then(Value::as_object_mut);
            let set = settings.and_then(|settings| settings.remove(setting));
            let interval = match &set {
                None => default,
                Some(set) => set
                    .as_str()
                    .and_then(|text| parse_duration(text).ok())
                    .ok_or_else(|| refuse(&format!("{setting} is no duration")))?,
            };
            Ok(PolledArm {
                name: name.clone(),
                interval: GoDuration(interval),
                is_polled: identity.get("provider").and_then(Value::as_str) != Some("eda"),
                capacity: identity.get("profile").and_then(Capacity::of),
                identity,
            })
        })
        .collect()
}

/// The scenarios of a run that delete at a state of the job as the watch shows it.
pub(super) fn deleting_at_a_state(run: &RunInfo) -> Vec<String> {
    let configured = run.config.get("scenarios").and_then(Value::as_array).into_iter().flatten();
    let at_a_state = configured.filter(|scenario| scenario.pointer("/delete-during-provision/delete/state").is_some());
    at_a_state.filter_map(|scenario| Some(scenario.get("name")?.as_str()?.to_owned())).collect()
}
