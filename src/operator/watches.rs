//! The watches: they fill the caches and put keys on the queue.

use std::{collections::BTreeSet, sync::Arc};

use futures::{StreamExt, TryStreamExt};
use kube::{
    Api,
    runtime::{
        WatchStreamExt,
        reflector::{self, store::Writer},
        watcher::{self, Event},
    },
};

use crate::{
    api::{ComputeInstance, Tenant, TenantPhase, VirtualMachine, names},
    operator::context::{Context, ObjectKey, WorkItem},
};

/// Follows the ComputeInstances until it is dropped.
pub(crate) async fn instances(ctx: Arc<Context>, writer: Writer<ComputeInstance>) {
    let api: Api<ComputeInstance> = Api::namespaced(ctx.client.clone(), &ctx.config.namespace);
    let events = kube::runtime::watcher(api, watcher::Config::default()).default_backoff();
    let mut events = std::pin::pin!(reflector::reflector(writer, events));
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(instance) | Event::InitApply(instance)) => {
                let key = ObjectKey::of(&instance);
                ctx.ownership.observe(&key, &instance);
                ctx.wake(key);
            }
            Ok(Event::Delete(instance)) => {
                let key = ObjectKey::of(&instance);
                ctx.ownership.remove(&key);
                ctx.wake(key);
            }
            Ok(Event::Init | Event::InitDone) => {}
            Err(error) => tracing::warn!(%error, "the watch of the ComputeInstances failed; starting again"),
        }
    }
}

/// Follows the Tenants until it is dropped; wakes the instances that wait for one.
pub(crate) async fn tenants(ctx: Arc<Context>, writer: Writer<Tenant>) {
    let api: Api<Tenant> = Api::namespaced(ctx.client.clone(), &ctx.config.namespace);
    let events = kube::runtime::watcher(api, watcher::Config::default()).default_backoff();
    let mut events = std::pin::pin!(reflector::reflector(writer, events));
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(tenant) | Event::InitApply(tenant)) => {
                let key = ObjectKey::of(&tenant);
                if tenant.status.as_ref().and_then(|status| status.phase) == Some(TenantPhase::Ready) {
                    wake_waiting(&ctx, &key);
                }
                ctx.queue.add(WorkItem::Tenant(key));
            }
            Ok(Event::Delete(tenant)) => {
                let key = ObjectKey::of(&tenant);
                ctx.fresh_tenants.forget(&key);
                wake_waiting(&ctx, &key);
            }
            Ok(Event::Init | Event::InitDone) => {}
            Err(error) => tracing::warn!(%error, "the watch of the Tenants failed; starting again"),
        }
    }
}

fn wake_waiting(ctx: &Context, tenant: &ObjectKey) {
    for key in ctx.ownership.take_waiting(&tenant.name) {
        ctx.wake(key);
    }
}

/// Follows the VMs with the playbooks' label until it is dropped.
pub(crate) async fn virtual_machines(ctx: Arc<Context>, synced: Arc<tokio::sync::Notify>) {
    let api: Api<VirtualMachine> = Api::all(ctx.client.clone());
    let labelled = watcher::Config::default().labels(names::INSTANCE_LABEL);
    let mut events = std::pin::pin!(kube::runtime::watcher(api, labelled).default_backoff());
    let mut listed = BTreeSet::new();
    loop {
        let wake = |instance: compact_str::CompactString| {
            ctx.wake(ObjectKey { namespace: ctx.config.namespace.as_str().into(), name: instance });
        };
        match events.try_next().await {
            Ok(Some(Event::Init)) => listed.clear(),
            Ok(Some(Event::InitApply(vm))) => {
                listed.insert(ObjectKey::of(&vm));
                ctx.vms.observe(&vm).map(wake);
            }
            Ok(Some(Event::InitDone)) => {
                ctx.vms.retain(&listed).into_iter().for_each(wake);
                listed.clear();
                synced.notify_one();
            }
            Ok(Some(Event::Apply(vm))) => drop(ctx.vms.observe(&vm).map(wake)),
            Ok(Some(Event::Delete(vm))) => drop(ctx.vms.remove(&vm).map(wake)),
            Ok(None) => return,
            Err(error) => {
                // A cluster without KubeVirt: instances can still be provisioned, only their VMs are not seen.
                synced.notify_one();
                tracing::warn!(%error, "the watch of the VirtualMachines failed; starting again");
            }
        }
    }
}
