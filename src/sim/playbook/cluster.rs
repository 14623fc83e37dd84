//! Untyped requests to the cluster.

use http::{HeaderValue, Method, Request, StatusCode, header};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::ObjectNames;
use crate::{record::Word, sim::api_server::ApiServer};

/// The path of an object or a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Path(String);

impl Path {
    /// The instance that the job is for.
    pub(super) fn instance(names: &ObjectNames, namespace: &str, name: &str) -> Self {
        Self(format!("/apis/{}/namespaces/{namespace}/{}/{name}", names.api_version, names.plural))
    }

    /// Its tenant.
    pub(super) fn tenant(names: &ObjectNames, namespace: &str, name: &str) -> Self {
        Self(format!("/apis/{}/namespaces/{namespace}/tenants/{name}", names.api_version))
    }

    /// The machines of a namespace.
    pub(super) fn machines(namespace: &str) -> Self {
        Self(format!("/apis/kubevirt.io/v1/namespaces/{namespace}/virtualmachines"))
    }

    /// The volumes of a namespace.
    pub(super) fn volumes(namespace: &str) -> Self {
        Self(format!("/apis/cdi.kubevirt.io/v1beta1/namespaces/{namespace}/datavolumes"))
    }

    /// The secrets of a namespace.
    pub(super) fn secrets(namespace: &str) -> Self {
        Self(format!("/api/v1/namespaces/{namespace}/secrets"))
    }

    /// An object of a collection.
    pub(super) fn named(&self, name: &str) -> Self {
        Self(format!("{}/{name}", self.0))
    }
}

/// A request that the cluster did not do.
#[derive(Debug)]
pub(super) struct Refused {
    /// The status code; 0 when there was no answer.
    pub(super) code: u16,
    /// What the cluster said.
    pub(super) message: String,
}

impl Refused {
    /// Whether there is no such object.
    pub(super) fn is_not_found(&self) -> bool {
        self.code == StatusCode::NOT_FOUND.as_u16()
    }

    /// Whether it was there already.
    pub(super) fn is_conflict(&self) -> bool {
        self.code == StatusCode::CONFLICT.as_u16()
    }
}

/// How an answer is read.
pub(super) trait Answer: Sized + Send {
    /// Reads it.
    fn read(text: &[u8]) -> serde_json::Result<Self>;
}

impl<T: DeserializeOwned + Send> Answer for T {
    fn read(text: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(text)
    }
}

/// An answer of which nothing is read.
#[derive(Clone, Copy)]
pub(super) struct Ignored;

impl Answer for Ignored {
    fn read(_: &[u8]) -> serde_json::Result<Self> {
        Ok(Self)
    }
}

/// The answer to a deletion: a `Status` when the object is gone, the object when it will be.
#[derive(Deserialize)]
pub(super) struct Deleted {
    #[serde(default)]
    kind: Word,
    #[serde(default)]
    status: IsSuccess,
}

/// Whether a `status` is the word `Success`; an object's status is something else.
#[derive(Default)]
struct IsSuccess(bool);

impl<'de> Deserialize<'de> for IsSuccess {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        Ok(Self(raw.get() == "\"Success\""))
    }
}

impl Deleted {
    /// Whether nothing is left to wait for.
    pub(super) fn is_gone(&self) -> bool {
        self.kind == "Status" && self.status.0
    }
}

/// Reads an object.
pub(super) async fn get<T: Answer>(server: &ApiServer, path: &Path) -> Result<T, Refused> {
    send(server, Method::GET, path, None, Vec::new()).await
}

/// Makes an object in a collection.
pub(super) async fn create(server: &ApiServer, path: &Path, body: String) -> Result<Ignored, Refused> {
    send(server, Method::POST, path, Some("application/json"), body.into_bytes()).await
}

/// Changes an object by a merge patch (RFC 7386).
pub(super) async fn merge(server: &ApiServer, path: &Path, body: String) -> Result<Ignored, Refused> {
    send(server, Method::PATCH, path, Some("application/merge-patch+json"), body.into_bytes()).await
}

/// Deletes an object.
pub(super) async fn delete(server: &ApiServer, path: &Path) -> Result<Deleted, Refused> {
    send(server, Method::DELETE, path, None, Vec::new()).await
}

async fn send<T: Answer>(
    server: &ApiServer,
    method: Method,
    path: &Path,
    content_type: Option<&'static str>,
    body: Vec<u8>,
) -> Result<T, Refused> {
    let mut request = Request::builder().method(method).uri(&path.0);
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    let request = request.body(body).map_err(|error| Refused { code: 0, message: error.to_string() })?;
    let answer = server.ask(request).await.map_err(|error| match error {
        kube::Error::Api(status) => Refused { code: status.code, message: status.message.clone() },
        other => Refused { code: 0, message: other.to_string() },
    })?;
    T::read(&answer).map_err(|error| Refused { code: 0, message: format!("the answer is not readable: {error}") })
}
