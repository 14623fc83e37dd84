//! Discovery in its newer form: everything in one document.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{STATUS_VERBS, documents::group_versions, reviews, verbs};
use crate::cluster::kinds::Kind;

/// `/api`: the core group.
pub(super) fn core(kinds: &[Arc<Kind>], version: &str) -> Value {
    let versions = vec![json!({"version": "v1", "freshness": "Current", "resources": resources(kinds, "", "v1")})];
    list(version, &[json!({"metadata": {"creationTimestamp": null}, "versions": versions})])
}

/// `/apis`: every other group.
pub(super) fn groups(kinds: &[Arc<Kind>], version: &str) -> Value {
    let mut items: Vec<Value> = Vec::new();
    for (group, served) in group_versions(kinds) {
        let described =
            json!({"version": served, "freshness": "Current", "resources": resources(kinds, &group, &served)});
        match items.last_mut() {
            Some(item) if item["metadata"]["name"] == group.as_str() => {
                if let Some(versions) = item["versions"].as_array_mut() {
                    versions.push(described);
                }
            }
            _ => items.push(json!({
                "metadata": {"name": group, "creationTimestamp": null},
                "versions": [described],
            })),
        }
    }
    list(version, &items)
}

fn list(version: &str, items: &[Value]) -> Value {
    json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": format!("apidiscovery.k8s.io/{version}"),
        "metadata": {},
        "items": items,
    })
}

fn resources(kinds: &[Arc<Kind>], group: &str, version: &str) -> Vec<Value> {
    let own = kinds.iter().filter(|kind| kind.group == group && kind.version == version).map(|kind| {
        let response_kind = json!({"group": kind.group, "version": kind.version, "kind": kind.name});
        let mut resource = json!({
            "resource": kind.plural,
            "responseKind": response_kind,
            "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
            "singularResource": kind.aliases.singular,
            "verbs": verbs(kind),
        });
        if !kind.aliases.short.is_empty() {
            resource["shortNames"] = json!(kind.aliases.short);
        }
        if !kind.aliases.categories.is_empty() {
            resource["categories"] = json!(kind.aliases.categories);
        }
        if kind.status {
            resource["subresources"] =
                json!([{"subresource": "status", "responseKind": response_kind, "verbs": STATUS_VERBS}]);
        }
        resource
    });
    let asked = reviews::REVIEWS.iter().filter(|review| review.group == group).map(|review| {
        json!({
            "resource": review.plural,
            "responseKind": {"group": review.group, "version": "v1", "kind": review.kind},
            "scope": "Cluster",
            "singularResource": review.kind.to_lowercase(),
            "verbs": ["create"],
        })
    });
    own.chain(asked).collect()
}
