//! The steps of a pass, each as it is performed.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use kube::ResourceExt;
use tracing::Instrument as _;

use crate::{
    api::{ComputeInstanceStatus, JobStatus, JobType, Phase, names, tenant::tenant_object_name},
    operator::{
        config::{ProviderKind, RetrySettings},
        context::{Context, WorkItem},
        decide::{Accounted, Reason, Step, after_find, after_launch, after_poll, set_condition, wait_after},
        provider::{Canceled, Launch, ProviderError},
        reconcile::{Next, ReconcileError, Work},
        trace,
        webhooks::ROOM_CHECK,
    },
};

/// The wait after a launch or a cancel that failed; it doubles with each further one, and is spread as [`wait_after`] says.
const CALL_DELAY_FIRST: Duration = Duration::from_secs(1);
const CALL_DELAY_LONGEST: Duration = Duration::from_secs(60);

/// How long an instance waits for a Tenant that is being created before it looks whether anybody still does that.
const TENANT_CHECK: Duration = Duration::from_secs(5);

/// A conflict means that somebody else wrote: the newest is read, and decided on again. So does 422, where the test of a
/// JSON patch failed.
fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409 || status.code == 422)
}

fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// The condition that tells of a kind of job.
fn condition_of(job_type: JobType) -> (&'static str, Reason) {
    match job_type {
        JobType::Provision => ("Progressing", Reason::ProvisionRequested),
        JobType::Deprovision => ("Deleting", Reason::DeprovisionRequested),
    }
}

impl Context {
    pub(crate) async fn perform(&self, work: &mut Work, step: Step) -> Result<Next, ReconcileError> {
        match step {
            Step::Wait { .. } => Ok(Next::Rest(None)),
            Step::AddFinalizer => self.add_finalizer(work).await,
            Step::EnsureTenant { tenant } => self.ensure_tenant_of(work, &tenant).await,
            Step::Write { status } => self.write(work, *status).await,
            Step::Find { job_type } => self.find(work, job_type).await,
            Step::Launch { job_type, status } => self.launch(work, job_type, *status).await,
            Step::Poll { job } => self.poll(work, &job).await,
            Step::Cancel { job } => self.cancel(work, &job).await,
            Step::Restart { reference, requested } => Ok(self.restart(work, &reference, requested).await),
            Step::RemoveFinalizer => self.remove_finalizer(work).await,
        }
    }

    /// Reads the object itself, not the cache; `None` when it is gone.
    async fn read_live(&self, work: &mut Work) -> Result<Next, ReconcileError> {
        let api = self.instance_api(&work.key);
        let live = self.in_time(Box::pin(api.get_opt(&work.key.name))).await;
        match live.map_err(ReconcileError::api("read the object"))? {
            Some(live) => {
                let live = Arc::new(live);
                self.fresh_instances.remember(&work.key, &live);
                work.refresh(live);
                Ok(Next::Again)
            }
            None => Ok(Next::Rest(None)),
        }
    }

    async fn add_finalizer(&self, work: &mut Work) -> Result<Next, ReconcileError> {
        let mut finalizers = work.object.finalizers().to_vec();
        finalizers.push(names::FINALIZER.to_owned());
        let next = self.write_finalizers(work, finalizers, "add the finalizer").await?;
        // Nothing is launched for an object without the finalizer: there is nothing that this process could not know of.
        if work.object.has_finalizer(names::FINALIZER)
            && work.object.status.as_ref().is_none_or(|status| status.jobs.is_empty())
        {
            self.remember(&work.key, &work.object, |memory| {
                memory.accounted = Accounted { provision: true, deprovision: true };
            });
        }
        Ok(next)
    }

