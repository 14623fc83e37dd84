//! The definitions that an experiment needs in a cluster.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource;
use kube::{
    Client,
    api::{Api, DynamicObject, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::Value;

use super::ExternalError;
use crate::{
    api::crd,
    clock::{Clock, timeout},
    harness::experiment::Subject,
};

/// Who installed them, in `managedFields`.
const MANAGER: &str = "provbench";

/// How long a definition may take to be served.
const ESTABLISHED_LIMIT: Duration = Duration::from_secs(30);

const CHECK: Duration = Duration::from_millis(50);

/// What the simulated KubeVirt and CDI need where the real ones are not there: enough to keep their objects, and no more.
const FOREIGN: [&str; 2] =
    [include_str!("crds/kubevirt.io_virtualmachines.yaml"), include_str!("crds/cdi.kubevirt.io_datavolumes.yaml")];

/// A definition, and where its kind is served.
struct Definition {
    crd: Value,
    name: String,
    group: String,
    version: String,
    plural: String,
    namespaced: bool,
    /// Whether the status has a subresource of its own.
    status: bool,
}

impl Definition {
    fn of(crd: Value) -> Self {
        let text = |pointer| crd.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, group) = (text("/metadata/name"), text("/spec/group"));
        let (version, plural) = (text("/spec/versions/0/name"), text("/spec/names/plural"));
        let namespaced = text("/spec/scope") == "Namespaced";
        let status = crd.pointer("/spec/versions/0/subresources/status").is_some();
        Self { crd, name, group, version, plural, namespaced, status }
    }

    /// Whether the kind is served, however it came there.
    ///
    /// # Errors
    /// Where the cluster can't be asked, or serves the kind otherwise than it is needed.
    async fn is_served(&self, client: &Client) -> Result<bool, ExternalError> {
        let group_version = format!("{}/{}", self.group, self.version);
        match client.list_api_group_resources(&group_version).await {
            Ok(list) => self.is_among(&list.resources),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            Err(source) => Err(ExternalError::Connect(Box::new(source))),
        }
    }

    /// Whether the kind is one of those, as discovery lists them.
    ///
    /// Without its status subresource a status could never be written, and in the other scope nothing would be found: a run
    /// would start and come to nothing.
    fn is_among(&self, resources: &[APIResource]) -> Result<bool, ExternalError> {
        let Some(served) = resources.iter().find(|resource| resource.name == self.plural) else { return Ok(false) };
        let status = format!("{}/status", self.plural);
        let lacks = if served.namespaced != self.namespaced {
            let scope = if self.namespaced { "Namespaced" } else { "Cluster" };
            format!("its scope is not {scope}")
        } else if self.status && resources.iter().all(|resource| resource.name != status) {
            format!("{} has no subresource `status`", self.version)
        } else {
            return Ok(true);
        };
        Err(ExternalError::Unfit { name: self.name.clone(), lacks })
    }
}

/// The definitions of ours, and those that the simulated platform needs.
fn all() -> Result<Vec<Definition>, ExternalError> {
    let ours = crd::all().map_err(|error| ExternalError::Definitions(error.to_string()))?;
    let foreign = FOREIGN.iter().map(|text| {
        serde_saphyr::from_str::<Value>(text).map_err(|error| ExternalError::Definitions(error.to_string()))
    });
    let foreign = foreign.collect::<Result<Vec<_>, _>>()?;
    // Whether the real ones of others have a status of their own is their business.
    let foreign = foreign.into_iter().map(|crd| Definition { status: false, ..Definition::of(crd) });
    Ok(ours.into_iter().map(|(_, crd)| Definition::of(crd)).chain(foreign).collect())
}

/// Checks that every kind is served, `more` among them; installs what is not, where that is asked for.
///
/// What is served already stays as it is: it may be somebody else's.
pub(super) async fn ensure(
    client: &Client,
    clock: &dyn Clock,
    more: &[Value],
    install: bool,
) -> Result<(), ExternalError> {
    let mut missing = Vec::new();
    for definition in all()?.into_iter().chain(more.iter().cloned().map(Definition::of)) {
        if !definition.is_served(client).await? {
            missing.push(definition);
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    if !install {
        let missing = missing.into_iter().map(|definition| definition.name).collect();
        return Err(ExternalError::Missing { missing });
    }
    for definition in &missing {
        apply(client, definition).await?;
    }
    for definition in &missing {
        established(client, clock, definition).await?;
    }
    Ok(())
}

/// Checks that the kind of the subject is served, whoever defined it: nothing of ours says so where the subject names no
/// definition.
pub(super) async fn ensure_subject(client: &Client, subject: &Subject) -> Result<(), ExternalError> {
    let version = subject.api_version();
    let listed = if version.contains('/') {
        client.list_api_group_resources(version).await
    } else {
        client.list_core_api_resources(version).await
    };
    let served = match listed {
        Ok(list) => list.resources,
        Err(kube::Error::Api(status)) if status.code == 404 => Vec::new(),
        Err(source) => return Err(ExternalError::Connect(Box::new(source))),
    };
    let is_it = |resource: &APIResource| {
        resource.name == subject.plural() && resource.kind == subject.kind() && resource.namespaced
    };
    if served.iter().any(is_it) { Ok(()) } else { Err(subject.not_served().into()) }
}

fn definitions(client: &Client) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("apiextensions.k8s.io", "v1", "CustomResourceDefinition");
    Api::all_with(client.clone(), &ApiResource::from_gvk(&kind))
}

async fn apply(client: &Client, definition: &Definition) -> Result<(), ExternalError> {
    let what = format!("install {}", definition.name);
    // Without force: what another manager set is another's.
    let parameters = PatchParams::apply(MANAGER);
    let patch = Patch::Apply(&definition.crd);
    definitions(client).patch(&definition.name, &parameters, &patch).await.map_err(ExternalError::api(what))?;
    Ok(())
}

/// Waits until the definition is established and its kind served.
async fn established(client: &Client, clock: &dyn Clock, definition: &Definition) -> Result<(), ExternalError> {
    let api = definitions(client);
    let mut last = String::from("it has no conditions");
    let waiting = async {
        loop {
            let what = format!("read {}", definition.name);
            let crd = api.get(&definition.name).await.map_err(ExternalError::api(what))?;
            let conditions = crd.data.pointer("/status/conditions").and_then(Value::as_array);
            let is_established = conditions
                .into_iter()
                .flatten()
                .any(|condition| condition["type"] == "Established" && condition["status"] == "True");
            if let Some(conditions) = conditions {
                last = Value::Array(conditions.clone()).to_string();
            }
            // It is in discovery a moment later than it is established.
            if is_established && definition.is_served(client).await? {
                return Ok(());
            }
            clock.sleep(CHECK).await;
        }
    };
    match timeout(clock, ESTABLISHED_LIMIT, waiting).await {
        Ok(result) => result,
        Err(_) => Err(ExternalError::NotEstablished { name: definition.name.clone(), why: last }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_definition_says_where_its_kind_is_served() {
        let all = all().expect("definitions");
        let served: Vec<String> = all
            .iter()
            .map(|definition| format!("{}/{}/{}", definition.group, definition.version, definition.plural))
            .collect();
        assert_eq!(
            served,
            [
                "cloudkit.openshift.io/v1alpha1/computeinstances",
                "cloudkit.openshift.io/v1alpha1/tenants",
                "kubevirt.io/v1/virtualmachines",
                "cdi.kubevirt.io/v1beta1/datavolumes",
            ]
        );
        assert!(all.iter().all(|definition| definition.name == format!("{}.{}", definition.plural, definition.group)));
    }

    fn resource(name: &str, namespaced: bool) -> APIResource {
        APIResource { name: name.to_owned(), namespaced, ..APIResource::default() }
    }

    #[test]
    fn a_kind_that_is_served_otherwise_is_refused_with_what_it_lacks() {
        let all = all().expect("definitions");
        let instances = all.iter().find(|definition| definition.plural == "computeinstances").expect("ours");
        let asked = |resources: &[APIResource]| instances.is_among(resources).map_err(|error| error.to_string());
        let status = resource("computeinstances/status", true);
        assert_eq!(asked(&[]), Ok(false));
        assert_eq!(asked(&[status.clone(), resource("tenants", true)]), Ok(false));
        assert_eq!(asked(&[resource("computeinstances", true), status.clone()]), Ok(true));
        let name = "computeinstances.cloudkit.openshift.io";
        let why = asked(&[resource("computeinstances", true), resource("tenants/status", true)]).unwrap_err();
        assert!(why.contains(name) && why.contains("v1alpha1 has no subresource `status`"), "{why}");
        let why = asked(&[resource("computeinstances", false), status]).unwrap_err();
        assert!(why.contains(name) && why.contains("its scope is not Namespaced"), "{why}");
    }
}
