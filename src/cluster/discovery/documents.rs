//! Discovery in its older form: a document for each group and version.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value, json};

use super::{STATUS_VERBS, reviews, verbs};
use crate::cluster::kinds::Kind;

/// Every group with its version, the core group excepted, sorted: the store's, and those that only answer questions.
pub(super) fn group_versions(kinds: &[Arc<Kind>]) -> Vec<(String, String)> {
    let own = kinds.iter().filter(|kind| !kind.group.is_empty()).map(|kind| (kind.group.clone(), kind.version.clone()));
    let asked = reviews::REVIEWS.iter().map(|review| (review.group.to_owned(), "v1".to_owned()));
    own.chain(asked).collect::<BTreeSet<_>>().into_iter().collect()
}

/// `/api`.
pub(super) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

/// `/apis`.
pub(super) fn groups(kinds: &[Arc<Kind>]) -> Value {
    let names: BTreeSet<String> = group_versions(kinds).into_iter().map(|(group, _)| group).collect();
    let groups: Vec<Value> = names.iter().filter_map(|name| described(kinds, name)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

/// `/apis/GROUP`.
pub(super) fn group(kinds: &[Arc<Kind>], name: &str) -> Option<Value> {
    let mut group = described(kinds, name)?;
    group["kind"] = "APIGroup".into();
    group["apiVersion"] = "v1".into();
    Some(group)
}

fn described(kinds: &[Arc<Kind>], name: &str) -> Option<Value> {
    let versions: Vec<Value> = group_versions(kinds)
        .into_iter()
        .filter(|(group, _)| group == name)
        .map(|(group, version)| json!({"groupVersion": format!("{group}/{version}"), "version": version}))
        .collect();
    let preferred = versions.first()?.clone();
    Some(json!({"name": name, "versions": versions, "preferredVersion": preferred}))
}

/// `/api/v1` and `/apis/GROUP/VERSION`.
pub(super) fn resources(kinds: &[Arc<Kind>], group: &str, version: &str) -> Option<Value> {
    let mut resources = Vec::new();
    for kind in kinds.iter().filter(|kind| kind.group == group && kind.version == version) {
        let mut resource = json!({
            "name": kind.plural,
            "singularName": kind.aliases.singular,
            "namespaced": kind.namespaced,
            "kind": kind.name,
            "verbs": verbs(kind),
        });
        if !kind.aliases.short.is_empty() {
            resource["shortNames"] = json!(kind.aliases.short);
        }
        if !kind.aliases.categories.is_empty() {
            resource["categories"] = json!(kind.aliases.categories);
        }
        resources.push(resource);
        if kind.status {
            resources.push(json!({
                "name": format!("{}/status", kind.plural),
                "singularName": "",
                "namespaced": kind.namespaced,
                "kind": kind.name,
                "verbs": STATUS_VERBS,
            }));
        }
    }
    for review in reviews::REVIEWS.iter().filter(|review| review.group == group && version == "v1") {
        resources.push(json!({
            "name": review.plural,
            "singularName": review.kind.to_lowercase(),
            "namespaced": false,
            "kind": review.kind,
            "verbs": ["create"],
        }));
    }
    if resources.is_empty() {
        return None;
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(json!({
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::kinds;

    #[test]
    fn every_kind_is_told_with_its_verbs() {
        let kinds = kinds::built_in();
        let core = resources(&kinds, "", "v1").expect("the core group");
        let names: Vec<&str> =
            core["resources"].as_array().expect("a list").iter().filter_map(|r| r["name"].as_str()).collect();
        for name in ["namespaces", "namespaces/status", "secrets", "events"] {
            assert!(names.contains(&name), "{name}");
        }
        assert_eq!(core["resources"][0]["shortNames"], json!(["ns"]));
        assert!(resources(&kinds, "", "v2").is_none());
        assert!(resources(&kinds, "nobody.example", "v1").is_none());
        for (group, version) in group_versions(&kinds) {
            assert!(resources(&kinds, &group, &version).is_some(), "{group}");
            assert!(group_is_listed(&kinds, &group), "{group}");
        }
    }

    fn group_is_listed(kinds: &[Arc<Kind>], name: &str) -> bool {
        let all = groups(kinds);
        let listed = all["groups"].as_array().expect("a list").iter().any(|group| group["name"] == name);
        listed && group(kinds, name).is_some()
    }
}
