//! What there is to ask for: groups, versions, resources, in both forms that clients know, and what one may do.

mod aggregated;
mod aliases;
mod documents;
pub(super) mod reviews;

use std::sync::Arc;

use http::{Method, StatusCode, request::Parts};
use serde_json::Value;

use super::{
    create::to_bytes,
    embedded::Shared,
    kinds::{Kind, Role},
    negotiate, openapi,
    reply::Reply,
    status::Refusal,
};

pub(super) use aliases::Aliases;

/// What can be done with a resource, in the order in which the real server tells it.
const VERBS: [&str; 8] = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];

/// The same for a custom resource, of which it tells in another order.
const CUSTOM_VERBS: [&str; 8] = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/// What can be done with the objects of a kind.
fn verbs(kind: &Kind) -> [&'static str; 8] {
    if kind.role == Role::Custom { CUSTOM_VERBS } else { VERBS }
}

/// What can be done with the status alone.
const STATUS_VERBS: [&str; 3] = ["get", "patch", "update"];

/// Answers a path that is about no resource of the store.
///
/// # Errors
/// 404, 405 and 406.
pub(super) fn answer(shared: &Shared, parts: &Parts) -> Result<Reply, Refusal> {
    let path = parts.uri.path();
    let segments: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').skip(1).collect();
    let is_here = matches!(segments.as_slice(), ["api" | "apis" | "openapi", ..]);
    if is_here && parts.method != Method::GET {
        return Err(Refusal::no_such_method());
    }
    match segments.as_slice() {
        ["api"] => wanted(parts, |version| aggregated::core(&kinds(shared), version), documents::core_versions),
        ["apis"] => {
            wanted(parts, |version| aggregated::groups(&kinds(shared), version), || documents::groups(&kinds(shared)))
        }
        ["api", version] => plain(parts, documents::resources(&kinds(shared), "", version)),
        ["apis", group] => plain(parts, documents::group(&kinds(shared), group)),
        ["apis", group, version] => plain(parts, documents::resources(&kinds(shared), group, version)),
        ["openapi", rest @ ..] => openapi::answer(shared, parts, rest),
        _ => Ok(Reply::NO_PAGE),
    }
}

fn kinds(shared: &Shared) -> Vec<Arc<Kind>> {
    shared.state.lock().resources.iter().map(|resource| resource.kind.clone()).collect()
}

/// The aggregated form where the client takes that, else the older one.
fn wanted(
    parts: &Parts,
    aggregated: impl FnOnce(&str) -> Value,
    older: impl FnOnce() -> Value,
) -> Result<Reply, Refusal> {
    let Some(version) = negotiate::aggregated_discovery(&parts.headers)? else {
        return Ok(Reply::ok(to_bytes(&older())));
    };
    let content_type = match version {
        "v2" => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        _ => "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
    };
    Ok(Reply::Document { code: StatusCode::OK, content_type, etag: None, bytes: to_bytes(&aggregated(version)) })
}

fn plain(parts: &Parts, document: Option<Value>) -> Result<Reply, Refusal> {
    negotiate::json(&parts.headers)?;
    Ok(document.map_or(Reply::NO_PAGE, |document| Reply::ok(to_bytes(&document))))
}
