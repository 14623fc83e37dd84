//! What a run is designed to show: `primary`, `margin`, `warmup`, `until`, `audit` and `gates`.

use std::collections::BTreeSet;

use serde_saphyr::Spanned;

use crate::{
    harness::experiment::{
        ExperimentError, Overrides,
        raw::{RawExperiment, RawGate, RawRequirement, RawUntil},
        resolve::{COUNT_MAX, Resolver},
    },
    record::{COMPARED, ClockKind, Design, Gate, Requirement, Until},
};

/// The fewest blocks that one may look at: no exact two-sided test of fewer reaches p < 0.05.
const LOOK_MIN: u32 = 6;

/// The fewest blocks of a look by default: the first of five looks may spend half a percent, and no exact test of fewer than
/// nine blocks reaches that.
const DEFAULT_LOOK_MIN: u32 = 10;

/// Looks by default: at the whole, and as often at half of the count before.
const LOOKS: usize = 5;

/// What follows the name of the baseline in the name of the arm that repeats it.
pub(super) const AUDIT_SUFFIX: &str = "-aa";

/// The names that gates may use.
pub(super) struct Names<'a> {
    pub(super) baseline: &'a str,
    pub(super) arms: &'a BTreeSet<String>,
    pub(super) scenarios: &'a BTreeSet<String>,
    /// The scenarios that get an instance to Running: only they have a provisioning that comes to its end.
    pub(super) whole: &'a [String],
    pub(super) clock: ClockKind,
}

impl Names<'_> {
    /// What can't be measured in any scenario, or on this clock.
    fn measurable(&self, resolver: &Resolver<'_>, name: &Spanned<String>) -> Result<(), ExperimentError> {
        let metric = name.value.as_str();
        if metric == "operator_cpu" && self.clock == ClockKind::Virtual {
            let message = "operator_cpu is measured on the real clock only; add `clock: real`, or take another metric";
            return Err(resolver.invalid(name, message));
        }
        if needs_running(metric) && self.whole.is_empty() {
            let message =
                format!("no scenario here gets an instance to Running, so none has a {metric}; take deprovision_total");
            return Err(resolver.invalid(name, message));
        }
        Ok(())
    }
}

/// Whether a metric ends, or begins, with phase Running.
fn needs_running(metric: &str) -> bool {
    matches!(metric, "provision_total" | "total")
}

/// The design, and how many blocks are planned at most.
pub(super) fn design(
    resolver: &Resolver<'_>,
    raw: &RawExperiment,
    names: &Names<'_>,
    overrides: &Overrides,
) -> Result<(Design, u32), ExperimentError> {
    let primary = match &raw.primary {
        Some(metric) => metric_name(resolver, metric)?,
        None if names.whole.is_empty() => "deprovision_total".to_owned(),
        None => Design::default().primary,
    };
    if let Some(metric) = &raw.primary {
        names.measurable(resolver, metric)?;
    }
    let margin = raw.margin.as_ref().map(|margin| margin.value.get());
    let warmup = match &raw.warmup {
        Some(blocks) if blocks.value > COUNT_MAX => {
            return Err(resolver.invalid(blocks, format!("at most {COUNT_MAX} blocks can warm up")));
        }
        Some(blocks) => blocks.value,
        None => 0,
    };
    let (until, blocks) = blocks(resolver, raw, names, overrides)?;
    let gates: Vec<Gate> =
        raw.gates.iter().map(|raw| gate(resolver, raw, &primary, margin, names)).collect::<Result<_, _>>()?;
    let gates = gates.into_iter().flat_map(|gate| where_measured(gate, names)).collect();
    let audit = match &raw.audit {
        Some(audit) => {
            let name = format!("{}{AUDIT_SUFFIX}", names.baseline);
            if names.arms.contains(&name) {
                let message = format!("the audit runs the baseline again as `{name}`; give that arm another name");
                return Err(resolver.invalid(audit, message));
            }
            Some(name)
        }
        None => None,
    };
    Ok((Design { primary, margin, warmup, until, audit, gates }, blocks))
}

