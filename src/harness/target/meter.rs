//! What goes over the operator's connection to the API server, counted at the seam: the operator does not know.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body as _;
use http_body_util::{BodyExt, combinators::MapFrame};
use hyper::body::Frame;
use kube::client::Body;
use tower::{Service, ServiceExt};

use crate::record::Cost;

/// Counts requests and the bytes of bodies; clones count together.
#[derive(Clone, Debug, Default)]
pub(super) struct ApiMeter {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    requests: AtomicU64,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
}

impl ApiMeter {
    /// The service with its requests and answers counted.
    pub(super) fn around<S, B>(
        &self,
        service: S,
    ) -> impl Service<Request<Body>, Response = Response<MapFrame<B, FrameCounter>>, Error = S::Error, Future: Send>
    + Send
    + use<S, B>
    where
        S: Service<Request<Body>, Response = Response<B>, Future: Send> + Send,
        B: http_body::Body<Data = Bytes>,
    {
        let (sent, received) = (self.counts.clone(), self.counts.clone());
        service
            .map_request(move |request: Request<Body>| {
                sent.requests.fetch_add(1, Ordering::Relaxed);
                // A request of kube's is whole before it is sent.
                let bytes = request.body().size_hint().exact().unwrap_or(0);
                sent.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
                request
            })
            .map_response(move |response: Response<B>| {
                let count: FrameCounter = Box::new(move |frame: Frame<Bytes>| {
                    if let Some(data) = frame.data_ref() {
                        received.received_bytes.fetch_add(data.len() as u64, Ordering::Relaxed);
                    }
                    frame
                });
                response.map(|body| body.map_frame(count))
            })
    }

    /// What was counted until now.
    pub(super) fn read(&self) -> Cost {
        Cost {
            operator_cpu_ns: None,
            api_requests: self.counts.requests.load(Ordering::Relaxed),
            api_sent_bytes: self.counts.sent_bytes.load(Ordering::Relaxed),
            api_received_bytes: self.counts.received_bytes.load(Ordering::Relaxed),
            process: None,
        }
    }
}

/// Looks at each piece of a body as it comes.
type FrameCounter = Box<dyn FnMut(Frame<Bytes>) -> Frame<Bytes> + Send>;

#[cfg(test)]
mod tests {
    use http_body_util::Full;

    use super::*;

    #[tokio::test]
    async fn requests_and_the_bytes_of_bodies_are_counted_as_they_are_read() {
        let meter = ApiMeter::default();
        let echo = tower::service_fn(|_: Request<Body>| async {
            Ok::<_, std::io::Error>(Response::new(Full::new(Bytes::from_static(b"12345"))))
        });
        let mut metered = meter.around(echo);
        for read in [true, true, false] {
            let request = Request::new(Body::from(b"abc".to_vec()));
            let answer = metered.ready().await.expect("ready").call(request).await.expect("an answer");
            if read {
                assert_eq!(answer.into_body().collect().await.expect("a body").to_bytes(), "12345");
            }
        }
        let expected =
            Cost { operator_cpu_ns: None, api_requests: 3, api_sent_bytes: 9, api_received_bytes: 10, process: None };
        assert_eq!(meter.read(), expected);
    }
}
