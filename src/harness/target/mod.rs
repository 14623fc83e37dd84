//! What is measured: a cluster, an operator and its backends, made anew for each trial.
//!
//! In virtual time everything is in memory and on one thread. In real time the cluster and the backends live on a thread of
//! their own and are reached over loopback sockets, as an operator would reach them; the operator has a thread of its own.
//! With an [`external`] cluster only the backends and the operator are ours.

mod backends;
mod choice;
pub mod companions;
mod engine;
pub mod envtest;
pub mod external;
mod in_memory;
pub mod kubeconfig;
pub(in crate::harness) mod live;
mod meter;
mod operator_run;
mod over_sockets;
mod program;
mod webhooks;

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};
use tokio::{sync::oneshot, task::JoinHandle};

use self::{
    backends::Backends,
    engine::{Engine, free_port},
    external::{ExternalCluster, ExternalError},
    live::{JobRecords, Told},
    operator_run::{Connect, OperatorRun, OperatorRunParts},
    program::{Access, OperatorProgram},
};
use crate::{
    api::crd,
    clock::{self, SharedClock, SystemClock},
    cluster::{Cluster, FieldTracking, Options},
    harness::{
        experiment::{Arm, ArmOperator, Disturbance, Endpoints, NotServed, Subject, arm::OUR_PREFIX},
        operator_trace::OperatorTrace,
    },
    operator::provider::http::Transport,
    record::{ClockKind, Cost, ProcessCost, Transition, TruthLog},
    units::Seed,
};

pub use self::choice::{ClusterChoice, UnknownCluster};

/// Events of each resource that the cluster keeps beyond what its watches wait for. Who watches comes back at once when a
/// watch ends.
const REPLAY: usize = 256;

/// Why a target could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// Our own definitions, or a subject's, were refused by our own cluster.
    #[error("failed to install the custom resource definitions: {0}")]
    Definitions(String),
    /// No socket.
    #[error("failed to listen on a loopback address: {0}")]
    Listen(#[from] std::io::Error),
    /// The API server said no.
    #[error("failed to {what}: {source}")]
    Api {
        /// What was tried.
        what: &'static str,
        /// The reason.
        source: kube::Error,
    },
    /// The subject is of no kind that the cluster serves.
    #[error(transparent)]
    NotServed(#[from] NotServed),
    /// The cluster that was named can't be used.
    #[error(transparent)]
    External(#[from] ExternalError),
    /// The operator can't start with its arm's settings.
    #[error("arm {arm}: {source}")]
    Operator {
        /// The arm.
        arm: String,
        /// The reason.
        source: crate::operator::config::ConfigError,
    },
    /// An operator of somebody else's did not come up, or ended.
    #[error("arm {arm}: {what}")]
    Program {
        /// The arm.
        arm: String,
        /// What happened to it.
        what: String,
    },
    /// An operator that is deployed already needs a cluster where it is.
    #[error(
        "arm {arm}: `operator: none` observes an operator that is deployed already; name its cluster with --cluster kubeconfig"
    )]
    NowhereDeployed {
        /// The arm.
        arm: String,
    },
    /// Live backends act on a cluster that they can reach.
    #[error("arm {arm}: live backends act on a cluster of theirs; name it with --cluster kubeconfig")]
    NowhereLive {
        /// The arm.
        arm: String,
    },
    /// An engine of somebody else's did not come up.
    #[error("failed to start the engine of EDA: {0}")]
    Engine(String),
    /// The thread of the servers ended before they were up.
    #[error("the servers ended before they were up")]
    Servers,
}

/// Everything that a target is made from.
#[derive(Clone)]
pub(crate) struct Blueprint {
    pub(crate) arm: Arm,
    pub(crate) namespace: String,
    /// The seed of the block.
    pub(crate) seed: Seed,
    pub(crate) clock: SharedClock,
    pub(crate) truth: TruthLog,
    /// Real seconds for one recorded second.
    pub(crate) time_scale: f64,
    /// What is created, where it is not our own ComputeInstance.
    pub(crate) subject: Option<Arc<Subject>>,
    /// Who listens to the operator.
    pub(crate) trace: OperatorTrace,
    /// The cluster, where it is not an embedded one.
    pub(crate) external: Option<Arc<ExternalCluster>>,
}

