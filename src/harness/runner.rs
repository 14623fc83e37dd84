//! Runs a plan: trials in virtual time side by side, each on a thread and a runtime of its own; trials in real time one
//! after the other, so that they don't take each other's processor. Records come out in the order of the plan either way.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use jiff::Timestamp;
use parking_lot::{Condvar, Mutex};

use crate::{
    clock::{ModelClock, SharedClock},
    harness::{
        Experiment,
        operator_trace::OperatorTrace,
        plan::{PlannedTrial, plan},
        target::external::ExternalCluster,
        trial::{self, TrialError, TrialSetup},
    },
    record::{ClockKind, TrialRecord},
};

/// How far a thread may run ahead of what was handed out, in trials for each thread: it bounds what waits in memory.
const AHEAD_PER_THREAD: usize = 4;

/// What a run is given beside its experiment.
#[derive(Clone, Debug)]
pub struct RunOptions {
    /// Threads for trials in virtual time, at least 1.
    pub threads: usize,
    /// The wall time that time 0 of each trial stands for.
    pub epoch: Timestamp,
    /// Set by whoever wants the run to stop.
    pub stop: Arc<AtomicBool>,
    /// Instances that have ended so far.
    pub ended: Arc<AtomicU64>,
    /// The cluster that every trial uses; none for an embedded one of its own. Needs the real clock.
    pub external: Option<Arc<ExternalCluster>>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// Every trial was run, or enough of them for what the experiment wants to know.
    Complete {
        /// Blocks, without those that warm up.
        blocks: u32,
    },
    /// It was stopped.
    Stopped,
}

/// Why a run ended early.
#[derive(Debug, thiserror::Error)]
pub enum RunError<E: std::error::Error + 'static> {
    /// A trial could not be run.
    #[error("block {block}, arm {arm}, scenario {scenario}: {source}")]
    Trial {
        /// The block, from 1.
        block: u32,
        /// The arm's name.
        arm: String,
        /// The scenario's name.
        scenario: String,
        /// The reason.
        source: Box<TrialError>,
    },
    /// Whoever takes the records can't.
    #[error(transparent)]
    Sink(E),
    /// A thread of the run broke down; that is a defect.
    #[error("a thread of the run broke down; please report this")]
    Thread,
}

/// Takes what a run measures.
pub trait Recorder {
    /// Why it can't.
    type Error: std::error::Error + Send + 'static;

    /// Takes the record of a trial; they come in the order of the plan.
    ///
    /// # Errors
    /// When it can't be kept; the run ends then.
    fn trial(&mut self, record: TrialRecord) -> Result<(), Self::Error>;

    /// Asked at each look of an experiment with `until`, when the trials of so many blocks (without those that warm up) were
    /// handed over: whether that is enough.
    fn enough(&mut self, blocks: u32) -> bool {
        let _ = blocks;
        false
    }
}

impl<E: std::error::Error + Send + 'static, F: FnMut(TrialRecord) -> Result<(), E>> Recorder for F {
    type Error = E;

    fn trial(&mut self, record: TrialRecord) -> Result<(), E> {
        self(record)
    }
}

/// Runs an experiment, and hands each trial's record to `recorder` in the order of the plan.
///
/// With `until` no trial is begun before the look before it was taken: what is run does not depend on the threads.
///
/// # Errors
/// When a trial can't be run or the recorder fails; the records handed out before stay valid.
pub fn run<R: Recorder>(
    experiment: &Arc<Experiment>,
    options: &RunOptions,
    recorder: &mut R,
) -> Result<RunEnd, RunError<R::Error>> {
    let trials = plan(experiment);
    let mut rest = trials.as_slice();
    for look in looks(experiment) {
        let last_block = experiment.design().warmup + look;
        let (stage, later) = rest.split_at(rest.partition_point(|trial| trial.block <= last_block));
        rest = later;
        if run_stage(experiment, stage, options, recorder)? == StageEnd::Stopped {
            return Ok(RunEnd::Stopped);
        }
        if rest.is_empty() || recorder.enough(look) {
            return Ok(RunEnd::Complete { blocks: look });
        }
    }
    Ok(RunEnd::Complete { blocks: experiment.blocks() })
}

