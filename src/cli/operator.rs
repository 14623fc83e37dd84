//! `cloudkit-operator`.

use std::{
    fmt::Write as _,
    hash::{BuildHasher, RandomState},
    io::IsTerminal as _,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
};

use anyhow::Context as _;
use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    cli::exit::{Exit, Failure},
    clock::{SharedClock, SystemClock},
    operator::{
        Operator, OperatorParts,
        config::{Config, VARIABLES},
        leader::Election,
        probes::Probes,
        provider::http::transport_for,
        requests::counted_client,
    },
    units::Seed,
};

/// Provisions the virtual machines of ComputeInstances through AAP or EDA.
///
/// All settings of the operator come from its environment; the API server from the pod that it runs in, or from KUBECONFIG.
#[derive(Debug, Parser)]
#[command(name = "cloudkit-operator", version)]
struct Arguments {
    /// How the log is written, to stderr
    #[arg(long, value_enum, default_value_t = LogFormat::Text, env = "CLOUDKIT_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is logged, as in `info` or `cloudkit_operator=debug,kube=warn`
    #[arg(long, default_value = "info", env = "CLOUDKIT_LOG")]
    log: String,
    /// Where /healthz, /readyz and /metrics are served, as in `0.0.0.0:8080`; nowhere when not set
    #[arg(long, env = "CLOUDKIT_BIND_ADDRESS")]
    bind_address: Option<SocketAddr>,
    /// Work only while holding a Lease, so that several operators may run and one works
    #[arg(long, env = "CLOUDKIT_LEADER_ELECT")]
    leader_elect: bool,
    /// The namespace of the Lease
    #[arg(long, default_value = "default", env = "POD_NAMESPACE")]
    lease_namespace: String,
    /// The name of this operator in the Lease, which must be nobody else's; the host's name and the process's number when not set
    #[arg(long, env = "POD_NAME")]
    identity: Option<String>,
    /// Certificates (PEM) that AAP's and EDA's servers are verified against, instead of the system's
    #[arg(long, env = "CLOUDKIT_CA_FILE")]
    ca_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

/// Runs the operator until it is told to end.
#[must_use]
pub fn main() -> Exit {
    let mut settings = String::from("Environment:\n");
    for variable in VARIABLES {
        // Writing to a String can't fail.
        let _ = writeln!(settings, "  {}\n          {}", variable.name, variable.help);
    }
    let matches = Arguments::command().after_help(settings).get_matches();
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    match run(&arguments) {
        Ok(()) => Exit::Done,
        Err(failure) => failure.tell(),
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&arguments.log)
        .map_err(|error| Failure::usage(anyhow::anyhow!("--log or CLOUDKIT_LOG: {error}; write as in `info`")))?;
    let registry = tracing_subscriber::registry().with(filter);
    match arguments.log_format {
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal();
            registry.with(tracing_subscriber::fmt::layer().with_ansi(colours).with_writer(std::io::stderr)).init();
        }
        LogFormat::Json => registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).init(),
    }
    let (mut config, warnings) = Config::from_env(|name| std::env::var(name).ok()).map_err(Failure::usage)?;
    // Each process spreads its retries in its own way; the standard library draws these keys from the system.
    config.retry.jitter = Seed::new(RandomState::new().hash_one(0));
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    // One thread: nearly all of an operator's time is spent waiting for others, and to hand each answer from one thread to
    // another costs more than what is done with it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::could_not_run)?;
    runtime.block_on(operate(arguments, config))
}

/// The name of the Lease that operators of this kind share.
const LEASE: &str = "cloudkit-operator";

async fn operate(arguments: &Arguments, config: Config) -> Result<(), Failure> {
    let clock: SharedClock = Arc::new(SystemClock::start());
    let probes = Arc::new(Probes::default());
    if let Some(address) = arguments.bind_address {
        let listener = TcpListener::bind(address).await;
        let listener = listener
            .with_context(|| format!("can't listen on {address}; set CLOUDKIT_BIND_ADDRESS to an address that is free"))
            .map_err(Failure::could_not_run)?;
        tokio::spawn(probes.clone().serve(listener, clock.clone()));
    }
    let server = kube::Config::infer().await.map_err(Failure::could_not_run)?;
    let client = || counted_client(server.clone(), &probes.metrics).map_err(Failure::could_not_run);
    let transport = transport_for(config.backend_urls(), arguments.ca_file.as_deref());
    let transport = transport.map_err(Failure::could_not_run)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(Failure::could_not_run)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(Failure::could_not_run)?;
    let mut told_to_end = std::pin::pin!(async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    });
    tracing::info!(provider = %config.provider, namespace = %config.namespace, "starting");
    let mut election = None;
    if arguments.leader_elect {
        let identity = arguments.identity.clone().or_else(own_name).ok_or_else(|| {
            Failure::usage(anyhow::anyhow!("--leader-elect needs a name for this operator; set POD_NAME"))
        })?;
        // Of its own: the Lease is renewed however many requests wait.
        let candidate = Election::new(client()?, clock.clone(), &arguments.lease_namespace, LEASE, &identity);
        let mut candidate = candidate.told_by(probes.clone());
        tracing::info!(lease = LEASE, namespace = %arguments.lease_namespace, identity, "waiting for the Lease");
        tokio::select! {
            () = &mut told_to_end => return Ok(()),
            () = candidate.acquire() => tracing::info!(lease = LEASE, "the Lease is held"),
        }
        election = Some(candidate);
    }
    let parts = OperatorParts { client: client()?, clock, config, transport };
    let operator = Operator::start_probed(parts, probes.clone());
    let Some(mut election) = election else {
        operator
            .run(async move {
                told_to_end.await;
                tracing::info!("ending; what is in work is finished");
            })
            .await;
        return Ok(());
    };
    let is_lost = tokio::select! {
        () = operator.run(told_to_end) => false,
        // Another may be at work any moment: what is in work here is dropped, and found again by whoever goes on.
        () = election.keep() => true,
    };
    if is_lost {
        return Err(Failure::could_not_run(anyhow::anyhow!(
            "the Lease was lost; this operator ends, to be started anew"
        )));
    }
    election.release().await;
    Ok(())
}

/// The host's name with the process's number, as two may run on a host.
fn own_name() -> Option<String> {
    let told = std::env::var("HOSTNAME").ok();
    let host = told.or_else(|| std::fs::read_to_string("/proc/sys/kernel/hostname").ok())?;
    let host = host.trim();
    (!host.is_empty()).then(|| format!("{host}_{}", std::process::id()))
}
