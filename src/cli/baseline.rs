//! `provbench baseline`: what a later run is held against, kept in the repository of whoever uses it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};

use crate::{
    cli::{
        checks::{self, CheckFiles},
        compare::primary_first,
        exit::{Exit, Failure},
        run_reader::read_run,
        stdout::print,
    },
    harness::experiment::Share,
    record::{COMPARED, Requirement, SCHEMA_VERSION},
    report::{AcrossOptions, ComparisonSummary, Digest, across, told},
    stats::compare::Verdict,
};

/// The margin of a check where neither the experiment nor the command line names one.
const MARGIN: f64 = 0.02;

/// The fewest blocks that a check can tell anything from.
const BLOCKS_MIN: usize = 6;

/// Keeps a run to hold later ones against, and finds regressions
#[derive(Debug, Args)]
pub(super) struct BaselineArguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Keeps the blocks of a run under a name: a small file to be committed
    Save(SaveArguments),
    /// Holds a run against a baseline: exit code 3 with the part of the time that is to blame when an arm has become slower, 5
    /// when that can't be told
    Check(CheckArguments),
}

/// Which baseline, and where it is kept.
#[derive(Debug, Args)]
struct Place {
    /// The name of the baseline
    #[arg(long, value_name = "NAME", default_value = "main")]
    name: String,
    /// The folder in which baselines are kept
    #[arg(long, value_name = "DIR", default_value = ".provbench/baselines")]
    store: PathBuf,
}

impl Place {
    fn file(&self, experiment: &str) -> Result<PathBuf, Failure> {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if self.name.is_empty() || self.name.starts_with('.') || !self.name.chars().all(fits) {
            let error = anyhow!("--name {}: use letters, digits, `-`, `_` and `.`", self.name);
            return Err(Failure::usage(error));
        }
        Ok(self.store.join(experiment).join(format!("{}.json", self.name)))
    }
}

#[derive(Debug, Args)]
struct SaveArguments {
    /// The folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Args)]
struct CheckArguments {
    /// The folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    #[command(flatten)]
    place: Place,
    /// The metric, instead of the experiment's primary one
    #[arg(long, value_name = "METRIC", value_parser = clap::builder::PossibleValuesParser::new(COMPARED))]
    metric: Option<String>,
    /// The relative difference that does not matter [default: the experiment's margin, or 2%]
    #[arg(long, value_name = "SHARE", allow_hyphen_values = true)]
    margin: Option<Share>,
    #[command(flatten)]
    files: CheckFiles,
}

pub(super) fn baseline(arguments: &BaselineArguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Save(arguments) => save(arguments),
        Command::Check(arguments) => check(arguments),
    }
}

fn digest(folder: &Path) -> Result<Digest, Failure> {
    let run = read_run(folder)?;
    Ok(Digest::of(&run.report, &run.info))
}

fn save(arguments: &SaveArguments) -> Result<Exit, Failure> {
    let digest = digest(&arguments.run)?;
    let file = arguments.place.file(&digest.experiment)?;
    let mut json = serde_json::to_vec_pretty(&digest).map_err(Failure::could_not_run)?;
    json.push(b'\n');
    let write = || {
        fs::create_dir_all(file.parent().unwrap_or(Path::new(".")))?;
        fs::write(&file, json)
    };
    write().with_context(|| format!("failed to write {}", file.display())).map_err(Failure::could_not_run)?;
    if digest.arms.iter().flat_map(|arm| arm.metrics.values()).all(|means| means.block_means_ns.len() < BLOCKS_MIN) {
        eprintln!("warning: fewer than {BLOCKS_MIN} blocks: a check against this baseline can only be inconclusive");
    }
    print(&file.display().to_string())?;
    Ok(Exit::Done)
}

fn read(file: &Path) -> anyhow::Result<Digest> {
    let text = fs::read_to_string(file).with_context(|| {
        format!("there is no baseline {}; keep one with `provbench baseline save RUN`", file.display())
    })?;
    let value: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
    anyhow::ensure!(
        value["schema_version"] == SCHEMA_VERSION,
        "{} has schema version {}, this provbench reads {SCHEMA_VERSION}; save it again",
        file.display(),
        value["schema_version"]
    );
    serde_json::from_value(value).with_context(|| format!("{} is not a baseline of this version", file.display()))
}

fn check(arguments: &CheckArguments) -> Result<Exit, Failure> {
    let later = digest(&arguments.run)?;
    let file = arguments.place.file(&later.experiment)?;
    let earlier = read(&file).map_err(Failure::usage)?;
    later.comparable(&earlier).map_err(|reason| {
        Failure::usage(anyhow!("{} can't be held against {}: {reason}", arguments.run.display(), file.display()))
    })?;
    let options = AcrossOptions {
        metrics: primary_first(arguments.metric.clone().unwrap_or_else(|| later.primary.clone())),
        margin: Some(arguments.margin.map(Share::get).or(later.margin).unwrap_or(MARGIN)),
        require: Some(Requirement::NotSlower),
        arm: None,
        earlier: format!("baseline {}", arguments.place.name),
        later: "this run".to_owned(),
    };
    let found = across(&earlier, &later, &options);
    if found.checks.is_empty() {
        return Err(Failure::usage(anyhow!("there is nothing to check: {}", found.notes.join("; "))));
    }
    let title = format!("{} against {}", later.experiment, options.earlier);
    let written = arguments.files.write(&title, &found.checks, &found.comparisons, &found.warnings);
    let mut lines: Vec<String> = found.warnings.iter().map(|warning| format!("!! {warning}")).collect();
    lines.extend(
        found
            .checks
            .iter()
            .map(|check| format!("{}: {} ({}): {}", check.outcome.as_str(), check.name, check.scenario, check.message)),
    );
    // One metric is asked about; what became slower beside it must not go unseen.
    lines.extend(found.comparisons.iter().filter(|c| !c.primary).map(|c| match c.verdict {
        Verdict::Slower => format!("!! not guarded: {} (exploratory; --metric {} guards it)", told(c, true), c.metric),
        _ => format!("{} (exploratory)", told(c, false)),
    }));
    let guarded = |c: &ComparisonSummary| found.checks.iter().any(|check| check.scenario == c.scenario);
    let mut bare: Vec<&str> = found.comparisons.iter().filter(|c| !guarded(c)).map(|c| c.scenario.as_str()).collect();
    bare.dedup();
    lines.extend(bare.iter().map(|name| format!("!! not guarded: {name} does not have {}", options.metrics[0])));
    lines.extend(found.notes);
    print(&lines.join("\n"))?;
    written?;
    Ok(checks::exit(&found.checks))
}
