//! The API server, as simulators and the load ask it: a whole request, a whole answer.
//!
//! A `kube::Client` hands each request to a task of its own, and that hands the answer back: two turns of the runtime, and about
//! half the time that an embedded server needs to answer. Where the server is in the same process it can be asked outright.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use kube::{Client, core::Status};

/// What answers a request at once.
type Direct = Arc<dyn Fn(Request<Vec<u8>>) -> Response<Bytes> + Send + Sync>;

/// An API server; clones ask the same one.
#[derive(Clone)]
pub struct ApiServer {
    client: Client,
    direct: Option<Direct>,
}

impl fmt::Debug for ApiServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiServer").field("is_direct", &self.direct.is_some()).finish_non_exhaustive()
    }
}

impl From<Client> for ApiServer {
    fn from(client: Client) -> Self {
        Self { client, direct: None }
    }
}

impl ApiServer {
    /// One that answers without a wait; `client` leads to the same one, and is for what does not end with one answer.
    pub fn in_process(
        client: Client,
        answer: impl Fn(Request<Vec<u8>>) -> Response<Bytes> + Send + Sync + 'static,
    ) -> Self {
        Self { client, direct: Some(Arc::new(answer)) }
    }

    /// The client, for lists and watches.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Asks; gives the body of the answer.
    ///
    /// # Errors
    /// [`kube::Error::Api`] with what the server said where it did not do it, another one where there was no answer.
    pub async fn ask(&self, request: Request<Vec<u8>>) -> kube::Result<Bytes> {
        match &self.direct {
            Some(answer) => read(answer(request)),
            None => {
                // On the heap: thousands of jobs wait at a time, nearly all of them for something else, and would carry the
                // room for it around with them.
                Box::pin(self.client.request_text(request)).await.map(Bytes::from)
            }
        }
    }
}

fn read(answer: Response<Bytes>) -> kube::Result<Bytes> {
    let code = answer.status();
    let body = answer.into_body();
    if code.is_success() {
        return Ok(body);
    }
    let said = serde_json::from_slice::<Status>(&body).unwrap_or_else(|_| {
        let text = String::from_utf8_lossy(&body).into_owned();
        Status::failure(&text, "Failed to parse error data").with_code(code.as_u16())
    });
    Err(kube::Error::Api(said.boxed()))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;

    fn answered(code: StatusCode, body: &'static str) -> kube::Result<Bytes> {
        let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
        *answer.status_mut() = code;
        read(answer)
    }

    #[test]
    fn what_the_server_refuses_is_told_with_its_code_and_words() {
        assert_eq!(answered(StatusCode::CREATED, "{}").expect("done"), "{}");
        let refused = answered(
            StatusCode::NOT_FOUND,
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"x not found","reason":"NotFound","code":404}"#,
        );
        let Err(kube::Error::Api(status)) = refused else { panic!("{refused:?}") };
        assert!(status.is_not_found());
        assert_eq!(status.message, "x not found");
    }

    #[test]
    fn words_that_are_no_status_are_told_as_they_are() {
        let Err(kube::Error::Api(status)) = answered(StatusCode::BAD_GATEWAY, "no page") else { panic!("refused") };
        assert_eq!((status.code, status.message.as_str()), (502, "no page"));
    }
}
