//! `provbench compare`: verdicts on one run, or on two.

use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail, ensure};
use clap::{Args, ValueEnum};

use crate::{
    cli::{
        checks::{self, CheckFiles},
        exit::{Exit, Failure},
        run_reader::read_run,
        stdout::print,
    },
    harness::experiment::Share,
    record::{COMPARED, Gate, Requirement},
    report::{Across, AcrossOptions, Check, ComparisonSummary, Digest, across, told},
};

/// Compares the arms of a run, or the same arms of two runs, and says which is faster and how sure that is.
///
/// Of one run the arms are compared with its first; of two, each arm of the second run with the same arm of the first. With
/// --require, or of one run with gates in its experiment, the exit code is 0 when all of them pass, 3 when one fails, 5 when one
/// can't be told; of two runs only --require counts, as gates are about arms within a run. A run that is invalid or
/// has lost samples is refused with 4.
#[derive(Debug, Args)]
pub(super) struct CompareArguments {
    /// The folder of a run; with a second one, that of the earlier run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The folder of the later run
    #[arg(value_name = "RUN")]
    later: Option<PathBuf>,
    /// The metric that is asked about, instead of the experiment's primary one
    #[arg(long, value_name = "METRIC", value_parser = clap::builder::PossibleValuesParser::new(COMPARED))]
    metric: Option<String>,
    /// The relative difference that does not matter, such as 2%
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    margin: Option<Share>,
    /// Only this arm
    #[arg(long, value_name = "ARM")]
    arm: Option<String>,
    /// What must be shown, instead of the experiment's gates; `equivalent` and `not-slower` need a margin
    #[arg(long, value_enum)]
    require: Option<RequireArgument>,
    /// What is printed: sentences, or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    files: CheckFiles,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum RequireArgument {
    Faster,
    Slower,
    Equivalent,
    NotSlower,
}

