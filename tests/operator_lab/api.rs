//! The API server as the operator meets it: it can refuse, hang, lose answers and be late with its events.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::StreamExt as _;
use http::{Request, Response};
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody};
use kube::{Client, client::Body};
use parking_lot::Mutex;
use provbench::{clock::SharedClock, cluster::ClusterService};
use serde_json::json;
use tower::{BoxError, ServiceExt as _};

use super::{Log, cut::Cut};

type AnyBody = http_body_util::combinators::UnsyncBoxBody<Bytes, BoxError>;

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// The request is refused, and nothing is done.
    Refuse(u16),
    /// The request is carried out, and its answer is an error.
    Lose(u16),
    /// Neither is it carried out nor answered.
    Hang,
}

type When = Box<dyn FnMut(&str, &str) -> bool + Send>;

struct Rule {
    when: When,
    fault: Fault,
    left: usize,
}

#[derive(Clone)]
pub(crate) struct ApiServer {
    service: ClusterService,
    clock: SharedClock,
    log: Log,
    cut: Cut,
    rules: Arc<Mutex<Vec<Rule>>>,
    watch_delay: Arc<Mutex<Duration>>,
    requests: Arc<Mutex<Vec<(String, String)>>>,
    asked: Arc<Mutex<Vec<(String, String)>>>,
}

impl ApiServer {
    pub(crate) fn new(service: ClusterService, clock: SharedClock, log: Log, cut: Cut) -> Self {
        Self {
            service,
            clock,
            log,
            cut,
            rules: Arc::default(),
            watch_delay: Arc::default(),
            requests: Arc::default(),
            asked: Arc::default(),
        }
    }

    /// The next `times` requests for which `when` holds (of method and path, and of the body) meet a fault.
    pub(crate) fn fail(&self, times: usize, fault: Fault, when: impl FnMut(&str, &str) -> bool + Send + 'static) {
        self.rules.lock().push(Rule { when: Box::new(when), fault, left: times });
    }

    pub(crate) fn heal(&self) {
        self.rules.lock().clear();
    }

    /// Events of new watches come this late from now on.
    pub(crate) fn delay_watches(&self, delay: Duration) {
        *self.watch_delay.lock() = delay;
    }

    /// The requests so far, method and path, and body; watches left out.
    pub(crate) fn requests(&self) -> Vec<(String, String)> {
        self.requests.lock().clone()
    }

    /// Every request so far, watches too: its method, and its path with the query.
    pub(crate) fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().clone()
    }

    pub(crate) fn client(&self, namespace: &str) -> Client {
        let this = self.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let this = this.clone();
            async move { this.answer(request).await }
        });
        Client::new(service, namespace)
    }

    fn fault(&self, line: &str, body: &str) -> Option<Fault> {
        let mut rules = self.rules.lock();
        for rule in rules.iter_mut() {
            if rule.left > 0 && (rule.when)(line, body) {
                rule.left -= 1;
                return Some(rule.fault);
            }
        }
        None
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<AnyBody>, BoxError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        self.asked.lock().push((parts.method.to_string(), parts.uri.to_string()));
        let line = format!("{} {}", parts.method, parts.uri.path());
        let text = String::from_utf8_lossy(&body).into_owned();
        let is_watch = parts.uri.query().is_some_and(|query| query.contains("watch=true"));
        if is_watch {
            if let Some(fault) = self.fault(&format!("WATCH {}", parts.uri.path()), "") {
                return self.faulty(fault).await;
            }
        } else {
            self.log.lock().push(format!("api {line} {text}"));
            self.requests.lock().push((line.clone(), text.clone()));
        }
        if !is_watch {
            self.cut.point().await;
        }
        let fault = if is_watch { None } else { self.fault(&line, &text) };
        if let Some(fault @ (Fault::Refuse(_) | Fault::Hang)) = fault {
            return self.faulty(fault).await;
        }
        let response = self.service.clone().oneshot(Request::from_parts(parts, Full::new(body))).await?;
        if !is_watch {
            self.cut.point().await;
        }
        if let Some(fault) = fault {
            return self.faulty(fault).await;
        }
        let delay = *self.watch_delay.lock();
        let (parts, body) = response.into_parts();
        if !is_watch || delay.is_zero() {
            return Ok(Response::from_parts(parts, body.map_err(BoxError::from).boxed_unsync()));
        }
        let clock = self.clock.clone();
        let late = BodyStream::new(body)
            .map(move |frame| {
                let wait = clock.sleep(delay);
                async move {
                    wait.await;
                    frame.map_err(BoxError::from)
                }
            })
            .buffered(100_000);
        Ok(Response::from_parts(parts, StreamBody::new(late).boxed_unsync()))
    }

    async fn faulty(&self, fault: Fault) -> Result<Response<AnyBody>, BoxError> {
        let (Fault::Refuse(code) | Fault::Lose(code)) = fault else { return std::future::pending().await };
        let reason = match code {
            404 => "NotFound",
            409 => "Conflict",
            _ => "InternalError",
        };
        let status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": "a fault of the test's", "reason": reason, "code": code,
        });
        let body = Full::new(Bytes::from(status.to_string())).map_err(BoxError::from).boxed_unsync();
        let response = Response::builder().status(code).header("content-type", "application/json");
        Ok(response.body(body)?)
    }
}
