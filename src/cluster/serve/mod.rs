//! The API over TCP, with or without TLS and a token.
//!
//! # Guarantees
//! - A client that does not read holds nothing but its connection: a watch is a position in a log, one small batch is on its
//!   way, and what takes nothing for [`ServeOptions::stall_timeout`] is closed.
//! - No more connections than [`ServeOptions::connections_max`] are open; further ones wait until one ends, and an idle one
//!   ends by itself.

mod connection;
mod guard;
mod kubeconfig;
mod tls;
mod token;

use std::{future::Future, sync::Arc, time::Duration};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use self::{connection::Impatient, guard::Guard};
use super::service::ClusterService;
use crate::clock::{Clock, SystemClock, timeout};

pub use kubeconfig::kubeconfig;
pub use tls::{Tls, TlsError};
pub use token::{NoRandomness, Token};

/// How many times in a row accepting may fail before the listener is given up.
const ACCEPT_ATTEMPTS: u32 = 100;

/// How a cluster is served.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Plain HTTP where there is none.
    pub tls: Option<Tls>,
    /// Everybody is let in where there is none.
    pub token: Option<Token>,
    /// Open connections at a time.
    pub connections_max: usize,
    /// How long a connection may be without a request.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub stall_timeout: Duration,
}

impl Default for ServeOptions {
    /// Plain and open, for loopback; 16 384 connections, 2 minutes idle, 1 minute stalled.
    fn default() -> Self {
        Self {
            tls: None,
            token: None,
            connections_max: 16_384,
            idle_timeout: Duration::from_secs(120),
            stall_timeout: Duration::from_secs(60),
        }
    }
}

/// Serves until `shutdown` is done; then every connection ends, whatever it is doing.
pub(super) async fn serve(
    service: ClusterService,
    listener: TcpListener,
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let mut shutdown = std::pin::pin!(shutdown);
    // Dropping the set, on whatever way out, ends its tasks.
    let mut connections = JoinSet::new();
    // What clients do takes real time, whatever the cluster's clock says.
    let clock = SystemClock::start();
    let guard = Guard::new(service, options.token.clone());
    let acceptor = options.tls.as_ref().map(|tls| TlsAcceptor::from(tls.config()));
    let options = Arc::new(options);
    let mut failures = 0;
    loop {
        let has_room = connections.len() < options.connections_max.max(1);
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, _)) => {
                    failures = 0;
                    // Answers are small and clients wait for them: never hold one back for more.
                    let _ = stream.set_nodelay(true);
                    connections.spawn(converse(stream, acceptor.clone(), guard.clone(), options.clone()));
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

/// One connection from its beginning to its end. One that breaks is the client's business.
async fn converse(stream: TcpStream, acceptor: Option<TlsAcceptor>, guard: Guard, options: Arc<ServeOptions>) {
    let stream = Impatient::new(stream, options.stall_timeout);
    match acceptor {
        None => answer_all(stream, guard, &options).await,
        Some(acceptor) => {
            let handshake = timeout(&SystemClock::start(), options.idle_timeout, acceptor.accept(stream)).await;
            if let Ok(Ok(stream)) = handshake {
                answer_all(stream, guard, &options).await;
            }
        }
    }
}

async fn answer_all<S>(stream: S, guard: Guard, options: &ServeOptions)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _ = http1::Builder::new()
        .keep_alive(true)
        .timer(TokioTimer::new())
        // It runs from the end of the answer before, so that it is the time without a request too.
        .header_read_timeout(options.idle_timeout)
        .serve_connection(TokioIo::new(stream), service_fn(move |request| guard.answer(request)))
        .await;
}