    async fn remove_finalizer(&self, work: &mut Work) -> Result<Next, ReconcileError> {
        self.hand_over_tenant(&work.key, &work.object).await.map_err(ReconcileError::api("hand over the tenant"))?;
        if !work.object.has_finalizer(names::FINALIZER) {
            return Ok(Next::Rest(None));
        }
        let mut finalizers = work.object.finalizers().to_vec();
        finalizers.retain(|name| name != names::FINALIZER);
        self.remains.release(&work.key, work.object.metadata.uid.as_deref().unwrap_or_default());
        let result = self.write_finalizers(work, finalizers, "remove the finalizer").await;
        if result.is_err() || work.object.has_finalizer(names::FINALIZER) && matches!(result, Ok(Next::Again)) {
            self.remains.keep(&work.key);
        }
        result
    }

    /// Replaces the list of finalizers, and nothing else: the status that was just written stays.
    async fn write_finalizers(
        &self,
        work: &mut Work,
        finalizers: Vec<String>,
        what: &'static str,
    ) -> Result<Next, ReconcileError> {
        let phase = work.object.status.as_ref().and_then(|status| status.phase);
        let request = Box::pin(self.send_finalizers(&work.key, &work.object, finalizers));
        match trace::api_write(&work.key.name, "finalizers", phase, request).await {
            Ok(written) => {
                work.refresh(written);
                Ok(Next::Again)
            }
            Err(error) if is_gone(&error) => Ok(Next::Rest(None)),
            Err(error) if is_conflict(&error) => self.read_live(work).await,
            Err(error) => Err(ReconcileError::api(what)(error)),
        }
    }

    async fn ensure_tenant_of(&self, work: &Work, tenant: &str) -> Result<Next, ReconcileError> {
        let name = tenant_object_name(tenant);
        self.create_tenant(&work.object, tenant, &name).await.map_err(ReconcileError::api("create the tenant"))?;
        // Its readiness wakes all who wait. Whoever creates it may fail, and be deleted before the next attempt.
        Ok(Next::Rest(Some(TENANT_CHECK)))
    }

    async fn write(&self, work: &mut Work, status: ComputeInstanceStatus) -> Result<Next, ReconcileError> {
        let known = work.object.status.as_ref().map(|status| &status.jobs);
        trace::job_changes(&work.object, known, &status.jobs);
        let written = match work.saved_status() {
            Some(before) => self.write_status(&work.key, &work.object, before, &status).await,
            None => self.write_status(&work.key, &work.object, &ComputeInstanceStatus::default(), &status).await,
        };
        match written {
            Ok(written) => {
                work.refresh(written);
                Ok(Next::Again)
            }
            Err(error) if is_gone(&error) => Ok(Next::Rest(None)),
            Err(error) if is_conflict(&error) => {
                self.ask_again(work);
                self.read_live(work).await
            }
            Err(error) => Err(ReconcileError::api("write the status")(error)),
        }
    }

    /// Looks for jobs that a process before this one, or a launch without an answer, may have left.
    async fn find(&self, work: &mut Work, job_type: JobType) -> Result<Next, ReconcileError> {
        let span = tracing::info_span!(target: trace::TARGET, "provider_call", object = %work.key.name, verb = "find", job_type = %job_type);
        let found = match self.providers.of_kind(self.policy.provider) {
            Ok(provider) => {
                let call = provider.find(job_type, &work.object).instrument(span);
                self.measured(self.policy.provider, "find", call).await
            }
            Err(error) => Err(error),
        };
        let now = self.clock.now();
        match found {
            Ok(found) => {
                for found in &found {
                    let job_id = found.job.job_id.as_deref().unwrap_or_default();
                    tracing::warn!(object = %work.key, %job_type, job_id, "found a job that was launched and not recorded");
                }
                if !found.is_empty() {
                    work.change(|status| after_find(status, job_type, found, self.config.max_job_history, now));
                }
                // A launch that has failed before keeps its growing wait: a look-up that works does not mend it.
                self.remember(&work.key, &work.object, |memory| memory.accounted.set(job_type, true));
            }
            Err(error) if work.object.metadata.deletion_timestamp.is_none() && work.is_running() => {
                tracing::warn!(object = %work.key, %job_type, %error, "failed to look for jobs without a record; trying again later");
                self.call_failed(work, &error, now);
            }
            Err(error) => self.launch_failed(work, job_type, &error, now),
        }
        Ok(Next::Again)
    }

