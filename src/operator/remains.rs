//! What is left of objects that went without having been let go: somebody stripped their finalizers, or an earlier fault left
//! a machine behind. Nobody would ever look at their jobs and machines again.
//!
//! Flow: an object that vanishes has its provision job stopped, which is waited for; then a deprovision job is launched with
//! the object as it was last seen, and followed; again and again, later and later, until the machine is gone. A machine
//! whose label names an object that does not exist is treated likewise after a while, whether or not anybody saw that object
//! go.
//!
//! The machine of an object that was not managed when it went stays, and is marked as managed by hand (annotation
//! `management-state`); a machine with that mark is nobody's remains.
//!
//! Guarantees: a namesake's machine is not touched (machines are told apart by the tenant's namespace and the name, so that the
//! old one is the namesake's by then). What is remembered here may be lost with the process: the machine's label remains.
//!
//! Assumptions: the delete playbook is idempotent and copes with an object that is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use kube::{
    Resource,
    api::{ObjectMeta, Patch, PatchParams, Request},
};
use parking_lot::Mutex;
use serde_json::json;

use crate::{
    api::{
        ComputeInstance, ComputeInstanceSpec, ComputeInstanceStatus, JobState, JobStatus, JobTime, JobType, Phase,
        VirtualMachine,
        compute_instance::{ManagementState, TenantReference, VirtualMachineReference},
        names,
        tenant::{suffix_of_namespace, tenant_object_of_suffix},
    },
    operator::{
        config::ProviderKind,
        context::{Context, ObjectKey},
        decide::{Reason, VmSeen, wait_after},
        provider::{FoundJob, Launch, LaunchedJob, Polled, ProviderError},
        webhooks::ROOM_CHECK,
    },
};

/// The wait before a machine is marked again, where that failed.
const MARK_AGAIN: Duration = Duration::from_secs(10);

/// A job that was launched for an object that is gone.
#[derive(Clone, Debug)]
struct Follower {
    job: JobStatus,
    asked_to_stop: bool,
    asked_for: Option<Timestamp>,
}

impl Follower {
    fn of(job: JobStatus) -> Self {
        Self { job, asked_to_stop: false, asked_for: None }
    }
}

/// What is left of one object.
#[derive(Clone, Debug)]
pub(crate) struct Remains {
    /// As it was last seen, or made up from its machine.
    object: Arc<ComputeInstance>,
    /// AAP's jobs that have not ended yet.
    under_way: Vec<Follower>,
    /// Nothing is launched before this.
    launch_not_before: Timestamp,
    /// Deprovision jobs launched so far.
    launched: u32,
    /// Whether every job of its is known.
    accounted: bool,
    /// Requests to the backend that failed in a row.
    failed_calls: u32,
}

/// What is left of whom.
#[derive(Debug, Default)]
pub(crate) struct AllRemains {
    by_key: Mutex<BTreeMap<ObjectKey, Remains>>,
    /// Objects that are being let go, by their UIDs: their end is no surprise.
    released: Mutex<BTreeMap<ObjectKey, String>>,
    /// Objects that went while they were in somebody's own hands, until their machines are marked as that too.
    by_hand: Mutex<BTreeSet<ObjectKey>>,
}

impl AllRemains {
    /// The object is let go now.
    pub(crate) fn release(&self, key: &ObjectKey, uid: &str) {
        self.released.lock().insert(key.clone(), uid.to_owned());
    }

    /// It could not be let go.
    pub(crate) fn keep(&self, key: &ObjectKey) {
        self.released.lock().remove(key);
    }

    /// Whether anything is left of an object of this name.
    pub(crate) fn has(&self, key: &ObjectKey) -> bool {
        self.by_key.lock().contains_key(key)
    }

