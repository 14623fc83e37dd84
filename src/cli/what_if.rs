//! `provbench what-if`: what a run would have measured at another poll interval, from its records alone.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::anyhow;
use clap::{Args, ValueEnum};

use crate::{
    cli::{
        exit::{Exit, Failure},
        run_reader::{ensure_whole, read_journal, read_run_info},
        stdout::print,
    },
    harness::experiment::POLL_INTERVAL,
    operator::config::{Config, ProviderKind},
    report::what_if::{WhatIf, WhatIfError, what_if_table},
    units::{NotADuration, parse_duration},
};

/// Predicts the totals of a run at another poll interval of job states, without running anything
///
/// Where the run has an arm that differs in nothing but that interval, or `--against` names a run that does, what was measured
/// there is printed beside the prediction.
#[derive(Debug, Args)]
#[command(after_long_help = JSON_FORMAT)]
pub(super) struct WhatIfArguments {
    /// The folder of the run
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// How often the operator would ask for the state of a job, such as 5s
    #[arg(long, value_name = "INTERVAL", value_parser = interval, allow_hyphen_values = true)]
    poll_interval: Duration,
    /// A run of the same experiment with the same arms at that interval, to hold the prediction against
    #[arg(long, value_name = "RUN")]
    against: Option<PathBuf>,
    /// What is printed: a table, or JSON
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

const JSON_FORMAT: &str = "\
--format json prints one object; times are nanoseconds:
  poll_interval, clock   what was asked about, and the clock of all times (virtual | real)
  warnings               what speaks against the prediction, a sentence each: a run that is invalid or was stopped,
                         instances that failed or were cut off, numbers that chance decides; empty where nothing does
  assumptions            what it rests on, a sentence each
  arms[]                 each arm in each scenario, in the order of the run:
    scenario, arm, poll_interval   the interval that it was run at
    is_polled            whether its operator asks for the state of jobs; where not, no interval changes anything
    outcomes             {succeeded, failed, canceled, censored}: instances by their end
    queue_replayed       whether jobs wait for each other, so that the queue of the backend was replayed
    rerun_arm            the arm that was run at the interval asked about, or null
    metrics[]            {metric, measured, predicted, uncertain, rerun}; metric is provision_total, deprovision_total or total;
                         measured, predicted and rerun (or null) are {n, mean_ns, p50_ns, p95_ns}; a quantile is null where
                         n is too small, and in `predicted` where `uncertain` names it: which of several jobs goes first
                         decides it
What can't be predicted is refused with exit code 2: a journal without what the operator and the backend did, jobs that
were launched again, a queue that the records don't tell enough of. A run that was lost in part is refused with exit code 4.
When the run of --against is refused (it is damaged, did other work, or has none of the arms at that interval), the prediction
is printed without it, and the exit code says so.";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, thiserror::Error)]
enum NotAnInterval {
    #[error(transparent)]
    NotADuration(#[from] NotADuration),
    #[error("an interval of no length can't be waited for; take 1s or more")]
    Zero,
}

fn interval(text: &str) -> Result<Duration, NotAnInterval> {
    let interval = parse_duration(text)?;
    if interval.is_zero() { Err(NotAnInterval::Zero) } else { Ok(interval) }
}

pub(super) fn what_if(arguments: &WhatIfArguments) -> Result<Exit, Failure> {
    let default = Config::with_defaults(ProviderKind::Aap).status_poll_interval;
    let mut what_if = predict(arguments, default)?;
    // The prediction stands without it.
    let held = arguments.against.as_ref().map_or(Ok(()), |folder| hold_against(&mut what_if, folder, default));
    let answer = what_if.answer().map_err(Failure::usage)?;
    print(&match arguments.format {
        Format::Text => what_if_table(&answer).trim_end().to_owned(),
        Format::Json => serde_json::to_string_pretty(&answer).map_err(Failure::could_not_run)?,
    })?;
    held.map(|()| Exit::Done)
}

fn predict(arguments: &WhatIfArguments, default: Duration) -> Result<WhatIf, Failure> {
    let folder = &arguments.run;
    let run = read_run_info(folder).map_err(Failure::usage)?;
    let mut what_if = WhatIf::new(&run, arguments.poll_interval, POLL_INTERVAL, default).map_err(Failure::usage)?;
    let mut refused = None;
    let lost = read_journal(folder, &run, |trial| {
        if refused.is_none() {
            refused = what_if.add(trial).err();
        }
        Ok(())
    })?;
    // What is lost may be what the prediction is refused for.
    ensure_whole(folder, &lost)?;
    refused.map_or(Ok(()), |error| Err(Failure::usage(error)))?;
    if what_if.is_empty() {
        return Err(Failure::usage(anyhow!("{} has no whole trial in its journal", folder.display())));
    }
    Ok(what_if)
}

fn hold_against(what_if: &mut WhatIf, folder: &Path, default: Duration) -> Result<(), Failure> {
    let refused = |error: WhatIfError| Failure::usage(anyhow!("--against {}: {error}", folder.display()));
    let run = read_run_info(folder).map_err(Failure::usage)?;
    let mut rerun = what_if.rerun(&run, POLL_INTERVAL, default).map_err(refused)?;
    let lost = read_journal(folder, &run, |trial| {
        rerun.add(trial);
        Ok(())
    })?;
    ensure_whole(folder, &lost)?;
    what_if.against(rerun).map_err(refused)
}
