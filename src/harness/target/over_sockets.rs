//! A target behind loopback sockets, for real time.

use std::net::{Ipv4Addr, SocketAddr};

use kube::{Client, Config, client::ClientBuilder};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    harness::{
        experiment::Endpoints,
        target::{Blueprint, Reach, Servers, TargetError, backends::Backends, cluster, until},
    },
    operator::provider::http::plain_transport,
    sim::serve,
};

/// Where the servers of a target listen.
struct Up {
    cluster: SocketAddr,
    aap: SocketAddr,
    eda: SocketAddr,
    backends: Backends,
}

pub(super) async fn reach(blueprint: &Blueprint) -> Result<Reach, TargetError> {
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
    let config = client_config(up.cluster, &blueprint.namespace)?;
    let client = Client::try_from(config.clone()).map_err(not_connected)?;
    Ok(Reach {
        client,
        connect: Box::new(move |meter| {
            let layer = tower::layer::layer_fn(|service| meter.around(service));
            Ok(ClientBuilder::try_from(config).map_err(not_connected)?.with_layer(&layer).build())
        }),
        transport: plain_transport(),
        endpoints: Endpoints {
            namespace: blueprint.namespace.clone(),
            aap_url: format!("http://{}/api/controller", up.aap),
            eda_url: format!("http://{}", up.eda),
        },
        backends: up.backends,
        servers: Servers::OverSockets { stop, thread },
    })
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
    let (backends, kubevirt) = Backends::start(blueprint, cluster.client("default"));
    let [cluster_socket, aap_socket, eda_socket] = sockets;
    let addresses = [&cluster_socket, &aap_socket, &eda_socket].map(TcpListener::local_addr);
    let [Ok(cluster_address), Ok(aap), Ok(eda)] = addresses else { return };
    let up = Up { cluster: cluster_address, aap, eda, backends: backends.clone() };
    if report.send(Ok(up)).is_err() {
        return;
    }
    let never = || std::future::pending::<()>();
    let serving = async {
        // None of them ends by itself; a listener that fails shows as requests without an answer.
        let _ = tokio::join!(
            cluster.serve(cluster_socket, never()),
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

async fn start(blueprint: &Blueprint) -> Result<(crate::cluster::Cluster, [TcpListener; 3]), TargetError> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let sockets = [listen().await?, listen().await?, listen().await?];
    Ok((cluster(&blueprint.clock, blueprint.seed)?, sockets))
}
