//! The predictions of one trial.

use std::{borrow::Cow, collections::BTreeMap};

use crate::{
    record::{BackendMilestones, Milestones, OperatorMilestones, Outcome, Sample, TrialRecord},
    report::{
        ledger::with_milestones,
        what_if::{
            arms::PolledArm,
            error::WhatIfError,
            polls::{Interval, Polls},
            queue::{Course, Queue, Replayed},
        },
    },
    units::{InstanceId, Nanos, Seed},
};

/// The predictions of one trial.
#[derive(Debug, Default)]
pub(super) struct Predicted {
    /// The total of each sample's deprovisioning, where it has one.
    pub(super) deprovisions: Vec<Option<Nanos>>,
    /// The same in other courses that the trial may take, where the queue had to be replayed.
    pub(super) courses: Vec<Vec<Option<Nanos>>>,
    /// From launch to end of all deprovision jobs as recorded, and as a replay of the recorded queue gives it; where the queue
    /// had to be replayed.
    pub(super) replay_ns: Option<(u64, u64)>,
}

/// A trial, and what is asked about it.
pub(super) struct Asked<'a> {
    pub(super) trial: &'a TrialRecord,
    pub(super) arm: &'a PolledArm,
    pub(super) interval: Interval,
    /// Whether its scenario deletes at a state of the job as the watch shows it.
    pub(super) deletes_at_a_state: bool,
}

/// Why an instance can't be predicted.
#[derive(Clone, Copy)]
enum Refused {
    Hidden(&'static str),
    Irregular,
    Retried,
}

/// An instance that was deprovisioned.
struct Gone<'a> {
    instance: InstanceId,
    total: Nanos,
    milestones: Cow<'a, Milestones>,
    /// How much later its deprovision job would be launched.
    later: i64,
}

impl Asked<'_> {
    /// Predicts the trial.
    ///
    /// # Errors
    /// When it lacks what a prediction needs, its polls did not come as they are set, or what they decide can't be told.
    pub(super) fn predict(&self) -> Result<Predicted, WhatIfError> {
        let mut gone = Vec::new();
        for (sample, milestones) in with_milestones(self.trial) {
            let one = self.gone(sample, milestones).map_err(|refused| self.error(sample.instance, refused))?;
            gone.push(one);
        }
        let replayed = self.replay(gone.iter().flatten())?;
        let totals = |course: Option<&Course>| -> Result<Vec<Option<Nanos>>, WhatIfError> {
            let total = |gone: &Gone<'_>| {
                let of_course = course.and_then(|course| course.get(&gone.instance)).copied();
                gone.predict(self.interval, of_course).map_err(|refused| self.error(gone.instance, refused))
            };
            gone.iter().map(|gone| gone.as_ref().map(total).transpose()).collect()
        };
        let drawn = replayed.iter().flat_map(|replayed| &replayed.drawn);
        Ok(Predicted {
            deprovisions: totals(replayed.as_ref().map(|replayed| &replayed.typical))?,
            courses: drawn.map(|course| totals(Some(course))).collect::<Result<_, _>>()?,
            replay_ns: replayed.as_ref().map(|replayed| (replayed.recorded_ns, replayed.again_ns)),
        })
    }

    fn is_another_interval(&self) -> bool {
        self.arm.is_polled && self.interval.wanted != self.interval.current
    }

    fn gone<'m>(&self, sample: &Sample, milestones: Cow<'m, Milestones>) -> Result<Option<Gone<'m>>, Refused> {
        if self.is_another_interval() && (sample.provision_jobs > 1 || sample.deprovision_jobs > 1) {
            return Err(Refused::Retried);
        }
        let Some(total) = sample.deprovision_total() else { return Ok(None) };
        let later = match polls(&milestones, Job::Stopped)? {
            Some(polls) => polls.moved(self.interval).ok_or(Refused::Irregular)?,
            None => 0,
        };
        Ok(Some(Gone { instance: sample.instance, total, milestones, later }))
    }

    /// The queue of the backend as it would be, where it would be another one.
    fn replay<'g>(&self, gone: impl Iterator<Item = &'g Gone<'g>>) -> Result<Option<Replayed>, WhatIfError> {
        let moved: BTreeMap<InstanceId, i64> = gone.map(|gone| (gone.instance, gone.later)).collect();
        let launches_move = moved.values().any(|later| *later != 0);
        // An object has one job at a time.
        let jobs = self.trial.samples.len();
        if !self.is_another_interval() || self.arm.capacity.is_some_and(|capacity| !capacity.holds_back(jobs)) {
            return Ok(None);
        }
        let refuse = |missing| {
            let (block, arm, scenario) = self.place();
            WhatIfError::Queue { block, arm, scenario, missing }
        };
        if self.deletes_at_a_state {
            return Err(refuse("when the state would show that deletes wait for"));
        }
        let got_through = |sample: &Sample| matches!(sample.outcome, Outcome::Succeeded | Outcome::Canceled);
        if !self.trial.samples.iter().all(got_through) {
            return Err(refuse("what those would do that failed or were cut off"));
        }
        if !launches_move {
            return Ok(None);
        }
        let capacity = self.arm.capacity.ok_or_else(|| refuse("how much room the backend has"))?;
        let seed = Seed::new(0).label(&self.trial.key.scenario).index(self.trial.key.block.into());
        Queue::of(self.trial, capacity).and_then(|queue| queue.replay(&moved, seed)).map(Some).map_err(refuse)
    }

    fn place(&self) -> (u32, String, String) {
        let key = &self.trial.key;
        (key.block, key.arm.to_string(), key.scenario.to_string())
    }

    fn error(&self, instance: InstanceId, refused: Refused) -> WhatIfError {
        let ((block, arm, _), instance) = (self.place(), instance.to_string());
        match refused {
            Refused::Hidden(missing) => WhatIfError::Hidden { block, arm, instance, missing },
            Refused::Irregular => WhatIfError::Irregular { block, arm, instance, interval: self.arm.interval },
            Refused::Retried => WhatIfError::Retried { block, arm, instance },
        }
    }
}

