//! Writes of the status: only what changed, as a patch of the status subresource.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{
    Api, Resource,
    api::{Patch, PatchParams, Request},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    api::{
        ComputeInstance, ComputeInstanceStatus, JobHistory, JobStatus, Phase,
        compute_instance::{TenantReference, VirtualMachineReference},
        legacy::LegacyJob,
    },
    operator::{
        context::{Context, ObjectKey},
        decide::record_job,
        first_field::first_field,
        fresh::is_newer,
        reconcile::Work,
        trace,
    },
};

/// The wait between two attempts to record a job that was launched.
const RECORD_DELAY_FIRST: Duration = Duration::from_millis(50);
const RECORD_DELAY_LONGEST: Duration = Duration::from_secs(5);

/// A field as a merge patch carries it: left out where it is the same, `null` where it goes.
type Change<'a, T> = Option<Option<&'a T>>;

fn changed<'a, T: PartialEq>(before: Option<&T>, after: Option<&'a T>) -> Change<'a, T> {
    (before != after).then_some(after)
}

fn filled<T>(list: &Vec<T>) -> Option<&Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// The merge patch (RFC 7386) that makes one status of another: arrays whole, `null` for what goes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MergePatch<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Change<'a, Phase>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditions: Change<'a, Vec<Condition>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    virtual_machine_reference: Change<'a, VirtualMachineReference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant_reference: Change<'a, TenantReference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    desired_config_version: Change<'a, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reconciled_config_version: Change<'a, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_restarted_at: Change<'a, Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jobs: Change<'a, JobHistory>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provision_job: Change<'a, LegacyJob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deprovision_job: Change<'a, LegacyJob>,
}

impl<'a> MergePatch<'a> {
    pub(crate) fn between(before: &ComputeInstanceStatus, after: &'a ComputeInstanceStatus) -> Self {
        fn history(status: &ComputeInstanceStatus) -> Option<&JobHistory> {
            (!status.jobs.is_empty()).then_some(&status.jobs)
        }
        // A field that the CRD gains must be written: this does not compile without it.
        let ComputeInstanceStatus {
            phase,
            conditions,
            virtual_machine_reference,
            tenant_reference,
            desired_config_version,
            reconciled_config_version,
            last_restarted_at,
            jobs: _,
            provision_job,
            deprovision_job,
        } = after;
        Self {
            phase: changed(before.phase.as_ref(), phase.as_ref()),
            conditions: changed(filled(&before.conditions), filled(conditions)),
            virtual_machine_reference: changed(
                before.virtual_machine_reference.as_ref(),
                virtual_machine_reference.as_ref(),
            ),
            tenant_reference: changed(before.tenant_reference.as_ref(), tenant_reference.as_ref()),
            desired_config_version: changed(before.desired_config_version.as_ref(), desired_config_version.as_ref()),
            reconciled_config_version: changed(
                before.reconciled_config_version.as_ref(),
                reconciled_config_version.as_ref(),
            ),
            last_restarted_at: changed(before.last_restarted_at.as_ref(), last_restarted_at.as_ref()),
            jobs: changed(history(before), history(after)),
            provision_job: changed(before.provision_job.as_ref(), provision_job.as_ref()),
            deprovision_job: changed(before.deprovision_job.as_ref(), deprovision_job.as_ref()),
        }
    }
}

/// The body of a merge patch of the status subresource.
#[derive(Debug, Serialize)]
struct StatusBody<'a> {
    metadata: StatusMeta<'a>,
    status: MergePatch<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusMeta<'a> {
    resource_version: Option<&'a str>,
}

/// The body of a merge patch of the finalizers.
#[derive(Debug, Serialize)]
struct FinalizersBody<'a> {
    metadata: FinalizersMeta<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FinalizersMeta<'a> {
    finalizers: &'a [String],
    resource_version: Option<&'a str>,
}

/// Of the answer to a write, what the writer does not know.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    resource_version: String,
}

