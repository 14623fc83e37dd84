//! `provbench run`.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
};

use anyhow::anyhow;
use clap::{Args, ValueEnum};
use jiff::{Timestamp, tz::TimeZone};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    cli::{
        checks::{self, CheckFiles},
        exit::{Exit, Failure},
        external::Connection,
        progress::Progress,
        run_folder::{RunFolder, WriteError, write_artifacts, write_run_info},
        stdout::print,
    },
    clock::{Clock, SystemClock},
    harness::{
        Experiment,
        experiment::{ArmOperator, Overrides},
        host_info,
        runner::{self, Recorder, RunEnd, RunError, RunOptions},
        target::{self, ClusterChoice},
    },
    record::{ArmClockSkew, ClockKind, RunInfo, RunStatus, SCHEMA_VERSION, TrialRecord},
    report::{Check, RenderOptions, Report, idle_look, render, terminal_table},
};

/// What time 0 of a trial in virtual time stands for: the day of the measurement that this all began with.
const VIRTUAL_EPOCH: Timestamp = Timestamp::constant(1_770_854_400, 0);

/// Broken invariants that run.json repeats; the journal has them all.
const PROBLEMS_KEPT_MAX: usize = 100;

/// Runs an experiment and reports on it; the last line on stdout is the run's folder
#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// The experiment
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The folder of this run; must be empty or not exist [default: reports/EXPERIMENT/TIME-seedSEED]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The seed of all random draws, instead of the file's
    #[arg(long, value_name = "N", value_parser = crate::cli::seed::seed, allow_negative_numbers = true)]
    seed: Option<u64>,
    /// The number of blocks, instead of the file's
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    blocks: Option<u32>,
    /// The clock, instead of the file's: simulated time, or the machine's over loopback sockets
    #[arg(long, value_enum)]
    clock: Option<ClockArgument>,
    /// Real seconds for one recorded second, with the real clock
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    time_scale: Option<f64>,
    /// The cluster that everything runs against: `embedded`; `envtest`, a kube-apiserver and etcd of its own from
    /// KUBEBUILDER_ASSETS or PATH; or one of the kubeconfig (`kubeconfig`, `kubeconfig=CONTEXT`). Others than the embedded
    /// one need `--clock real`
    #[arg(long, value_name = "CLUSTER", default_value_t = ClusterChoice::Embedded)]
    cluster: ClusterChoice,
    /// Install the custom resource definitions that the cluster does not have
    #[arg(long)]
    install_crds: bool,
    /// Draw no plots
    #[arg(long)]
    no_plots: bool,
    /// Set a value over the file, as in instances=50 or arms.aap.poll_interval=5s; items of lists go by name or index, and
    /// lists and maps are written as in `{after: 90s}`; may be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// What is printed: the comparison as a table, or summary.json
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Trials in virtual time run side by side on this many threads [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), allow_negative_numbers = true)]
    threads: Option<u16>,
    #[command(flatten)]
    files: CheckFiles,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ClockArgument {
    Virtual,
    Real,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(arguments: &RunArguments) -> Result<Exit, Failure> {
    let experiment = Arc::new(load(arguments)?);
    arguments.files.ensure_writable(arguments.out.as_deref())?;
    let now = SystemClock::start().now();
    let epoch = match experiment.clock() {
        ClockKind::Virtual => VIRTUAL_EPOCH,
        ClockKind::Real => now,
    };
    let mut info = run_info(&experiment, epoch)?;
    if arguments.cluster.is_external() {
        // Part of what was run: what was run elsewhere is not to be merged with it.
        info.config["cluster"] = arguments.cluster.to_string().into();
    }
    needs_what_is_deployed(&experiment, &arguments.cluster)?;
    if let (ClusterChoice::Embedded, Some(subject)) = (&arguments.cluster, experiment.subject()) {
        target::check_subject(subject).map_err(Failure::usage)?;
    }
    // Before anything that takes time: whoever started this may have had interrupts ignored.
    let stop = Arc::new(AtomicBool::new(false));
    stop_on_interrupt(stop.clone());
    let subject = experiment.subject().cloned();
    let connection = Connection::open(&arguments.cluster, arguments.install_crds, experiment.clock(), now, subject)?;
    let path = arguments.out.clone().unwrap_or_else(|| default_folder(&experiment, now));
    let folder = RunFolder::create(&path, &info)?;

    let ended = Arc::new(AtomicU64::new(0));
    let cells = experiment.arms().len() as u64 * experiment.scenarios().len() as u64;
    let blocks = experiment.design().warmup + experiment.blocks();
    let total = u64::from(blocks) * u64::from(experiment.instances()) * cells;
    let progress = Progress::start(total, ended.clone());
    let threads = arguments.threads.map_or(info.host.cpus, usize::from);
    let external = connection.as_ref().map(Connection::cluster);
    let options = RunOptions { threads, epoch, stop, ended, external };
    let mut recording = Recording { folder, report: Report::new(&info), problems: Vec::new(), clock_skews: Vec::new() };
    let outcome = runner::run(&experiment, &options, &mut recording);
    progress.finish();
    let cleaned = connection.map_or(Ok(()), Connection::close);
    let Recording { folder, report, problems, clock_skews } = recording;
    info.problems = problems;
    info.clock_skews = clock_skews;
    let failure = conclude(outcome, &mut info);
    let published =
        folder.finish().map_err(Failure::could_not_run).and_then(|()| publish(arguments, &path, &info, report));
    let gates = match published {
        Ok(gates) => gates,
        Err(unpublished) => {
            // Why it ended early must not be lost over why its report could not be written.
            if let Some(failure) = failure {
                failure.tell();
            }
            return Err(unpublished);
        }
    };
    match failure.or(cleaned.err()) {
        // As its report says it, too: what is invalid is so however the run ended.
        Some(failure) if !info.problems.is_empty() => Err(Failure { exit: Exit::Invalid, ..failure }),
        Some(failure) => Err(failure),
        None if info.problems.is_empty() => Ok(checks::exit(&gates)),
        None => Ok(Exit::Invalid),
    }
}

/// An operator that is deployed already is in a cluster that is there already.
fn needs_what_is_deployed(experiment: &Experiment, cluster: &ClusterChoice) -> Result<(), Failure> {
    let observed = experiment.arms().iter().find(|arm| *arm.operator() == ArmOperator::None);
    let live = experiment.arms().iter().find(|arm| arm.backend().is_live());
    if let Some(arm) = live.filter(|_| !matches!(cluster, ClusterChoice::Kubeconfig { .. })) {
        return Err(Failure::usage(anyhow!(
            "arm {}: live backends act on a cluster that they reach, and not on one that the run makes ({cluster}); name \
             theirs with --cluster kubeconfig",
            arm.name()
        )));
    }
    match observed {
        Some(arm) if !matches!(cluster, ClusterChoice::Kubeconfig { .. }) => Err(Failure::usage(anyhow!(
            "arm {}: `operator: none` observes an operator that is deployed already, and there is none in a cluster that the run \
             makes ({cluster}); name its cluster with --cluster kubeconfig",
            arm.name()
        ))),
        _ => Ok(()),
    }
}

/// Where the records of a run go.
struct Recording {
    folder: RunFolder,
    report: Report,
    problems: Vec<String>,
    clock_skews: Vec<ArmClockSkew>,
}

impl Recorder for Recording {
    type Error = WriteError;

    fn trial(&mut self, trial: TrialRecord) -> Result<(), WriteError> {
        self.folder.trial(&trial)?;
        let key = &trial.key;
        let room = PROBLEMS_KEPT_MAX.saturating_sub(self.problems.len());
        self.problems.extend(trial.problems.iter().take(room).map(|problem| format!("{key}: {problem}")));
        if let Some(skew) = &trial.clock_skew {
            ArmClockSkew::add(&mut self.clock_skews, &key.arm, skew);
        }
        self.report.add(&trial);
        Ok(())
    }

    fn enough(&mut self, blocks: u32) -> bool {
        self.report.known_well_enough(blocks)
    }
}

fn load(arguments: &RunArguments) -> Result<Experiment, Failure> {
    let overrides = Overrides {
        set: arguments.set.clone(),
        seed: arguments.seed,
        blocks: arguments.blocks,
        clock: arguments.clock.map(|clock| match clock {
            ClockArgument::Virtual => ClockKind::Virtual,
            ClockArgument::Real => ClockKind::Real,
        }),
        time_scale: arguments.time_scale,
    };
    let experiment = Experiment::load(&arguments.file, &overrides).map_err(Failure::usage)?;
    if let Some((look, needed)) = experiment.design().until.as_ref().and_then(idle_look) {
        let file = arguments.file.display();
        return Err(Failure::usage(anyhow!(
            "{file}: until: at a look after {look} blocks nothing can be told at the level that it may spend, which takes \
             {needed} blocks; begin later, or leave `looks` out"
        )));
    }
    Ok(experiment)
}

fn run_info(experiment: &Experiment, epoch: Timestamp) -> Result<RunInfo, Failure> {
    Ok(RunInfo {
        schema_version: SCHEMA_VERSION,
        provbench_version: env!("CARGO_PKG_VERSION").to_owned(),
        experiment: experiment.name().to_owned(),
        description: experiment.description().to_owned(),
        seed: experiment.seed(),
        clock: experiment.clock(),
        time_scale: experiment.time_scale(),
        epoch: epoch.to_string(),
        blocks: experiment.blocks(),
        instances: experiment.instances(),
        arms: experiment.arms().iter().map(|arm| arm.name().to_owned()).collect(),
        scenarios: experiment.scenarios().iter().map(|scenario| scenario.name().to_owned()).collect(),
        config: serde_json::to_value(experiment).map_err(Failure::could_not_run)?,
        host: host_info(),
        status: RunStatus::Incomplete,
        problems: Vec::new(),
        design: experiment.design().clone(),
        merged: Vec::new(),
        clock_skews: Vec::new(),
    })
}

fn default_folder(experiment: &Experiment, now: Timestamp) -> PathBuf {
    let time = now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ").to_string();
    let name = format!("{time}-seed{}", experiment.seed().get());
    let folder = Path::new("reports").join(experiment.name());
    // Two runs within one second.
    let mut names = std::iter::once(name.clone()).chain((2_u32..).map(|number| format!("{name}-{number}")));
    let free = names.find(|name| !folder.join(name).exists());
    folder.join(free.unwrap_or(name))
}

/// The first interrupt or request to end lets the run end with what it has; the second ends it at once.
fn stop_on_interrupt(stop: Arc<AtomicBool>) {
    let (listens, listening) = mpsc::channel();
    // It ends with the process.
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let (Ok(mut interrupts), Ok(mut ends)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
            else {
                return;
            };
            // Nobody is left to hear it where the run did not wait.
            let _ = listens.send(());
            loop {
                tokio::select! { biased; _ = interrupts.recv() => {}, _ = ends.recv() => {} }
                if stop.swap(true, Ordering::Relaxed) {
                    std::process::exit(i32::from(Exit::CouldNotRun.code()));
                }
                eprintln!("stopping: what was measured is written; interrupt again to end at once");
            }
        });
    });
    // An error drops the sender: then there is no listening.
    let _ = listening.recv();
}