    fn add(&self, key: &ObjectKey, remains: Remains) {
        let mut all = self.by_key.lock();
        match all.get_mut(key) {
            // Two namesakes went one after the other: both's jobs have to end.
            Some(present) => {
                let mut under_way = remains.under_way;
                present.under_way.retain(|known| under_way.iter().all(|new| new.job.job_id != known.job.job_id));
                under_way.append(&mut present.under_way);
                *present = Remains { under_way, launched: remains.launched.max(present.launched), ..remains };
            }
            None => drop(all.insert(key.clone(), remains)),
        }
    }
}

impl Context {
    /// Takes note that an object is gone, as it last was. What was let go is done with.
    pub(crate) fn vanished(&self, key: &ObjectKey, object: Arc<ComputeInstance>) {
        let released = self.remains.released.lock().remove(key);
        let released = released.is_some() && released == object.metadata.uid;
        if !released {
            self.look_for_heirs(key, &object);
        }
        if object.management_state() != ManagementState::Managed {
            self.remains.by_hand.lock().insert(key.clone());
            return;
        }
        self.remains.by_hand.lock().remove(key);
        if released || was_let_go(&object) {
            return;
        }
        let jobs: Vec<JobStatus> = object.status.iter().flat_map(|status| &status.jobs).cloned().collect();
        if jobs.is_empty() {
            return;
        }
        self.leave(key, object, jobs);
    }

    /// Takes note of jobs of an object that is gone.
    pub(crate) fn leave(&self, key: &ObjectKey, object: Arc<ComputeInstance>, jobs: Vec<JobStatus>) {
        tracing::warn!(object = %key, "the object went without having been let go; cleaning up after it");
        let asked_to_stop = self.recall(key, &object).cancel_asked;
        let is_at_it = |job: &JobStatus| job.job_type == JobType::Deprovision && !job.state.is_terminal();
        let launched = u32::from(jobs.iter().any(is_at_it));
        let under_way = jobs
            .into_iter()
            .filter(|job| !job.is_eda() && !job.state.is_terminal())
            .map(|job| Follower { asked_to_stop: asked_to_stop.as_ref() == Some(&job.job_id), ..Follower::of(job) });
        let remains = Remains {
            under_way: under_way.collect(),
            object,
            launch_not_before: Timestamp::MIN,
            launched,
            accounted: false,
            failed_calls: 0,
        };
        self.remains.add(key, remains);
        self.wake(key.clone());
    }

    /// Does what can be done now about what is left of an object; returns when to look again.
    pub(crate) async fn tend_remains(&self, key: &ObjectKey, namesake: bool) -> Option<Duration> {
        let known = self.remains.by_key.lock().remove(key);
        let mut remains = match known {
            Some(remains) => remains,
            None if namesake => return None,
            None if self.remains.by_hand.lock().contains(key) => return self.keep_machine(key).await,
            None => self.orphaned_machine(key)?,
        };
        let wait = self.tend(key, &mut remains, namesake).await?;
        self.remains.add(key, remains);
        Some(wait)
    }

    /// A machine in a tenant's namespace whose label names this object.
    fn machine_named(&self, key: &ObjectKey) -> Option<VmSeen> {
        let is_tenants = |namespace: &str| suffix_of_namespace(&self.config.namespace, namespace).is_some();
        self.vms.seen(&key.name, is_tenants)
    }

    /// The machine of an object that went while it was in somebody's own hands is in the same hands, and not removed: it is
    /// marked as the object was, so that this process is not the only one that knows.
    async fn keep_machine(&self, key: &ObjectKey) -> Option<Duration> {
        let Some(vm) = self.machine_named(key).filter(|vm| !vm.kept) else {
            self.remains.by_hand.lock().remove(key);
            return None;
        };
        let VirtualMachineReference { namespace, kube_virt_virtual_machine_name: name } = vm.reference;
        let mark = json!({ "metadata": { "annotations": { names::MANAGEMENT_STATE_ANNOTATION: "manual" } } });
        let request = Request::new(VirtualMachine::url_path(&(), Some(&namespace)));
        let marked = match request.patch(&name, &PatchParams::default(), &Patch::Merge(mark)) {
            Ok(request) => self.in_time(Box::pin(self.client.request_text(request))).await.map(drop),
            Err(error) => Err(kube::Error::BuildRequest(error)),
        };
        match marked {
            // The watch shows the mark, or that there is no machine any more.
            Ok(()) => None,
            Err(kube::Error::Api(status)) if status.is_not_found() => None,
            Err(error) => {
                tracing::warn!(object = %key, vm = %name, %error, "failed to mark the VM of an object that was managed by hand as to be kept; trying again");
                Some(MARK_AGAIN)
            }
        }
    }

