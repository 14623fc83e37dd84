//! The playbook that makes a virtual machine.

use serde::Deserialize;

use super::{
    Payload,
    cluster::{self, Path},
    objects,
    payload::is_name,
    steps::{Halt, Steps},
};
use crate::{record::Word, sim::profile::PlaybooksProfile};

/// Of an object, what is read before its finalizers are written.
#[derive(Deserialize)]
pub(super) struct Finalized {
    pub(super) metadata: Finalizers,
}

/// The list of an object's finalizers.
#[derive(Deserialize)]
pub(super) struct Finalizers {
    #[serde(default)]
    pub(super) finalizers: Vec<Word>,
}

#[derive(Deserialize)]
struct Tenant {
    #[serde(default)]
    status: TenantStatus,
}

#[derive(Default, Deserialize)]
struct TenantStatus {
    namespace: Option<Word>,
}

#[derive(Deserialize)]
struct Machine {
    #[serde(default)]
    status: MachineStatus,
}

#[derive(Default, Deserialize)]
struct MachineStatus {
    #[serde(default)]
    ready: bool,
}

/// Runs it.
pub(super) async fn run(steps: &Steps<'_>, payload: &Payload, profile: &PlaybooksProfile) -> Result<(), Halt> {
    steps.spend(&profile.create.setup, "provision.setup").await?;
    let namespace = tenant_namespace(steps, payload).await?;
    let version = payload
        .desired_config_version
        .as_deref()
        .ok_or_else(|| steps.fail("Read the payload", "'status.desiredConfigVersion' is undefined"))?;
    let instance = Path::instance(steps.names(), &payload.namespace, &payload.name);
    add_finalizer(steps, &instance).await?;
    make_machine(steps, &payload.name, &namespace).await?;

    let machine = Path::machines(&namespace).named(&payload.name);
    let task = "Wait for the virtual machine to be ready";
    steps
        .until(task, || async {
            // One that is not there is not ready: it may have been deleted under us, which the limit ends.
            let machine = steps.request_if_found(task, cluster::get::<Machine>(steps.client(), &machine)).await?;
            Ok(machine.is_some_and(|machine| machine.status.ready))
        })
        .await?;
    steps.note("vm_ready_seen", String::new());

    steps.spend(&profile.create.wrapup, "provision.wrapup").await?;
    let annotate =
        cluster::merge(steps.client(), &instance, objects::version_patch(&steps.names().version_annotation, version));
    steps.request("Annotate the instance", annotate).await?;
    steps.note("annotated", version.to_owned());
    steps.spend(&profile.create.teardown, "provision.teardown").await
}

/// Where the tenant's machines live: what the Tenant says, else what the payload says.
pub(super) async fn tenant_namespace(steps: &Steps<'_>, payload: &Payload) -> Result<Word, Halt> {
    if !steps.names().tenants {
        return Ok(payload.namespace.clone());
    }
    let task = "Read the tenant";
    let name =
        payload.tenant.as_deref().ok_or_else(|| steps.fail(task, "'status.tenantReference.name' is undefined"))?;
    let path = Path::tenant(steps.names(), &payload.namespace, name);
    let tenant: Tenant = steps.request(task, cluster::get(steps.client(), &path)).await?;
    let namespace = tenant.status.namespace.filter(|namespace| !namespace.is_empty());
    let namespace = namespace
        .or_else(|| payload.tenant_namespace.clone())
        .ok_or_else(|| steps.fail(task, format_args!("the tenant {name} has no namespace")))?;
    if is_name(&namespace) {
        Ok(namespace)
    } else {
        Err(steps.fail(task, format_args!("{namespace} is not a valid namespace")))
    }
}

async fn add_finalizer(steps: &Steps<'_>, instance: &Path) -> Result<(), Halt> {
    let read = cluster::get::<Finalized>(steps.client(), instance);
    let mut finalizers = steps.request("Read the instance", read).await?.metadata.finalizers;
    let own = &steps.names().finalizer;
    if finalizers.contains(own) {
        return Ok(());
    }
    finalizers.push(own.clone());
    let write = cluster::merge(steps.client(), instance, objects::finalizers_patch(&finalizers));
    steps.request("Add the finalizer", write).await?;
    steps.note("finalizer_added", String::new());
    Ok(())
}

async fn make_machine(steps: &Steps<'_>, name: &str, namespace: &str) -> Result<(), Halt> {
    steps.ensure("Create the secret", &Path::secrets(namespace), objects::secret(name, namespace)).await?;
    steps.ensure("Create the data volume", &Path::volumes(namespace), objects::volume(name, namespace)).await?;
    steps.ensure("Create the virtual machine", &Path::machines(namespace), objects::machine(name, namespace)).await?;
    steps.note("vm_created", String::new());
    Ok(())
}
