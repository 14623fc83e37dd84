//! The simulated backends and the operator beside a cluster that is served to people, on the machine's clock.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::TcpListener,
    sync::oneshot,
    task::{JoinHandle, JoinSet},
};

use super::{Blueprint, TargetError, backends::Backends, in_memory, until};
use crate::{
    clock::SharedClock,
    cluster::Cluster,
    harness::{experiment::Arm, operator_trace::OperatorTrace},
    operator::{Operator, OperatorParts, config::Config, provider::http::Transport},
    record::TruthLog,
    sim::serve,
    units::Seed,
};

/// How often what the simulators note for a report is thrown away: there is none.
const NOTES_KEPT: Duration = Duration::from_secs(60);

/// What companions are made with.
#[derive(Debug)]
pub struct CompanionOptions {
    /// How the backends behave, and which operator would use them.
    pub arm: Arm,
    /// Where the instances are.
    pub namespace: String,
    /// The machine's clock.
    pub clock: SharedClock,
    /// What latencies are drawn from.
    pub seed: Seed,
}

/// Simulated backends that are up, in memory and on loopback sockets.
#[derive(Debug)]
pub struct Simulators {
    /// AAP's socket.
    pub aap: SocketAddr,
    /// EDA's socket.
    pub eda: SocketAddr,
    config: Config,
    transport: Transport,
    /// They end with it.
    _tasks: JoinSet<()>,
}

impl Simulators {
    /// Starts them on the runtime that this is called on.
    ///
    /// # Errors
    /// When there is no socket, or the arm's settings are none that an operator could start with.
    pub async fn start(cluster: &Cluster, options: &CompanionOptions) -> Result<Self, TargetError> {
        let CompanionOptions { arm, namespace, clock, seed } = options;
        let truth = TruthLog::default();
        let blueprint = Blueprint {
            arm: arm.clone(),
            namespace: namespace.clone(),
            seed: *seed,
            clock: clock.clone(),
            truth: truth.clone(),
            time_scale: 1.0,
            subject: None,
            trace: OperatorTrace::new(clock.clone()),
            external: None,
        };
        let (backends, kubevirt) = Backends::start(&blueprint, cluster.client("default"));
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (aap, eda) = (listen().await?, listen().await?);
        let addresses: io::Result<_> = aap.local_addr().and_then(|one| Ok((one, eda.local_addr()?)));
        let (aap_address, eda_address) = addresses?;
        let mut tasks = JoinSet::new();
        let (aap_service, eda_service) = (backends.aap.service(), backends.eda.service());
        tasks.spawn(async move { drop(serve(aap_service, aap, std::future::pending()).await) });
        tasks.spawn(async move { drop(serve(eda_service, eda, std::future::pending()).await) });
        tasks.spawn(async move { drop(kubevirt.await) });
        let clock = clock.clone();
        tasks.spawn(async move {
            loop {
                clock.sleep(NOTES_KEPT).await;
                drop(truth.drain());
            }
        });
        let config = arm
            .operator_config(&in_memory::endpoints(namespace))
            .map_err(|source| TargetError::Operator { arm: arm.name().to_owned(), source })?;
        let transport = in_memory::transport(&backends);
        Ok(Self { aap: aap_address, eda: eda_address, config, transport, _tasks: tasks })
    }

    /// The settings of an operator that uses them in memory, and what carries its requests there.
    #[must_use]
    pub fn connection(&self) -> (Config, Transport) {
        (self.config.clone(), self.transport.clone())
    }
}

/// An operator beside a cluster.
#[derive(Debug)]
pub struct HostedOperator {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl HostedOperator {
    /// Starts it on the runtime that this is called on.
    #[must_use]
    pub fn start(cluster: &Cluster, clock: SharedClock, config: Config, transport: Transport) -> Self {
        let (stop, stopped) = oneshot::channel();
        let client = cluster.client(&config.namespace);
        let operator = Operator::start(OperatorParts { client, clock, config, transport });
        Self { stop, task: tokio::spawn(operator.run(until(stopped))) }
    }

    /// Lets it finish what is in work.
    pub async fn stop(self) {
        drop(self.stop);
        let _ = self.task.await;
    }
}
