//! `provbench cluster`: the embedded API server for kubectl and other clients.

mod files;

use std::{
    collections::BTreeMap,
    io::IsTerminal as _,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use self::files::KubeconfigFile;
use crate::{
    cli::{
        exit::{Exit, Failure},
        stdout::print,
    },
    clock::{Clock, ModelClock, SharedClock, SystemClock},
    cluster::{
        Cluster,
        serve::{ServeOptions, Tls, Token, kubeconfig},
    },
    harness::{
        experiment::Arm,
        target::{
            self,
            companions::{CompanionOptions, HostedOperator, Simulators},
        },
    },
    operator::{
        config::{Config, ProviderKind},
        provider::http::network_transport,
    },
    sim::profile::Profile,
    units::{GoDuration, NotADuration, Seed},
};

/// What the simulators do where no other profile is given.
const HANDS_ON: &str = include_str!("../../experiments/profiles/hands-on.yaml");

/// Serves the embedded cluster to kubectl and other clients until it is interrupted; the last line on stdout is the path of
/// a kubeconfig
#[derive(Debug, Args)]
pub(super) struct ClusterArguments {
    /// Where it listens; port 0 is any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where the kubeconfig is written, for its owner alone to read; it has the token in it [default: a new temporary folder]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// End by itself after this time, as in 90s or 10m
    #[arg(long = "for", value_name = "DURATION", allow_hyphen_values = true)]
    bounded: Option<GoDuration>,
    /// Run the operator beside it, with AAP unless said otherwise; its backends are the simulated ones, or else what its
    /// environment says
    #[arg(long, value_enum, value_name = "PROVIDER", num_args = 0..=1, default_missing_value = "aap")]
    with_operator: Option<ProviderArgument>,
    /// Run simulated AAP, EDA and KubeVirt beside it; their addresses are printed
    #[arg(long)]
    with_simulators: bool,
    /// How long everything takes in the simulators: a profile's file [default: a second or so for each step]
    #[arg(long, value_name = "FILE", requires = "with_simulators")]
    profile: Option<PathBuf>,
    /// How often the operator asks the simulated AAP for a job's state
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = poll_interval, allow_hyphen_values = true)]
    poll_interval: GoDuration,
    /// The namespace of the instances, and of the kubeconfig's context
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// Open connections at a time; further ones wait
    #[arg(long, value_name = "N", default_value_t = 16_384, value_parser = clap::value_parser!(u32).range(1..), allow_negative_numbers = true)]
    connections_max: u32,
    /// How long a connection may be without a request
    #[arg(long, value_name = "DURATION", default_value = "2m", allow_hyphen_values = true)]
    idle_timeout: GoDuration,
    /// What is logged to stderr, as in `info` or `provbench=debug`
    #[arg(long, default_value = "warn")]
    log: String,
}

/// The operator itself would go on with its own interval, as if nothing had been said.
fn poll_interval(text: &str) -> Result<GoDuration, String> {
    let interval: GoDuration = text.parse().map_err(|error: NotADuration| error.to_string())?;
    if interval.0.is_zero() { Err("the poll interval must be longer than 0s".to_owned()) } else { Ok(interval) }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ProviderArgument {
    Aap,
    Eda,
}

impl From<ProviderArgument> for ProviderKind {
    fn from(argument: ProviderArgument) -> Self {
        match argument {
            ProviderArgument::Aap => Self::Aap,
            ProviderArgument::Eda => Self::Eda,
        }
    }
}

pub(super) fn cluster(arguments: &ClusterArguments) -> Result<Exit, Failure> {
    let filter = EnvFilter::try_new(&arguments.log).map_err(Failure::usage)?;
    // Of two in one process the first one stays; that is a test's business.
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr))
        .try_init();
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::could_not_run)?;
    runtime.block_on(host(arguments))
}

/// Each connection is a file: the soft limit of them, often 1024, goes up to the hard one. What can't be raised stays, and
/// shows as connections that wait.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

