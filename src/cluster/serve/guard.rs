//! Who may ask what: the one token's owner, everything; others, whether the server is well.

use std::convert::Infallible;

use http::{Request, Response};
use hyper::body::Incoming;
use tower::ServiceExt;

use super::Token;
use crate::cluster::{
    body::ClusterBody,
    discovery::reviews::{self, IMPERSONATE},
    reply::Reply,
    service::ClusterService,
    status::Refusal,
};

/// The service behind the token.
#[derive(Clone)]
pub(super) struct Guard {
    service: ClusterService,
    token: Option<Token>,
}

impl Guard {
    pub(super) fn new(service: ClusterService, token: Option<Token>) -> Self {
        Self { service, token }
    }

    /// Answers a request, or refuses it for who asks.
    pub(super) fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<ClusterBody>, Infallible>> + Send + use<> {
        let refusal = self.refusal(&request);
        let service = self.service.clone();
        async move {
            match refusal {
                None => service.oneshot(request).await,
                Some(refusal) => Ok(Reply::from(refusal).into_response()),
            }
        }
    }

    fn refusal<B>(&self, request: &Request<B>) -> Option<Refusal> {
        let token = self.token.as_ref()?;
        let path = request.uri().path();
        if is_open(path) {
            return None;
        }
        if !token.is_shown(request.headers()) {
            return Some(Refusal::unauthorized());
        }
        let other = request.headers().get(IMPERSONATE)?;
        // There are no other users. Whether one may do something can be asked: he may not.
        (!reviews::is_about_oneself(path))
            .then(|| Refusal::forbidden_user(&other.to_str().map_or_else(|_| "?".to_owned(), str::to_owned)))
    }
}

/// What is answered without a token, as the real server does by its default roles.
fn is_open(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/livez" | "/version" | "/version/")
}
