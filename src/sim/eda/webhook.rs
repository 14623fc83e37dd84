//! The webhook source: what is answered before an event reaches the engine.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use super::{Endpoint, Event, Shared};
use crate::{
    record::Word,
    sim::{
        auth::{self, Bearer},
        http::{text, with_header},
        profile::key,
    },
};

/// The most bytes of an event.
const BODY_LIMIT: usize = 1 << 20;

/// The part of an event that tells whom it is about.
#[derive(Default, Deserialize)]
struct Named {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    #[serde(default)]
    name: Word,
}

/// Answers a webhook, when its event is queued.
pub(super) async fn answer(
    shared: &Arc<Shared>,
    queue: &mpsc::Sender<Event>,
    request: &Request<Bytes>,
) -> Response<Bytes> {
    let (at, payload) = match check(shared, request) {
        Ok(accepted) => accepted,
        Err(refusal) => return refusal.response(),
    };
    let endpoint = &shared.endpoints[at];
    let in_flight = shared.in_flight.hold();
    let named: Named = serde_json::from_str(payload.get()).unwrap_or_default();
    let object = named.metadata.name;
    let attempt = shared.next_attempt(&object, endpoint.playbook);
    let received_at = shared.clock.now();
    shared.note("webhook_received", &object, endpoint.playbook, Word::default(), String::new());

    let purpose = compact_str::format_compact!("{}.webhook_latency", endpoint.playbook.job_type());
    shared.wait(shared.profile.webhook_latency.draw(key(shared.seed, &object, &purpose, attempt))).await;
    let headers = header_names(request.headers());
    let event = Event { endpoint: at, object, attempt, payload, headers, received_at, _in_flight: in_flight };
    match queue.send(event).await {
        Ok(()) => text(StatusCode::OK, endpoint.name.clone()),
        Err(_) => text(StatusCode::INTERNAL_SERVER_ERROR, "500: Internal Server Error"),
    }
}

/// Why a webhook is not taken.
enum Refusal {
    NoEndpoint,
    NotPosted,
    Unauthorized(Bearer),
    TooLarge(usize),
    NotJson,
}

impl Refusal {
    fn response(self) -> Response<Bytes> {
        match self {
            Self::NoEndpoint => text(StatusCode::NOT_FOUND, "404: Not Found"),
            Self::NotPosted => {
                let response = text(StatusCode::METHOD_NOT_ALLOWED, "405: Method Not Allowed");
                with_header(response, header::ALLOW, "POST")
            }
            Self::Unauthorized(bearer) => {
                let reason = match bearer {
                    Bearer::Missing => "401: Authorization header is missing or not correct",
                    Bearer::Malformed => "401: Invalid authorization header",
                    Bearer::Wrong | Bearer::Accepted => "401: Invalid authorization token",
                };
                text(StatusCode::UNAUTHORIZED, reason)
            }
            Self::TooLarge(size) => {
                let message = format!("Maximum request body size {BODY_LIMIT} exceeded, actual body size {size}");
                text(StatusCode::PAYLOAD_TOO_LARGE, message)
            }
            Self::NotJson => text(StatusCode::BAD_REQUEST, "Invalid JSON payload"),
        }
    }
}

/// The endpoint and the event of a webhook that is in order.
fn check(shared: &Shared, request: &Request<Bytes>) -> Result<(usize, Box<RawValue>), Refusal> {
    let at = find(&shared.endpoints, request.uri().path()).ok_or(Refusal::NoEndpoint)?;
    if request.method() != Method::POST {
        return Err(Refusal::NotPosted);
    }
    match auth::check(shared.webhook_token.as_deref(), request.headers()) {
        Bearer::Accepted => {}
        bearer => return Err(Refusal::Unauthorized(bearer)),
    }
    if request.body().len() > BODY_LIMIT {
        return Err(Refusal::TooLarge(request.body().len()));
    }
    let payload = serde_json::from_slice(request.body()).map_err(|_| Refusal::NotJson)?;
    Ok((at, payload))
}

fn find(endpoints: &[Endpoint], path: &str) -> Option<usize> {
    let name = path.strip_prefix('/')?;
    endpoints.iter().position(|endpoint| endpoint.name == name)
}

/// The headers as the engine passes them on: names in title case, and none that is a secret.
fn header_names(headers: &HeaderMap) -> BTreeMap<String, String> {
    let shown = headers.iter().filter(|(name, _)| **name != header::AUTHORIZATION);
    shown
        .map(|(name, value)| (title_case(name.as_str()), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

fn title_case(name: &str) -> String {
    let mut starts = true;
    let in_case = |c: char| {
        let cased = if starts { c.to_ascii_uppercase() } else { c };
        starts = c == '-';
        cased
    };
    name.chars().map(in_case).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_passed_on_in_title_case_and_without_the_token() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        headers.insert(header::AUTHORIZATION, http::HeaderValue::from_static("Bearer secret"));
        let shown: Vec<(String, String)> = header_names(&headers).into_iter().collect();
        assert_eq!(shown, [("Content-Type".to_owned(), "application/json".to_owned())]);
    }
}
