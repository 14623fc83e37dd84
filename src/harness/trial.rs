//! One trial: N instances of one arm live through one scenario.
//!
//! Flow: the watch is opened before anything is created; each instance is created at its intended time; what the watch shows
//! moves its life on, and its scenario says when it is deleted; the trial ends when every life has ended, or at the deadline.
//! Then the backends come to rest, and what is left of the machines is counted.
//!
//! Guarantees: every instance that was to be created has a sample. One that did not finish is censored, never dropped. A trial
//! that ends because the run is to stop says so, and no invariant is asked of it.

mod left;
mod life;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::StreamExt;
use tokio::sync::mpsc;

use self::{
    left::{machines_left, remove_left},
    life::{Life, Wish},
};
use crate::{
    clock::{SharedClock, TimedOut, timeout},
    harness::{
        Experiment,
        experiment::{Arm, DeleteWhen, Scenario, ScenarioKind},
        invariants,
        load::{Load, Report, intended_arrivals},
        milestones::Planes,
        observe::{Sight, sights},
        operator_trace::OperatorTrace,
        plan::PlannedTrial,
        target::{Blueprint, Target, TargetError, external::ExternalCluster, live::Told},
    },
    record::{Cost, Outcome, Plane, Sample, Transition, TrialKey, TrialRecord, Truth, TruthLog},
    units::{InstanceId, Nanos},
};

/// Reports of requests that wait to be read: the loop reads them as fast as they come.
const REPORTS_WAITING_MAX: usize = 1024;

/// How long the answers to the last requests may take, once the watch has shown what they did.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// How long the watch may take to open.
const OPEN_LIMIT: Duration = Duration::from_secs(300);

/// How often a run that is to stop is noticed: in simulated time a second is nothing, in real time it is the user's.
const STOP_CHECK: Duration = Duration::from_secs(1);

/// Why a trial left no record.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// What was to be measured could not be set up.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// The instances could not be given their history.
    #[error("failed to give the instances their old jobs: {0}")]
    Prepare(#[from] kube::Error),
    /// The watch did not open.
    #[error("the watch of the instances did not open: {0}")]
    Watch(String),
    /// The run was stopped before the trial began.
    #[error("stopped")]
    Stopped,
    /// Something broke down; that is a defect of ours.
    #[error("it broke down ({0}); please report this")]
    BrokeDown(String),
}

/// What a trial is run with.
pub(crate) struct TrialSetup {
    pub(crate) experiment: Arc<Experiment>,
    pub(crate) planned: PlannedTrial,
    pub(crate) clock: SharedClock,
    pub(crate) trace: OperatorTrace,
    /// The cluster, where it is not an embedded one.
    pub(crate) external: Option<Arc<ExternalCluster>>,
    pub(crate) stop: Arc<AtomicBool>,
    /// Instances that have ended, for whoever shows progress.
    pub(crate) ended: Arc<AtomicU64>,
}

impl TrialSetup {
    fn arm(&self) -> &Arm {
        &self.experiment.arms()[self.planned.arm]
    }

    fn scenario(&self) -> &Scenario {
        &self.experiment.scenarios()[self.planned.scenario]
    }
}

/// Runs one trial.
pub(crate) async fn run(setup: TrialSetup) -> Result<TrialRecord, TrialError> {
    let trial = format!("b{}-t{}", setup.planned.block, setup.planned.position);
    let namespace = match (setup.arm().namespace(), &setup.external) {
        (Some(namespace), _) => namespace.to_owned(),
        (None, Some(external)) => external.namespace(&trial),
        (None, None) => format!("provbench-{trial}"),
    };
    let truth = TruthLog::default();
    let mut target = Target::start(
        Blueprint {
            arm: setup.arm().clone(),
            namespace: namespace.clone(),
            seed: setup.planned.seed,
            clock: setup.clock.clone(),
            time_scale: setup.experiment.time_scale(),
            subject: setup.experiment.subject().cloned(),
            truth: truth.clone(),
            trace: setup.trace.clone(),
            external: setup.external.clone(),
        },
        setup.experiment.clock(),
    )
    .await?;
    let measured = measure(&setup, &target, &namespace).await;
    let result = match measured {
        Ok(lives) => Ok(finish(&setup, &mut target, lives, &truth, namespace).await),
        Err(error) => Err(error),
    };
    let stopped = target.stop().await;
    let mut record = result?;
    if let Err(error) = stopped {
        record.problems.push(format!("failed to clean up after the trial: {error}"));
    }
    Ok(record)
}

