//! Writes of the status: only what changed, as a patch of the status subresource.

use std::{sync::Arc, time::Duration};

use kube::{
    Api, ResourceExt,
    api::{Patch, PatchParams},
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    api::{ComputeInstance, ComputeInstanceStatus, JobStatus},
    operator::{
        context::{Context, ObjectKey},
        decide::record_job,
        trace,
    },
};

/// The wait between two attempts to record a job that was launched.
const RECORD_DELAY_FIRST: Duration = Duration::from_millis(50);
const RECORD_DELAY_LONGEST: Duration = Duration::from_secs(5);

fn changed<T: PartialEq + Serialize>(patch: &mut Map<String, Value>, field: &str, before: &T, after: &T) {
    if before != after {
        let value = serde_json::to_value(after).unwrap_or(Value::Null);
        patch.insert(field.to_owned(), value);
    }
}

/// The merge patch (RFC 7386) that makes `after` of `before`: arrays whole, `null` for what goes.
pub(crate) fn merge_patch(before: &ComputeInstanceStatus, after: &ComputeInstanceStatus) -> Map<String, Value> {
    let mut patch = Map::new();
    changed(&mut patch, "phase", &before.phase, &after.phase);
    changed(&mut patch, "conditions", &before.conditions, &after.conditions);
    changed(&mut patch, "virtualMachineReference", &before.virtual_machine_reference, &after.virtual_machine_reference);
    changed(&mut patch, "tenantReference", &before.tenant_reference, &after.tenant_reference);
    changed(&mut patch, "desiredConfigVersion", &before.desired_config_version, &after.desired_config_version);
    changed(&mut patch, "reconciledConfigVersion", &before.reconciled_config_version, &after.reconciled_config_version);
    changed(&mut patch, "lastRestartedAt", &before.last_restarted_at, &after.last_restarted_at);
    changed(&mut patch, "jobs", &before.jobs, &after.jobs);
    changed(&mut patch, "provisionJob", &before.provision_job, &after.provision_job);
    changed(&mut patch, "deprovisionJob", &before.deprovision_job, &after.deprovision_job);
    patch
}

/// The JSON patch (RFC 6902) that does the same, and only to the object that was decided on: a namesake that was made since
/// keeps its status. A merge patch can't say that, since the status subresource ignores the metadata in it.
fn json_patch(uid: Option<&str>, merge: Map<String, Value>) -> Value {
    let mut operations = vec![json!({ "op": "test", "path": "/metadata/uid", "value": uid })];
    operations.extend(merge.into_iter().map(|(field, value)| {
        let path = format!("/status/{field}");
        match value {
            Value::Null => json!({ "op": "remove", "path": path }),
            value => json!({ "op": "add", "path": path, "value": value }),
        }
    }));
    Value::Array(operations)
}

/// How a write is kept from what it must not overwrite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// It fails when anybody else has changed the object.
    Unchanged,
    /// It fails when the object is another one of the same name.
    SameObject,
}

impl Context {
    pub(crate) fn instance_api(&self, key: &ObjectKey) -> Api<ComputeInstance> {
        Api::namespaced(self.client.clone(), &key.namespace)
    }

    /// Writes a status over the one that the server has; returns the object as it is then.
    pub(crate) async fn write_status(
        &self,
        key: &ObjectKey,
        object: &ComputeInstance,
        before: &ComputeInstanceStatus,
        after: &ComputeInstanceStatus,
        guard: Guard,
    ) -> Result<Arc<ComputeInstance>, kube::Error> {
        let write = self.send_status(key, object, before, after, guard);
        trace::api_write(&key.name, "status", after.phase, write).await
    }