    async fn launch(
        &self,
        work: &mut Work,
        job_type: JobType,
        status: ComputeInstanceStatus,
    ) -> Result<Next, ReconcileError> {
        let Some(room) = self.room_to_launch(&work.key) else {
            self.ask_again(work);
            return Ok(Next::Rest(Some(ROOM_CHECK)));
        };
        // The job sees the object as it will be recorded.
        work.set_status(status);
        let span = tracing::info_span!(target: trace::TARGET, "provider_call", object = %work.key.name, verb = "launch", job_type = %job_type);
        let launched = match self.providers.of_kind(self.policy.provider) {
            Ok(provider) => {
                let call = provider.launch(job_type, &work.object).instrument(span);
                self.measured(self.policy.provider, "launch", call).await
            }
            Err(error) => Err(error),
        };
        drop(room);
        let now = self.clock.now();
        match launched {
            Ok(Launch::Launched(launched)) => {
                let mut after = work.object.status.clone().unwrap_or_default();
                let job = after_launch(&mut after, job_type, launched, self.config.max_job_history, now);
                trace::job_changes(&work.object, work.object.status.as_ref().map(|status| &status.jobs), &after.jobs);
                self.remember(&work.key, &work.object, |memory| {
                    memory.failed_calls = 0;
                    memory.call_not_before = None;
                });
                if let Some(written) = self.record_launched(work, &after, &job).await {
                    work.refresh(written);
                    Ok(Next::Again)
                } else {
                    let jobs = after.jobs.iter().cloned().collect();
                    self.remember(&work.key, &work.object, |memory| memory.gone = true);
                    self.leave(&work.key, work.object.clone(), jobs);
                    Ok(Next::Rest(None))
                }
            }
            Ok(Launch::TooSoon(wait)) => {
                self.remember(&work.key, &work.object, |memory| memory.call_not_before = Some(now + wait));
                Ok(Next::Again)
            }
            Err(error) => {
                if error.is_in_doubt() {
                    self.remember(&work.key, &work.object, |memory| memory.accounted.set(job_type, false));
                }
                self.launch_failed(work, job_type, &error, now);
                Ok(Next::Again)
            }
        }
    }

    /// No job came of it: the history stays as it is, the condition says why, and it is tried again later.
    fn launch_failed(&self, work: &mut Work, job_type: JobType, error: &ProviderError, now: Timestamp) {
        tracing::warn!(object = %work.key, %job_type, %error, "failed to launch a job; trying again later");
        self.call_failed(work, error, now);
        let message = format!("failed to launch the {job_type} job: {error}");
        let (condition, reason) = condition_of(job_type);
        work.change(|status| set_condition(status, condition, true, reason, &message, now));
    }

    fn call_failed(&self, work: &Work, error: &ProviderError, now: Timestamp) {
        self.delay_calls(work, now, error.retry_after());
    }

    /// What changes something elsewhere is not tried again before a while, at least as long as was asked for.
    pub(crate) fn delay_calls(&self, work: &Work, now: Timestamp, at_least: Option<Duration>) {
        let retry = self.policy.retry;
        let jitter = retry.jitter.label("call");
        let waits = RetrySettings { first: CALL_DELAY_FIRST, longest: CALL_DELAY_LONGEST, jitter, ..retry };
        let uid = work.object.metadata.uid.as_deref().unwrap_or_default();
        self.remember(&work.key, &work.object, |memory| {
            memory.failed_calls = memory.failed_calls.saturating_add(1);
            let delay = wait_after(memory.failed_calls, &waits, uid);
            memory.call_not_before = Some(now + delay.max(at_least.unwrap_or_default()));
        });
    }