/// Takes note of how the run ended; what there is to say about an early end.
fn conclude(outcome: Result<RunEnd, RunError<WriteError>>, info: &mut RunInfo) -> Option<Failure> {
    match outcome {
        Ok(RunEnd::Complete { blocks }) => {
            info.blocks = blocks;
            info.status = RunStatus::Complete;
            None
        }
        Ok(RunEnd::Stopped) => Some(Failure::could_not_run(anyhow!(
            "stopped before the plan was done; what was measured is written and marked incomplete"
        ))),
        Err(RunError::Sink(error)) => {
            Some(Failure::could_not_run(anyhow!("{error}; what was written before is kept and marked incomplete")))
        }
        Err(error) => Some(Failure::could_not_run(error)),
    }
}

/// Renders everything, shows the comparison, and returns the answers of the gates.
fn publish(arguments: &RunArguments, path: &Path, info: &RunInfo, mut report: Report) -> Result<Vec<Check>, Failure> {
    report.close(info);
    let summary = report.summary();
    let artifacts = render(&report, info, &summary, &RenderOptions { plots: !arguments.no_plots })
        .map_err(Failure::could_not_run)?;
    write_artifacts(path, &artifacts).and_then(|()| write_run_info(path, info)).map_err(Failure::could_not_run)?;
    let written = arguments.files.write(&info.experiment, &summary.gates, &summary.comparisons, &summary.warnings());
    let text = match arguments.format {
        Format::Text => terminal_table(&summary),
        Format::Json => artifacts
            .iter()
            .find(|artifact| artifact.path == "summary.json")
            .map(|artifact| String::from_utf8_lossy(&artifact.bytes).trim_end().to_owned())
            .unwrap_or_default(),
    };
    print(&format!("{text}\n{}", path.display()))?;
    written?;
    Ok(summary.gates)
}
