//! What every worker shares: the seams, the settings, the caches, and what is remembered of each object.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use compact_str::CompactString;
use jiff::Timestamp;
use kube::{
    Client, Resource, ResourceExt,
    runtime::reflector::{ObjectRef, Store},
};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::{
    api::{
        ComputeInstance, JobStatus, Tenant, TenantPhase, VirtualMachine,
        compute_instance::{ManagementState, TenantReference, VirtualMachineReference},
        names,
        tenant::{tenant_namespace, tenant_object_name},
    },
    clock::{self, SharedClock},
    operator::{
        config::{Config, ProviderKind},
        decide::{Memory, Policy, Seen, TenantSeen, VmSeen},
        events::Events,
        fresh::Fresh,
        ownership::Ownership,
        probes::Probes,
        provider::{Provider, ProviderError},
        queue::WorkQueue,
        remains::AllRemains,
        requests::IN_FLIGHT_MAX,
        shown::Shown,
        webhooks::Webhooks,
    },
};

/// How long the API server may take to answer.
const API_TIME_MAX: Duration = Duration::from_secs(30);

/// Writes of a status that may be under way at once, fewer than there are connections, so that they seldom wait for one: a
/// write that waits for its turn here learns of what others do to its object, one that waits for a connection does not, and is
/// refused.
const STATUS_WRITES_MAX: usize = IN_FLIGHT_MAX * 3 / 4;

/// Namespace and name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ObjectKey {
    // The name first: it is what keys differ in, and so what their order is found by.
    pub(crate) name: CompactString,
    pub(crate) namespace: CompactString,
}

impl ObjectKey {
    pub(crate) fn of(object: &impl Resource) -> Self {
        let meta = object.meta();
        Self {
            namespace: meta.namespace.as_deref().unwrap_or_default().into(),
            name: meta.name.as_deref().unwrap_or_default().into(),
        }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// What a worker works on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum WorkItem {
    Instance(ObjectKey),
    Tenant(ObjectKey),
}

/// What is kept of a VM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct VmState {
    ready: bool,
    since: Option<Timestamp>,
    created: Option<Timestamp>,
    kept: bool,
}

impl VmState {
    fn of(vm: &VirtualMachine) -> Self {
        let since = vm.ready_condition().and_then(|condition| condition.last_transition_time.as_ref());
        Self {
            ready: vm.is_ready(),
            since: since.map(|time| time.0),
            created: vm.creation_timestamp().map(|time| time.0),
            kept: ManagementState::of(vm) != ManagementState::Managed,
        }
    }
}

/// The VMs that carry the playbooks' label, by the instance that they name.
#[derive(Debug, Default)]
pub(crate) struct VmIndex {
    state: Mutex<VmsKnown>,
}

#[derive(Debug, Default)]
struct VmsKnown {
    by_instance: BTreeMap<CompactString, BTreeMap<ObjectKey, VmState>>,
    instance_of: BTreeMap<ObjectKey, CompactString>,
}

impl VmsKnown {
    /// Takes a VM out; returns the name of its instance.
    fn remove(&mut self, vm: &ObjectKey) -> Option<CompactString> {
        let instance = self.instance_of.remove(vm)?;
        if let Some(vms) = self.by_instance.get_mut(&instance) {
            vms.remove(vm);
            if vms.is_empty() {
                self.by_instance.remove(&instance);
            }
        }
        Some(instance)
    }
}

impl VmIndex {
    /// Takes note of a VM; returns the names of the instances that have to look at it: its own, and the one whose it was.
    pub(crate) fn observe(&self, vm: &VirtualMachine) -> [Option<CompactString>; 2] {
        let Some(instance) = vm.labels().get(names::INSTANCE_LABEL).map(CompactString::from) else {
            return [None, None];
        };
        let key = ObjectKey::of(vm);
        let state = VmState::of(vm);
        let mut known = self.state.lock();
        let known = &mut *known;
        let is_others = known.instance_of.get(&key).is_some_and(|before| *before != instance);
        let other = if is_others { known.remove(&key) } else { None };
        known.instance_of.insert(key.clone(), instance.clone());
        let before = known.by_instance.entry(instance.clone()).or_default().insert(key, state);
        [(before != Some(state)).then_some(instance), other]
    }

    /// Takes note that a VM is gone; returns the name of its instance.
    pub(crate) fn remove(&self, vm: &VirtualMachine) -> Option<CompactString> {
        self.state.lock().remove(&ObjectKey::of(vm))
    }

    /// The VMs that are known and not in `present` go; returns their instances.
    pub(crate) fn retain(&self, present: &BTreeSet<ObjectKey>) -> Vec<CompactString> {
        let mut known = self.state.lock();
        let gone: Vec<ObjectKey> = known.instance_of.keys().filter(|vm| !present.contains(*vm)).cloned().collect();
        gone.iter().filter_map(|vm| known.remove(vm)).collect()
    }