    async fn poll(&self, work: &mut Work, job: &JobStatus) -> Result<Next, ReconcileError> {
        let span = tracing::info_span!(target: trace::TARGET, "provider_call", object = %work.key.name, verb = "poll", job_type = %job.job_type);
        if let Some((_, last)) = self.recall(&work.key, &work.object).last_poll.filter(|(id, _)| *id == job.job_id) {
            let late = self.clock.now().duration_since(last + self.policy.poll_interval);
            self.probes.metrics.polled_late(Duration::try_from(late).unwrap_or_default());
        }
        let polled = match self.providers.of_job(job) {
            Ok(provider) => {
                let call = provider.poll(job.job_type, &job.job_id).instrument(span);
                self.measured(ProviderKind::of(job), "poll", call).await
            }
            Err(error) => Err(error),
        };
        let now = self.clock.now();
        self.remember(&work.key, &work.object, |memory| memory.last_poll = Some((job.job_id.clone(), now)));
        match polled {
            Ok(polled) => {
                let job = after_poll(&work.object, job, &polled);
                if job.state.is_terminal() {
                    self.remember(&work.key, &work.object, |memory| {
                        memory.failure_seen = Some((job.job_id.clone(), now));
                    });
                }
                work.change(|status| {
                    let _ = status.jobs.update_job(job);
                });
            }
            // The job may be well: its state stays as it is, and it is asked for again in its turn.
            Err(error) => {
                tracing::warn!(object = %work.key, job_id = %job.job_id, %error, "failed to ask for a job's state");
                if let Some(wait) = error.retry_after() {
                    // The next poll is an interval after the last: so it comes no sooner than was asked for.
                    let last = now + wait.saturating_sub(self.policy.poll_interval);
                    self.remember(&work.key, &work.object, |memory| {
                        memory.last_poll = Some((job.job_id.clone(), last));
                    });
                }
                let mut job = job.clone();
                job.message = format!("failed to ask for the job's state: {error}").into();
                work.change(|status| {
                    let _ = status.jobs.update_job(job);
                });
            }
        }
        Ok(Next::Again)
    }

    async fn cancel(&self, work: &mut Work, job: &JobStatus) -> Result<Next, ReconcileError> {
        let span = tracing::info_span!(target: trace::TARGET, "provider_call", object = %work.key.name, verb = "cancel", job_type = %job.job_type);
        let canceled = match self.providers.of_job(job) {
            Ok(provider) => {
                let call = provider.cancel(job.job_type, &job.job_id).instrument(span);
                self.measured(ProviderKind::of(job), "cancel", call).await
            }
            Err(error) => Err(error),
        };
        let now = self.clock.now();
        let (reason, message) = match canceled {
            Ok(answer) => {
                // Whatever the answer: where the job stands now is asked at once.
                self.remember(&work.key, &work.object, |memory| {
                    memory.last_poll = None;
                    memory.cancel_asked = Some(job.job_id.clone());
                    memory.failed_calls = 0;
                    memory.call_not_before = None;
                });
                let message = match answer {
                    Canceled::Requested => format!("job {} was asked to stop", job.job_id),
                    Canceled::AlreadyEnded => format!("job {} had ended already", job.job_id),
                };
                (Reason::CancelRequested, message)
            }
            Err(error) => {
                tracing::warn!(object = %work.key, job_id = %job.job_id, %error, "failed to cancel a job; trying again later");
                self.call_failed(work, &error, now);
                (Reason::WaitingForProvision, format!("failed to cancel job {}: {error}", job.job_id))
            }
        };
        work.change(|status| {
            status.phase = Some(Phase::Deleting);
            set_condition(status, "Deleting", true, reason, &message, now);
        });
        Ok(Next::Again)
    }

    /// What was learned of a job and did not reach the server is asked for again at once, not an interval later.
    pub(crate) fn ask_again(&self, work: &Work) {
        if work.saved.is_some() {
            self.remember(&work.key, &work.object, |memory| memory.last_poll = None);
        }
    }

    /// Puts an instance on the queue.
    pub(crate) fn wake(&self, key: crate::operator::context::ObjectKey) {
        self.queue.add(WorkItem::Instance(key));
    }
}
