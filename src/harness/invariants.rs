//! What must hold of every trial. A run in which something does not is invalid, and still written.

use std::collections::BTreeMap;

use crate::{
    harness::experiment::{Arm, Scenario, ScenarioKind},
    operator::config::ProviderKind,
    record::{Outcome, Sample, Truth},
    units::InstanceId,
};

/// How many instances a sentence names.
const NAMED_MAX: usize = 5;

/// Broken invariants, one sentence each.
pub(crate) fn broken(arm: &Arm, scenario: &Scenario, created: u32, samples: &[Sample], truth: &[Truth]) -> Vec<String> {
    let mut problems = Vec::new();
    if samples.len() != created as usize {
        problems.push(format!("{created} instances were created and {} are accounted for", samples.len()));
    }
    let mut note = |found: Vec<String>, what: &str| {
        if !found.is_empty() {
            problems.push(format!("{} {what}: {}", counted(found.len()), listed(&found)));
        }
    };
    let those = |holds: &dyn Fn(&Sample) -> bool| -> Vec<String> {
        samples.iter().filter(|sample| holds(sample)).map(|sample| sample.instance.to_string()).collect()
    };
    note(those(&|sample| sample.outcome == Outcome::Censored), "did not finish before they were cut off");
    note(those(&|sample| sample.orphans > 0), "left a virtual machine behind");
    if matches!(scenario.kind(), ScenarioKind::DeleteDuringProvision { .. }) {
        let too_late = |sample: &Sample| match (sample.running_ns, sample.delete_sent_ns) {
            (Some(running), Some(deleted)) => running <= deleted,
            (running, _) => running.is_some(),
        };
        note(those(&too_late), "provisioned before it was deleted, so that nothing was cut short");
    }
    note(unexpected(arm.name(), scenario, samples), "not as the scenario expects");
    note(
        launched_unrecorded(arm.provider(), samples, truth),
        "with jobs at the backend that the history does not show",
    );
    problems
}

fn counted(number: usize) -> String {
    if number == 1 { "1 instance".to_owned() } else { format!("{number} instances") }
}

fn listed(found: &[String]) -> String {
    let mut text = found.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
    if found.len() > NAMED_MAX {
        text.push_str(", …");
    }
    text
}

fn unexpected(arm: &str, scenario: &Scenario, samples: &[Sample]) -> Vec<String> {
    let Some(expectation) = scenario.expectation(arm) else { return Vec::new() };
    samples
        .iter()
        .filter(|sample| sample.outcome != Outcome::Censored)
        .filter_map(|sample| {
            let violations = expectation.violations(sample);
            (!violations.is_empty()).then(|| format!("{} ({})", sample.instance, violations.join("; ")))
        })
        .collect()
}

/// A job that the operator launched and did not record: a double launch, or one that was forgotten.
fn launched_unrecorded(provider: ProviderKind, samples: &[Sample], truth: &[Truth]) -> Vec<String> {
    let mut launched: BTreeMap<InstanceId, [u32; 2]> = BTreeMap::new();
    for entry in truth {
        // What went to EDA counts when the engine launches it: a webhook that was given up on may never get that far.
        let from_operator = match provider {
            ProviderKind::Eda => entry.source == "eda" && entry.event == "launched",
            ProviderKind::Aap => entry.source == "aap" && entry.event == "job_state" && entry.from.is_empty(),
        };
        let Some(instance) = from_operator.then(|| entry.object.parse().ok()).flatten() else { continue };
        let index = usize::from(entry.job_type == "deprovision");
        launched.entry(instance).or_default()[index] += 1;
    }
    samples
        .iter()
        .filter(|sample| sample.outcome != Outcome::Censored)
        .filter_map(|sample| {
            let [provision, deprovision] = launched.get(&sample.instance).copied().unwrap_or_default();
            let more = provision > sample.provision_jobs || deprovision > sample.deprovision_jobs;
            more.then(|| {
                format!(
                    "{} ({provision} + {deprovision} launched, {} + {} recorded)",
                    sample.instance, sample.provision_jobs, sample.deprovision_jobs
                )
            })
        })
        .collect()
}
