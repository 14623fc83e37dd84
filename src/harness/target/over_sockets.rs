//! A target behind loopback sockets, for real time.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use http::uri::Authority;
use kube::{Client, Config, client::ClientBuilder};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    clock::{Clock, SystemClock},
    cluster::{
        Cluster,
        serve::{ServeOptions, Tls, Token},
    },
    harness::{
        experiment::{ArmOperator, Endpoints, arm::EdaEngine},
        target::{
            Blueprint, Reach, Servers, TargetError, backends::Backends, cluster, engine::Engine,
            external::ExternalCluster, install, live, operator_run::Connect, program::Access, until, webhooks,
        },
    },
    operator::provider::http::plain_transport,
    sim::serve,
};

/// Where the servers of a target listen.
struct Up {
    /// None where the cluster is not ours.
    cluster: Option<SocketAddr>,
    /// The same for another process.
    access: Option<Access>,
    aap: SocketAddr,
    eda: SocketAddr,
    backends: Option<Backends>,
}

pub(super) async fn reach(blueprint: &Blueprint) -> Result<Reach, TargetError> {
    if *blueprint.arm.operator() == ArmOperator::None {
        return to_deployed(blueprint);
    }
    if blueprint.arm.backend().is_live() {
        return live::reach(blueprint);
    }
    let (stop, stopped) = oneshot::channel();
    let (report, up) = oneshot::channel();
    let for_thread = blueprint.clone();
    let thread = std::thread::Builder::new().name("servers".to_owned()).spawn(move || {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let _ = report.send(Err(error.into()));
                return;
            }
        };
        runtime.block_on(servers(&for_thread, report, stopped));
    })?;
    let up = up.await.map_err(|_| TargetError::Servers)??;
    let engine = match blueprint.arm.backend().engine() {
        Some(EdaEngine::AnsibleRulebook) => Some(Engine::start(up.aap).await?),
        None => None,
    };
    let transport = match &engine {
        Some(engine) => webhooks::noted(
            plain_transport(),
            &authority(engine.address())?,
            blueprint.clock.clone(),
            blueprint.truth.clone(),
        ),
        None => plain_transport(),
    };
    let eda = engine.as_ref().map_or(up.eda, Engine::address);
    let access = match &blueprint.external {
        Some(external) => Some(Access::External(Box::new(external.config().clone()))),
        None => up.access,
    };
    let (client, connect) = match (&blueprint.external, up.cluster) {
        (Some(external), _) => to_external(external, &blueprint.namespace)?,
        (None, Some(address)) => to_embedded(address, &blueprint.namespace)?,
        (None, None) => return Err(TargetError::Servers),
    };
    Ok(Reach {
        client,
        connect,
        transport,
        endpoints: Endpoints {
            namespace: blueprint.namespace.clone(),
            aap_url: format!("http://{}/api/controller", up.aap),
            eda_url: format!("http://{eda}"),
        },
        access,
        backends: up.backends,
        live: None,
        servers: Servers::OverSockets { engine, stop, thread },
    })
}

/// A cluster with an operator and backends that are deployed already; what the backends keep is read where the arm says from
/// where.
fn to_deployed(blueprint: &Blueprint) -> Result<Reach, TargetError> {
    let Some(external) = &blueprint.external else {
        return Err(TargetError::NowhereDeployed { arm: blueprint.arm.name().to_owned() });
    };
    let (client, connect) = to_external(external, &blueprint.namespace)?;
    Ok(Reach {
        client,
        connect,
        transport: plain_transport(),
        endpoints: Endpoints { namespace: blueprint.namespace.clone(), aap_url: String::new(), eda_url: String::new() },
        access: None,
        backends: None,
        live: live::records(blueprint)?,
        servers: Servers::None,
    })
}

fn authority(address: SocketAddr) -> Result<Authority, TargetError> {
    address.to_string().parse().map_err(|error| TargetError::Listen(std::io::Error::other(error)))
}

/// The harness's client, and what makes the operator's.
fn to_embedded(address: SocketAddr, namespace: &str) -> Result<(Client, Connect), TargetError> {
    let config = client_config(address, namespace)?;
    let client = Client::try_from(config.clone()).map_err(not_connected)?;
    let connect: Connect = Box::new(move |meter| {
        let layer = tower::layer::layer_fn(|service| meter.around(service));
        Ok(ClientBuilder::try_from(config).map_err(not_connected)?.with_layer(&layer).build())
    });
    Ok((client, connect))
}

pub(super) fn to_external(external: &Arc<ExternalCluster>, namespace: &str) -> Result<(Client, Connect), TargetError> {
    let client = external.client(namespace)?;
    let (external, namespace) = (external.clone(), namespace.to_owned());
    let connect: Connect = Box::new(move |meter| Ok(external.metered_client(&namespace, meter)?));
    Ok((client, connect))
}

