//! The operator as a whole: watches, queue, workers.

use std::{
    fmt,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use kube::{Client, runtime::reflector::store};
use tokio::{sync::Notify, task::JoinSet};
use tracing::Instrument as _;

use crate::{
    clock::SharedClock,
    operator::{
        config::Config,
        context::{Context, ObjectKey, Providers, WorkItem},
        events::Events,
        probes::Probes,
        provider::{Provider, aap::Aap, eda::Eda, http::Transport},
        reconcile::{self, ReconcileError},
        tenant, trace, watches,
    },
};

/// Everything that the operator is given from outside.
pub struct OperatorParts {
    /// The API server.
    pub client: Client,
    /// The time.
    pub clock: SharedClock,
    /// The settings.
    pub config: Config,
    /// What carries requests to the backends.
    pub transport: Transport,
}

impl fmt::Debug for OperatorParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperatorParts").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The operator.
///
/// Flow: caches are filled; then as many workers as set take keys from one queue, ComputeInstances and Tenants alike.
/// Guarantees: one key is never worked on twice at the same time; at shutdown the items in work are finished.
pub struct Operator {
    context: Arc<Context>,
    watches: JoinSet<()>,
    /// The task that writes Events.
    recorder: JoinSet<()>,
    ready: Arc<Notify>,
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operator").field("config", &self.context.config).finish_non_exhaustive()
    }
}

impl Operator {
    /// Starts the watches.
    #[must_use]
    pub fn start(parts: OperatorParts) -> Self {
        Self::start_probed(parts, Arc::default())
    }

    /// Starts the watches of an operator that others ask how it is.
    #[must_use]
    pub fn start_probed(parts: OperatorParts, probes: Arc<Probes>) -> Self {
        let OperatorParts { client, clock, config, transport } = parts;
        let providers = Providers {
            aap: config.aap.as_ref().map(|settings| -> Arc<dyn Provider> {
                Arc::new(Aap::new(settings, transport.clone(), clock.clone()))
            }),
            eda: config.eda.as_ref().map(|settings| -> Arc<dyn Provider> {
                Arc::new(Eda::new(settings, config.minimum_request_interval, transport.clone(), clock.clone()))
            }),
        };
        let (instances, instance_writer) = store();
        let (tenants, tenant_writer) = store();
        let mut recorder = JoinSet::new();
        let events = config.events.then(|| {
            let (events, writer) = Events::new(client.clone(), clock.clone(), &config.instance);
            recorder.spawn(writer);
            events
        });
        let mut context = Context::new(client, clock, config, providers, instances, tenants, probes);
        context.events = events;
        let context = Arc::new(context);
        context.probes.metrics.show(&context);
        let ready = Arc::new(Notify::new());
        let mut watches = JoinSet::new();
        watches.spawn(watches::tenants(context.clone(), tenant_writer));
        watches.spawn(watches::virtual_machines(context.clone(), ready.clone()));
        watches.spawn(watches::instances(context.clone(), instance_writer));
        Self { context, watches, recorder, ready }
    }

    /// Works until `shutdown` is done, and finishes what is in work then.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        // Whatever becomes of the Events: they end with this function, and it does not end with them, but for a panic as it ships.
        let Self { context, mut watches, recorder: _recorder, ready } = self;
        let mut shutdown = std::pin::pin!(shutdown);
        let synced = async {
            // A decision on half a cache would launch again what has long been launched.
            let _ = context.tenants.wait_until_ready().await;
            ready.notified().await;
            let _ = context.instances.wait_until_ready().await;
        };
        tokio::select! {
            biased;
            () = &mut shutdown => return,
            () = synced => {}
        }
        let delays = context.clone();
        watches.spawn(async move { delays.queue.run_delays().await });
        let mut workers = JoinSet::new();
        let passes = Arc::new(AtomicU64::new(0));
        for _ in 0..context.config.workers {
            workers.spawn(work(context.clone(), passes.clone()));
        }
        context.probes.set_ready(true);
        tokio::select! {
            biased;
            () = &mut shutdown => {}
            // A key in a dead worker's hands is never worked on again: better to end, and be started anew.
            Some(ended) = workers.join_next() => propagate(ended),
            Some(ended) = watches.join_next() => propagate(ended),
        }
        context.probes.set_ready(false);
        context.queue.close();
        while workers.join_next().await.is_some() {}
        watches.shutdown().await;
    }
}

/// Goes on with the panic of a task that ended; none ends otherwise before it is told to.
fn propagate(ended: Result<(), tokio::task::JoinError>) {
    match ended {
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        _ => tracing::error!("a task ended by itself; the operator ends"),
    }
}

/// Tells of a pass that failed, within its span.
fn told<T>(key: &ObjectKey, result: Result<T, ReconcileError>) -> Result<T, ReconcileError> {
    if let Err(error) = &result {
        tracing::warn!(object = %key, %error, "failed to reconcile; trying again");
    }
    result
}

/// Takes keys and works on them; `passes` counts the passes of all workers.
async fn work(context: Arc<Context>, passes: Arc<AtomicU64>) {
    while let Some(taken) = context.queue.take().await {
        let item = taken.key;
        let waited_ns = taken.waited.get();
        let reconcile_id = passes.fetch_add(1, Ordering::Relaxed) + 1;
        let begin = context.clock.elapsed();
        let result = match &item {
            WorkItem::Instance(key) => {
                let span = tracing::info_span!(target: trace::TARGET, "reconcile", object = %key.name, reconcile_id, waited_ns);
                async { told(key, reconcile::reconcile(&context, key).await) }.instrument(span).await
            }
            WorkItem::Tenant(key) => {
                let span = tracing::info_span!(target: trace::TARGET, "reconcile_tenant", object = %key.name, reconcile_id, waited_ns);
                async { told(key, tenant::reconcile(&context, key).await) }.instrument(span).await
            }
        };
        context.probes.metrics.reconciled(context.clock.elapsed() - begin, result.is_ok());
        match result {
            Ok(wait) => {
                context.queue.forget_failures(&item);
                if let Some(wait) = wait {
                    context.queue.add_after(item.clone(), wait);
                }
            }
            Err(_) => {
                context.queue.add_after_failure(item.clone());
            }
        }
        context.queue.done(&item);
    }
}
