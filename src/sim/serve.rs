//! A simulated backend on a socket.

use std::{future::Future, io, pin::pin};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};
use tower::{BoxError, ServiceExt};

use super::http::{HttpService, empty};

/// The most bytes that a request's body may have on a socket; more is answered 413. A backend may allow less.
pub const BODY_LIMIT: usize = 4 << 20;

/// Serves a backend over HTTP/1.1 with keep-alive until `shutdown`, then closes every connection.
///
/// Nagle's algorithm is off and each response leaves in one write: otherwise a client meets gaps of 40 ms.
///
/// # Errors
/// When the listener fails for a reason other than one connection's.
pub async fn serve(
    service: HttpService,
    listener: TcpListener,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let mut shutdown = pin!(shutdown);
    // Dropped with this function: no connection outlives it.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => return Ok(()),
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        let service = service.clone();
        let answer = hyper::service::service_fn(move |request| answer(service.clone(), request));
        connections.spawn(async move {
            // A client that goes away mid-request is no failure of ours.
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn answer(service: HttpService, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, BoxError> {
    let (head, body) = request.into_parts();
    let response = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => service.oneshot(Request::from_parts(head, body.to_bytes())).await?,
        Err(error) if error.is::<LengthLimitError>() => empty(StatusCode::PAYLOAD_TOO_LARGE),
        Err(error) => return Err(error),
    };
    Ok(response.map(Full::new))
}
