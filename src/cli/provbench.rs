//! `provbench`.

use clap::{Parser, Subcommand};

use crate::cli::{baseline, cluster, compare, crd, exit::Exit, merge, report, run, simulate, what_if};

/// Measures how fast a Kubernetes operator gets long work done through job backends, and says which backend is faster, and
/// how sure that is.
///
/// Exit codes: 0 done; 1 could not run, or stopped; 2 usage or configuration; 3 a gate failed; 4 an invariant is broken or
/// samples were lost; 5 a verdict was demanded and can't be given.
#[derive(Debug, Parser)]
#[command(name = "provbench", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArguments),
    Cluster(cluster::ClusterArguments),
    Report(report::ReportArguments),
    Compare(compare::CompareArguments),
    Baseline(baseline::BaselineArguments),
    Merge(merge::MergeArguments),
    WhatIf(what_if::WhatIfArguments),
    Simulate(simulate::SimulateArguments),
    Crd(crd::CrdArguments),
}

/// Runs the command that the command line asks for.
#[must_use]
pub fn main() -> Exit {
    let result = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Cluster(arguments) => cluster::cluster(&arguments),
        Command::Report(arguments) => report::report(&arguments),
        Command::Compare(arguments) => compare::compare(&arguments),
        Command::Baseline(arguments) => baseline::baseline(&arguments),
        Command::Merge(arguments) => merge::merge(&arguments),
        Command::WhatIf(arguments) => what_if::what_if(&arguments),
        Command::Simulate(arguments) => simulate::simulate(&arguments),
        Command::Crd(arguments) => crd::crd(&arguments),
    };
    result.unwrap_or_else(super::exit::Failure::tell)
}
