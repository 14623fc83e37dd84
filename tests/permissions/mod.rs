//! Roles as the manifests write them, and requests as Kubernetes authorizes them.

use std::{collections::BTreeSet, fs, path::Path};

use serde::Deserialize;
use serde_json::Value;

/// A request as an authorizer sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attributes {
    pub(crate) verb: &'static str,
    pub(crate) group: String,
    /// With its subresource.
    pub(crate) resource: String,
    /// `None` for what is in no namespace, and for all namespaces at once.
    pub(crate) namespace: Option<String>,
    pub(crate) name: Option<String>,
}

impl Attributes {
    /// Reads a request; `None` for paths that are about no resource.
    pub(crate) fn of(method: &str, uri: &str) -> Option<Self> {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let mut words = path.trim_matches('/').split('/');
        let group = match words.next()? {
            "api" => String::new(),
            "apis" => words.next()?.to_owned(),
            _ => return None,
        };
        words.next()?;
        let mut rest: Vec<&str> = words.collect();
        let mut namespace = None;
        if rest.len() > 2 && rest[0] == "namespaces" {
            namespace = Some(rest[1].to_owned());
            rest.drain(..2);
        }
        let mut resource = (*rest.first()?).to_owned();
        let name = rest.get(1).map(|name| (*name).to_owned());
        if let Some(subresource) = rest.get(2) {
            resource = format!("{resource}/{subresource}");
        }
        let is_watch = query.split('&').any(|part| matches!(part, "watch=true" | "watch=1"));
        let verb = match (method, &name) {
            ("GET", _) if is_watch => "watch",
            ("GET", Some(_)) => "get",
            ("GET", None) => "list",
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", Some(_)) => "delete",
            ("DELETE", None) => "deletecollection",
            _ => panic!("{method} {uri} is no request to a resource"),
        };
        Some(Self { verb, group, resource, namespace, name })
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    verbs: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
}

/// One verb on one kind of resource: the least that a rule grants.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grant {
    pub(crate) group: String,
    pub(crate) resource: String,
    pub(crate) verb: String,
    /// The only names; any where there is none.
    pub(crate) names: Vec<String>,
    /// The only namespace; `None` for all, and for what is in none.
    pub(crate) namespace: Option<String>,
}

impl Grant {
    pub(crate) fn allows(&self, request: &Attributes) -> bool {
        self.group == request.group
            && self.resource == request.resource
            && self.verb == request.verb
            && (self.namespace.is_none() || self.namespace == request.namespace)
            // A request without a name (create, list, watch) is allowed by no rule that has names.
            && (self.names.is_empty() || request.name.as_ref().is_some_and(|name| self.names.contains(name)))
    }
}

/// The documents of a file of manifests.
pub(crate) fn documents(path: &str) -> Vec<Value> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let documents = text.split("\n---\n").map(|text| serde_saphyr::from_str(text).expect("YAML"));
    documents.filter(|document: &Value| !document.is_null()).collect()
}

/// Everything that a service account is granted by these manifests.
pub(crate) fn grants(manifests: &[Value], account: &str) -> BTreeSet<Grant> {
    let mut grants = BTreeSet::new();
    for binding in manifests {
        let kind = binding["kind"].as_str().unwrap_or_default();
        let is_bound = |subject: &Value| subject["kind"] == "ServiceAccount" && subject["name"] == account;
        if !kind.ends_with("RoleBinding") || !binding["subjects"].as_array().is_some_and(|all| all.iter().any(is_bound))
        {
            continue;
        }
        let namespace = binding["metadata"]["namespace"].as_str().filter(|_| kind == "RoleBinding");
        let role = manifests.iter().find(|role| {
            role["kind"] == binding["roleRef"]["kind"]
                && role["metadata"]["name"] == binding["roleRef"]["name"]
                && (role["kind"] == "ClusterRole" || role["metadata"]["namespace"].as_str() == namespace)
        });
        let role = role.unwrap_or_else(|| panic!("no role for {binding}"));
        let rules: Vec<Rule> = serde_json::from_value(role["rules"].clone()).expect("rules");
        for rule in rules {
            for group in &rule.api_groups {
                for resource in &rule.resources {
                    for verb in &rule.verbs {
                        grants.insert(Grant {
                            group: group.clone(),
                            resource: resource.clone(),
                            verb: verb.clone(),
                            names: rule.resource_names.clone(),
                            namespace: namespace.map(str::to_owned),
                        });
                    }
                }
            }
        }
    }
    grants
}