async fn host(arguments: &ClusterArguments) -> Result<Exit, Failure> {
    // Before anything is there that a signal would leave behind.
    let mut terminated = signal(SignalKind::terminate()).map_err(Failure::could_not_run)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(Failure::could_not_run)?;
    let now = SystemClock::start().now();
    let clock: SharedClock = Arc::new(ModelClock::start(now));
    let seed = Seed::new(u64::try_from(now.as_nanosecond()).unwrap_or_default());
    let cluster = target::cluster_for_people(&clock, seed).map_err(Failure::could_not_run)?;
    if arguments.namespace != "default" {
        cluster.create_namespace(&arguments.namespace).map_err(|error| Failure::usage(anyhow!("{error}")))?;
    }
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("can't listen on {}; choose another with --listen", arguments.listen))
        .map_err(Failure::could_not_run)?;
    let address = listener.local_addr().map_err(Failure::could_not_run)?;
    let tls = Tls::generate(now, address.ip()).map_err(Failure::could_not_run)?;
    let token = Token::generate().map_err(Failure::could_not_run)?;

    let mut companions = Companions::start(arguments, &cluster, &clock, seed).await?;
    let config = kubeconfig(address, Some(&tls), Some(&token), &arguments.namespace);
    let file = KubeconfigFile::write(arguments.kubeconfig.as_deref(), &config)?;
    let options = ServeOptions {
        tls: Some(tls),
        token: Some(token),
        connections_max: arguments.connections_max as usize,
        idle_timeout: arguments.idle_timeout.0,
        ..ServeOptions::default()
    };
    let told = print(&companions.lines(address).join("\n"));
    told.and_then(|()| print(&file.path().display().to_string()))?;
    let ending = async {
        let bounded = async {
            match arguments.bounded {
                Some(limit) => SystemClock::start().sleep(limit.0).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
            () = bounded => {}
        }
        // What it has in work needs the cluster to end.
        if let Some(operator) = companions.operator.take() {
            operator.stop().await;
        }
    };
    let collector = tokio::spawn(cluster.collect_garbage());
    let served = cluster.serve_with(listener, options, ending).await.map_err(Failure::could_not_run);
    collector.abort();
    served?;
    drop(file);
    Ok(Exit::Done)
}

/// What runs beside the cluster.
struct Companions {
    simulators: Option<Simulators>,
    operator: Option<HostedOperator>,
    provider: Option<ProviderKind>,
}

impl Companions {
    async fn start(
        arguments: &ClusterArguments,
        cluster: &Cluster,
        clock: &SharedClock,
        seed: Seed,
    ) -> Result<Self, Failure> {
        let provider = arguments.with_operator.map(ProviderKind::from);
        let simulators = if arguments.with_simulators {
            let options = CompanionOptions {
                arm: arm(arguments, provider.unwrap_or(ProviderKind::Aap))?,
                namespace: arguments.namespace.clone(),
                clock: clock.clone(),
                seed,
            };
            Some(Simulators::start(cluster, &options).await.map_err(Failure::could_not_run)?)
        } else {
            None
        };
        let operator = match provider {
            None => None,
            Some(provider) => {
                let (config, transport) = match &simulators {
                    Some(simulators) => simulators.connection(),
                    None => (
                        config_from_environment(provider, &arguments.namespace)?,
                        network_transport(None).map_err(Failure::could_not_run)?,
                    ),
                };
                Some(HostedOperator::start(cluster, clock.clone(), config, transport))
            }
        };
        Ok(Self { simulators, operator, provider })
    }

    /// What is where, a line each.
    fn lines(&self, address: SocketAddr) -> Vec<String> {
        let mut lines = vec![format!("API server   https://{address}")];
        if let Some(simulators) = &self.simulators {
            lines.push(format!("AAP          http://{}/api/controller (token: {SIMULATED})", simulators.aap));
            lines.push(format!("EDA          http://{}", simulators.eda));
        }
        if let Some(provider) = self.provider {
            lines.push(format!("operator     {provider}"));
        }
        lines
    }
}

/// What the simulated AAP takes for a token; there is nothing behind it to protect.
const SIMULATED: &str = crate::harness::experiment::SIMULATED_TOKEN;

fn arm(arguments: &ClusterArguments, provider: ProviderKind) -> Result<Arm, Failure> {
    let (name, profile) = match &arguments.profile {
        None => ("hands-on".to_owned(), Profile::from_yaml(HANDS_ON, Path::new("hands-on.yaml"))),
        Some(file) => (file.display().to_string(), Profile::load(file)),
    };
    let profile = profile.map_err(Failure::usage)?;
    let interval = (crate::harness::experiment::POLL_INTERVAL.to_owned(), arguments.poll_interval.to_string());
    // What is measured goes without; a person wants to see them.
    let events = ("CLOUDKIT_EVENTS".to_owned(), true.to_string());
    Ok(Arm::new(provider.as_str(), provider, BTreeMap::from([interval, events]), &name, profile))
}

/// The settings of an operator whose backends are not simulated: as in production, but for the cluster.
fn config_from_environment(provider: ProviderKind, namespace: &str) -> Result<Config, Failure> {
    let (config, warnings) = Config::from_env(|name| match name {
        "CLOUDKIT_PROVISIONING_PROVIDER" => Some(provider.as_str().to_owned()),
        "CLOUDKIT_COMPUTE_INSTANCE_NAMESPACE" => Some(namespace.to_owned()),
        other => std::env::var(other).ok(),
    })
    .map_err(Failure::usage)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(config)
}