fn blocks(
    resolver: &Resolver<'_>,
    raw: &RawExperiment,
    names: &Names<'_>,
    overrides: &Overrides,
) -> Result<(Option<Until>, u32), ExperimentError> {
    // The file must make sense also where the command line sets something over it.
    let fixed = raw.blocks.as_ref().map(|blocks| resolver.at_least_one("blocks", blocks)).transpose()?;
    let until = raw.until.as_ref().map(|until| self::until(resolver, until, names)).transpose()?;
    if let (Some(_), Some(until)) = (fixed, &raw.until) {
        return Err(resolver.invalid(until, "give either `blocks` or `until`: the number is fixed, or it is found"));
    }
    match overrides.blocks {
        Some(0) => {
            let message = "at least 1 block is needed".to_owned();
            Err(ExperimentError::Option { option: "--blocks 0".to_owned(), message })
        }
        Some(blocks) if blocks > COUNT_MAX => {
            let message = format!("at most {COUNT_MAX} blocks are possible");
            Err(ExperimentError::Option { option: format!("--blocks {blocks}"), message })
        }
        Some(blocks) => Ok((None, blocks)),
        None => match (fixed, until) {
            (Some(blocks), _) => Ok((None, blocks)),
            (None, Some(until)) => {
                let blocks = until.max_blocks;
                Ok((Some(until), blocks))
            }
            (None, None) => {
                let message = "how many blocks are run is missing; add `blocks: 30` or \
                    `until: {half_width: 5%, max_blocks: 200}`";
                Err(resolver.invalid(&raw.name, message))
            }
        },
    }
}

fn until(resolver: &Resolver<'_>, raw: &Spanned<RawUntil>, names: &Names<'_>) -> Result<Until, ExperimentError> {
    let RawUntil { half_width, max_blocks, looks } = &raw.value;
    let max = resolver.at_least_one("max_blocks", max_blocks)?;
    if max < LOOK_MIN {
        let message = format!("max_blocks is {max}; below {LOOK_MIN} nothing can be told");
        return Err(resolver.invalid(max_blocks, message));
    }
    if names.arms.len() < 2 {
        return Err(resolver.invalid(raw, "`until` looks at the difference between arms; add a second arm"));
    }
    let chosen = match looks {
        Some(looks) => {
            let wrong = |message: String| resolver.invalid(looks, message);
            let ascending = looks.value.windows(2).all(|pair| pair[0] < pair[1]);
            if !ascending || looks.value.first().is_none_or(|first| *first < LOOK_MIN) {
                return Err(wrong(format!("looks are block counts in ascending order, from {LOOK_MIN} on")));
            }
            if looks.value.last() != Some(&max) {
                return Err(wrong(format!("the last look is the one at max_blocks, {max}")));
            }
            looks.value.clone()
        }
        None => default_looks(max),
    };
    Ok(Until { half_width: half_width.value.get(), max_blocks: max, looks: chosen })
}

/// The whole, its half, and so on: precision goes with the root of the number, so that doubling is what can be felt.
fn default_looks(max: u32) -> Vec<u32> {
    let halves = std::iter::successors(Some(max), |look| Some(look.div_ceil(2)));
    let large_enough = |look: &u32| *look >= DEFAULT_LOOK_MIN || *look == max;
    let mut looks: Vec<u32> = halves.take(LOOKS).take_while(large_enough).collect();
    looks.dedup();
    looks.reverse();
    looks
}

fn metric_name(resolver: &Resolver<'_>, name: &Spanned<String>) -> Result<String, ExperimentError> {
    if COMPARED.contains(&name.value.as_str()) {
        Ok(name.value.clone())
    } else {
        let message = format!("arms can't be compared on `{}`; use one of {}", name.value, COMPARED.join(", "));
        Err(resolver.invalid(name, message))
    }
}

