//! What is left when a trial is over.

use std::{collections::BTreeMap, sync::Arc};

use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams},
};

use super::life::Life;
use crate::{
    api::{ComputeInstance, names, tenant::suffix_of_namespace},
    harness::{experiment::Subject, target::Target},
    units::InstanceId,
};

/// Deletes the instances whose lives were cut off.
pub(super) async fn remove_left(
    target: &Target,
    subject: Option<&Arc<Subject>>,
    namespace: &str,
    lives: &[Life],
    problems: &mut Vec<String>,
) {
    let resource = subject.map_or_else(|| ApiResource::erase::<ComputeInstance>(&()), |subject| subject.resource());
    let api: Api<DynamicObject> = Api::namespaced_with(target.client.clone(), namespace, &resource);
    for instance in lives.iter().filter_map(Life::left) {
        match api.delete(&instance.to_string(), &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.is_not_found() => {}
            Err(error) => problems.push(format!("{instance}: failed to delete it at last: {error}")),
        }
    }
}

/// The virtual machines of the trial's tenants that carry the playbooks' label, counted by the instance that it names.
pub(super) async fn machines_left(client: &Client, namespace: &str) -> Result<BTreeMap<InstanceId, u32>, kube::Error> {
    let resource = ApiResource {
        group: "kubevirt.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "kubevirt.io/v1".to_owned(),
        kind: "VirtualMachine".to_owned(),
        plural: "virtualmachines".to_owned(),
    };
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    let machines = api.list(&ListParams::default().labels(names::INSTANCE_LABEL)).await?;
    let mut left = BTreeMap::new();
    for machine in machines {
        let of_tenant = machine.metadata.namespace.as_deref().and_then(|own| suffix_of_namespace(namespace, own));
        // Those of a subject without tenants are beside it.
        if of_tenant.is_none() && machine.metadata.namespace.as_deref() != Some(namespace) {
            continue;
        }
        let label = machine.metadata.labels.unwrap_or_default().remove(names::INSTANCE_LABEL);
        if let Some(instance) = label.and_then(|label| label.parse::<InstanceId>().ok()) {
            *left.entry(instance).or_insert(0) += 1;
        }
    }
    Ok(left)
}