impl Gone<'_> {
    /// Its total at another interval; in a queue that was replayed, with its job launched so much later and ended then.
    fn predict(&self, interval: Interval, replayed: Option<(i64, Nanos)>) -> Result<Nanos, Refused> {
        let moved = match (polls(&self.milestones, Job::Deprovision)?, replayed) {
            (Some(polls), Some((later, ended))) => polls.moved_with(interval, later, ended),
            (Some(polls), None) => polls.moved(interval).map(|moved| moved.saturating_add(self.later)),
            (None, _) => Some(self.later),
        };
        Ok(Nanos::new(self.total.get().saturating_add_signed(moved.ok_or(Refused::Irregular)?)))
    }
}

/// The jobs whose end a deprovisioning waits for.
#[derive(Clone, Copy)]
enum Job {
    /// The provision job that is asked to stop.
    Stopped,
    /// The deprovision job.
    Deprovision,
}

/// The polls of a job; `None` for one whose state was never asked for: it is learned of by an event, as all of EDA's.
fn polls(milestones: &Milestones, job: Job) -> Result<Option<Polls>, Refused> {
    let seen = &milestones.deprovision;
    let operator = seen.operator.as_ref().ok_or(Refused::Hidden("when the operator asked for the state of jobs"))?;
    let of_operator = |seen: &OperatorMilestones| match job {
        Job::Stopped => (seen.stop_asked_ns, seen.stop_answers, seen.stop_known_ns),
        Job::Deprovision => (seen.asked_ns, seen.answers, seen.known_ns),
    };
    let of_backend = |seen: &BackendMilestones| match job {
        Job::Stopped => seen.stopped_ns,
        Job::Deprovision => seen.ended_ns,
    };
    let (Some(first), Some(answers), Some(known)) = of_operator(operator) else { return Ok(None) };
    let ended = seen.backend.as_ref().and_then(of_backend).ok_or(Refused::Hidden("when the job ended"))?;
    Ok(Some(Polls { first, answers, known, ended }))
}