/// The JSON patch (RFC 6902) that does the same, and only to the object that was decided on, and only where what is changed is
/// as it was: a namesake that was made since keeps its status, and a field that was there and has changed since is not written
/// over (that one is still not there can't be tested). A merge patch can't say that, since the status subresource ignores the
/// metadata in it.
///
/// `None` where there was no status yet: that there is still none can't be said so.
fn json_patch(uid: Option<&str>, before: &ComputeInstanceStatus, after: &ComputeInstanceStatus) -> Option<Value> {
    if *before == ComputeInstanceStatus::default() {
        return None;
    }
    let mut operations = vec![json!({ "op": "test", "path": "/metadata/uid", "value": uid })];
    let was = serde_json::to_value(before).unwrap_or_default();
    let changes = serde_json::to_value(MergePatch::between(before, after)).unwrap_or_default();
    let changes = changes.as_object().cloned().unwrap_or_default();
    for (field, value) in changes {
        let path = format!("/status/{field}");
        if let Some(was) = was.get(&field) {
            operations.push(json!({ "op": "test", "path": path, "value": was }));
        }
        operations.push(match value {
            Value::Null => json!({ "op": "remove", "path": path }),
            value => json!({ "op": "add", "path": path, "value": value }),
        });
    }
    Some(Value::Array(operations))
}

impl Context {
    pub(crate) fn instance_api(&self, key: &ObjectKey) -> Api<ComputeInstance> {
        Api::namespaced(self.client.clone(), &key.namespace)
    }

    /// Writes a status over the one that the server has; returns the object as it is then. It fails when the object is
    /// another one of the same name.
    pub(crate) async fn write_status(
        &self,
        key: &ObjectKey,
        object: &ComputeInstance,
        before: &ComputeInstanceStatus,
        after: &ComputeInstanceStatus,
    ) -> Result<Arc<ComputeInstance>, kube::Error> {
        let write = Box::pin(self.send_status(key, object, before, after));
        trace::api_write(&key.name, "status", after.phase, write).await
    }

    async fn send_status(
        &self,
        key: &ObjectKey,
        object: &ComputeInstance,
        before: &ComputeInstanceStatus,
        after: &ComputeInstanceStatus,
    ) -> Result<Arc<ComputeInstance>, kube::Error> {
        let _turn = match self.status_writes.try_acquire() {
            Ok(turn) => Some(turn),
            // Never closed, so that there is always a turn to wait for.
            Err(_) => self.in_time(Box::pin(async { Ok(self.status_writes.acquire().await.ok()) })).await?,
        };
        let newest = self.instance(key).filter(|newest| is_same_but_for_others(newest, object, before));
        let object = newest.as_deref().unwrap_or(object);
        let written = match self.merge_status(key, object, before, after).await {
            Ok(written) => written,
            // Somebody else was faster, and this write need not mind what they did elsewhere: what it must not meet is a
            // namesake, or another status. A merge patch can't say that, and costs the server a fraction of a JSON patch:
            // hence the two attempts.
            Err(kube::Error::Api(status)) if status.is_conflict() => {
                let api = self.instance_api(key);
                if let Some(operations) = json_patch(object.metadata.uid.as_deref(), before, after) {
                    let patch: Patch<()> =
                        Patch::Json(serde_json::from_value(operations).map_err(kube::Error::SerdeError)?);
                    self.in_time(Box::pin(api.patch_status(&key.name, &PatchParams::default(), &patch))).await?
                } else {
                    let live = self.in_time(Box::pin(api.get(&key.name))).await?;
                    let known = live.status.as_ref().is_none_or(|live| live == before);
                    if live.metadata.uid != object.metadata.uid || !known {
                        return Err(kube::Error::Api(status));
                    }
                    self.merge_status(key, &live, before, after).await?
                }
            }
            Err(error) => return Err(error),
        };
        self.probes.metrics.jobs_changed(&before.jobs, &after.jobs);
        if let Some(events) = &self.events {
            events.jobs_changed(object, &before.jobs, &after.jobs);
        }
        let written = Arc::new(written);
        self.fresh_instances.remember(key, &written);
        Ok(written)
    }