/// The block counts after which one looks; without `until` only the whole.
fn looks(experiment: &Experiment) -> Vec<u32> {
    experiment.design().until.as_ref().map_or_else(|| vec![experiment.blocks()], |until| until.looks.clone())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StageEnd {
    Complete,
    Stopped,
}

fn run_stage<R: Recorder>(
    experiment: &Arc<Experiment>,
    trials: &[PlannedTrial],
    options: &RunOptions,
    recorder: &mut R,
) -> Result<StageEnd, RunError<R::Error>> {
    let threads = match experiment.clock() {
        ClockKind::Virtual => options.threads.clamp(1, trials.len().max(1)),
        ClockKind::Real => 1,
    };
    let handout = Handout { state: Mutex::default(), changed: Condvar::new(), ahead_max: threads * AHEAD_PER_THREAD };
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some(planned) = trials.get(index) else { return };
                        if !handout.wait_for_turn(index) {
                            return;
                        }
                        let result = if options.stop.load(Ordering::Relaxed) {
                            Err(TrialError::Stopped)
                        } else {
                            // A trial that breaks down must be told, not waited for.
                            catch_unwind(AssertUnwindSafe(|| run_one(experiment, *planned, options)))
                                .unwrap_or_else(|panic| Err(TrialError::BrokeDown(panic_text(panic.as_ref()))))
                        };
                        handout.put(index, result);
                    }
                })
            })
            .collect();
        let mut end = Ok(StageEnd::Complete);
        for planned in trials {
            let result = handout.take(|| workers.iter().all(std::thread::ScopedJoinHandle::is_finished));
            let taken = match result {
                Some(Ok(record)) => recorder.trial(record).map_err(RunError::Sink),
                // Trials that were under way when the run was stopped come yet.
                Some(Err(TrialError::Stopped)) => {
                    end = Ok(StageEnd::Stopped);
                    continue;
                }
                Some(Err(source)) => Err(trial_error(experiment, planned, source)),
                None => Err(RunError::Thread),
            };
            if let Err(error) = taken {
                end = Err(error);
                options.stop.store(true, Ordering::Relaxed);
                break;
            }
        }
        if matches!(end, Ok(StageEnd::Complete)) && options.stop.load(Ordering::Relaxed) {
            end = Ok(StageEnd::Stopped);
        }
        handout.close();
        end
    })
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a word".to_owned())
}

fn trial_error<E: std::error::Error + 'static>(
    experiment: &Experiment,
    planned: &PlannedTrial,
    source: TrialError,
) -> RunError<E> {
    RunError::Trial {
        block: planned.block,
        arm: experiment.arms()[planned.arm].name().to_owned(),
        scenario: experiment.scenarios()[planned.scenario].name().to_owned(),
        source: Box::new(source),
    }
}

/// Runs one trial on a runtime of its own, on this thread.
fn run_one(
    experiment: &Arc<Experiment>,
    planned: PlannedTrial,
    options: &RunOptions,
) -> Result<TrialRecord, TrialError> {
    let is_virtual = experiment.clock() == ClockKind::Virtual;
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    if is_virtual {
        // No sockets: the operating system would be asked for their events at each jump of the clock.
        runtime.enable_time();
    } else {
        runtime.enable_all();
    }
    let runtime = runtime.start_paused(is_virtual).build().map_err(|error| TrialError::Target(error.into()))?;
    runtime.block_on(async {
        let clock: SharedClock = if is_virtual {
            Arc::new(ModelClock::start(options.epoch))
        } else {
            Arc::new(ModelClock::start_scaled(options.epoch, experiment.time_scale()))
        };
        let trace = OperatorTrace::new(clock.clone());
        // Everything of the operator runs on this thread, and only this trial's.
        let _listening = tracing::subscriber::set_default(trace.clone());
        trial::run(TrialSetup {
            experiment: experiment.clone(),
            planned,
            clock,
            trace,
            external: options.external.clone(),
            stop: options.stop.clone(),
            ended: options.ended.clone(),
        })
        .await
    })
}

#[derive(Default)]
struct HandoutState {
    waiting: BTreeMap<usize, Result<TrialRecord, TrialError>>,
    handed_out: usize,
    closed: bool,
}

/// Puts results that come in any order into the order of the plan.
struct Handout {
    state: Mutex<HandoutState>,
    changed: Condvar,
    ahead_max: usize,
}

impl Handout {
    /// Waits until a trial is not too far ahead; whether it is still wanted.
    fn wait_for_turn(&self, index: usize) -> bool {
        let mut state = self.state.lock();
        while !state.closed && index >= state.handed_out + self.ahead_max {
            self.changed.wait(&mut state);
        }
        !state.closed
    }

    fn put(&self, index: usize, result: Result<TrialRecord, TrialError>) {
        self.state.lock().waiting.insert(index, result);
        self.changed.notify_all();
    }

    /// The next result in the order of the plan; `None` when nobody is left who could bring it.
    fn take(&self, nobody_left: impl Fn() -> bool) -> Option<Result<TrialRecord, TrialError>> {
        let mut state = self.state.lock();
        loop {
            let index = state.handed_out;
            if let Some(result) = state.waiting.remove(&index) {
                state.handed_out += 1;
                self.changed.notify_all();
                return Some(result);
            }
            if nobody_left() {
                return None;
            }
            // A thread that broke down notifies nobody.
            self.changed.wait_for(&mut state, std::time::Duration::from_millis(200));
        }
    }

    fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_all();
    }
}
