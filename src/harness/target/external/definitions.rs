//! The definitions that an experiment needs in a cluster.

use std::time::Duration;

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
}

impl Definition {
    fn of(crd: Value) -> Self {
        let text = |pointer| crd.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (name, group) = (text("/metadata/name"), text("/spec/group"));
        let (version, plural) = (text("/spec/versions/0/name"), text("/spec/names/plural"));
        Self { crd, name, group, version, plural }
    }

    /// Whether the kind is served, however it came there.
    async fn is_served(&self, client: &Client) -> Result<bool, ExternalError> {
        let group_version = format!("{}/{}", self.group, self.version);
        match client.list_api_group_resources(&group_version).await {
            Ok(list) => Ok(list.resources.iter().any(|resource| resource.name == self.plural)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
            Err(source) => Err(ExternalError::Connect(Box::new(source))),
        }
    }
}

/// The definitions of ours, and those that the simulated platform needs.
fn all() -> Result<Vec<Definition>, ExternalError> {
    let ours = crd::all().map_err(|error| ExternalError::Definitions(error.to_string()))?;
    let foreign = FOREIGN.iter().map(|text| {
        serde_saphyr::from_str::<Value>(text).map_err(|error| ExternalError::Definitions(error.to_string()))
    });
    let foreign = foreign.collect::<Result<Vec<_>, _>>()?;
    Ok(ours.into_iter().map(|(_, crd)| crd).chain(foreign).map(Definition::of).collect())
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
}