/// A target that is up.
pub(crate) struct Target {
    pub(crate) client: Client,
    /// None where they are not ours.
    backends: Option<Backends>,
    /// What live backends keep.
    live: Option<JobRecords>,
    clock: SharedClock,
    time_scale: f64,
    /// None where it is deployed already, and once it has been stopped.
    operator: Option<Measured>,
    servers: Servers,
    /// Where the namespace has to be removed, and which.
    external: Option<(Arc<ExternalCluster>, String)>,
}

/// The operator that is measured.
enum Measured {
    Here(OperatorRun),
    Program(Box<OperatorProgram>),
}

/// What has to be stopped with a target.
enum Servers {
    None,
    InMemory { kubevirt: JoinHandle<()> },
    OverSockets { engine: Option<Engine>, stop: oneshot::Sender<()>, thread: std::thread::JoinHandle<()> },
}

/// Where a target is reached.
struct Reach {
    /// The harness's own connection.
    client: Client,
    /// Makes the operator's.
    connect: Connect,
    transport: Transport,
    endpoints: Endpoints,
    /// How another process reaches the cluster, where one is to.
    access: Option<Access>,
    backends: Option<Backends>,
    /// What live backends keep.
    live: Option<JobRecords>,
    servers: Servers,
}

impl Target {
    /// Brings up the cluster, the backends and the operator of an arm.
    pub(crate) async fn start(blueprint: Blueprint, clock_kind: ClockKind) -> Result<Self, TargetError> {
        let reach = match clock_kind {
            ClockKind::Virtual => in_memory::reach(&blueprint)?,
            ClockKind::Real => over_sockets::reach(&blueprint).await?,
        };
        match &blueprint.external {
            _ if blueprint.arm.namespace().is_some() => {}
            None => create_namespace(&reach.client, &blueprint.namespace).await?,
            Some(external) => external.create_namespace(&reach.client, &blueprint.namespace).await?,
        }
        let operator = match blueprint.arm.operator() {
            ArmOperator::None => None,
            ArmOperator::External(program) => {
                let Some(access) = &reach.access else { return Err(TargetError::Servers) };
                let prefix = blueprint.subject.as_ref().map_or(OUR_PREFIX, |subject| subject.environment_prefix());
                let environment = blueprint.arm.environment_of_program(&reach.endpoints, blueprint.time_scale, prefix);
                let (name, namespace) = (blueprint.arm.name(), &blueprint.namespace);
                let program = OperatorProgram::start(name, program, environment, prefix, access, namespace).await?;
                Some(Measured::Program(Box::new(program)))
            }
            ArmOperator::InProcess => {
                let config = blueprint
                    .arm
                    .operator_config(&reach.endpoints)
                    .map_err(|source| TargetError::Operator { arm: blueprint.arm.name().to_owned(), source })?;
                let parts = OperatorRunParts {
                    connect: reach.connect,
                    clock: blueprint.clock.clone(),
                    config,
                    transport: reach.transport,
                };
                Some(Measured::Here(match clock_kind {
                    ClockKind::Virtual => OperatorRun::here(parts).await?,
                    ClockKind::Real => OperatorRun::on_own_thread(parts, blueprint.trace).await?,
                }))
            }
        };
        let own_namespace = blueprint.arm.namespace().is_none();
        Ok(Self {
            client: reach.client,
            backends: reach.backends,
            live: reach.live,
            clock: blueprint.clock,
            time_scale: blueprint.time_scale,
            operator,
            servers: reach.servers,
            external: blueprint.external.filter(|_| own_namespace).map(|external| (external, blueprint.namespace)),
        })
    }

    /// Waits until no backend has anything left to do, at most for `limit`; whether that came.
    pub(crate) async fn at_rest(&self, limit: Duration) -> bool {
        match &self.backends {
            Some(backends) => clock::timeout(&*self.clock, limit, backends.idle()).await.is_ok(),
            None => true,
        }
    }

    /// Has live backends tell what they did; `seen` is what the watch showed of their jobs.
    pub(crate) async fn tell(&mut self, seen: &[Transition]) -> Told {
        match &mut self.live {
            Some(records) => records.tell(seen).await,
            None => Told::default(),
        }
    }

    /// What the operator spent since it was started.
    pub(crate) async fn cost(&self) -> Option<Cost> {
        match &self.operator {
            Some(Measured::Here(operator)) => Some(operator.cost().await),
            Some(Measured::Program(program)) => Some(program.cost()),
            None => None,
        }
    }