/// The lives of a trial, and what the watch showed.
struct Measured {
    lives: Vec<Life>,
    transitions: Vec<Transition>,
    problems: Vec<String>,
    cost: Option<Cost>,
}

async fn measure(setup: &TrialSetup, target: &Target, namespace: &str) -> Result<Measured, TrialError> {
    let clock = &setup.clock;
    let mut sights =
        std::pin::pin!(sights(target.client.clone(), namespace, clock.clone(), setup.experiment.subject().cloned()));
    // Nothing is created before the watch is open: the first sight of an instance would be lost.
    let opened = timeout(&**clock, OPEN_LIMIT, async {
        loop {
            match sights.next().await {
                Some(Sight::ListEnds) => return Ok(()),
                Some(Sight::Broken(error)) => return Err(error),
                Some(_) => {}
                None => return Err("it ended".to_owned()),
            }
        }
    });
    opened.await.map_err(|late: TimedOut| TrialError::Watch(late.to_string()))?.map_err(TrialError::Watch)?;

    let (send, mut reports) = mpsc::channel(REPORTS_WAITING_MAX);
    let subject = setup.experiment.subject().cloned();
    let load = Load::new(target.client.clone(), namespace, clock.clone(), send, setup.arm().old_jobs(), subject);
    {
        // What the watch shows of it is of no interest, but must be read.
        let mut preparing = std::pin::pin!(load.prepare(&setup.experiment));
        loop {
            tokio::select! {
                biased;
                prepared = &mut preparing => {
                    prepared?;
                    break;
                }
                sight = sights.next() => if sight.is_none() {
                    return Err(TrialError::Watch("it ended".to_owned()));
                }
            }
        }
    }

    let cost_before = target.cost().await;
    let start = clock.elapsed();
    let intended = intended_arrivals(&setup.experiment, start);
    let lives = intended.iter().zip(0..).map(|(at, index)| Life::new(InstanceId::from_index(index), *at)).collect();
    let creating = tokio::spawn(load.clone().create_all(setup.experiment.clone(), intended));

    let mut course = Course { setup, load, lives, listed: None, left: setup.experiment.instances() as usize };
    let mut measured_transitions = Vec::new();
    let mut problems = Vec::new();
    let mut deadline = clock.sleep(setup.experiment.deadline());
    let stop_check = STOP_CHECK.div_f64(setup.experiment.time_scale());
    let mut check = clock.sleep(stop_check);
    let disturbance = setup.scenario().disturbance();
    let mut disturbing = std::pin::pin!(async {
        match disturbance {
            Some(disturbance) => target.disturb(disturbance).await,
            None => Ok(()),
        }
    });
    let mut undisturbed = disturbance.is_some();
    while course.left > 0 {
        tokio::select! {
            biased;
            Some(report) = reports.recv() => course.reported(report, &mut problems),
            sight = sights.next() => match sight {
                Some(sight) => course.seen(sight, clock.elapsed(), &mut measured_transitions),
                None => return Err(TrialError::Watch("it ended".to_owned())),
            },
            disturbed = &mut disturbing, if undisturbed => {
                undisturbed = false;
                if let Err(error) = disturbed {
                    problems.push(error.to_string());
                    break;
                }
            }
            () = &mut check => {
                if setup.stop.load(Ordering::Relaxed) {
                    break;
                }
                if let Some(ended) = target.operator_ended() {
                    problems.push(format!("the operator ended by itself, {ended}"));
                    break;
                }
                check = clock.sleep(stop_check);
            }
            () = &mut deadline => break,
        }
    }
    creating.abort();
    if course.left == 0 {
        // The watch may show what a request did before its answer is here.
        let _ = timeout(&**clock, ANSWER_LIMIT, course.load.answered()).await;
    }
    while let Ok(report) = reports.try_recv() {
        course.reported(report, &mut problems);
    }
    let now = clock.elapsed();
    for life in &mut course.lives {
        life.cut_off(now);
    }
    // Of a trial that was stopped nothing was to be expected any more.
    if undisturbed && !setup.stop.load(Ordering::Relaxed) {
        problems.push("every life was over before the operator had been ended and was ready again".to_owned());
    }
    let cost = target.cost().await.zip(cost_before).map(|(now, before)| now.since(&before));
    Ok(Measured { lives: course.lives, transitions: measured_transitions, problems, cost })
}

