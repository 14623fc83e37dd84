//! HTTP as the providers see it: a boxed tower Service, whole request in, whole response out.
//!
//! Production gives it a client with TLS; anything else that speaks HTTP fits as well.

use std::{borrow::Cow, fmt, path::Path, time::Duration};

use ::http::{Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use parking_lot::Mutex;
use serde::Serialize;
use tower::{BoxError, ServiceExt, util::BoxCloneService};

use crate::{
    clock::{self, SharedClock},
    operator::{
        config::{Secret, showable},
        provider::ProviderError,
    },
};

/// The seam: whatever carries a request to a backend.
pub type Transport = BoxCloneService<Request<Bytes>, Response<Bytes>, BoxError>;

/// How much of an answer is read; AAP's job records with their extra_vars stay far below.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long an answer may take, where nothing else is said.
pub(crate) const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// The longest that a backend may make the operator wait (by the header Retry-After).
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// How much of an error's text is repeated.
const EXCERPT_CHARS_MAX: usize = 200;

/// A transport for production: HTTP/1.1 with TLS verified against the system's roots, or against the certificates in a file
/// (PEM) and no others.
///
/// # Errors
/// When the system has no usable root certificates, or the file has none.
pub fn network_transport(authorities: Option<&Path>) -> std::io::Result<Transport> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector.enforce_http(false);
    let builder = hyper_rustls::HttpsConnectorBuilder::new();
    let builder = match authorities {
        Some(file) => builder.with_tls_config(trusting(file)?),
        None => builder.with_native_roots()?,
    };
    let connector = builder.https_or_http().enable_http1().wrap_connector(connector);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    Ok(boxed(client))
}

