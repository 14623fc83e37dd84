//! Untyped requests to the cluster.

use futures::future::BoxFuture;
use http::{Method, Request, StatusCode, header};
use kube::Client;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use super::ObjectNames;
use crate::record::Word;

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

/// A request on its way. On the heap: thousands of jobs wait at a time, nearly all of them for something else, and would
/// carry the room for it around with them.
pub(super) type Asked<'a, T> = BoxFuture<'a, Result<T, Refused>>;

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
    fn read(text: &str) -> serde_json::Result<Self>;
}

impl<T: DeserializeOwned + Send> Answer for T {
    fn read(text: &str) -> serde_json::Result<Self> {
        serde_json::from_str(text)
    }
}

/// An answer of which nothing is read.
#[derive(Clone, Copy)]
pub(super) struct Ignored;

impl Answer for Ignored {
    fn read(_: &str) -> serde_json::Result<Self> {
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
pub(super) fn get<'a, T: Answer>(client: &'a Client, path: &'a Path) -> Asked<'a, T> {
    send(client, Method::GET, path, None, Vec::new())
}

/// Makes an object in a collection.
pub(super) fn create<'a>(client: &'a Client, path: &'a Path, body: String) -> Asked<'a, Ignored> {
    send(client, Method::POST, path, Some("application/json"), body.into_bytes())
}

/// Changes an object by a merge patch (RFC 7386).
pub(super) fn merge<'a>(client: &'a Client, path: &'a Path, body: String) -> Asked<'a, Ignored> {
    send(client, Method::PATCH, path, Some("application/merge-patch+json"), body.into_bytes())
}

/// Deletes an object.
pub(super) fn delete<'a>(client: &'a Client, path: &'a Path) -> Asked<'a, Deleted> {
    send(client, Method::DELETE, path, None, Vec::new())
}

fn send<'a, T: Answer>(
    client: &'a Client,
    method: Method,
    path: &'a Path,
    content_type: Option<&'static str>,
    body: Vec<u8>,
) -> Asked<'a, T> {
    Box::pin(async move {
        let mut request = Request::builder().method(method).uri(&path.0);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let request = request.body(body).map_err(|error| Refused { code: 0, message: error.to_string() })?;
        let answer = client.request_text(request).await.map_err(|error| match error {
            kube::Error::Api(status) => Refused { code: status.code, message: status.message.clone() },
            other => Refused { code: 0, message: other.to_string() },
        })?;
        T::read(&answer).map_err(|error| Refused { code: 0, message: format!("the answer is not readable: {error}") })
    })
}