/// The trial as it goes.
struct Course<'a> {
    setup: &'a TrialSetup,
    load: Load,
    lives: Vec<Life>,
    /// While a list comes in: the instances that it shows.
    listed: Option<Vec<bool>>,
    /// Lives that have not ended.
    left: usize,
}

impl Course<'_> {
    fn reported(&mut self, report: Report, problems: &mut Vec<String>) {
        match report {
            Report::Created { instance, sent, answered } => {
                let Some(life) = self.lives.get_mut(instance.index() as usize) else { return };
                life.created(sent, answered);
                if let ScenarioKind::DeleteDuringProvision { delete: DeleteWhen::After(after) } =
                    self.setup.scenario().kind()
                {
                    life.wish_delete();
                    let gone_by = self.setup.clock.elapsed() - sent;
                    self.load.delete_after(instance, after.0.saturating_sub(gone_by.into()), true);
                }
            }
            Report::DeleteSent { instance, sent } => {
                if let Some(life) = self.lives.get_mut(instance.index() as usize) {
                    life.delete_sent(sent);
                }
            }
            Report::DeleteAccepted { instance, answered } => {
                if let Some(life) = self.lives.get_mut(instance.index() as usize) {
                    life.delete_accepted(answered);
                }
            }
            Report::Failed { instance, what, error } => {
                problems.push(format!("{instance}: failed to {what} it: {error}"));
                let refused =
                    what == "create" && self.lives.get_mut(instance.index() as usize).is_some_and(Life::refused);
                if refused {
                    self.ended();
                }
            }
        }
    }

    fn ended(&mut self) {
        self.left -= 1;
        self.setup.ended.fetch_add(1, Ordering::Relaxed);
    }

    fn seen(&mut self, sight: Sight, now: Nanos, transitions: &mut Vec<Transition>) {
        match sight {
            Sight::Present { instance, status } => {
                let index = instance.index() as usize;
                if let Some(listed) = &mut self.listed
                    && let Some(listed) = listed.get_mut(index)
                {
                    *listed = true;
                }
                let scenario = self.setup.scenario().kind();
                let Some(life) = self.lives.get_mut(index) else { return };
                match life.present(&status, now, scenario, transitions) {
                    Wish::Nothing => {}
                    Wish::Delete { measured } => {
                        let wait = if measured { self.setup.scenario().hold() } else { Duration::ZERO };
                        self.load.delete_after(instance, wait, measured);
                    }
                }
            }
            Sight::Gone { instance, status } => {
                let scenario = self.setup.scenario().kind();
                let Some(life) = self.lives.get_mut(instance.index() as usize) else { return };
                if life.gone(Some(&status), now, scenario, transitions) {
                    self.ended();
                }
            }
            Sight::ListBegins => self.listed = Some(vec![false; self.lives.len()]),
            Sight::ListEnds => {
                let scenario = self.setup.scenario().kind();
                let listed = self.listed.take().unwrap_or_default();
                for (index, listed) in listed.into_iter().enumerate() {
                    if !listed
                        && self.lives[index].was_seen()
                        && self.lives[index].gone(None, now, scenario, transitions)
                    {
                        self.ended();
                    }
                }
            }
            Sight::Broken(error) => tracing::warn!(%error, "the watch of the instances broke off"),
        }
    }
}

