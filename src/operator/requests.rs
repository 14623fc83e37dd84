//! Requests to the API server: counted as client-go's operators count theirs, and not too many at once.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
};
use tower::{Layer, Service, limit::ConcurrencyLimitLayer};

use crate::operator::metrics::Metrics;

/// Requests that may be under way at once: each takes a connection, with its TLS session and buffers, and a server that is
/// asked for more answers none of them sooner.
pub(crate) const IN_FLIGHT_MAX: usize = 16;

/// A client whose requests the metrics take note of. A watch counts as under way until its answer begins.
///
/// # Errors
/// When the configuration makes no client.
pub fn counted_client(config: Config, metrics: &Metrics) -> kube::Result<Client> {
    // The requests themselves have only their path here.
    let host = config.cluster_url.authority().map_or("", |authority| authority.as_str()).into();
    let counting = Counting { metrics: metrics.clone(), host };
    let limit = ConcurrencyLimitLayer::new(IN_FLIGHT_MAX);
    Ok(ClientBuilder::try_from(config)?.with_layer(&counting).with_layer(&limit).build())
}

#[derive(Clone, Debug)]
struct Counting {
    metrics: Metrics,
    host: Arc<str>,
}

impl<S> Layer<S> for Counting {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, metrics: self.metrics.clone(), host: self.host.clone() }
    }
}

#[derive(Clone, Debug)]
struct Counted<S> {
    inner: S,
    metrics: Metrics,
    host: Arc<str>,
}

impl<S, B> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (method, metrics, host) = (request.method().clone(), self.metrics.clone(), self.host.clone());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            metrics.asked_the_server(&host, &method, answer.as_ref().ok().map(Response::status));
            answer
        })
    }
}