    /// Whether a namespace has a VM that is in somebody's own hands.
    pub(crate) fn has_kept_in(&self, namespace: &str) -> bool {
        let known = self.state.lock();
        known.by_instance.values().flatten().any(|(vm, state)| state.kept && vm.namespace == namespace)
    }

    /// The VM of an instance, in a namespace that may have it: namesakes elsewhere are other instances'.
    pub(crate) fn seen(&self, instance: &str, may_be_in: impl Fn(&str) -> bool) -> Option<VmSeen> {
        let known = self.state.lock();
        let (key, state) = known.by_instance.get(instance)?.iter().find(|(key, _)| may_be_in(&key.namespace))?;
        Some(VmSeen {
            reference: VirtualMachineReference {
                namespace: key.namespace.to_string(),
                kube_virt_virtual_machine_name: key.name.to_string(),
            },
            ready: state.ready,
            since: state.since,
            created: state.created,
            kept: state.kept,
        })
    }
}

/// The backends that are set up.
#[derive(Clone, Default)]
pub(crate) struct Providers {
    pub(crate) aap: Option<Arc<dyn Provider>>,
    pub(crate) eda: Option<Arc<dyn Provider>>,
}

impl Providers {
    pub(crate) fn of_kind(&self, kind: ProviderKind) -> Result<&dyn Provider, ProviderError> {
        let (provider, name) = match kind {
            ProviderKind::Aap => (&self.aap, "AAP"),
            ProviderKind::Eda => (&self.eda, "EDA"),
        };
        provider.as_deref().ok_or(ProviderError::NotConfigured(name))
    }

    /// The backend that a job was launched at: it stays with it when the setting changes.
    pub(crate) fn of_job(&self, job: &JobStatus) -> Result<&dyn Provider, ProviderError> {
        self.of_kind(ProviderKind::of(job))
    }
}

pub(crate) struct Context {
    pub(crate) client: Client,
    pub(crate) clock: SharedClock,
    pub(crate) config: Config,
    pub(crate) policy: Policy,
    pub(crate) providers: Providers,
    pub(crate) queue: WorkQueue<WorkItem>,
    pub(crate) instances: Store<Shown>,
    pub(crate) tenants: Store<Tenant>,
    pub(crate) fresh_instances: Fresh<ComputeInstance>,
    pub(crate) fresh_tenants: Fresh<Tenant>,
    pub(crate) vms: VmIndex,
    pub(crate) ownership: Ownership,
    pub(crate) remains: AllRemains,
    pub(crate) probes: Arc<Probes>,
    /// Where changes of jobs are told of; nowhere when the settings say so.
    pub(crate) events: Option<Events>,
    /// Tenants whose creation is under way, so that a thousand instances of one don't all try.
    pub(crate) tenants_in_creation: Mutex<BTreeSet<String>>,
    /// The turns of those who write a status.
    pub(crate) status_writes: Semaphore,
    pub(crate) webhooks: Webhooks,
    memory: Mutex<BTreeMap<ObjectKey, (String, Memory)>>,
}

impl Context {
    pub(crate) fn new(
        client: Client,
        clock: SharedClock,
        config: Config,
        providers: Providers,
        instances: Store<Shown>,
        tenants: Store<Tenant>,
        probes: Arc<Probes>,
    ) -> Self {
        Self {
            client,
            policy: Policy::from_config(&config),
            queue: WorkQueue::new(clock.clone()),
            webhooks: Webhooks::new(config.workers),
            clock,
            config,
            providers,
            instances,
            tenants,
            fresh_instances: Fresh::default(),
            fresh_tenants: Fresh::default(),
            vms: VmIndex::default(),
            ownership: Ownership::default(),
            remains: AllRemains::default(),
            probes,
            events: None,
            tenants_in_creation: Mutex::new(BTreeSet::new()),
            status_writes: Semaphore::new(STATUS_WRITES_MAX),
            memory: Mutex::new(BTreeMap::new()),
        }
    }

    /// A request to the API server, for as long as it may take: one that hangs must not hold a worker for ever.
    pub(crate) async fn in_time<T>(
        &self,
        // On the heap from the start: each future around it would otherwise carry room for it, and be moved with it, twice over.
        request: Pin<Box<impl Future<Output = Result<T, kube::Error>>>>,
    ) -> Result<T, kube::Error> {
        match clock::timeout(&*self.clock, API_TIME_MAX, request).await {
            Ok(answer) => answer,
            Err(late) => Err(kube::Error::Service(late.into())),
        }
    }

