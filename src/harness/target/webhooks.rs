//! Webhooks to an engine that keeps no journal, noted as they leave the operator.

use std::{io, sync::Arc};

use bytes::Bytes;
use http::{Request, Uri, uri::Authority};
use serde::Deserialize;
use tower::{ServiceExt, util::BoxCloneService};

use crate::{
    clock::SharedClock,
    operator::provider::http::Transport,
    record::{Truth, TruthLog, Word},
};

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: Word,
}

/// The transport, with what goes to an engine written into the truth once the engine has taken it: at the time at which it
/// was sent, some tenths of a millisecond before it arrived.
pub(super) fn noted(transport: Transport, engine: &Authority, clock: SharedClock, truth: TruthLog) -> Transport {
    let engine = engine.clone();
    let kind_of = move |uri: &Uri| {
        let kind = if uri.path().contains("delete") { "deprovision" } else { "provision" };
        (uri.authority() == Some(&engine)).then_some(kind)
    };
    noted_by(transport, kind_of, clock, truth)
}

/// The same for two webhooks of which all is known: that of new instances, and that of those that are to go.
pub(super) fn noted_at(
    transport: Transport,
    webhooks: [&str; 2],
    clock: SharedClock,
    truth: TruthLog,
) -> io::Result<Transport> {
    let [provision, deprovision] = webhooks.map(|url| url.parse::<Uri>().map_err(io::Error::other));
    let (provision, deprovision) = (provision?, deprovision?);
    let kind_of = move |uri: &Uri| match uri {
        uri if *uri == provision => Some("provision"),
        uri if *uri == deprovision => Some("deprovision"),
        _ => None,
    };
    Ok(noted_by(transport, kind_of, clock, truth))
}

fn noted_by(
    transport: Transport,
    kind_of: impl Fn(&Uri) -> Option<&'static str> + Clone + Send + 'static,
    clock: SharedClock,
    truth: TruthLog,
) -> Transport {
    let transport = Arc::new(parking_lot::Mutex::new(transport));
    BoxCloneService::new(tower::service_fn(move |request: Request<Bytes>| {
        let transport = transport.lock().clone();
        let kind = kind_of(request.uri());
        let (clock, truth) = (clock.clone(), truth.clone());
        async move {
            let sent = kind.and_then(|kind| webhook(&request, kind, &clock));
            let response = transport.oneshot(request).await?;
            if let Some(sent) = sent.filter(|_| response.status().is_success()) {
                truth.push(sent);
            }
            Ok(response)
        }
    }))
}

fn webhook(request: &Request<Bytes>, job_type: &'static str, clock: &SharedClock) -> Option<Truth> {
    let object: Object = serde_json::from_slice(request.body()).ok()?;
    Some(Truth {
        at_ns: clock.elapsed(),
        source: Word::const_new("eda"),
        event: Word::const_new("webhook_received"),
        object: object.metadata.name,
        job_type: Word::const_new(job_type),
        detail: "as it left the operator".to_owned(),
        ..Truth::default()
    })
}

#[cfg(test)]
mod tests {
    use http::{Response, StatusCode};

    use super::*;
    use crate::clock::SystemClock;

    #[tokio::test]
    async fn what_an_engine_takes_is_noted_and_nothing_else() {
        let answers = |request: Request<Bytes>| async move {
            let mut response = Response::new(Bytes::new());
            if request.uri().path() == "/refused" {
                *response.status_mut() = StatusCode::UNAUTHORIZED;
            }
            Ok(response)
        };
        let truth = TruthLog::default();
        let engine = Authority::from_static("engine:5000");
        let transport = BoxCloneService::new(tower::service_fn(answers));
        let transport = noted(transport, &engine, Arc::new(SystemClock::start()), truth.clone());
        let body = r#"{"metadata":{"name":"ci-0001"}}"#;
        for url in [
            "http://engine:5000/create-x",
            "http://engine:5000/refused",
            "http://aap/api",
            "http://engine:5000/delete-x",
        ] {
            let request = Request::post(url).body(Bytes::from_static(body.as_bytes())).expect("a request");
            transport.clone().oneshot(request).await.expect("answered");
        }
        let noted: Vec<(Word, Word)> = truth.drain().into_iter().map(|entry| (entry.object, entry.job_type)).collect();
        assert_eq!(noted, [("ci-0001".into(), "provision".into()), ("ci-0001".into(), "deprovision".into())]);
    }
}
