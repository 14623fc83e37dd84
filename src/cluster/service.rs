//! The API as a tower service: reads a request's body, then answers it at once.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower::{BoxError, Service};

use super::{body::ClusterBody, embedded::Shared, reply::Reply, route, status::Refusal};

/// The largest body that the API server takes, in bytes: as the real one.
const LARGEST_BODY: usize = 3 * 1024 * 1024;

/// How much of a body that is too large is read on and thrown away, in bytes.
const DRAINED_MAX: usize = 32 * 1024 * 1024;

/// The API of a [`Cluster`](super::Cluster) as a tower service that never fails: what is wrong is in the response.
#[derive(Clone, Debug)]
pub struct ClusterService {
    shared: Arc<Shared>,
}

impl ClusterService {
    /// The service of a cluster.
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

impl<B> Service<Request<B>> for ClusterService
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response<ClusterBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let shared = self.shared.clone();
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let reply = match read(body).await {
                Ok(body) => route::answer(&shared, &parts, &body).unwrap_or_else(Reply::from),
                Err(refusal) => refusal.into(),
            };
            Ok(reply.into_response())
        })
    }
}

async fn read<B>(body: B) -> Result<Bytes, Refusal>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut body = std::pin::pin!(body);
    match Limited::new(body.as_mut(), LARGEST_BODY).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            // A client that is cut off in the middle of sending does not read the answer.
            let mut left = DRAINED_MAX;
            while let Some(Ok(frame)) = body.as_mut().frame().await {
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                if left == 0 {
                    break;
                }
            }
            Err(Refusal::too_large(LARGEST_BODY))
        }
        Err(error) => Err(Refusal::bad_request(format!("failed to read the request's body: {error}"))),
    }
}
