//! Which instances belong to which Tenant, and which of them wait for it.

use std::collections::{BTreeMap, BTreeSet};

use kube::ResourceExt;
use parking_lot::Mutex;

use crate::{
    api::{ComputeInstance, compute_instance::ManagementState, names, tenant::tenant_object_name},
    operator::context::ObjectKey,
};

#[derive(Debug, Default)]
struct State {
    /// Tenant object → instances that are not being deleted.
    members: BTreeMap<String, BTreeMap<ObjectKey, Member>>,
    tenant_of: BTreeMap<ObjectKey, String>,
    waiting: BTreeMap<String, BTreeSet<ObjectKey>>,
}

#[derive(Clone, Debug)]
struct Member {
    uid: String,
    /// Whether the operator is asked before it goes, and so can pass on what it owns.
    is_let_go: bool,
}

/// An index that the watches keep.
#[derive(Debug, Default)]
pub(crate) struct Ownership {
    state: Mutex<State>,
}

impl Ownership {
    /// Takes note of an instance as it is now.
    pub(crate) fn observe(&self, key: &ObjectKey, instance: &ComputeInstance) {
        let tenant = instance
            .annotation(names::TENANT_ANNOTATION)
            .filter(|_| instance.metadata.deletion_timestamp.is_none())
            .map(tenant_object_name);
        let mut state = self.state.lock();
        if state.tenant_of.get(key) != tenant.as_ref() {
            remove(&mut state, key);
        }
        if let Some(tenant) = tenant {
            let is_let_go =
                instance.management_state() != ManagementState::Unmanaged && instance.has_finalizer(names::FINALIZER);
            let member = Member { uid: instance.uid().unwrap_or_default(), is_let_go };
            state.members.entry(tenant.clone()).or_default().insert(key.clone(), member);
            state.tenant_of.insert(key.clone(), tenant);
        }
    }

    /// Takes note that an instance is gone.
    pub(crate) fn remove(&self, key: &ObjectKey) {
        remove(&mut self.state.lock(), key);
    }

    /// The instances that are known and not in `present` go; returns them.
    pub(crate) fn retain(&self, present: &BTreeSet<ObjectKey>) -> Vec<ObjectKey> {
        let mut state = self.state.lock();
        let gone: Vec<ObjectKey> = state.tenant_of.keys().filter(|key| !present.contains(*key)).cloned().collect();
        for key in &gone {
            remove(&mut state, key);
        }
        gone
    }

    /// An instance of a Tenant other than this one, with its UID: if there is one, one that will pass the Tenant on when it
    /// goes.
    pub(crate) fn another_member(&self, tenant: &str, not: &ObjectKey) -> Option<(ObjectKey, String)> {
        let state = self.state.lock();
        let others = || state.members.get(tenant).into_iter().flatten().filter(|(key, _)| *key != not);
        let heir = others().find(|(_, member)| member.is_let_go).or_else(|| others().next());
        heir.map(|(key, member)| (key.clone(), member.uid.clone()))
    }

    /// An instance of a Tenant that the operator works on already, with its UID. One that it has yet to begin with makes sure
    /// of its Tenant by itself.
    pub(crate) fn member_at_work(&self, tenant: &str) -> Option<(ObjectKey, String)> {
        let state = self.state.lock();
        let (key, member) = state.members.get(tenant)?.iter().find(|(_, member)| member.is_let_go)?;
        Some((key.clone(), member.uid.clone()))
    }

    /// Whether an instance of a Tenant is as described.
    pub(crate) fn has_member(&self, tenant: &str, is: impl FnMut(&ObjectKey) -> bool) -> bool {
        self.state.lock().members.get(tenant).is_some_and(|members| members.keys().any(is))
    }

    /// Has an instance woken when its Tenant is ready.
    pub(crate) fn wait_for(&self, tenant: &str, key: &ObjectKey) {
        self.state.lock().waiting.entry(tenant.to_owned()).or_default().insert(key.clone());
    }

    /// The Tenants that are waited for.
    pub(crate) fn awaited(&self) -> Vec<String> {
        self.state.lock().waiting.keys().cloned().collect()
    }

    /// The instances that wait for a Tenant; they wait no longer.
    pub(crate) fn take_waiting(&self, tenant: &str) -> BTreeSet<ObjectKey> {
        self.state.lock().waiting.remove(tenant).unwrap_or_default()
    }
}

fn remove(state: &mut State, key: &ObjectKey) {
    if let Some(tenant) = state.tenant_of.remove(key)
        && let Some(members) = state.members.get_mut(&tenant)
    {
        members.remove(key);
        if members.is_empty() {
            state.members.remove(&tenant);
        }
    }
}

#[cfg(test)]
#[path = "ownership_tests.rs"]
mod tests;