    /// A machine whose label names an object that does not exist.
    fn orphaned_machine(&self, key: &ObjectKey) -> Option<Remains> {
        let grace = self.config.orphan_grace;
        if grace.is_zero() {
            return None;
        }
        let vm = self.machine_named(key).filter(|vm| !vm.kept)?;
        let suffix = suffix_of_namespace(&self.config.namespace, &vm.reference.namespace)?;
        tracing::warn!(object = %key, vm = %vm.reference.kube_virt_virtual_machine_name, "a VM of an object that does not exist; it will be removed after {grace:?}");
        Some(Remains {
            object: Arc::new(stand_in(key, &vm, tenant_object_of_suffix(suffix))),
            under_way: Vec::new(),
            launch_not_before: self.clock.now() + grace,
            launched: 0,
            accounted: false,
            failed_calls: 0,
        })
    }

    async fn tend(&self, key: &ObjectKey, remains: &mut Remains, namesake: bool) -> Option<Duration> {
        if let Err(error) = self.end_jobs(remains).await {
            return Some(self.put_off(key, remains, &error));
        }
        if !remains.under_way.is_empty() {
            return Some(self.policy.poll_interval);
        }
        // An object that was seen may have left something that is not seen; for the rest, what is left is a machine.
        let may_have_more = remains.object.metadata.uid.is_some() && remains.launched == 0;
        let is_left = || self.vm_of(key, &remains.object).is_some_and(|vm| !vm.kept);
        if namesake || !may_have_more && !is_left() {
            return None;
        }
        let now = self.clock.now();
        if remains.launch_not_before > now {
            return Some(until(remains.launch_not_before, now));
        }
        match self.remove_machine(key, remains).await {
            Ok(wait) => {
                remains.failed_calls = 0;
                Some(wait)
            }
            Err(error) => Some(self.put_off(key, remains, &error)),
        }
    }

    /// Stops the provision jobs, and follows all jobs to their ends.
    async fn end_jobs(&self, remains: &mut Remains) -> Result<(), ProviderError> {
        let now = self.clock.now();
        let interval = self.policy.poll_interval;
        for follower in &mut remains.under_way {
            let (job_type, job_id) = (follower.job.job_type, follower.job.job_id.clone());
            let provider = self.providers.of_job(&follower.job)?;
            if job_type == JobType::Provision && !follower.asked_to_stop {
                provider.cancel(job_type, &job_id).await?;
                follower.asked_to_stop = true;
            }
            if follower.asked_for.is_some_and(|asked| asked + interval > now) {
                continue;
            }
            follower.asked_for = Some(now);
            follower.job.state = match provider.poll(job_type, &job_id).await? {
                Polled::Job { state, .. } => state,
                Polled::Purged => JobState::Canceled,
            };
        }
        remains.under_way.retain(|follower| !follower.job.state.is_terminal());
        Ok(())
    }