/// TLS that trusts the certificates in a file.
fn trusting(file: &Path) -> std::io::Result<rustls::ClientConfig> {
    use rustls::pki_types::{CertificateDer, pem::PemObject as _};
    let wrong = |reason: String| {
        let message = format!("{} has no certificates that can be used: {reason}", file.display());
        std::io::Error::new(std::io::ErrorKind::InvalidData, message)
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| wrong(error.to_string()))? {
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(wrong("it holds none".to_owned()));
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| wrong(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// A transport for backends at these URLs: with TLS where any needs it, or where a file of certificates is given, which is read
/// in any case. The system's roots take milliseconds and memory, and a host need not have any.
///
/// # Errors
/// As [`network_transport`].
pub fn transport_for<'a>(
    urls: impl IntoIterator<Item = &'a str>,
    authorities: Option<&Path>,
) -> std::io::Result<Transport> {
    if authorities.is_some() || urls.into_iter().any(is_by_tls) {
        network_transport(authorities)
    } else {
        Ok(plain_transport())
    }
}

fn is_by_tls(url: &str) -> bool {
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

/// A transport without TLS, for addresses that need none.
#[must_use]
pub fn plain_transport() -> Transport {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    boxed(client)
}

fn boxed<C>(client: Client<C, Full<Bytes>>) -> Transport
where
    C: hyper_util::client::legacy::connect::Connect + Clone + Send + Sync + 'static,
{
    BoxCloneService::new(tower::service_fn(move |request: Request<Bytes>| {
        let client = client.clone();
        async move {
            let response = client.request(request.map(Full::new)).await?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
            Ok::<_, BoxError>(Response::from_parts(parts, body))
        }
    }))
}

/// Sends requests to one backend and sorts its answers.
pub(crate) struct HttpClient {
    transport: Mutex<Transport>,
    clock: SharedClock,
    token: Option<Secret>,
    patience: Duration,
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").finish_non_exhaustive()
    }
}

impl HttpClient {
    /// A client that waits `patience` for each answer.
    pub(crate) fn new(transport: Transport, clock: SharedClock, token: Option<Secret>, patience: Duration) -> Self {
        Self { transport: Mutex::new(transport), clock, token, patience }
    }

    /// Sends a GET and returns whatever answer comes.
    pub(crate) async fn get(&self, url: &str) -> Result<Answer, ProviderError> {
        self.send("GET", url, Bytes::new()).await
    }

    /// Sends a POST with a JSON body and returns whatever answer comes.
    pub(crate) async fn post(&self, url: &str, body: &impl Serialize) -> Result<Answer, ProviderError> {
        let body = serde_json::to_vec(body).map_err(|error| ProviderError::Protocol {
            what: describe("POST", url),
            reason: format!("the request could not be written as JSON: {error}"),
        })?;
        self.send("POST", url, body.into()).await
    }

    async fn send(&self, method: &'static str, url: &str, body: Bytes) -> Result<Answer, ProviderError> {
        let what = describe(method, url);
        let unreachable = |reason: String| ProviderError::Unreachable { what: what.clone(), reason };
        let mut request = Request::builder().method(method).uri(url).header(header::ACCEPT, "application/json");
        if method == "POST" {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let no_token = |reason: String| ProviderError::NoToken { what: what.clone(), reason };
        let token = match self.token.as_ref().map(Secret::reveal).transpose() {
            Ok(token) => token,
            Err(error) => return Err(no_token(format!("the token's file can't be read: {error}"))),
        };
        if let Some(token) = &token {
            let mut value = header::HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| no_token("the token has characters that no header can carry".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        let request = request.body(body).map_err(|error| unreachable(error.to_string()))?;
        let transport = self.transport.lock().clone();
        match clock::timeout(&*self.clock, self.patience, transport.oneshot(request)).await {
            Ok(Ok(response)) => {
                Ok(Answer { what, response, token: token.map(Cow::into_owned), arrived: self.clock.now() })
            }
            Ok(Err(error)) => Err(unreachable(chain(&*error))),
            Err(late) => Err(unreachable(late.to_string())),
        }
    }
}

/// An error with its causes, the outermost first; layers that only repeat their cause are left out.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// A request in words. Of the URL what may carry a secret is left out.
fn describe(method: &str, url: &str) -> String {
    format!("{method} {}", showable(url))
}

/// A date as HTTP carries it (RFC 9110, section 5.6.7), in the one form that servers may send.
fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

/// What a backend answered.
pub(crate) struct Answer {
    what: String,
    response: Response<Bytes>,
    /// What must not be repeated, should the answer contain it.
    token: Option<String>,
    arrived: Timestamp,
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The body as JSON.
    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, ProviderError> {
        self.read(|body| serde_json::from_slice(body))
    }

    /// The body as `read` reads it.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&[u8]) -> serde_json::Result<T>) -> Result<T, ProviderError> {
        read(self.response.body()).map_err(|error| ProviderError::Protocol {
            what: self.what.clone(),
            reason: self.without_token(error.to_string()),
        })
    }

    /// Whether the API itself says that there is no such thing. A gateway that has lost its way to the API answers 404 as
    /// well, but not in JSON: what it says of a job means nothing.
    pub(crate) fn is_missing(&self) -> bool {
        self.response.status() == StatusCode::NOT_FOUND
            && serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(self.response.body()).is_ok()
    }

    /// Whether the answer is one that the API could give, where it need not say anything: a page is somebody else's.
    pub(crate) fn of_the_api(&self) -> Result<(), ProviderError> {
        if self.response.body().is_empty() {
            return Ok(());
        }
        self.json::<serde::de::IgnoredAny>().map(|_| ())
    }

    /// The ID at the end of the path in the header Location.
    pub(crate) fn location_id(&self) -> Option<u64> {
        let location = self.response.headers().get(header::LOCATION)?.to_str().ok()?;
        location.trim_end_matches('/').rsplit('/').next()?.parse().ok()
    }

    fn without_token(&self, text: String) -> String {
        match &self.token {
            Some(token) if !token.is_empty() => text.replace(token, "(secret)"),
            _ => text,
        }
    }

    /// The answer itself when its status means success, an error that says what to do otherwise.
    pub(crate) fn successful(self) -> Result<Self, ProviderError> {
        let what = self.what.clone();
        match self.response.status() {
            status if status.is_success() => Ok(self),
            status if status.is_redirection() => Err(ProviderError::Protocol {
                what,
                reason: format!("a redirect ({}), as to a login page", status.as_u16()),
            }),
            StatusCode::UNAUTHORIZED => Err(ProviderError::Unauthorized { what, with_token: self.token.is_some() }),
            StatusCode::FORBIDDEN => Err(ProviderError::Forbidden { what }),
            StatusCode::TOO_MANY_REQUESTS => Err(ProviderError::Busy { what, retry_after: self.retry_after() }),
            status => Err(ProviderError::Refused { what, status: status.as_u16(), excerpt: self.excerpt() }),
        }
    }

    /// The wait that was asked for, in either form of RFC 9110, section 10.2.3: seconds, or a date, which is counted from the
    /// answer's own date: the server's clock need not be ours.
    fn retry_after(&self) -> Option<Duration> {
        let asked = self.text_of(&header::RETRY_AFTER)?;
        let wait = if let Ok(seconds) = asked.parse() {
            Duration::from_secs(seconds)
        } else {
            let sent = self.date().unwrap_or(self.arrived);
            // A date that has passed asks for no wait.
            Duration::try_from(http_date(asked)?.duration_since(sent)).unwrap_or_default()
        };
        Some(wait.min(RETRY_AFTER_MAX))
    }

    /// When it was made, by the server's clock: a whole second.
    pub(crate) fn date(&self) -> Option<Timestamp> {
        self.text_of(&header::DATE).and_then(http_date)
    }

    fn text_of(&self, name: &header::HeaderName) -> Option<&str> {
        Some(self.response.headers().get(name)?.to_str().ok()?.trim())
    }

    fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(self.response.body());
        let line = self.without_token(text.split_whitespace().collect::<Vec<_>>().join(" "));
        match line.char_indices().nth(EXCERPT_CHARS_MAX) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None if line.is_empty() => "(no text)".to_owned(),
            None => line,
        }
    }
}

#[cfg(all(test, feature = "harness"))]
#[path = "http_tests.rs"]
mod tests;
