//! `cloudkit-operator`.

use std::{fmt::Write as _, sync::Arc};

use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    cli::exit::{Exit, Failure},
    clock::SystemClock,
    operator::{
        Operator, OperatorParts,
        config::{Config, VARIABLES},
        provider::http::network_transport,
    },
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
    let filter = EnvFilter::try_new(&arguments.log).map_err(Failure::usage)?;
    let registry = tracing_subscriber::registry().with(filter);
    match arguments.log_format {
        LogFormat::Text => registry.with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr)).init(),
        LogFormat::Json => registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).init(),
    }
    let (config, warnings) = Config::from_env(|name| std::env::var(name).ok()).map_err(Failure::usage)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(2)
        .build()
        .map_err(Failure::could_not_run)?;
    runtime.block_on(operate(config))
}

async fn operate(config: Config) -> Result<(), Failure> {
    let client = kube::Client::try_default().await.map_err(Failure::could_not_run)?;
    let transport = network_transport().map_err(Failure::could_not_run)?;
    let mut terminated = signal(SignalKind::terminate()).map_err(Failure::could_not_run)?;
    let mut interrupted = signal(SignalKind::interrupt()).map_err(Failure::could_not_run)?;
    tracing::info!(provider = %config.provider, namespace = %config.namespace, "starting");
    let operator = Operator::start(OperatorParts { client, clock: Arc::new(SystemClock::start()), config, transport });
    operator
        .run(async move {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = interrupted.recv() => {}
            }
            tracing::info!("ending; what is in work is finished");
        })
        .await;
    Ok(())
}
