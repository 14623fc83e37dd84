//! The API's own description: OpenAPI v3, a document for each group and version, and all of it as Swagger 2.
//!
//! Of the kinds that Kubernetes brings the schemas are those of `k8s-openapi`'s types, of defined kinds those of their
//! definitions. Documents are made when they are asked for: few ask, and nothing has to be kept up to date.

mod built_in;
mod operations;
mod schemas;
mod swagger;

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header::IF_NONE_MATCH, request::Parts};
use serde_json::{Map, Value, json};

use super::{create::to_bytes, embedded::Shared, negotiate, reply::Reply, status::Refusal};

/// What is behind a group and version: the kinds, each with the schema of its definition where it has one.
type Described = Vec<(std::sync::Arc<super::kinds::Kind>, Option<Value>)>;

/// Answers a path below `/openapi`.
///
/// # Errors
/// 406 where JSON is not taken: the protobuf form is not given.
pub(super) fn answer(shared: &Shared, parts: &Parts, rest: &[&str]) -> Result<Reply, Refusal> {
    let all = described(shared);
    let document = match rest {
        ["v2"] => Some(swagger::document_of(&all)),
        ["v3"] => Some(index(&all)),
        ["v3", "api", "v1"] => document(&all, "api/v1"),
        ["v3", "apis", group, version] => document(&all, &format!("apis/{group}/{version}")),
        _ => None,
    };
    let Some(document) = document else { return Ok(Reply::NO_PAGE) };
    negotiate::json(&parts.headers)?;
    let bytes = to_bytes(&document);
    let tag = format!("\"{}\"", hash(&bytes));
    let is_known = parts.headers.get(IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let etag = HeaderValue::try_from(tag).ok();
    let (code, bytes) = if is_known { (StatusCode::NOT_MODIFIED, Bytes::new()) } else { (StatusCode::OK, bytes) };
    Ok(Reply::Document { code, content_type: "application/json", etag, bytes })
}

/// Everything that is served, by the path of its document.
fn described(shared: &Shared) -> BTreeMap<String, Described> {
    let (kinds, definitions) = {
        let state = shared.state.lock();
        let kinds: Vec<_> = state.resources.iter().map(|resource| resource.kind.clone()).collect();
        let definitions = state.find("apiextensions.k8s.io", "customresourcedefinitions");
        let definitions = definitions.and_then(|at| state.resources.get(at));
        let definitions: BTreeMap<String, Bytes> = definitions
            .into_iter()
            .flat_map(|resource| resource.iter(None))
            .map(|(_, name, stored)| (name.to_string(), stored.bytes.clone()))
            .collect();
        (kinds, definitions)
    };
    let mut all: BTreeMap<String, Described> = BTreeMap::new();
    for kind in kinds {
        let schema = definitions.get(kind.resource()).and_then(|bytes| schema_of(bytes, &kind.version));
        let path = match kind.group.as_str() {
            "" => format!("api/{}", kind.version),
            group => format!("apis/{group}/{}", kind.version),
        };
        all.entry(path).or_default().push((kind, schema));
    }
    all
}

fn schema_of(definition: &[u8], version: &str) -> Option<Value> {
    let mut definition: Value = serde_json::from_slice(definition).ok()?;
    let versions = definition.pointer_mut("/spec/versions")?.as_array_mut()?;
    let version = versions.iter_mut().find(|candidate| candidate["name"] == version)?;
    version.pointer_mut("/schema/openAPIV3Schema").map(Value::take)
}

/// `/openapi/v3`: where the documents are.
fn index(all: &BTreeMap<String, Described>) -> Value {
    let mut paths = Map::new();
    for path in all.keys() {
        let hash = document(all, path).map(|document| hash(&to_bytes(&document))).unwrap_or_default();
        paths.insert(path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={hash}")}));
    }
    json!({"paths": paths})
}

fn document(all: &BTreeMap<String, Described>, path: &str) -> Option<Value> {
    let kinds = all.get(path)?;
    let (schemas, names) = schemas::of(kinds);
    let mut paths = Map::new();
    for (kind, _) in kinds {
        let schema = names.get(&kind.name).map(String::as_str).unwrap_or_default();
        operations::add(&mut paths, path, kind, schema);
    }
    Some(json!({
        "openapi": "3.0.0",
        "info": info(),
        "paths": paths,
        "components": {"schemas": schemas},
    }))
}

fn info() -> Value {
    json!({"title": "provbench", "version": "v1.33.0"})
}

/// FNV-1a, 64 bits: told apart is all that documents have to be.
fn hash(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("{hash:016X}")
}
