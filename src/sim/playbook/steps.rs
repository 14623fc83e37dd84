//! What playbooks are made of: pauses, checks, and requests that may fail.

use std::{fmt, future::Future, time::Duration};

use super::{
    Failure, ObjectNames, Payload, Playbook, Runner,
    cluster::{self, Path, Refused},
};
use crate::{
    record::{Truth, Word},
    sim::{
        profile::{Latency, key},
        signal::Signal,
    },
    units::Seed,
};

/// Why a playbook goes no further.
pub(super) enum Halt {
    /// It was stopped.
    Stopped,
    /// A step failed.
    Failed(Failure),
}

/// One run of a playbook, as its steps see it.
pub(super) struct Steps<'a> {
    runner: &'a Runner,
    client: &'a kube::Client,
    playbook: Playbook,
    job_id: u64,
    attempt: u32,
    stop: &'a Signal,
    object: Word,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        runner: &'a Runner,
        client: &'a kube::Client,
        playbook: Playbook,
        job_id: u64,
        attempt: u32,
        stop: &'a Signal,
    ) -> Self {
        Self { runner, client, playbook, job_id, attempt, stop, object: Word::default() }
    }

    /// The same for an object.
    pub(super) fn on(self, payload: &Payload) -> Self {
        Self { object: payload.name.clone(), ..self }
    }

    /// The objects that playbooks work for.
    pub(super) fn names(&self) -> &ObjectNames {
        &self.runner.names
    }

    /// The cluster.
    pub(super) fn client(&self) -> &kube::Client {
        self.client
    }

    /// Takes as long as the profile says that `purpose` takes for this object and attempt.
    pub(super) async fn spend(&self, latency: &Latency, purpose: &str) -> Result<(), Halt> {
        self.pause(latency.draw(self.key(purpose))).await
    }

    /// Waits, unless the job is stopped.
    pub(super) async fn pause(&self, duration: Duration) -> Result<(), Halt> {
        self.checkpoint()?;
        if duration.is_zero() {
            return Ok(());
        }
        tokio::select! {
            biased;
            () = self.stop.wait() => Err(Halt::Stopped),
            () = self.runner.clock.sleep(duration) => Ok(()),
        }
    }

    /// Does a request to its end; `task` is what it is called in a failure.
    pub(super) async fn request<T>(
        &self,
        task: &str,
        request: impl Future<Output = Result<T, Refused>>,
    ) -> Result<T, Halt> {
        self.checkpoint()?;
        request.await.map_err(|refused| self.fail(task, &refused.message))
    }

    /// Does a request to its end; `None` where there is no such object.
    pub(super) async fn request_if_found<T>(
        &self,
        task: &str,
        request: impl Future<Output = Result<T, Refused>>,
    ) -> Result<Option<T>, Halt> {
        self.checkpoint()?;
        match request.await {
            Ok(answer) => Ok(Some(answer)),
            Err(refused) if refused.is_not_found() => Ok(None),
            Err(refused) => Err(self.fail(task, &refused.message)),
        }
    }

    /// Makes an object; one that is there already is fine.
    pub(super) async fn ensure(&self, task: &str, path: &Path, body: String) -> Result<(), Halt> {
        self.checkpoint()?;
        match cluster::create(self.client(), path, body).await {
            Ok(_) => Ok(()),
            Err(refused) if refused.is_conflict() => Ok(()),
            Err(refused) => Err(self.fail(task, &refused.message)),
        }
    }

    /// Looks at once and then at every interval whether `holds`; gives up at the limit.
    pub(super) async fn until<F: Future<Output = Result<bool, Halt>>>(
        &self,
        task: &str,
        mut holds: impl FnMut() -> F,
    ) -> Result<(), Halt> {
        let (interval, limit) = (self.runner.profile.check_interval, self.runner.profile.check_limit);
        let mut waited = Duration::ZERO;
        while !holds().await? {
            if waited >= limit {
                return Err(self.fail(task, format_args!("still not so after {waited:?}")));
            }
            self.pause(interval).await?;
            waited += interval;
        }
        Ok(())
    }

    /// The failure of a task.
    pub(super) fn fail(&self, task: &str, reason: impl fmt::Display) -> Halt {
        let explanation = format!("{task}: {reason}");
        self.note("failed", explanation.clone());
        let traceback = format!("{}\nTASK [{task}]\nfatal: [localhost]: FAILED! => {reason}", self.playbook.file());
        Halt::Failed(Failure { explanation, traceback })
    }

    /// Writes what was done into the ground truth.
    pub(super) fn note(&self, event: &'static str, detail: String) {
        self.runner.truth.push(Truth {
            at_ns: self.runner.clock.elapsed(),
            source: Word::const_new("playbook"),
            event: Word::const_new(event),
            object: self.object.clone(),
            job_id: compact_str::format_compact!("{}", self.job_id),
            job_type: Word::const_new(self.playbook.job_type()),
            detail,
            ..Truth::default()
        });
    }

    fn key(&self, purpose: &str) -> Seed {
        key(self.runner.seed, &self.object, purpose, self.attempt)
    }

    /// Between two steps a job may be stopped.
    fn checkpoint(&self) -> Result<(), Halt> {
        if self.stop.is_set() { Err(Halt::Stopped) } else { Ok(()) }
    }
}
