//! One pass over one Tenant.
//!
//! Flow: finalizer → namespace → UserDefinedNetwork, where the cluster has that kind → Ready. On delete the reverse order,
//! each waited for, then the finalizer goes; it begins when nothing is left there that is to
//! stay: the machine of an instance that is not being deleted, or one that is in somebody's own hands.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{
    api::{Tenant, TenantPhase, names, tenant::tenant_namespace},
    operator::{
        context::{Context, ObjectKey},
        reconcile::ReconcileError,
    },
};

/// How often something that is being removed is looked at.
const REMOVAL_CHECK: Duration = Duration::from_secs(1);

/// How often it is looked whether a Tenant that is being removed still has machines.
const MACHINES_CHECK: Duration = Duration::from_secs(10);

/// The name of a tenant's network.
const NETWORK: &str = "udn";

fn network_resource() -> ApiResource {
    ApiResource {
        group: "k8s.ovn.org".to_owned(),
        version: "v1".to_owned(),
        api_version: "k8s.ovn.org/v1".to_owned(),
        kind: "UserDefinedNetwork".to_owned(),
        plural: "userdefinednetworks".to_owned(),
    }
}

fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// Not every 409 says that: a conflict means that nothing was created.
fn already_exists(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_already_exists())
}

/// Brings one Tenant as far as it can be brought now.
///
/// # Errors
/// When a request failed in a way that time may mend.
pub(crate) async fn reconcile(ctx: &Context, key: &ObjectKey) -> Result<Option<Duration>, ReconcileError> {
    let Some(tenant) = ctx.tenant(key) else { return Ok(None) };
    let own_namespace = tenant_namespace(&key.namespace, &tenant.spec.name);
    if tenant.metadata.deletion_timestamp.is_some() {
        return remove(ctx, key, tenant, &own_namespace).await;
    }
    ctx.adopt(key, &tenant).await.map_err(ReconcileError::api("give the tenant to another instance"))?;
    let tenant = ensure_finalizer(ctx, key, ctx.tenant(key).unwrap_or(tenant)).await?;
    if tenant.status.as_ref().and_then(|status| status.phase) == Some(TenantPhase::Ready) {
        return Ok(None);
    }
    create_namespace(ctx, &own_namespace).await?;
    create_network(ctx, &own_namespace).await?;
    write_phase(ctx, key, TenantPhase::Ready, Some(&own_namespace)).await?;
    Ok(None)
}

async fn ensure_finalizer(ctx: &Context, key: &ObjectKey, tenant: Arc<Tenant>) -> Result<Arc<Tenant>, ReconcileError> {
    if tenant.finalizers().iter().any(|name| name == names::TENANT_FINALIZER) {
        return Ok(tenant);
    }
    let mut finalizers = tenant.finalizers().to_vec();
    finalizers.push(names::TENANT_FINALIZER.to_owned());
    patch_finalizers(ctx, key, &tenant, &finalizers).await
}

async fn patch_finalizers(
    ctx: &Context,
    key: &ObjectKey,
    tenant: &Tenant,
    finalizers: &[String],
) -> Result<Arc<Tenant>, ReconcileError> {
    let patch = json!({ "metadata": { "resourceVersion": tenant.resource_version(), "finalizers": finalizers } });
    let api = ctx.tenant_api(&key.namespace);
    let written = ctx
        .in_time(Box::pin(api.patch(&key.name, &PatchParams::default(), &Patch::Merge(patch))))
        .await
        .map_err(ReconcileError::api("change the tenant's finalizers"))?;
    let written = Arc::new(written);
    ctx.fresh_tenants.remember(key, &written);
    Ok(written)
}