/// A gate that names no scenario asks those that have its metric, which the record then names.
fn where_measured(gate: Gate, names: &Names<'_>) -> Vec<Gate> {
    let all = names.whole.len() == names.scenarios.len();
    if gate.scenario.is_some() || all || !needs_running(&gate.metric) {
        return vec![gate];
    }
    names.whole.iter().map(|scenario| Gate { scenario: Some(scenario.clone()), ..gate.clone() }).collect()
}

fn gate(
    resolver: &Resolver<'_>,
    raw: &Spanned<RawGate>,
    primary: &str,
    margin: Option<f64>,
    names: &Names<'_>,
) -> Result<Gate, ExperimentError> {
    let known = |name: &Option<Spanned<String>>, what: &str, known: &BTreeSet<String>| match name {
        Some(name) if !known.contains(&name.value) => {
            Err(resolver.invalid(name, format!("`{}` is not {what} of this experiment", name.value)))
        }
        Some(name) => Ok(Some(name.value.clone())),
        None => Ok(None),
    };
    let RawGate { metric, arm, scenario, require, margin: own_margin, at_most } = &raw.value;
    if let Some(metric) = metric {
        names.measurable(resolver, metric)?;
    }
    let metric = match metric {
        Some(metric) => metric_name(resolver, metric)?,
        None => primary.to_owned(),
    };
    if let Some(scenario) = scenario
        && needs_running(&metric)
        && names.scenarios.contains(&scenario.value)
        && !names.whole.contains(&scenario.value)
    {
        let message =
            format!("instances of `{}` are deleted before they get to Running: it has no {metric}", scenario.value);
        return Err(resolver.invalid(scenario, message));
    }
    let arm = known(arm, "an arm", names.arms)?;
    let scenario = known(scenario, "a scenario", names.scenarios)?;
    let own_margin = own_margin.as_ref().map(|margin| margin.value.get());
    let (require, margin, at_most_ns) = match (require, at_most) {
        (None, Some(limit)) => {
            if let Some(margin) = &raw.value.margin {
                return Err(resolver.invalid(margin, "`margin` belongs to `require`; `at_most` has a limit of its own"));
            }
            (Requirement::AtMost, None, Some(crate::units::Nanos::from(limit.value.0).get()))
        }
        (Some(require), None) => {
            if arm.as_deref() == Some(names.baseline) {
                return Err(resolver.invalid(raw, "the baseline is not compared with itself; name another arm"));
            }
            if names.arms.len() < 2 {
                return Err(resolver.invalid(require, "there is no second arm to compare with the baseline"));
            }
            let needs_margin = matches!(require.value, RawRequirement::Equivalent | RawRequirement::NotSlower);
            let margin = own_margin.or(margin);
            if needs_margin && margin.is_none() {
                let message =
                    "which difference does not matter is missing; add `margin: 2%` here or for the experiment";
                return Err(resolver.invalid(require, message));
            }
            let require = match require.value {
                RawRequirement::Faster => Requirement::Faster,
                RawRequirement::Slower => Requirement::Slower,
                RawRequirement::Equivalent => Requirement::Equivalent,
                RawRequirement::NotSlower => Requirement::NotSlower,
            };
            (require, margin, None)
        }
        _ => {
            let message = "give either `require` (faster, slower, equivalent or not-slower) or `at_most` (a duration)";
            return Err(resolver.invalid(raw, message));
        }
    };
    Ok(Gate { metric, arm, scenario, require, margin, at_most_ns })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_double_up_to_the_whole_and_never_begin_before_anything_can_be_told() {
        assert_eq!(default_looks(200), [13, 25, 50, 100, 200]);
        assert_eq!(default_looks(100), [13, 25, 50, 100]);
        assert_eq!(default_looks(30), [15, 30]);
        assert_eq!(default_looks(6), [6]);
    }
}
