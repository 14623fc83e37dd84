//! The life of a job: one task from its launch to its end.

use std::{sync::Arc, time::Duration};

use super::{
    Controller,
    job::{Control, Job, JobKind, Status},
    state::State,
};
use crate::{
    record::{Truth, Word},
    sim::{
        playbook::{Failure, Outcome, Payload, PayloadError, Playbook},
        profile::{Latency, key},
        signal::Signal,
    },
    units::Seed,
};

/// What the answer to a request to cancel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cancel {
    /// It is, or will be.
    Accepted,
    /// It has ended.
    Ended,
}

/// A job that was just launched, as its task needs it.
struct Launched {
    id: u64,
    kind: JobKind,
    playbook: Playbook,
    payload: Result<Payload, PayloadError>,
    object: Word,
    attempt: u32,
    control: Arc<Control>,
}

impl Launched {
    fn draw(&self, seed: Seed, latency: &Latency, what: &str) -> Duration {
        let purpose = compact_str::format_compact!("{}.{what}", self.playbook.job_type());
        latency.draw(key(seed, &self.object, &purpose, self.attempt))
    }
}

impl Controller {
    /// Makes a job of a template and lets it run. Returns its id and which of its object's it is.
    pub(super) fn create_job(
        self: &Arc<Self>,
        template_at: usize,
        extra_vars: Box<str>,
        limit: &str,
        payload: Result<Payload, PayloadError>,
    ) -> (u64, Word, u32) {
        let template = self.catalogue.template(template_at);
        let kind = JobKind::from(template.kind);
        let object = payload.as_ref().map(|payload| payload.name.clone()).unwrap_or_default();
        let control = Arc::new(Control::default());
        let (id, attempt) = {
            let mut state = self.state.lock();
            let id = state.jobs.next_id();
            let attempt = state.next_attempt(&object, template.playbook);
            state.jobs.push(Job {
                id,
                kind,
                status: Status::Pending,
                template: Some(template_at),
                object: object.clone(),
                created: self.clock.elapsed(),
                started: None,
                finished: None,
                extra_vars,
                limit: limit.into(),
                failure: None,
                reads: 0,
                rendered: None,
                control: Some(Arc::clone(&control)),
            });
            state.queues[template_at].pending.insert(id);
            state.unprocessed.push(id);
            self.unfinished.enter();
            self.note(&state, id, "");
            (id, attempt)
        };
        let playbook = template.playbook;
        let launched = Launched { id, kind, playbook, payload, object: object.clone(), attempt, control };
        tokio::spawn(Arc::clone(self).live(launched));
        (id, object, attempt)
    }

    async fn live(self: Arc<Self>, job: Launched) {
        let commit_delay = job.draw(self.seed, &self.profile.commit_delay, "commit_delay");
        tokio::select! {
            biased;
            // Another job's run of the task manager came first.
            () = job.control.started.wait() => {}
            () = self.wait(commit_delay) => {
                self.run_task_manager();
                job.control.started.wait().await;
            }
        }
        if job.kind == JobKind::Job {
            let takes = job.draw(self.seed, &self.profile.worker_start, "worker_start");
            tokio::select! {
                biased;
                () = job.control.cancel.wait() => {}
                () = self.wait(takes) => self.begin(job.id),
            }
        }
        let is_running = self.state.lock().jobs.get(job.id).is_some_and(|job| job.status == Status::Running);
        let freed = job.draw(self.seed, &self.profile.commit_delay, "end_delay");
        if is_running {
            let id = job.id;
            let outcome = self.work(job).await;
            self.finish(id, outcome);
        }
        // Whoever waits for what this job held is looked at again.
        if self.state.lock().has_pending() {
            self.wait(freed).await;
            self.run_task_manager();
        }
    }

    /// Runs the playbook, and stops it some time after somebody asked for that.
    async fn work(&self, job: Launched) -> Outcome {
        let stopped_after = job.draw(self.seed, &self.profile.cancel_latency, "cancel_latency");
        let stop = Signal::default();
        let mut run = std::pin::pin!(self.runner.run(job.playbook, job.payload, job.id, job.attempt, &stop));
        tokio::select! {
            biased;
            outcome = &mut run => return outcome,
            () = job.control.cancel.wait() => {}
        }
        tokio::select! {
            biased;
            outcome = &mut run => return outcome,
            () = self.wait(stopped_after) => stop.set(),
        }
        run.await
    }