async fn create_namespace(ctx: &Context, name: &str) -> Result<(), ReconcileError> {
    let namespace = Namespace {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            labels: Some([(names::UDN_LABEL.to_owned(), String::new())].into()),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    let api = Api::<Namespace>::all(ctx.client.clone());
    match ctx.in_time(Box::pin(api.create(&PostParams::default(), &namespace))).await {
        Err(error) if !already_exists(&error) => Err(ReconcileError::api("create the tenant's namespace")(error)),
        _ => Ok(()),
    }
}

async fn create_network(ctx: &Context, namespace: &str) -> Result<(), ReconcileError> {
    let resource = network_resource();
    let spec = json!({ "topology": "Layer2", "layer2": { "role": "Primary", "subnets": ["10.200.0.0/16"] } });
    let network = DynamicObject::new(NETWORK, &resource).data(json!({ "spec": spec }));
    let api: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), namespace, &resource);
    match ctx.in_time(Box::pin(api.create(&PostParams::default(), &network))).await {
        // 404: this cluster has no such kind, and needs no network of its own for each tenant.
        Err(error) if code(&error) != Some(404) && !already_exists(&error) => {
            Err(ReconcileError::api("create the tenant's network")(error))
        }
        _ => Ok(()),
    }
}

async fn write_phase(
    ctx: &Context,
    key: &ObjectKey,
    phase: TenantPhase,
    namespace: Option<&str>,
) -> Result<(), ReconcileError> {
    let mut status = json!({ "phase": phase });
    if let Some(namespace) = namespace {
        status["namespace"] = json!(namespace);
    }
    let patch = Patch::Merge(json!({ "status": status }));
    let api = ctx.tenant_api(&key.namespace);
    let written = ctx
        .in_time(Box::pin(api.patch_status(&key.name, &PatchParams::default(), &patch)))
        .await
        .map_err(ReconcileError::api("write the tenant's status"))?;
    ctx.fresh_tenants.remember(key, &Arc::new(written));
    Ok(())
}

async fn remove(
    ctx: &Context,
    key: &ObjectKey,
    tenant: Arc<Tenant>,
    own_namespace: &str,
) -> Result<Option<Duration>, ReconcileError> {
    if !tenant.finalizers().iter().any(|name| name == names::TENANT_FINALIZER) {
        return Ok(None);
    }
    if tenant.status.as_ref().and_then(|status| status.phase) != Some(TenantPhase::Deleting) {
        write_phase(ctx, key, TenantPhase::Deleting, None).await?;
    }
    let has_machine = |member: &ObjectKey| ctx.vms.seen(&member.name, |namespace| namespace == own_namespace).is_some();
    if ctx.ownership.has_member(&key.name, has_machine) || ctx.vms.has_kept_in(own_namespace) {
        // Nobody meant those: the machines would go with the namespace.
        tracing::warn!(tenant = %key.name, namespace = own_namespace, "a Tenant is being removed whose namespace has machines that are to stay; waiting for them to go");
        return Ok(Some(MACHINES_CHECK));
    }
    let networks: Api<DynamicObject> = Api::namespaced_with(ctx.client.clone(), own_namespace, &network_resource());
    if !is_removed(ctx, &networks, NETWORK).await? {
        return Ok(Some(REMOVAL_CHECK));
    }
    if !is_removed(ctx, &Api::<Namespace>::all(ctx.client.clone()), own_namespace).await? {
        return Ok(Some(REMOVAL_CHECK));
    }
    // The status was written since: the newest version is what the finalizers are taken from.
    let Some(tenant) = ctx.tenant(key) else { return Ok(None) };
    let rest: Vec<String> =
        tenant.finalizers().iter().filter(|name| *name != names::TENANT_FINALIZER).cloned().collect();
    patch_finalizers(ctx, key, &tenant, &rest).await?;
    ctx.fresh_tenants.forget(key);
    Ok(None)
}

/// Deletes an object; whether it is gone.
async fn is_removed<K>(ctx: &Context, api: &Api<K>, name: &str) -> Result<bool, ReconcileError>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    match ctx.in_time(Box::pin(api.delete(name, &DeleteParams::default()))).await {
        Ok(_) => {}
        Err(error) if code(&error) == Some(404) => return Ok(true),
        // 409: it is on its way out already.
        Err(error) if code(&error) == Some(409) => {}
        Err(error) => return Err(ReconcileError::api("remove what the tenant has")(error)),
    }
    let left =
        ctx.in_time(Box::pin(api.get_opt(name))).await.map_err(ReconcileError::api("look at what the tenant has"))?;
    Ok(left.is_none())
}
