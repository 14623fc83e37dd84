//! The API over TCP.

use std::{future::Future, time::Duration};

use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{net::TcpListener, task::JoinSet};

use super::service::ClusterService;

/// How many times in a row accepting may fail before the listener is given up.
const ACCEPT_ATTEMPTS: u32 = 10;

/// Serves until `shutdown` is done; then every connection ends, whatever it is doing.
pub(super) async fn serve(
    service: ClusterService,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let mut shutdown = std::pin::pin!(shutdown);
    // Dropping the set, on whatever way out, ends its tasks.
    let mut connections = JoinSet::new();
    let clock = service.clock();
    let mut failures = 0;
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    failures = 0;
                    // Answers are small and clients wait for them: never hold one back for more.
                    let _ = stream.set_nodelay(true);
                    let service = TowerToHyperService::new(service.clone());
                    connections.spawn(async move {
                        // A connection that breaks is the client's business.
                        let _ = http1::Builder::new().keep_alive(true).serve_connection(TokioIo::new(stream), service).await;
                    });
                }
                // Mostly a client that went away, or a moment without file descriptors: both pass.
                Err(error) => {
                    failures += 1;
                    if failures >= ACCEPT_ATTEMPTS {
                        return Err(error);
                    }
                    clock.sleep(Duration::from_millis(10)).await;
                }
            },
        }
    }
    connections.shutdown().await;
    Ok(())
}