    /// Writes a status as a merge patch of the very version that is known.
    async fn merge_status(
        &self,
        key: &ObjectKey,
        object: &ComputeInstance,
        before: &ComputeInstanceStatus,
        after: &ComputeInstanceStatus,
    ) -> Result<ComputeInstance, kube::Error> {
        let merge: Patch<StatusBody<'_>> = Patch::Merge(StatusBody {
            metadata: StatusMeta { resource_version: object.metadata.resource_version.as_deref() },
            status: MergePatch::between(before, after),
        });
        let request = Request::new(ComputeInstance::url_path(&(), Some(&key.namespace)))
            .patch_subresource("status", &key.name, &PatchParams::default(), &merge)
            .map_err(kube::Error::BuildRequest)?;
        let answer = self.in_time(Box::pin(self.client.request_text(request))).await?;
        // The server changed the very version that is known, so that only its number is news.
        let metadata: Version = first_field(&answer, "metadata").map_err(kube::Error::SerdeError)?;
        let mut written = ComputeInstance {
            metadata: object.metadata.clone(),
            spec: object.spec.clone(),
            status: Some(after.clone()),
        };
        written.metadata.resource_version = Some(metadata.resource_version);
        Ok(written)
    }

    /// Replaces the finalizers of an object by a list; returns the object as it is then.
    ///
    /// The resource version keeps the list from undoing somebody else's change, and a namesake, made after the object was
    /// removed by force, from losing its own.
    pub(crate) async fn send_finalizers(
        &self,
        key: &ObjectKey,
        object: &ComputeInstance,
        finalizers: Vec<String>,
    ) -> Result<Arc<ComputeInstance>, kube::Error> {
        let patch: Patch<FinalizersBody<'_>> = Patch::Merge(FinalizersBody {
            metadata: FinalizersMeta {
                finalizers: &finalizers,
                resource_version: object.metadata.resource_version.as_deref(),
            },
        });
        let request = Request::new(ComputeInstance::url_path(&(), Some(&key.namespace)))
            .patch(&key.name, &PatchParams::default(), &patch)
            .map_err(kube::Error::BuildRequest)?;
        let answer = self.in_time(Box::pin(self.client.request_text(request))).await?;
        // The server changed the very version that is known, so that only its number is news.
        let version: Version = first_field(&answer, "metadata").map_err(kube::Error::SerdeError)?;
        let mut written = object.clone();
        written.metadata.finalizers = (!finalizers.is_empty()).then_some(finalizers);
        written.metadata.resource_version = Some(version.resource_version);
        let written = Arc::new(written);
        self.fresh_instances.remember(key, &written);
        Ok(written)
    }

    /// Records a job that was launched, whatever it takes: nothing else happens to the object before this has succeeded.
    ///
    /// Returns `None` when the object is gone.
    pub(crate) async fn record_launched(
        &self,
        work: &Work,
        after: &ComputeInstanceStatus,
        job: &JobStatus,
    ) -> Option<Arc<ComputeInstance>> {
        let (key, object) = (&work.key, &work.object);
        let mut before = work.saved_status().cloned().unwrap_or_default();
        let mut merged = after.clone();
        let mut delay = RECORD_DELAY_FIRST;
        loop {
            let gone = match self.write_status(key, object, &before, &merged).await {
                Ok(written) => return Some(written),
                Err(kube::Error::Api(status)) if status.is_not_found() => true,
                Err(error) => {
                    tracing::warn!(object = %key, job_id = %job.job_id, %error, "failed to record a launched job; trying again");
                    self.clock.sleep(delay).await;
                    delay = (delay * 2).min(RECORD_DELAY_LONGEST);
                    let api = self.instance_api(key);
                    match self.in_time(Box::pin(api.get_opt(&key.name))).await {
                        Ok(Some(live)) if live.metadata.uid == object.metadata.uid => {
                            before = live.status.unwrap_or_default();
                            merged = over(&before, after, job, self.config.max_job_history, self.clock.now());
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

/// Whether others have changed an object since, but not the status that is to be changed: to write over the version before
/// would only be refused.
fn is_same_but_for_others(newest: &ComputeInstance, object: &ComputeInstance, status: &ComputeInstanceStatus) -> bool {
    let has_status = || match &newest.status {
        Some(known) => known == status,
        None => *status == ComputeInstanceStatus::default(),
    };
    is_newer(newest, object) && has_status()
}

/// What a launch says, put over a status that somebody else may have written to in between: they must not lose what they
/// wrote, nor the job its place, nor what it was asked for.
fn over(
    live: &ComputeInstanceStatus,
    launched: &ComputeInstanceStatus,
    job: &JobStatus,
    max_history: usize,
    now: Timestamp,
) -> ComputeInstanceStatus {
    let mut merged = live.clone();
    merged.phase = launched.phase;
    merged.desired_config_version.clone_from(&launched.desired_config_version);
    merged.tenant_reference.clone_from(&launched.tenant_reference);
    for condition in launched.conditions.iter() {
        match merged.conditions_mut().iter_mut().find(|present| present.type_ == condition.type_) {
            Some(present) => present.clone_from(condition),
            None => merged.conditions_mut().push(condition.clone()),
        }
    }
    record_job(&mut merged, job.clone(), max_history, now);
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let patch = serde_json::to_value(MergePatch::between(&before, &after)).expect("JSON");
        assert_eq!(patch, json!({ "phase": "Running", "tenantReference": null, "provisionJob": null }));
        assert_eq!(serde_json::to_value(MergePatch::between(&after, &after)).expect("JSON"), json!({}));
    }

    #[test]
    fn a_version_that_others_have_made_is_written_over_and_a_namesake_is_not() {
        let object = |uid: &str, version: &str, phase: Option<Phase>| {
            let mut object = ComputeInstance::new("a", crate::api::ComputeInstanceSpec::default());
            object.metadata.uid = Some(uid.into());
            object.metadata.resource_version = Some(version.into());
            object.status =
                phase.map(|phase| ComputeInstanceStatus { phase: Some(phase), ..ComputeInstanceStatus::default() });
            object
        };
        let known = object("u", "1", Some(Phase::Starting));
        let status = known.status.clone().expect("a status");
        let may = |newest: &ComputeInstance| is_same_but_for_others(newest, &known, &status);
        assert!(may(&object("u", "2", Some(Phase::Starting))));
        assert!(!may(&known), "nothing has changed");
        assert!(!may(&object("v", "2", Some(Phase::Starting))), "a namesake");
        assert!(!may(&object("u", "2", Some(Phase::Running))), "another status");
        assert!(!may(&object("u", "2", None)), "no status");
        let none = ComputeInstanceStatus::default();
        assert!(is_same_but_for_others(&object("u", "2", None), &object("u", "1", None), &none));
    }

    #[test]
    fn the_patch_applied_by_the_rules_of_rfc_7386_gives_the_status() {
        let job = serde_json::json!({"jobID": "1", "type": "provision", "timestamp": "2026-02-12T00:00:00Z", "state": "Running"});
        let jobs: JobHistory = serde_json::from_value(json!([job])).expect("a history");
        let before = ComputeInstanceStatus { jobs, phase: Some(Phase::Starting), ..ComputeInstanceStatus::default() };
        for after in [ComputeInstanceStatus::default(), ComputeInstanceStatus { phase: None, ..before.clone() }] {
            let mut document = serde_json::to_value(&before).expect("JSON");
            let patch = serde_json::to_value(MergePatch::between(&before, &after)).expect("JSON");
            for (field, value) in patch.as_object().expect("an object") {
                match value {
                    Value::Null => drop(document.as_object_mut().expect("an object").remove(field)),
                    value => document[field] = value.clone(),
                }
            }
            assert_eq!(serde_json::from_value::<ComputeInstanceStatus>(document).expect("a status"), after);
        }
    }
}
