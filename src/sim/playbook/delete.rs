//! The playbook that removes a virtual machine.

use super::{
    Payload,
    cluster::{self, Ignored, Path},
    create::{Finalized, tenant_namespace},
    objects::{self, HALT, secret_name, volume_name},
    steps::{Halt, Steps},
};
use crate::{record::Word, sim::profile::PlaybooksProfile};

/// Runs it.
pub(super) async fn run(steps: &Steps<'_>, payload: &Payload, profile: &PlaybooksProfile) -> Result<(), Halt> {
    steps.spend(&profile.delete.setup, "deprovision.setup").await?;
    if let Some(namespace) = machine_namespace(steps, payload).await? {
        stop_machine(steps, payload, &namespace, profile).await?;
        let name = payload.name.as_str();
        remove(steps, "the virtual machine", &Path::machines(&namespace).named(name)).await?;
        steps.note("vm_deleted", String::new());
        remove(steps, "the data volume", &Path::volumes(&namespace).named(&volume_name(name))).await?;
        remove(steps, "the secret", &Path::secrets(&namespace).named(&secret_name(name))).await?;
    }
    steps.spend(&profile.delete.wrapup, "deprovision.wrapup").await?;
    remove_finalizer(steps, &Path::instance(steps.names(), &payload.namespace, &payload.name)).await?;
    steps.spend(&profile.delete.teardown, "deprovision.teardown").await
}

/// Where the machine lives; `None` when the object never had a tenant, and so no machine.
async fn machine_namespace(steps: &Steps<'_>, payload: &Payload) -> Result<Option<Word>, Halt> {
    if !steps.names().tenants {
        return Ok(Some(payload.namespace.clone()));
    }
    match (&payload.tenant_namespace, &payload.tenant) {
        (Some(namespace), _) => Ok(Some(namespace.clone())),
        (None, Some(_)) => tenant_namespace(steps, payload).await.map(Some),
        (None, None) => Ok(None),
    }
}

async fn stop_machine(
    steps: &Steps<'_>,
    payload: &Payload,
    namespace: &str,
    profile: &PlaybooksProfile,
) -> Result<(), Halt> {
    let machine = Path::machines(namespace).named(&payload.name);
    let halt = cluster::merge(steps.client(), &machine, HALT.to_owned());
    if steps.request_if_found("Stop the virtual machine", halt).await?.is_some() {
        steps.spend(&profile.delete.stop, "deprovision.stop").await?;
    }
    Ok(())
}

/// Deletes an object and waits until it is gone; one that is gone already is fine.
async fn remove(steps: &Steps<'_>, what: &str, path: &Path) -> Result<(), Halt> {
    let task = format!("Delete {what}");
    match steps.request_if_found(&task, cluster::delete(steps.client(), path)).await? {
        // The cluster answers with the object itself where something still holds it.
        Some(answer) if !answer.is_gone() => {}
        _ => return Ok(()),
    }
    let task = format!("Wait until {what} is gone");
    steps
        .until(&task, || async {
            Ok(steps.request_if_found(&task, cluster::get::<Ignored>(steps.client(), path)).await?.is_none())
        })
        .await
}

async fn remove_finalizer(steps: &Steps<'_>, instance: &Path) -> Result<(), Halt> {
    let read = cluster::get::<Finalized>(steps.client(), instance);
    let Some(object) = steps.request_if_found("Read the instance", read).await? else { return Ok(()) };
    let before = object.metadata.finalizers.len();
    let own = &steps.names().finalizer;
    let kept: Vec<Word> = object.metadata.finalizers.into_iter().filter(|finalizer| finalizer != own).collect();
    if kept.len() == before {
        return Ok(());
    }
    let write = cluster::merge(steps.client(), instance, objects::finalizers_patch(&kept));
    if steps.request_if_found("Remove the finalizer", write).await?.is_some() {
        steps.note("finalizer_removed", String::new());
    }
    Ok(())
}
