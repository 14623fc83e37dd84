//! What Kubernetes and Prometheus ask the operator itself: `/healthz`, `/readyz`, `/metrics`.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ::http::{Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};

use crate::{
    clock::{self, SharedClock},
    operator::metrics::Metrics,
};

/// Connections at once: a kubelet, a few scrapers, and somebody who looks.
const CONNECTIONS_MAX: usize = 32;

/// How long a connection may last, so that those who say nothing don't take the place of those who ask.
const CONNECTION_TIME_MAX: Duration = Duration::from_secs(60);

/// What the operator says of itself.
#[derive(Debug, Default)]
pub struct Probes {
    ready: AtomicBool,
    standing_by: AtomicBool,
    /// Its metrics.
    pub metrics: Metrics,
}

impl Probes {
    /// The operator works from now on.
    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// The operator waits for a Lease that another holds, and could take it over.
    pub fn set_standing_by(&self, standing_by: bool) {
        self.standing_by.store(standing_by, Ordering::Relaxed);
    }

    /// Whether it works: it has filled its caches, and has not been told to end.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    /// The answer to a request.
    #[must_use]
    pub fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        let text = |status: StatusCode, kind: &'static str, body: String| {
            let mut response = Response::new(Full::new(Bytes::from(body)));
            *response.status_mut() = status;
            response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
            response
        };
        let plain = |status: StatusCode, body: &str| text(status, "text/plain; charset=utf-8", body.to_owned());
        if !matches!(*method, Method::GET | Method::HEAD) {
            return plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
        }
        match path {
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            "/readyz" if self.is_ready() => plain(StatusCode::OK, "ok\n"),
            // Ready to take over: a Deployment of two would otherwise never be whole, nor its nodes be drained.
            "/readyz" if self.standing_by.load(Ordering::Relaxed) => {
                plain(StatusCode::OK, "ok: stands by, another operator has the Lease\n")
            }
            "/readyz" => plain(StatusCode::SERVICE_UNAVAILABLE, "not ready: looks for its Lease or fills its caches\n"),
            "/metrics" => {
                text(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", self.metrics.text())
            }
            _ => plain(StatusCode::NOT_FOUND, "there is /healthz, /readyz and /metrics\n"),
        }
    }

    /// Answers whoever connects, until it is dropped.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, clock: SharedClock) {
        let mut connections = JoinSet::new();
        loop {
            while connections.len() >= CONNECTIONS_MAX {
                connections.join_next().await;
            }
            while connections.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((stream, _)) => {
                    let (probes, clock) = (self.clone(), clock.clone());
                    connections.spawn(async move {
                        let service = service_fn(move |request: Request<Incoming>| {
                            let answer = probes.answer(request.method(), request.uri().path());
                            std::future::ready(Ok::<_, Infallible>(answer))
                        });
                        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                        // Whoever breaks off has what it wanted, or comes again.
                        let _ = clock::timeout(&*clock, CONNECTION_TIME_MAX, connection).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "failed to take a connection to the probes");
                    clock.sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }
}