impl RequireArgument {
    fn requirement(self) -> Requirement {
        match self {
            Self::Faster => Requirement::Faster,
            Self::Slower => Requirement::Slower,
            Self::Equivalent => Requirement::Equivalent,
            Self::NotSlower => Requirement::NotSlower,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

/// What there is to show.
struct Shown {
    title: String,
    comparisons: Vec<ComparisonSummary>,
    checks: Vec<Check>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

pub(super) fn compare(arguments: &CompareArguments) -> Result<Exit, Failure> {
    let shown = match &arguments.later {
        None => one_run(arguments)?,
        Some(later) => two_runs(arguments, later)?,
    };
    let written = arguments.files.write(&shown.title, &shown.checks, &shown.comparisons, &shown.warnings);
    print(&match arguments.format {
        Format::Text => text(&shown),
        Format::Json => json(&shown).map_err(Failure::could_not_run)?,
    })?;
    written?;
    Ok(checks::exit(&shown.checks))
}

fn needs_margin(require: Option<RequireArgument>, margin: Option<f64>) -> Result<(), Failure> {
    match require {
        Some(RequireArgument::Equivalent | RequireArgument::NotSlower) if margin.is_none() => {
            Err(Failure::usage(anyhow!(
                "--require: which difference does not matter is missing; add --margin 2%, or `margin` to the experiment"
            )))
        }
        _ => Ok(()),
    }
}

fn one_run(arguments: &CompareArguments) -> Result<Shown, Failure> {
    let mut run = read_run(&arguments.run)?;
    let design = &mut run.info.design;
    if let Some(metric) = &arguments.metric {
        design.primary.clone_from(metric);
    }
    if let Some(margin) = arguments.margin {
        design.margin = Some(margin.get());
        design.gates.iter_mut().filter(|gate| gate.margin.is_some()).for_each(|gate| gate.margin = Some(margin.get()));
    }
    if let Some(arm) = &arguments.arm {
        ensure_compared(arm, &run.info.arms).map_err(Failure::usage)?;
        design.gates.retain(|gate| gate.arm.as_ref().is_none_or(|of| of == arm));
        design.gates.iter_mut().for_each(|gate| gate.arm = Some(arm.clone()));
    }
    if let Some(require) = arguments.require {
        design.gates = vec![Gate {
            metric: design.primary.clone(),
            arm: arguments.arm.clone(),
            scenario: None,
            require: require.requirement(),
            margin: design.margin,
            at_most_ns: None,
        }];
    }
    needs_margin(arguments.require, design.margin)?;
    if run.info.arms.len() < 2 && arguments.require.is_some() {
        return Err(Failure::usage(anyhow!("the run has one arm only: name a second run to compare it with")));
    }
    let report = run.report.with_margin(design.margin);
    let summary = report.summary_as(&run.info);
    let comparisons = summary.comparisons.iter().filter(|c| arguments.arm.as_ref().is_none_or(|arm| *arm == c.arm));
    Ok(Shown {
        title: run.info.experiment.clone(),
        comparisons: comparisons.cloned().collect(),
        checks: summary.gates.clone(),
        warnings: summary.warnings(),
        notes: summary.notes(),
    })
}

/// Refuses an arm that is not compared with the first of a run.
///
/// # Errors
/// With the arms that are.
fn ensure_compared(arm: &str, arms: &[String]) -> anyhow::Result<()> {
    let alone = "there is nothing to compare it with; name a second run";
    match arms {
        [] => bail!("--arm {arm}: the run has no arm"),
        [only] if only == arm => bail!("--arm {arm}: it is the only arm of the run: {alone}"),
        [only] => bail!("--arm {arm}: the run has only one arm, {only}: {alone}"),
        [_, others @ ..] => {
            let known = others.iter().any(|other| other == arm);
            ensure!(known, "--arm {arm}: the run compares {} with its first arm", others.join(", "));
            Ok(())
        }
    }
}

fn two_runs(arguments: &CompareArguments, later_folder: &Path) -> Result<Shown, Failure> {
    let read = |folder: &Path| -> Result<Digest, Failure> {
        let run = read_run(folder)?;
        Ok(Digest::of(&run.report, &run.info))
    };
    let (earlier, later) = (read(&arguments.run)?, read(later_folder)?);
    later.comparable(&earlier).map_err(|reason| Failure::usage(anyhow!(reason)))?;
    let margin = arguments.margin.map(Share::get).or(later.margin);
    needs_margin(arguments.require, margin)?;
    let first = arguments.metric.clone().unwrap_or_else(|| later.primary.clone());
    let options = AcrossOptions {
        metrics: primary_first(first),
        margin,
        require: arguments.require.map(RequireArgument::requirement),
        arm: arguments.arm.clone(),
        earlier: label(&arguments.run),
        later: label(later_folder),
    };
    let Across { comparisons, checks, warnings, notes } = across(&earlier, &later, &options);
    if comparisons.is_empty() && checks.is_empty() && warnings.is_empty() {
        return Err(Failure::usage(anyhow!("the runs have nothing in common to compare: {}", notes.join("; "))));
    }
    Ok(Shown { title: later.experiment.clone(), comparisons, checks, warnings, notes })
}

/// All metrics that are compared, the one that is asked about first.
pub(super) fn primary_first(primary: String) -> Vec<String> {
    let others: Vec<String> = COMPARED.iter().filter(|metric| **metric != primary).map(|m| (*m).to_owned()).collect();
    std::iter::once(primary).chain(others).collect()
}

/// The last part of a folder's path.
fn label(folder: &Path) -> String {
    folder.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned())
}

fn text(shown: &Shown) -> String {
    let mut lines: Vec<String> = shown.warnings.iter().map(|warning| format!("!! {warning}")).collect();
    lines.extend(shown.comparisons.iter().map(|comparison| {
        let exploratory = if comparison.primary { "" } else { " (exploratory)" };
        format!("{}{exploratory}", told(comparison, false))
    }));
    lines.extend(shown.notes.clone());
    if !shown.notes.iter().any(|note| note.starts_with("gate ")) {
        let outcome = |check: &Check| check.outcome.as_str();
        lines.extend(shown.checks.iter().map(|check| format!("{}: {}: {}", outcome(check), check.name, check.message)));
    }
    lines.join("\n")
}

fn json(shown: &Shown) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&serde_json::json!({
        "experiment": shown.title,
        "comparisons": shown.comparisons,
        "checks": shown.checks,
        "warnings": shown.warnings,
        "notes": shown.notes,
    }))
}