    /// Launches a deprovision job, unless one that nobody remembers is at work already.
    async fn remove_machine(&self, key: &ObjectKey, remains: &mut Remains) -> Result<Duration, ProviderError> {
        let provider = self.providers.of_kind(self.policy.provider)?;
        let now = self.clock.now();
        if !remains.accounted {
            for job_type in [JobType::Provision, JobType::Deprovision] {
                for FoundJob { job, .. } in provider.find(job_type, &remains.object).await? {
                    remains.under_way.extend(Self::follower(job_type, job, now));
                }
            }
            remains.accounted = true;
            remains.under_way.retain(|follower| !follower.job.state.is_terminal());
            if !remains.under_way.is_empty() {
                return Ok(Duration::ZERO);
            }
        }
        let Some(room) = self.room_to_launch(key) else { return Ok(ROOM_CHECK) };
        remains.accounted = false;
        let launched = match provider.launch(JobType::Deprovision, &remains.object).await? {
            Launch::TooSoon(wait) => return Ok(wait),
            Launch::Launched(launched) => launched,
        };
        drop(room);
        remains.accounted = true;
        remains.launched = remains.launched.saturating_add(1);
        let again = match self.policy.provider {
            // Its job is followed; what it did not do is tried again.
            ProviderKind::Aap => wait_after(remains.launched, &self.policy.retry, &remains.object_name()),
            // Nothing tells of its end but the machine's.
            ProviderKind::Eda => self.policy.eda_patience.completion,
        };
        remains.launch_not_before = now + again;
        remains.under_way.extend(Self::follower(JobType::Deprovision, launched, now));
        Ok(if remains.under_way.is_empty() { again } else { self.policy.poll_interval })
    }

    /// A job to follow, where its backend tells of it.
    fn follower(job_type: JobType, launched: LaunchedJob, now: Timestamp) -> Option<Follower> {
        let job = JobStatus {
            job_id: launched.job_id?,
            job_type,
            timestamp: JobTime::in_seconds(now),
            state: launched.state,
            message: launched.message.into(),
            block_deletion_on_failure: launched.block_deletion_on_failure,
        };
        Some(Follower::of(job))
    }

    fn put_off(&self, key: &ObjectKey, remains: &mut Remains, error: &ProviderError) -> Duration {
        remains.failed_calls = remains.failed_calls.saturating_add(1);
        remains.accounted &= !error.is_in_doubt();
        let wait = wait_after(remains.failed_calls, &self.policy.retry, &remains.object_name());
        let wait = wait.max(error.retry_after().unwrap_or_default());
        tracing::warn!(object = %key, %error, "failed to clean up after an object that is gone; trying again in {wait:?}");
        wait
    }
}

impl Remains {
    fn object_name(&self) -> String {
        self.object.metadata.name.clone().unwrap_or_default()
    }
}

fn until(later: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(now)).unwrap_or_default()
}

/// Whether its status tells that the operator let it go, this process or one before.
fn was_let_go(object: &ComputeInstance) -> bool {
    let condition = object.status.as_ref().and_then(|status| status.condition("Deleting"));
    condition.is_some_and(|condition| condition.reason == Reason::Removed.as_str())
}

/// An object that a delete playbook can work on, made up from what its machine tells.
fn stand_in(key: &ObjectKey, vm: &VmSeen, tenant: String) -> ComputeInstance {
    let mut object = ComputeInstance::new(
        &key.name,
        // Nobody knows it any more.
        ComputeInstanceSpec { template_id: "unknown".to_owned(), ..ComputeInstanceSpec::default() },
    );
    object.metadata = ObjectMeta {
        name: Some(key.name.to_string()),
        namespace: Some(key.namespace.to_string()),
        creation_timestamp: vm.created.map(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time),
        finalizers: Some(vec![names::FINALIZER.to_owned(), names::PLAYBOOK_FINALIZER.to_owned()]),
        ..ObjectMeta::default()
    };
    object.status = Some(ComputeInstanceStatus {
        phase: Some(Phase::Deleting),
        virtual_machine_reference: Some(vm.reference.clone()),
        tenant_reference: Some(TenantReference { name: tenant, namespace: vm.reference.namespace.clone() }),
        ..ComputeInstanceStatus::default()
    });
    object
}
