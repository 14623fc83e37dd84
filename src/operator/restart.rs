//! The restart of a VM, as it is performed.

use jiff::Timestamp;
use kube::{
    Api, ResourceExt,
    api::{ApiResource, DeleteParams, DynamicObject, Preconditions},
};

use crate::{
    api::compute_instance::VirtualMachineReference,
    operator::{
        context::Context,
        decide::{after_failed_restart, after_restart},
        reconcile::{Next, Work},
    },
};

fn instance_resource() -> ApiResource {
    ApiResource {
        group: "kubevirt.io".to_owned(),
        version: "v1".to_owned(),
        api_version: "kubevirt.io/v1".to_owned(),
        kind: "VirtualMachineInstance".to_owned(),
        plural: "virtualmachineinstances".to_owned(),
    }
}

impl Context {
    /// Restarts a VM, unless it was since the request.
    pub(crate) async fn restart(
        &self,
        work: &mut Work,
        reference: &VirtualMachineReference,
        requested: Timestamp,
    ) -> Next {
        let outcome = self.delete_instance(reference, requested).await;
        let now = self.clock.now();
        match outcome {
            Ok(()) => {
                work.change(|status| after_restart(status, requested, now));
                self.remember(&work.key, &work.object, |memory| {
                    memory.failed_calls = 0;
                    memory.call_not_before = None;
                });
            }
            Err(error) => {
                tracing::warn!(object = %work.key, %error, "failed to restart a VM; trying again later");
                work.change(|status| after_failed_restart(status, &error.to_string(), now));
                self.delay_calls(work, now, None);
            }
        }
        Next::Again
    }

    async fn delete_instance(
        &self,
        reference: &VirtualMachineReference,
        requested: Timestamp,
    ) -> Result<(), kube::Error> {
        let resource = instance_resource();
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &reference.namespace, &resource);
        let name = &reference.kube_virt_virtual_machine_name;
        let Some(instance) = self.in_time(Box::pin(api.get_opt(name))).await? else { return Ok(()) };
        if instance.creation_timestamp().is_some_and(|created| created.0 > requested) {
            return Ok(());
        }
        // Only this one: KubeVirt may have made the next in the meantime.
        let preconditions = Preconditions { uid: instance.uid(), ..Preconditions::default() };
        let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
        match self.in_time(Box::pin(api.delete(name, &parameters))).await {
            // 409: it is another one by now.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            deleted => deleted.map(drop),
        }
    }
}
