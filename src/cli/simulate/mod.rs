//! `provbench simulate`: a simulated backend on a socket, for other people's clients.

mod aap;
mod eda;
mod profile;
mod token;
mod truth;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use self::truth::TruthFile;
use crate::{
    cli::{
        exit::{Exit, Failure},
        seed::seed,
        stdout::print,
    },
    clock::{Clock, ModelClock, SharedClock, SystemClock},
    record::TruthLog,
    sim::{HttpService, profile::Profile, serve},
    units::{GoDuration, Seed, parse_duration},
};

/// Serves a simulated backend on TCP until it is interrupted; the last line on stdout is its address
#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    #[command(subcommand)]
    backend: Backend,
}

#[derive(Debug, Subcommand)]
enum Backend {
    Aap(aap::AapArguments),
    Eda(eda::EdaArguments),
}

/// What every simulator is asked.
#[derive(Debug, Args)]
struct ServeArguments {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How long everything takes: a profile's file, or the name of one that ships: hands-on, instant, quiet-engine, short-jobs,
    /// vmaas-dev-2026-02
    #[arg(long, value_name = "FILE|NAME", default_value = "quiet-engine")]
    profile: PathBuf,
    /// Real seconds for one second of the profile; times in answers run as much faster
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = time_scale, allow_negative_numbers = true)]
    time_scale: f64,
    /// The seed of all random draws
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = seed, allow_negative_numbers = true)]
    seed: u64,
    /// End after this time, as in 90s [default: when interrupted]
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, allow_hyphen_values = true)]
    lasts: Option<GoDuration>,
    /// Write what the simulator does to a file, a line of JSON for each thing
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
}

fn time_scale(text: &str) -> Result<f64, String> {
    let wrong = || format!("{text} is no time scale; it must be a number above 0, as in 0.01");
    text.parse().ok().filter(|scale: &f64| scale.is_finite() && *scale > 0.0).ok_or_else(wrong)
}

fn duration(text: &str) -> Result<GoDuration, String> {
    parse_duration(text).map(GoDuration).map_err(|error| error.to_string())
}

pub(super) fn simulate(arguments: &SimulateArguments) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::could_not_run)?;
    runtime.block_on(async {
        match &arguments.backend {
            Backend::Aap(arguments) => aap::simulate(arguments).await,
            Backend::Eda(arguments) => eda::simulate(arguments).await,
        }
    })?;
    Ok(Exit::Done)
}

/// What a simulator is made from.
struct Ground {
    clock: SharedClock,
    seed: Seed,
    truth: TruthLog,
    profile: Profile,
    journal: TruthFile,
    listener: TcpListener,
}

impl Ground {
    async fn prepare(arguments: &ServeArguments) -> Result<Self, Failure> {
        let profile = profile::load(&arguments.profile).map_err(Failure::usage)?;
        let epoch = SystemClock::start().now();
        let clock: SharedClock = Arc::new(ModelClock::start_scaled(epoch, arguments.time_scale));
        let truth = TruthLog::default();
        let journal = TruthFile::create(arguments.journal.as_deref(), epoch, arguments.time_scale, truth.clone())
            .with_context(|| {
                format!("failed to write {}", arguments.journal.as_deref().unwrap_or(".".as_ref()).display())
            })
            .map_err(Failure::could_not_run)?;
        let listener = TcpListener::bind(arguments.listen).await;
        let listener = listener
            .with_context(|| format!("can't listen on {}; choose a free port with --listen", arguments.listen))
            .map_err(Failure::could_not_run)?;
        Ok(Self { clock, seed: Seed::new(arguments.seed), truth, profile, journal, listener })
    }
}

/// Says where the service is, and serves it until it is to end.
async fn serve_until_told(
    service: HttpService,
    listener: TcpListener,
    mut journal: TruthFile,
    lasts: Option<GoDuration>,
) -> Result<(), Failure> {
    // Before the address is told: whoever knows it may end us.
    let end = told_to_end(lasts).map_err(Failure::could_not_run)?;
    let address = listener.local_addr().map_err(Failure::could_not_run)?;
    print(&format!("http://{address}"))?;
    let result = tokio::select! {
        biased;
        served = serve(service, listener, end) => served,
        written = journal.keep() => written,
    };
    // What was done last is written however it ended.
    result.and(journal.write()).map_err(|error| Failure::could_not_run(anyhow!("the simulator ended: {error}")))
}

/// A future that is done on an interrupt, on SIGTERM, or when the time is over.
fn told_to_end(lasts: Option<GoDuration>) -> io::Result<impl Future<Output = ()> + Send> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    Ok(async move {
        let over = async {
            match lasts {
                Some(GoDuration(lasts)) => SystemClock::start().sleep(lasts).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
            () = over => {}
        }
    })
}

/// How often what was done is written to a file.
const WRITE_INTERVAL: Duration = Duration::from_millis(250);
