//! Requests to the API server, counted as client-go's operators count theirs.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use http::{Request, Response};
use kube::{
    Client, Config,
    client::{Body, ClientBuilder},
};
use tower::{Layer, Service};

use crate::operator::metrics::Metrics;

/// A client whose requests the metrics take note of.
///
/// # Errors
/// When the configuration makes no client.
pub fn counted_client(config: Config, metrics: &Metrics) -> kube::Result<Client> {
    Ok(ClientBuilder::try_from(config)?.with_layer(&Counting { metrics: metrics.clone() }).build())
}

#[derive(Clone, Debug)]
struct Counting {
    metrics: Metrics,
}

impl<S> Layer<S> for Counting {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted { inner, metrics: self.metrics.clone() }
    }
}

#[derive(Clone, Debug)]
struct Counted<S> {
    inner: S,
    metrics: Metrics,
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
        let (method, metrics) = (request.method().clone(), self.metrics.clone());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await;
            metrics.asked_the_server(&method, answer.as_ref().ok().map(Response::status));
            answer
        })
    }
}