fn client_config(address: SocketAddr, namespace: &str) -> Result<Config, TargetError> {
    let url = http::Uri::builder()
        .scheme("http")
        .authority(address.to_string())
        .path_and_query("/")
        .build()
        .map_err(|error| TargetError::Listen(std::io::Error::other(error)))?;
    let mut config = Config::new(url);
    namespace.clone_into(&mut config.default_namespace);
    Ok(config)
}

fn not_connected(source: kube::Error) -> TargetError {
    TargetError::Api { what: "connect to the embedded cluster", source }
}

/// Runs the servers until they are to stop.
async fn servers(
    blueprint: &Blueprint,
    report: oneshot::Sender<Result<Up, TargetError>>,
    stopped: oneshot::Receiver<()>,
) {
    let (cluster, sockets) = match start(blueprint).await {
        Ok(started) => started,
        Err(error) => {
            let _ = report.send(Err(error));
            return;
        }
    };
    let client = match &cluster {
        Hosted::Embedded { cluster, .. } => Ok(cluster.client("default")),
        Hosted::External(external) => external.client("default"),
    };
    let client = match client {
        Ok(client) => client,
        Err(error) => {
            let _ = report.send(Err(error.into()));
            return;
        }
    };
    let (backends, kubevirt) = Backends::start(blueprint, client);
    let [aap_socket, eda_socket] = sockets;
    let addresses = [&aap_socket, &eda_socket].map(TcpListener::local_addr);
    let [Ok(aap), Ok(eda)] = addresses else { return };
    let up = Up { cluster: cluster.address(), access: cluster.access(), aap, eda, backends: Some(backends.clone()) };
    if report.send(Ok(up)).is_err() {
        return;
    }
    let never = || std::future::pending::<()>();
    let serving = async {
        // None of them ends by itself; a listener that fails shows as requests without an answer.
        let _ = tokio::join!(
            cluster.serve(),
            serve(backends.aap.service(), aap_socket, never()),
            serve(backends.eda.service(), eda_socket, never()),
        );
    };
    tokio::select! {
        biased;
        () = until(stopped) => {}
        () = serving => {}
    }
    kubevirt.abort();
}

/// The door to the embedded cluster for another process: nobody else is to come in by it.
struct Secured {
    socket: TcpListener,
    tls: Tls,
    token: Token,
}

impl Secured {
    async fn open() -> Result<Self, TargetError> {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let failed = |error: String| TargetError::Listen(std::io::Error::other(error));
        let tls = Tls::generate(SystemClock::start().now(), Ipv4Addr::LOCALHOST.into());
        let tls = tls.map_err(|error| failed(error.to_string()))?;
        let token = Token::generate().map_err(|error| failed(error.to_string()))?;
        Ok(Self { socket, tls, token })
    }
}

/// The cluster that the servers' thread looks after.
enum Hosted {
    Embedded { cluster: Cluster, socket: TcpListener, secured: Option<Secured> },
    External(Arc<ExternalCluster>),
}

impl Hosted {
    fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Embedded { socket, .. } => socket.local_addr().ok(),
            Self::External(_) => None,
        }
    }

    fn access(&self) -> Option<Access> {
        let Self::Embedded { secured: Some(Secured { socket, tls, token }), .. } = self else { return None };
        let address = socket.local_addr().ok()?;
        Some(Access::Embedded { address, tls: tls.clone(), token: token.clone() })
    }

    async fn serve(self) {
        match self {
            // A listener that fails shows as requests without an answer.
            Self::Embedded { cluster, socket, secured } => {
                let Some(Secured { socket: secured, tls, token }) = secured else {
                    return drop(cluster.serve(socket, std::future::pending()).await);
                };
                let options = ServeOptions { tls: Some(tls), token: Some(token), ..ServeOptions::default() };
                let collector = cluster.collect_garbage();
                let _ = tokio::join!(
                    cluster.clone().serve(socket, std::future::pending()),
                    cluster.serve_with(secured, options, std::future::pending()),
                    // An operator of somebody else's may leave to Kubernetes what ours does itself.
                    collector,
                );
            }
            Self::External(_) => std::future::pending().await,
        }
    }
}

async fn start(blueprint: &Blueprint) -> Result<(Hosted, [TcpListener; 2]), TargetError> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let hosted = match &blueprint.external {
        None => {
            let secured = match blueprint.arm.operator().program() {
                Some(_) => Some(Secured::open().await?),
                None => None,
            };
            let cluster = cluster(&blueprint.clock, blueprint.seed)?;
            if let Some(subject) = &blueprint.subject {
                install(&cluster, subject)?;
            }
            Hosted::Embedded { cluster, socket: listen().await?, secured }
        }
        Some(external) => Hosted::External(external.clone()),
    };
    Ok((hosted, [listen().await?, listen().await?]))
}
