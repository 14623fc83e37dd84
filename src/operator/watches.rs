//! The watches: they fill the caches and put keys on the queue.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::{StreamExt, TryStreamExt};
use http::Request;
use kube::{
    Api, Client,
    client::Body,
    runtime::{
        WatchStreamExt,
        reflector::{self, ObjectRef, store::Writer},
        utils::Backoff,
        watcher::{self, Event},
    },
};

use parking_lot::Mutex;

use crate::{
    api::{ComputeInstance, Tenant, TenantPhase, names},
    operator::{
        context::{Context, ObjectKey, WorkItem},
        echoes::{Identity, WithoutEchoes},
        machine::Machine,
        provider::http::chain,
        shown::Shown,
    },
};

/// The wait before a watch that failed starts again: 0.8 s, doubling up to 30 s, from the start again once it works.
///
/// The same as kube's own, but without its random spread: there is one operator, and a run has to be repeatable.
///
/// Whatever the stream yields resets it, also the word that a list begins, which comes before each attempt: that alone is
/// no sign that it works.
#[derive(Debug, Default)]
struct WatchBackoff {
    failures: u32,
    resets: u32,
}

impl Iterator for WatchBackoff {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let wait = Duration::from_millis(800).saturating_mul(1 << self.failures.min(6)).min(Duration::from_secs(30));
        self.failures = self.failures.saturating_add(1);
        self.resets = 0;
        Some(wait)
    }
}

impl Backoff for WatchBackoff {
    fn reset(&mut self) {
        self.resets = self.resets.saturating_add(1);
        if self.resets > 1 {
            self.failures = 0;
        }
    }
}

/// A client whose requests fail when no answer begins in time: a list that hangs must not hold the operator for ever. What
/// follows, the events of a watch, may take as long as it likes.
fn in_time(ctx: &Arc<Context>) -> Client {
    let namespace = ctx.client.default_namespace().to_owned();
    let ctx = ctx.clone();
    let service = tower::service_fn(move |request| {
        let ctx = ctx.clone();
        async move { ctx.in_time(Box::pin(ctx.client.send(request))).await }
    });
    Client::new(service, namespace)
}

/// What keeps the cache of the instances.
type InstanceWriter = Arc<Mutex<Writer<Shown>>>;

/// The same for the instances, whose watch goes without what it would only echo of the operator's own writes.
fn without_echoes(ctx: &Arc<Context>, writer: &InstanceWriter) -> Client {
    let namespace = ctx.client.default_namespace().to_owned();
    let (ctx, writer) = (ctx.clone(), writer.clone());
    let service = tower::service_fn(move |request: Request<Body>| {
        let (ctx, writer) = (ctx.clone(), writer.clone());
        async move {
            let is_watch = request.uri().query().is_some_and(|query| query.split('&').any(|part| part == "watch=true"));
            let answer = ctx.in_time(Box::pin(ctx.client.send(request))).await?;
            if !is_watch {
                return Ok::<_, kube::Error>(answer.map(WithoutEchoes::untouched));
            }
            let take = move |identity: Identity<'_>| {
                let key = ObjectKey { namespace: identity.namespace.into(), name: identity.name.into() };
                let written = ctx.fresh_instances.take_echo(&key, identity.uid, identity.resource_version);
                let is_echo = written.is_some();
                if let Some(written) = written {
                    writer.lock().apply_watcher_event(&Event::Apply(Shown(written)));
                }
                is_echo
            };
            Ok(answer.map(|body| WithoutEchoes::of_watch(body, take)))
        }
    });
    Client::new(service, namespace)
}

/// Whether the server will not show the kind at all: it does not know it (404), or forbids it (403).
fn is_refused(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error)) = error else {
        return false;
    };
    matches!(error, kube::Error::Api(status) if matches!(status.code, 403 | 404))
}

/// Follows the ComputeInstances until it is dropped.
pub(crate) async fn instances(ctx: Arc<Context>, writer: Writer<Shown>) {
    let writer = Arc::new(Mutex::new(writer));
    let api: Api<Shown> = Api::namespaced(without_echoes(&ctx, &writer), &ctx.config.namespace);
    let events = kube::runtime::watcher(api, watcher::Config::default()).backoff(WatchBackoff::default());
    let mut events = std::pin::pin!(events);
    let mut listed = BTreeSet::new();
    let mut before: BTreeMap<ObjectKey, Arc<ComputeInstance>> = BTreeMap::new();
    while let Some(event) = events.next().await {
        if let Ok(event) = &event {
            writer.lock().apply_watcher_event(event);
        }
        match event {
            Ok(Event::Apply(Shown(instance))) => {
                let key = ObjectKey::of(&*instance);
                ctx.ownership.observe(&key, &instance);
                if !ctx.fresh_instances.is_echo(&key, &instance) {
                    ctx.wake(key);
                }
            }
            Ok(Event::InitApply(Shown(instance))) => {
                let key = ObjectKey::of(&*instance);
                ctx.ownership.observe(&key, &instance);
                listed.insert(key);
            }
            Ok(Event::Delete(Shown(instance))) => {
                let key = ObjectKey::of(&*instance);
                ctx.ownership.remove(&key);
                ctx.vanished(&key, instance);
                ctx.wake(key);
            }
            Ok(Event::Init) => {
                listed.clear();
                before =
                    ctx.instances.state().iter().map(|shown| (ObjectKey::of(&*shown.0), shown.0.clone())).collect();
            }
            Ok(Event::InitDone) => {
                // Not as each is listed: the cache shows the list only when all its pages are there.
                for key in &listed {
                    ctx.wake(key.clone());
                }
                // What went while nobody watched: no event tells of it.
                for (key, object) in std::mem::take(&mut before) {
                    let now = ctx.instances.get(&ObjectRef::new(&key.name).within(&key.namespace));
                    if now.is_none_or(|now| now.0.metadata.uid != object.metadata.uid) {
                        ctx.vanished(&key, object);
                        ctx.wake(key);
                    }
                }
                for key in ctx.ownership.retain(&std::mem::take(&mut listed)) {
                    ctx.wake(key);
                }
            }
            Err(error) => {
                tracing::warn!(error = chain(&error), "the watch of the ComputeInstances failed; starting again");
            }
        }
    }
}