    /// A call to a backend, as the metrics take note of it.
    pub(crate) async fn measured<T>(
        &self,
        provider: ProviderKind,
        verb: &'static str,
        call: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let begin = self.clock.elapsed();
        let answer = call.await;
        self.probes.metrics.called(provider, verb, self.clock.elapsed() - begin, answer.is_ok());
        answer
    }

    /// The newest that is known of an instance.
    pub(crate) fn instance(&self, key: &ObjectKey) -> Option<Arc<ComputeInstance>> {
        let cached = self.instances.get(&ObjectRef::new(&key.name).within(&key.namespace));
        self.fresh_instances.newest(key, cached.map(|shown| shown.0.clone()))
    }

    /// The newest that is known of a Tenant. One that was just made counts although the watch has not shown it yet.
    pub(crate) fn tenant(&self, key: &ObjectKey) -> Option<Arc<Tenant>> {
        match self.tenants.get(&ObjectRef::new(&key.name).within(&key.namespace)) {
            Some(cached) => self.fresh_tenants.newest(key, Some(cached)),
            None => self.fresh_tenants.written(key),
        }
    }

    /// Everything besides the object itself that a decision on it depends on.
    pub(crate) fn observe(&self, key: &ObjectKey, object: &ComputeInstance) -> Seen {
        Seen {
            now: self.clock.now(),
            tenant: self.tenant_seen(key, object),
            vm: self.vm_of(key, object),
            memory: self.recall(key, object),
        }
    }

    /// The VM of an instance: it is in its tenant's own namespace.
    pub(crate) fn vm_of(&self, key: &ObjectKey, object: &ComputeInstance) -> Option<VmSeen> {
        let recorded = object.status.as_ref().and_then(|status| status.tenant_reference.as_ref());
        self.vms.seen(&key.name, |namespace| match recorded {
            Some(tenant) => tenant.namespace == namespace,
            None => object
                .annotation(names::TENANT_ANNOTATION)
                .is_some_and(|tenant| tenant_namespace(&key.namespace, tenant) == namespace),
        })
    }

    fn tenant_seen(&self, key: &ObjectKey, object: &ComputeInstance) -> TenantSeen {
        let Some(tenant) = object.annotation(names::TENANT_ANNOTATION) else { return TenantSeen::Absent };
        let name = tenant_object_name(tenant);
        let tenant_key = ObjectKey { namespace: key.namespace.clone(), name: name.as_str().into() };
        if let TenantSeen::Ready(reference) = self.tenant_state(&tenant_key) {
            return TenantSeen::Ready(reference);
        }
        // First the place among those who wait, then a second look: an event in between is not missed.
        self.ownership.wait_for(&name, key);
        self.tenant_state(&tenant_key)
    }

    fn tenant_state(&self, key: &ObjectKey) -> TenantSeen {
        let Some(tenant) = self.tenant(key) else { return TenantSeen::Absent };
        let status = tenant.status.as_ref();
        match status.and_then(|status| status.namespace.clone()) {
            Some(namespace)
                if tenant.metadata.deletion_timestamp.is_none()
                    && status.and_then(|status| status.phase) == Some(TenantPhase::Ready) =>
            {
                if self.is_orphaned(&tenant) {
                    return TenantSeen::Absent;
                }
                TenantSeen::Ready(TenantReference { name: key.name.to_string(), namespace })
            }
            _ => TenantSeen::NotReady,
        }
    }

    /// What is remembered of an object.
    pub(crate) fn recall(&self, key: &ObjectKey, object: &ComputeInstance) -> Memory {
        let memory = self.memory.lock();
        memory
            .get(key)
            .filter(|(uid, _)| Some(uid) == object.metadata.uid.as_ref())
            .map(|(_, memory)| memory.clone())
            .unwrap_or_default()
    }

    /// Whether the server has said that an object is gone, which the cache still shows.
    pub(crate) fn is_known_to_be_gone(&self, key: &ObjectKey, object: &ComputeInstance) -> bool {
        let memory = self.memory.lock();
        memory.get(key).is_some_and(|(uid, memory)| memory.gone && Some(uid) == object.metadata.uid.as_ref())
    }

    /// Changes what is remembered of an object.
    pub(crate) fn remember(&self, key: &ObjectKey, object: &ComputeInstance, change: impl FnOnce(&mut Memory)) {
        let uid = object.uid().unwrap_or_default();
        let mut memory = self.memory.lock();
        let entry = memory.entry(key.clone()).or_insert_with(|| (uid.clone(), Memory::default()));
        if entry.0 != uid {
            *entry = (uid, Memory::default());
        }
        change(&mut entry.1);
    }

    /// Forgets an object that is gone.
    pub(crate) fn forget(&self, key: &ObjectKey) {
        self.memory.lock().remove(key);
        self.fresh_instances.forget(key);
    }
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