/// Lets everything come to rest, counts what is left, and puts the record together.
async fn finish(
    setup: &TrialSetup,
    target: &mut Target,
    measured: Measured,
    truth: &TruthLog,
    namespace: String,
) -> TrialRecord {
    let Measured { lives, mut transitions, mut problems, mut cost } = measured;
    // A run that is to stop does not wait for what nobody will look at.
    let stopped = setup.stop.load(Ordering::Relaxed);
    if setup.arm().namespace().is_some() {
        // The namespace stays, and so would they.
        remove_left(target, setup.experiment.subject(), &namespace, &lives, &mut problems).await;
    }
    if !stopped && !target.at_rest(setup.experiment.deadline()).await {
        problems.push("the backends did not come to rest within the deadline".to_owned());
    }
    let (mut samples, deletes_accepted): (Vec<Sample>, Vec<Option<Nanos>>) =
        lives.into_iter().map(Life::into_sample).unzip();
    match machines_left(&target.client, &namespace).await {
        Ok(left) => {
            for sample in &mut samples {
                // An instance that did not get to its end still has its machine by right.
                if sample.outcome != Outcome::Censored {
                    sample.orphans = left.get(&sample.instance).copied().unwrap_or(0);
                }
            }
        }
        Err(error) => problems.push(format!("failed to count the machines that are left: {error}")),
    }
    let told = if stopped { Told::default() } else { target.tell(&transitions).await };
    problems.extend(told.problems);
    // The watch may show an object gone before the operator has the answer to its write: only when it has ended has it been
    // heard out.
    let process = target.stop_operator().await;
    if let Some(cost) = &mut cost
        && process.is_some()
    {
        cost.process = process;
    }
    let mut truth = truth.drain();
    if told.skew.is_some() {
        // What is read from records comes after what was noted as it happened.
        truth.sort_by_key(|entry| entry.at_ns);
    }
    let (learned, marks) = setup.trace.drain();
    let planes = Planes { truth: &truth, learned: &learned, marks: &marks };
    let milestones = planes.milestones(&samples, &deletes_accepted);
    transitions.extend(learned);
    transitions.extend(backend_transitions(&truth));
    transitions.sort_by_key(|transition| transition.at_ns);
    let created = setup.experiment.instances();
    // Where the status tells of no jobs none of the backend's can be missing there.
    let tells_of_jobs = setup.experiment.subject().is_none_or(|subject| subject.has_jobs());
    let of_backend = if tells_of_jobs { truth.as_slice() } else { &[] };
    // Who was cut off with the run, and what had not come to rest, breaks none.
    if !stopped {
        problems.extend(invariants::broken(setup.arm(), setup.scenario(), created, &samples, of_backend));
    }
    TrialRecord {
        key: TrialKey {
            block: setup.planned.block,
            arm: setup.arm().name().into(),
            scenario: setup.scenario().name().into(),
        },
        position: setup.planned.position,
        namespace: namespace.into(),
        samples,
        milestones,
        transitions,
        truth,
        problems,
        warmup: setup.planned.warmup,
        cost,
        clock_skew: told.skew,
        stopped,
    }
}

/// The changes of jobs' states among what the backends did.
fn backend_transitions(truth: &[Truth]) -> impl Iterator<Item = Transition> + '_ {
    truth.iter().filter(|entry| entry.event == "job_state").filter_map(|entry| {
        Some(Transition {
            instance: entry.object.parse().ok()?,
            job_id: entry.job_id.clone(),
            job_type: entry.job_type.clone(),
            plane: Plane::Backend,
            from: entry.from.clone(),
            to: entry.to.clone(),
            at_ns: entry.at_ns,
        })
    })
}
