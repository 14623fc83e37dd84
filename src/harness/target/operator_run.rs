//! Where the operator of a target runs, and what it spends there.
//!
//! In virtual time it shares the thread of everything else. In real time it has a thread and a runtime of its own, so that
//! its processor time is its own and the harness's work does not delay it.

use kube::Client;
use tokio::{runtime::Handle, sync::oneshot, task::JoinHandle};

use crate::{
    clock::SharedClock,
    harness::{
        operator_trace::OperatorTrace,
        target::{TargetError, meter::ApiMeter, until},
    },
    operator::{Operator, OperatorParts, config::Config, provider::http::Transport},
    record::Cost,
};

/// Connects the operator to its API server through a meter; called on the runtime that the operator will run on.
pub(super) type Connect = Box<dyn FnOnce(&ApiMeter) -> Result<Client, TargetError> + Send>;

/// What an operator is started with.
pub(super) struct OperatorRunParts {
    pub(super) connect: Connect,
    pub(super) clock: SharedClock,
    pub(super) config: Config,
    pub(super) transport: Transport,
}

impl OperatorRunParts {
    async fn run(
        self,
        meter: &ApiMeter,
        started: impl FnOnce(Result<(), TargetError>) + Send,
        stopped: oneshot::Receiver<()>,
    ) {
        let Self { connect, clock, config, transport } = self;
        let client = match connect(meter) {
            Ok(client) => client,
            Err(error) => return started(Err(error)),
        };
        let operator = Operator::start(OperatorParts { client, clock, config, transport });
        started(Ok(()));
        operator.run(until(stopped)).await;
    }
}

/// An operator that runs.
pub(super) struct OperatorRun {
    stop: oneshot::Sender<()>,
    place: Place,
    meter: ApiMeter,
}

enum Place {
    Here(JoinHandle<()>),
    OwnThread { thread: std::thread::JoinHandle<()>, runtime: Handle },
}

impl OperatorRun {
    /// Starts it on the runtime that this is called on.
    pub(super) async fn here(parts: OperatorRunParts) -> Result<Self, TargetError> {
        let (stop, stopped) = oneshot::channel();
        let (report, started) = oneshot::channel();
        let meter = ApiMeter::default();
        let for_run = meter.clone();
        let task = tokio::spawn(async move {
            parts.run(&for_run, move |result| drop(report.send(result)), stopped).await;
        });
        started.await.map_err(|_| TargetError::Servers)??;
        Ok(Self { stop, place: Place::Here(task), meter })
    }

    /// Starts it on a thread of its own, where `trace` listens to it.
    pub(super) async fn on_own_thread(parts: OperatorRunParts, trace: OperatorTrace) -> Result<Self, TargetError> {
        let (stop, stopped) = oneshot::channel();
        let (report, started) = oneshot::channel();
        let meter = ApiMeter::default();
        let for_run = meter.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let thread = std::thread::Builder::new().name("operator".to_owned()).spawn(move || {
            let _listening = tracing::subscriber::set_default(trace);
            runtime.block_on(parts.run(&for_run, move |result| drop(report.send(result)), stopped));
        })?;
        started.await.map_err(|_| TargetError::Servers)??;
        Ok(Self { stop, place: Place::OwnThread { thread, runtime: handle }, meter })
    }

    /// What it spent since it was started.
    pub(super) async fn cost(&self) -> Cost {
        let operator_cpu_ns = match &self.place {
            Place::Here(_) => None,
            // Only the thread itself can read its clock.
            Place::OwnThread { runtime, .. } => runtime.spawn(async { thread_cpu_ns() }).await.ok(),
        };
        Cost { operator_cpu_ns, ..self.meter.read() }
    }

    /// Lets it finish what is in work, and waits for its end.
    pub(super) async fn stop(self) {
        drop(self.stop);
        match self.place {
            Place::Here(task) => {
                let _ = task.await;
            }
            Place::OwnThread { thread, .. } => {
                let _ = tokio::task::spawn_blocking(move || thread.join()).await;
            }
        }
    }
}

/// Processor time of this thread, in nanoseconds.
fn thread_cpu_ns() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let part = |number: i64| u64::try_from(number).unwrap_or(0);
    part(time.tv_sec) * 1_000_000_000 + part(time.tv_nsec)
}