    async fn send_status(
        &self,
        key: &ObjectKey,
        object: &ComputeInstance,
        before: &ComputeInstanceStatus,
        after: &ComputeInstanceStatus,
        guard: Guard,
    ) -> Result<Arc<ComputeInstance>, kube::Error> {
        let changes = merge_patch(before, after);
        let metadata = json!({ "resourceVersion": object.resource_version() });
        let merge = Patch::Merge(json!({ "metadata": metadata, "status": changes }));
        let api = self.instance_api(key);
        let written = match self.in_time(api.patch_status(&key.name, &PatchParams::default(), &merge)).await {
            // Somebody else was faster, and this write need not mind: what it must not meet is a namesake. A merge patch of
            // the status can't say that, and costs the server a fraction of a JSON patch: hence the two attempts. Where
            // there is no status yet, no field can be added to it.
            Err(kube::Error::Api(status))
                if status.is_conflict()
                    && guard == Guard::SameObject
                    && *before != ComputeInstanceStatus::default() =>
            {
                let operations = json_patch(object.metadata.uid.as_deref(), merge_patch(before, after));
                let patch: Patch<()> =
                    Patch::Json(serde_json::from_value(operations).map_err(kube::Error::SerdeError)?);
                self.in_time(api.patch_status(&key.name, &PatchParams::default(), &patch)).await?
            }
            written => written?,
        };
        let written = Arc::new(written);
        self.fresh_instances.remember(key, &written);
        Ok(written)
    }

    /// Records a job that was launched, whatever it takes: nothing else happens to the object before this has succeeded.
    ///
    /// Returns `None` when the object is gone; the job is then in nobody's care and is reported.
    pub(crate) async fn record_launched(
        &self,
        key: &ObjectKey,
        object: &ComputeInstance,
        before: &ComputeInstanceStatus,
        after: &ComputeInstanceStatus,
        job: &JobStatus,
    ) -> Option<Arc<ComputeInstance>> {
        let (mut before, mut after) = (before.clone(), after.clone());
        let mut delay = RECORD_DELAY_FIRST;
        loop {
            let gone = match self.write_status(key, object, &before, &after, Guard::SameObject).await {
                Ok(written) => return Some(written),
                Err(kube::Error::Api(status)) if status.is_not_found() => true,
                Err(error) => {
                    tracing::warn!(object = %key, job_id = %job.job_id, %error, "failed to record a launched job; trying again");
                    self.clock.sleep(delay).await;
                    delay = (delay * 2).min(RECORD_DELAY_LONGEST);
                    let api = self.instance_api(key);
                    match self.in_time(api.get_opt(&key.name)).await {
                        Ok(Some(live)) if live.metadata.uid == object.metadata.uid => {
                            // Whoever wrote in between must not lose what they wrote, nor the job its place.
                            before = live.status.unwrap_or_default();
                            after = before.clone();
                            record_job(&mut after, job.clone(), self.config.max_job_history, self.clock.now());
                            false
                        }
                        Ok(_) => true,
                        Err(_) => false,
                    }
                }
            };
            if gone {
                tracing::error!(object = %key, job_id = %job.job_id, "the object went while its job was launched");
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{JobHistory, Phase, compute_instance::TenantReference, legacy::LegacyJob};

    #[test]
    fn a_patch_carries_what_changed_and_nothing_else() {
        let before = ComputeInstanceStatus {
            phase: Some(Phase::Starting),
            tenant_reference: Some(TenantReference { name: "a".into(), namespace: "b".into() }),
            desired_config_version: Some("1".into()),
            provision_job: Some(LegacyJob::default()),
            ..ComputeInstanceStatus::default()
        };
        let after = ComputeInstanceStatus {
            phase: Some(Phase::Running),
            tenant_reference: None,
            provision_job: None,
            ..before.clone()
        };
        let patch = Value::Object(merge_patch(&before, &after));
        assert_eq!(patch, json!({ "phase": "Running", "tenantReference": null, "provisionJob": null }));
        assert!(merge_patch(&after, &after).is_empty());
    }

    #[test]
    fn the_patch_applied_by_the_rules_of_rfc_7386_gives_the_status() {
        let job = serde_json::json!({"jobID": "1", "type": "provision", "timestamp": "2026-02-12T00:00:00Z", "state": "Running"});
        let jobs: JobHistory = serde_json::from_value(json!([job])).expect("a history");
        let before = ComputeInstanceStatus { jobs, phase: Some(Phase::Starting), ..ComputeInstanceStatus::default() };
        for after in [ComputeInstanceStatus::default(), ComputeInstanceStatus { phase: None, ..before.clone() }] {
            let mut document = serde_json::to_value(&before).expect("JSON");
            for (field, value) in merge_patch(&before, &after) {
                match value {
                    Value::Null => drop(document.as_object_mut().expect("an object").remove(&field)),
                    value => document[&field] = value,
                }
            }
            assert_eq!(serde_json::from_value::<ComputeInstanceStatus>(document).expect("a status"), after);
        }
    }
}
