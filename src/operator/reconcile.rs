//! One pass over one ComputeInstance: ask [`decide`](super::decide) for a step, perform it, ask again, until it says wait.
//!
//! Guarantees: a job is written to the status as soon as the backend has named it, and nothing else is done to the object
//! before; a write that fails is repeated without repeating the launch; what a poll or a decision changed is on the server
//! before the next request to a backend leaves, but for a launch, with whose job it is written.

use std::{sync::Arc, time::Duration};

use crate::{
    api::{ComputeInstance, ComputeInstanceStatus, Phase},
    operator::{
        context::{Context, ObjectKey},
        decide::{Step, decide},
        trace,
    },
};

/// More steps than this without a wait are a defect of ours: stop, say so, and come back later.
pub(crate) const STEPS_MAX: usize = 24;

/// A pass ended before its goal; the key comes again after a delay.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The API server said no, or nothing.
    #[error("failed to {what}: {source}")]
    Api {
        /// What was tried.
        what: &'static str,
        /// The reason.
        source: kube::Error,
    },
    /// The decisions don't come to rest.
    #[error("no rest after {STEPS_MAX} steps; the last was {0}")]
    Restless(&'static str),
}

impl ReconcileError {
    pub(crate) fn api(what: &'static str) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Api { what, source }
    }
}

/// An object in the course of a pass.
pub(crate) struct Work {
    pub(crate) key: ObjectKey,
    /// As decisions see it: the server's, plus what was learned since.
    pub(crate) object: Arc<ComputeInstance>,
    /// The status that the server has, where `object` is ahead of it.
    pub(crate) saved: Option<ComputeInstanceStatus>,
}

impl Work {
    fn new(key: ObjectKey, object: Arc<ComputeInstance>) -> Self {
        Self { key, object, saved: None }
    }

    /// Takes over what the server has.
    pub(crate) fn refresh(&mut self, object: Arc<ComputeInstance>) {
        self.object = object;
        self.saved = None;
    }

    /// Changes the status in memory; it is written before anything else leaves.
    pub(crate) fn change(&mut self, change: impl FnOnce(&mut ComputeInstanceStatus)) {
        let mut after = self.object.status.clone().unwrap_or_default();
        change(&mut after);
        self.set_status(after);
    }

    /// Replaces the status in memory; it is written before anything else leaves.
    pub(crate) fn set_status(&mut self, after: ComputeInstanceStatus) {
        if self.object.status.as_ref().is_some_and(|before| *before == after) {
            return;
        }
        let object = Arc::make_mut(&mut self.object);
        let before = object.status.replace(after).unwrap_or_default();
        if let Some(after) = &object.status {
            trace::job_changes(object, Some(&before.jobs), &after.jobs);
        }
        self.saved.get_or_insert(before);
    }

    /// Whether the status says Running.
    pub(crate) fn is_running(&self) -> bool {
        self.object.status.as_ref().and_then(|status| status.phase) == Some(Phase::Running)
    }

    /// The status that the server has.
    pub(crate) fn saved_status(&self) -> Option<&ComputeInstanceStatus> {
        self.saved.as_ref().or(self.object.status.as_ref())
    }
}

/// What a pass came to.
#[derive(Debug)]
pub(crate) enum Next {
    /// Decide again.
    Again,
    /// Rest, and look again after this at the latest.
    Rest(Option<Duration>),
}

/// Brings one object as far as it can be brought now; returns when to look at it again, should nothing change before.
///
/// # Errors
/// When a request failed in a way that time may mend.
pub(crate) async fn reconcile(ctx: &Context, key: &ObjectKey) -> Result<Option<Duration>, ReconcileError> {
    let Some(object) = ctx.instance(key) else {
        ctx.forget(key);
        return Ok(ctx.tend_remains(key, false).await);
    };
    if ctx.is_known_to_be_gone(key, &object) {
        // The watch will say so too, and whether there is a namesake.
        return Ok(None);
    }
    let mut work = Work::new(key.clone(), object);
    let result = pass(ctx, &mut work).await;
    if result.is_err() {
        ctx.ask_again(&work);
    }
    if ctx.remains.has(key) {
        let wait = ctx.tend_remains(key, true).await;
        return result.map(|rest| [rest, wait].into_iter().flatten().min());
    }
    result
}

async fn pass(ctx: &Context, work: &mut Work) -> Result<Option<Duration>, ReconcileError> {
    let mut last = "";
    for _ in 0..STEPS_MAX {
        let mut seen = ctx.observe(&work.key, &work.object);
        if work.object.metadata.deletion_timestamp.is_none() && !seen.memory.accounted.deprovision {
            // Nobody has launched what only a deletion asks for.
            seen.memory.accounted.deprovision = true;
            ctx.remember(&work.key, &work.object, |memory| memory.accounted.deprovision = true);
        }
        let step = decide(&work.object, &seen, &ctx.policy);
        if !matches!(step, Step::Write { .. } | Step::Poll { .. } | Step::Launch { .. }) {
            flush(ctx, work).await?;
        }
        if let Step::Wait { until } = step {
            let wait = until.map(|until| Duration::try_from(until.duration_since(seen.now)).unwrap_or_default());
            match wait {
                // Time has moved past it while the status was written.
                Some(Duration::ZERO) => continue,
                wait => return Ok(wait),
            }
        }
        last = step.name();
        match ctx.perform(work, step).await? {
            Next::Again => {}
            Next::Rest(wait) => return Ok(wait),
        }
    }
    Err(ReconcileError::Restless(last))
}

/// Writes what is only in memory.
async fn flush(ctx: &Context, work: &mut Work) -> Result<(), ReconcileError> {
    let Some(before) = &work.saved else { return Ok(()) };
    let Some(after) = &work.object.status else { return Ok(()) };
    let written = ctx.write_status(&work.key, &work.object, before, after).await;
    let written = written.map_err(ReconcileError::api("write the status"))?;
    work.refresh(written);
    Ok(())
}