    /// A worker has taken the job up.
    fn begin(&self, id: u64) {
        let mut state = self.state.lock();
        if state.jobs.get(id).is_some_and(|job| job.status == Status::Waiting) {
            self.change(&mut state, id, Status::Running, None);
        }
    }

    fn finish(&self, id: u64, outcome: Outcome) {
        let (status, failure) = match outcome {
            Outcome::Done => (Status::Successful, None),
            Outcome::Stopped => (Status::Canceled, None),
            Outcome::Failed(failure) => (Status::Failed, Some(failure)),
        };
        self.change(&mut self.state.lock(), id, status, failure);
    }

    /// Cancels a job: at once where its playbook does not run yet, else some time later. `None`: no such job.
    pub(super) fn cancel(&self, id: u64) -> Option<Cancel> {
        let mut state = self.state.lock();
        let job = state.jobs.get(id)?;
        if job.status.is_terminal() {
            return Some(Cancel::Ended);
        }
        let control = job.control.clone();
        if matches!(job.status, Status::Pending | Status::Waiting) && job.kind != JobKind::ProjectUpdate {
            self.change(&mut state, id, Status::Canceled, None);
        }
        if let Some(control) = control {
            control.cancel.set();
            control.started.set();
        }
        Some(Cancel::Accepted)
    }

    /// Brings a job into another state, everywhere that it is counted.
    pub(super) fn change(&self, state: &mut State, id: u64, to: Status, failure: Option<Failure>) {
        let now = self.clock.elapsed();
        let Some(job) = state.jobs.get_mut(id) else { return };
        let (from, kind, template) = (job.status, job.kind, job.template);
        job.status = to;
        job.rendered = None;
        job.failure = failure.map(Box::new);
        if to == Status::Running {
            job.started = Some(now);
        }
        if to.is_terminal() {
            job.finished = Some(now);
            job.control = None;
            self.unfinished.leave();
        }
        if let Some(template) = template {
            state.account(id, template, kind, from, to);
        }
        self.note(state, id, from.word());
    }

    /// Writes the state of a job into the ground truth.
    fn note(&self, state: &State, id: u64, from: &'static str) {
        let Some(job) = state.jobs.get(id) else { return };
        let (event, job_type) = match job.template {
            Some(at) => ("job_state", self.catalogue.template(at).playbook.job_type()),
            None => ("project_update", ""),
        };
        self.truth.push(Truth {
            at_ns: self.clock.elapsed(),
            source: Word::const_new("aap"),
            event: Word::const_new(event),
            object: job.object.clone(),
            job_id: compact_str::format_compact!("{id}"),
            job_type: Word::const_new(job_type),
            from: Word::const_new(from),
            to: Word::const_new(job.status.word()),
            detail: job.failure.as_ref().map(|failure| failure.explanation.clone()).unwrap_or_default(),
        });
    }

    /// Makes the update of the project that jobs of some templates wait for.
    pub(super) fn create_project_update(&self, state: &mut State) -> u64 {
        let id = state.jobs.next_id();
        state.jobs.push(Job {
            id,
            kind: JobKind::ProjectUpdate,
            status: Status::Pending,
            template: None,
            object: Word::default(),
            created: self.clock.elapsed(),
            started: None,
            finished: None,
            extra_vars: super::launch::no_variables(),
            limit: "".into(),
            failure: None,
            reads: 0,
            rendered: None,
            control: None,
        });
        state.project_update = Some(id);
        self.unfinished.enter();
        self.note(state, id, "");
        id
    }

    /// Runs it, and wakes those who wait for it.
    pub(super) async fn run_project_update(self: Arc<Self>, id: u64, takes: Duration) {
        self.change(&mut self.state.lock(), id, Status::Waiting, None);
        let key = key(self.seed, "", "project_update.worker_start", u32::try_from(id).unwrap_or(u32::MAX));
        self.wait(self.profile.worker_start.draw(key)).await;
        self.begin(id);
        self.wait(takes).await;
        {
            let mut state = self.state.lock();
            self.change(&mut state, id, Status::Successful, None);
            state.project_update = None;
        }
        self.run_task_manager();
    }

    /// Lets time pass; none at all without a timer.
    async fn wait(&self, duration: Duration) {
        if !duration.is_zero() {
            self.clock.sleep(duration).await;
        }
    }
}