    /// How the operator ended, where it did by itself.
    pub(crate) fn operator_ended(&self) -> Option<String> {
        match &self.operator {
            Some(Measured::Program(program)) => program.ended(),
            Some(Measured::Here(_)) | None => None,
        }
    }

    /// Ends the operator when its time has come, and starts it again.
    pub(crate) async fn disturb(&self, disturbance: Disturbance) -> Result<(), TargetError> {
        self.clock.sleep(disturbance.after.0).await;
        match &self.operator {
            Some(Measured::Program(program)) => {
                program.disturb(disturbance.ending, disturbance.down.0.mul_f64(self.time_scale)).await
            }
            // An experiment in which that could be is refused.
            Some(Measured::Here(_)) | None => Ok(()),
        }
    }

    /// Stops the operator and lets it finish what is in work: what it does is whole then. What one in a process of its own
    /// spent at last.
    pub(crate) async fn stop_operator(&mut self) -> Option<ProcessCost> {
        match self.operator.take()? {
            Measured::Here(operator) => {
                operator.stop().await;
                None
            }
            Measured::Program(program) => program.stop().await.process,
        }
    }

    /// Stops everything, the operator first, and removes what a cluster that stays would be left with.
    pub(crate) async fn stop(mut self) -> Result<(), TargetError> {
        self.stop_operator().await;
        match self.servers {
            Servers::None => {}
            Servers::InMemory { kubevirt } => kubevirt.abort(),
            Servers::OverSockets { engine, stop, thread } => {
                if let Some(engine) = engine {
                    engine.stop().await;
                }
                drop(stop);
                // It ends at once: nobody waits for a connection to be idle.
                let _ = tokio::task::spawn_blocking(move || thread.join()).await;
            }
        }
        match self.external {
            Some((external, namespace)) => external.remove(&self.client, &namespace).await.map_err(TargetError::from),
            None => Ok(()),
        }
    }
}

/// The embedded cluster with our definitions.
///
/// # Errors
/// Never in practice: when it refuses them.
pub fn cluster(clock: &SharedClock, seed: Seed) -> Result<Cluster, TargetError> {
    with_definitions(Options { replay: REPLAY, ..Options::new(clock.clone(), seed.label("uid")) })
}

/// The same for people and their tools, who expect `managedFields` and warnings of every write, and pay for it.
///
/// # Errors
/// The same.
pub fn cluster_for_people(clock: &SharedClock, seed: Seed) -> Result<Cluster, TargetError> {
    let options = Options::new(clock.clone(), seed.label("uid"));
    with_definitions(Options { field_tracking: FieldTracking::Always, ..options })
}

/// Checks that the embedded cluster would serve the kind of a subject, once its definitions are installed.
///
/// # Errors
/// When it refuses one of them, or they don't make the kind one that it serves.
pub fn check_subject(subject: &Subject) -> Result<(), TargetError> {
    let clock: SharedClock = Arc::new(SystemClock::start());
    let cluster = cluster(&clock, Seed::new(0))?;
    install(&cluster, subject)?;
    if cluster.serves(subject.api_version(), subject.kind(), subject.plural()) {
        Ok(())
    } else {
        Err(subject.not_served().into())
    }
}

fn install(cluster: &Cluster, subject: &Subject) -> Result<(), TargetError> {
    let installed = subject.definitions().iter().try_for_each(|definition| cluster.install_crd(definition));
    installed.map_err(|error| TargetError::Definitions(error.to_string()))
}

fn with_definitions(options: Options) -> Result<Cluster, TargetError> {
    let cluster = Cluster::new(options);
    for (_, definition) in crd::all().map_err(|error| TargetError::Definitions(error.to_string()))? {
        cluster.install_crd(&definition).map_err(|error| TargetError::Definitions(error.to_string()))?;
    }
    Ok(cluster)
}

async fn create_namespace(client: &Client, name: &str) -> Result<(), TargetError> {
    let namespace = Namespace {
        metadata: ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() },
        ..Namespace::default()
    };
    match Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &namespace).await {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
        Err(source) => Err(TargetError::Api { what: "create the trial's namespace", source }),
    }
}

/// A future that is done when the other end is dropped or sends.
async fn until(stop: oneshot::Receiver<()>) {
    let _ = stop.await;
}
