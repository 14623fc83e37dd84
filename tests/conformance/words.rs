//! The words that cases are written in: short names of resources, and objects to begin with.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The namespace of a case, as it is written in cases.
pub const NAMESPACE: &str = "$ns";

/// Group, version, plural and kind of a short name; all are namespaced but the last two.
const RESOURCES: [(&str, &str, &str, &str); 8] = [
    ("ci", "apis/cloudkit.openshift.io/v1alpha1", "computeinstances", "ComputeInstance"),
    ("tenant", "apis/cloudkit.openshift.io/v1alpha1", "tenants", "Tenant"),
    ("thing", "apis/conformance.example.com/v1", "things", "Thing"),
    ("secret", "api/v1", "secrets", "Secret"),
    ("event", "api/v1", "events", "Event"),
    ("lease", "apis/coordination.k8s.io/v1", "leases", "Lease"),
    ("ns", "api/v1", "namespaces", "Namespace"),
    ("crd", "apis/apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition"),
];

/// The path that a target stands for: `ci`, `ci/a/status?x=y`, `all/ci`, `elsewhere:ci/a`, or a path.
///
/// # Panics
/// Where it names no resource.
pub fn path(target: &str) -> String {
    if target.starts_with('/') {
        return target.to_owned();
    }
    let end = target.find(['/', '?']).unwrap_or(target.len());
    let (word, rest) = target.split_at(end);
    let (namespace, word, rest) = match (word, word.split_once(':')) {
        ("all", _) => {
            let target = &rest[1..];
            let end = target.find(['/', '?']).unwrap_or(target.len());
            (None, &target[..end], &target[end..])
        }
        (_, Some((namespace, word))) => (Some(namespace), word, rest),
        _ => (Some(NAMESPACE), word, rest),
    };
    let (_, version, plural, _) =
        RESOURCES.iter().find(|resource| resource.0 == word).unwrap_or_else(|| panic!("no resource is called {word}"));
    match namespace {
        Some(namespace) if !matches!(word, "ns" | "crd") => format!("/{version}/namespaces/{namespace}/{plural}{rest}"),
        _ => format!("/{version}/{plural}{rest}"),
    }
}

/// The least that an object of a kind needs, with a name unless that is `-`.
///
/// # Panics
/// Where there is no such kind.
pub fn object(word: &str, name: &str) -> Value {
    let (_, version, _, kind) =
        RESOURCES.iter().find(|resource| resource.0 == word).unwrap_or_else(|| panic!("no kind is called {word}"));
    let api_version = version.trim_start_matches("apis/").trim_start_matches("api/");
    let mut object = json!({"apiVersion": api_version, "kind": kind, "metadata": {}});
    if name != "-" {
        object["metadata"]["name"] = name.into();
    }
    match word {
        "ci" => object["spec"] = json!({"templateID": "small"}),
        "tenant" => object["spec"] = json!({}),
        "lease" => object["spec"] = json!({"holderIdentity": "me", "leaseDurationSeconds": 15}),
        "thing" => object["spec"] = json!({"size": 1}),
        "event" => {
            object["involvedObject"] = json!({"kind": "ComputeInstance", "name": "a", "namespace": NAMESPACE});
            object["reason"] = "Because".into();
            object["type"] = "Normal".into();
        }
        _ => {}
    }
    object
}

/// Reads YAML in which `y` and `no` are words.
///
/// # Panics
/// Where it is none.
pub fn yaml<T: DeserializeOwned>(text: &str) -> T {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).unwrap_or_else(|error| panic!("{error} in {text}"))
}
