//! Who owns a Tenant.
//!
//! A Tenant names one of its instances as its owner, so that the garbage collector removes it after the last: not all of
//! them, since the thousandth instance would then rewrite a list of a thousand, and wake everybody. An instance that owns
//! its Tenant passes the ownership on before it goes; where it could not know of the next, that one takes it over before it
//! uses the Tenant, since the garbage collector is about to remove it. So it is when an owner went by force: another instance is given
//! the Tenant at once; and should the garbage collector have been faster, the Tenant's namespace stays while an instance has
//! its machine there.

use std::sync::Arc;

use compact_str::CompactString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{
    Api, Resource, ResourceExt,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
    runtime::reflector::ObjectRef,
};
use serde_json::json;

use crate::{
    api::{ComputeInstance, Tenant, TenantSpec, names, tenant::tenant_object_name},
    operator::context::{Context, ObjectKey, WorkItem},
};

fn owner(name: &str, uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: ComputeInstance::api_version(&()).into_owned(),
        kind: ComputeInstance::kind(&()).into_owned(),
        name: name.to_owned(),
        uid: uid.to_owned(),
        ..OwnerReference::default()
    }
}

impl Context {
    pub(crate) fn tenant_api(&self, namespace: &str) -> Api<Tenant> {
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Creates the Tenant of an instance, unless somebody else has or is about to.
    pub(crate) async fn create_tenant(
        &self,
        instance: &ComputeInstance,
        tenant: &str,
        name: &str,
    ) -> Result<(), kube::Error> {
        if !self.tenants_in_creation.lock().insert(name.to_owned()) {
            return Ok(());
        }
        let namespace = instance.namespace().unwrap_or_default();
        let key = ObjectKey { namespace: namespace.as_str().into(), name: name.into() };
        if let Some(orphan) = self.tenant(&key).filter(|tenant| self.is_orphaned(tenant)) {
            let adopted =
                self.change_owner(&key, &orphan, &instance.name_any(), &instance.uid().unwrap_or_default()).await;
            self.tenants_in_creation.lock().remove(name);
            return adopted;
        }
        let object = Tenant {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: Some(namespace.clone()),
                owner_references: Some(vec![owner(&instance.name_any(), &instance.uid().unwrap_or_default())]),
                finalizers: Some(vec![names::TENANT_FINALIZER.to_owned()]),
                ..ObjectMeta::default()
            },
            spec: TenantSpec { name: tenant.to_owned() },
            status: None,
        };
        let api = self.tenant_api(&namespace);
        let created = self.in_time(Box::pin(api.create(&PostParams::default(), &object))).await;
        self.tenants_in_creation.lock().remove(name);
        match created {
            Ok(created) => {
                let created = Arc::new(created);
                self.fresh_tenants.remember(&ObjectKey::of(created.as_ref()), &created);
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.is_already_exists() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether all instances that a Tenant names as its owners are gone.
    pub(crate) fn is_orphaned(&self, tenant: &Tenant) -> bool {
        let namespace = tenant.metadata.namespace.as_deref().unwrap_or_default();
        let exists = |own: &OwnerReference| {
            let instance = self.instances.get(&ObjectRef::new(&own.name).within(namespace));
            instance.is_some_and(|instance| instance.0.metadata.uid.as_ref() == Some(&own.uid))
        };
        let kind = ComputeInstance::kind(&());
        let owners = tenant.owner_references();
        !owners.is_empty() && owners.iter().all(|own| own.kind == kind && !exists(own))
    }

    async fn change_owner(&self, key: &ObjectKey, tenant: &Tenant, name: &str, uid: &str) -> Result<(), kube::Error> {
        let patch = json!({ "metadata": {
            "resourceVersion": tenant.resource_version(),
            "ownerReferences": [owner(name, uid)],
        }});
        let api = self.tenant_api(&key.namespace);
        match self.in_time(Box::pin(api.patch(&key.name, &PatchParams::default(), &Patch::Merge(patch)))).await {
            Ok(written) => {
                self.fresh_tenants.remember(key, &Arc::new(written));
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Has the Tenant of an instance looked at that went without having passed it on.
    pub(crate) fn look_for_heirs(&self, key: &ObjectKey, instance: &ComputeInstance) {
        if let Some(tenant) = instance.annotation(names::TENANT_ANNOTATION) {
            let name = tenant_object_name(tenant).as_str().into();
            self.queue.add(WorkItem::Tenant(ObjectKey { namespace: key.namespace.clone(), name }));
        }
    }

    /// Gives a Tenant whose owners are gone to another of its instances, where there is one: the garbage collector would
    /// remove it, and with it the machines of all.
    pub(crate) async fn adopt(&self, key: &ObjectKey, tenant: &Tenant) -> Result<(), kube::Error> {
        if !self.is_orphaned(tenant) {
            return Ok(());
        }
        let Some((heir, heir_uid)) = self.ownership.member_at_work(&key.name) else { return Ok(()) };
        self.change_owner(key, tenant, &heir.name, &heir_uid).await
    }

    /// Passes the ownership of a Tenant on, where this instance has it and another could take it.
    pub(crate) async fn hand_over_tenant(
        &self,
        key: &ObjectKey,
        instance: &ComputeInstance,
    ) -> Result<(), kube::Error> {
        let Some(tenant) = instance.annotation(names::TENANT_ANNOTATION) else { return Ok(()) };
        let name = tenant_object_name(tenant);
        let tenant_key = ObjectKey { namespace: key.namespace.clone(), name: CompactString::from(name.as_str()) };
        let Some(tenant) = self.tenant(&tenant_key) else { return Ok(()) };
        let uid = instance.uid().unwrap_or_default();
        if tenant.metadata.deletion_timestamp.is_some() || !tenant.owner_references().iter().any(|own| own.uid == uid) {
            return Ok(());
        }
        let Some((heir, heir_uid)) = self.ownership.another_member(&name, key) else { return Ok(()) };
        self.change_owner(&tenant_key, &tenant, &heir.name, &heir_uid).await
    }
}
