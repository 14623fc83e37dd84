//! The namespaces of a run, and their end.

use std::time::Duration;

use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{
        ApiResource, DeleteParams, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams, Preconditions,
    },
};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::{ExternalCluster, ExternalError};
use crate::{
    api::{ComputeInstance, Tenant, tenant::suffix_of_namespace},
    clock::timeout,
};

/// On every namespace that a run makes, with the run's name.
pub(super) const RUN_LABEL: &str = "provbench/run";

/// How long a namespace may take to go. One without a namespace controller never goes: it is emptied, and left to end.
const GONE_LIMIT: Duration = Duration::from_secs(10);

const CHECK: Duration = Duration::from_millis(100);

impl ExternalCluster {
    /// Makes the namespace of a trial.
    ///
    /// # Errors
    /// When it is there already, or can't be made.
    pub async fn create_namespace(&self, client: &Client, name: &str) -> Result<(), ExternalError> {
        let labels = [(RUN_LABEL.to_owned(), self.run.clone())].into();
        let metadata = ObjectMeta { name: Some(name.to_owned()), labels: Some(labels), ..ObjectMeta::default() };
        let namespace = Namespace { metadata, ..Namespace::default() };
        match Api::<Namespace>::all(client.clone()).create(&PostParams::default(), &namespace).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.is_already_exists() => Err(ExternalError::NotOurs(name.to_owned())),
            Err(source) => Err(ExternalError::api(format!("create the namespace {name}"))(source)),
        }
    }

    /// Removes every namespace of this run that is left, with all that is in it.
    ///
    /// # Errors
    /// When the API server says no; what can be removed is removed anyway.
    pub async fn remove_all(&self) -> Result<(), ExternalError> {
        let client = self.client("default")?;
        let ours = ListParams::default().labels(&format!("{RUN_LABEL}={}", self.run));
        let what = "list the namespaces of this run";
        let left = Api::<Namespace>::all(client.clone()).list(&ours).await.map_err(ExternalError::api(what))?;
        let mut result = Ok(());
        for namespace in left {
            let removed = self.remove(&client, &namespace.name_any()).await;
            result = result.and(removed);
        }
        result
    }

    /// Removes a namespace of this run, and those of the tenants in it.
    ///
    /// # Errors
    /// When it is not this run's, or the API server says no.
    pub async fn remove(&self, client: &Client, name: &str) -> Result<(), ExternalError> {
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let what = || format!("remove the namespace {name}");
        let Some(namespace) = namespaces.get_opt(name).await.map_err(ExternalError::api(what()))? else {
            return Ok(());
        };
        if namespace.labels().get(RUN_LABEL) != Some(&self.run) {
            return Err(ExternalError::NotOurs(name.to_owned()));
        }
        // The operator has ended: nobody takes its finalizers off any more.
        release(client, name).await?;
        if let Some(subject) = &self.subject {
            let resource = subject.resource();
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), name, &resource);
            clear(&api).await?;
            let_go(&api, name).await?;
        }
        // The name begins with that of a namespace that nobody else has, so that the tenants in them are ours too.
        let all = namespaces.list_metadata(&ListParams::default()).await.map_err(ExternalError::api(what()))?;
        let tenants = all.into_iter().filter(|other| suffix_of_namespace(name, &other.name_any()).is_some());
        for own in tenants.map(|own| own.metadata).chain([namespace.metadata]) {
            let Some(own_name) = &own.name else { continue };
            self.empty_and_delete(client, own_name, &own).await?;
        }
        Ok(())
    }

    async fn empty_and_delete(&self, client: &Client, name: &str, metadata: &ObjectMeta) -> Result<(), ExternalError> {
        let what = || format!("remove the namespace {name}");
        for (group, version, kind, plural) in [
            ("kubevirt.io", "v1", "VirtualMachine", "virtualmachines"),
            ("cdi.kubevirt.io", "v1beta1", "DataVolume", "datavolumes"),
        ] {
            let resource = ApiResource {
                group: group.to_owned(),
                version: version.to_owned(),
                api_version: format!("{group}/{version}"),
                kind: kind.to_owned(),
                plural: plural.to_owned(),
            };
            let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), name, &resource);
            clear(&api).await?;
        }
        clear(&Api::<Secret>::namespaced(client.clone(), name)).await?;
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let preconditions = Preconditions { uid: metadata.uid.clone(), resource_version: None };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        match namespaces.delete(name, &parameters).await {
            Ok(_) => {}
            // It is gone, or on its way.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(source) => return Err(ExternalError::api(what())(source)),
        }
        let gone = async {
            while namespaces.get_metadata_opt(name).await.map_err(ExternalError::api(what()))?.is_some() {
                self.clock.sleep(CHECK).await;
            }
            Ok(())
        };
        timeout(&*self.clock, GONE_LIMIT, gone).await.unwrap_or(Ok(()))
    }
}

/// Deletes instances and tenants of a namespace, and takes off what holds them.
async fn release(client: &Client, namespace: &str) -> Result<(), ExternalError> {
    let instances: Api<ComputeInstance> = Api::namespaced(client.clone(), namespace);
    let tenants: Api<Tenant> = Api::namespaced(client.clone(), namespace);
    clear(&instances).await?;
    clear(&tenants).await?;
    let_go(&instances, namespace).await?;
    let_go(&tenants, namespace).await
}

/// Takes off what holds the objects of a collection.
async fn let_go<K>(api: &Api<K>, namespace: &str) -> Result<(), ExternalError>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    let what = || format!("let go of what is in {namespace}");
    for object in api.list_metadata(&ListParams::default()).await.map_err(ExternalError::api(what()))? {
        gone_is_fine(
            api.patch(object.metadata.name.as_deref().unwrap_or_default(), &PatchParams::default(), &patch).await,
            what,
        )?;
    }
    Ok(())
}

async fn clear<K>(api: &Api<K>) -> Result<(), ExternalError>
where
    K: Clone + DeserializeOwned + std::fmt::Debug,
{
    gone_is_fine(api.delete_collection(&DeleteParams::default(), &ListParams::default()).await, || {
        "empty a namespace of this run".to_owned()
    })
}

fn gone_is_fine<T>(result: Result<T, kube::Error>, what: impl FnOnce() -> String) -> Result<(), ExternalError> {
    match result {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(source) => Err(ExternalError::api(what())(source)),
    }
}