/// Follows the Tenants until it is dropped; wakes the instances that wait for one.
pub(crate) async fn tenants(ctx: Arc<Context>, writer: Writer<Tenant>) {
    let api: Api<Tenant> = Api::namespaced(in_time(&ctx), &ctx.config.namespace);
    let events = kube::runtime::watcher(api, watcher::Config::default()).backoff(WatchBackoff::default());
    let mut events = std::pin::pin!(reflector::reflector(writer, events));
    let mut listed = BTreeSet::new();
    while let Some(event) = events.next().await {
        match event {
            Ok(Event::Apply(tenant)) => shown(&ctx, &tenant),
            Ok(Event::InitApply(tenant)) => drop(listed.insert(ObjectKey::of(&tenant).name)),
            Ok(Event::Delete(tenant)) => {
                let key = ObjectKey::of(&tenant);
                ctx.fresh_tenants.forget(&key);
                wake_waiting(&ctx, &key);
            }
            Ok(Event::Init) => listed.clear(),
            Ok(Event::InitDone) => {
                // In the order of their names, as they were listed.
                let mut tenants = ctx.tenants.state();
                tenants.sort_by(|one, other| one.metadata.name.cmp(&other.metadata.name));
                for tenant in &tenants {
                    shown(&ctx, tenant);
                }
                // Who waits for a Tenant that went while nobody watched looks again, and makes it anew.
                for name in ctx.ownership.awaited() {
                    if !listed.contains(name.as_str()) {
                        let namespace = ctx.config.namespace.as_str().into();
                        let key = ObjectKey { namespace, name: name.as_str().into() };
                        ctx.fresh_tenants.forget(&key);
                        wake_waiting(&ctx, &key);
                    }
                }
                listed.clear();
            }
            Err(error) => tracing::warn!(error = chain(&error), "the watch of the Tenants failed; starting again"),
        }
    }
}

/// A Tenant is as the cache shows it now.
fn shown(ctx: &Context, tenant: &Tenant) {
    let key = ObjectKey::of(tenant);
    if tenant.status.as_ref().and_then(|status| status.phase) == Some(TenantPhase::Ready) {
        wake_waiting(ctx, &key);
    }
    ctx.queue.add(WorkItem::Tenant(key));
}

fn wake_waiting(ctx: &Context, tenant: &ObjectKey) {
    for key in ctx.ownership.take_waiting(&tenant.name) {
        ctx.wake(key);
    }
}

/// Follows the VMs with the playbooks' label until it is dropped.
pub(crate) async fn virtual_machines(ctx: Arc<Context>, synced: Arc<tokio::sync::Notify>) {
    let api: Api<Machine> = Api::all(in_time(&ctx));
    let labelled = watcher::Config::default().labels(names::INSTANCE_LABEL);
    let mut events = std::pin::pin!(kube::runtime::watcher(api, labelled).backoff(WatchBackoff::default()));
    let mut listed = BTreeSet::new();
    loop {
        let wake = |instance: compact_str::CompactString| {
            ctx.wake(ObjectKey { namespace: ctx.config.namespace.as_str().into(), name: instance });
        };
        match events.try_next().await {
            Ok(Some(Event::Init)) => listed.clear(),
            Ok(Some(Event::InitApply(Machine(vm)))) => {
                listed.insert(ObjectKey::of(&vm));
                ctx.vms.observe(&vm).into_iter().flatten().for_each(wake);
            }
            Ok(Some(Event::InitDone)) => {
                ctx.vms.retain(&listed).into_iter().for_each(wake);
                listed.clear();
                synced.notify_one();
            }
            Ok(Some(Event::Apply(Machine(vm)))) => ctx.vms.observe(&vm).into_iter().flatten().for_each(wake),
            Ok(Some(Event::Delete(Machine(vm)))) => drop(ctx.vms.remove(&vm).map(wake)),
            Ok(None) => return,
            Err(error) => {
                // A cluster without KubeVirt, or one that does not show it: instances can still be provisioned, only
                // their VMs are not seen. Any other failure passes, and what is not known yet is not taken for absent.
                if is_refused(&error) {
                    synced.notify_one();
                }
                tracing::warn!(error = chain(&error), "the watch of the VirtualMachines failed; starting again");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_although_each_attempt_begins_with_a_word() {
        let mut backoff = WatchBackoff::default();
        let mut failure = |words: u32| {
            (0..words).for_each(|_| backoff.reset());
            backoff.next().expect("a wait").as_millis()
        };
        // The word that a list begins comes before each failure.
        assert_eq!([failure(1), failure(1), failure(1)], [800, 1600, 3200]);
        assert_eq!([failure(0), failure(1), failure(1), failure(1)], [6400, 12_800, 25_600, 30_000]);
        // A list that came to its end is a sign that it works.
        assert_eq!([failure(2), failure(1)], [800, 1600]);
    }
}
