//! The operator's own view: its production traces, listened to.

use std::sync::Arc;

use parking_lot::Mutex;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    subscriber::Interest,
};
use tracing_subscriber::{Layer, layer::Context};

use crate::{
    clock::SharedClock,
    operator::trace,
    record::{Plane, Transition, Word},
};

/// Collects the changes of jobs' states that the operator reports.
#[derive(Clone, Debug)]
pub(crate) struct OperatorTrace {
    clock: SharedClock,
    transitions: Arc<Mutex<Vec<Transition>>>,
}

impl OperatorTrace {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self { clock, transitions: Arc::default() }
    }

    /// Takes out everything collected so far.
    pub(crate) fn drain(&self) -> Vec<Transition> {
        std::mem::take(&mut *self.transitions.lock())
    }
}

fn is_job_state(metadata: &Metadata<'_>) -> bool {
    metadata.is_event() && metadata.target() == trace::TARGET && metadata.name() == trace::JOB_STATE
}

#[derive(Default)]
struct Fields {
    object: Option<String>,
    job_id: Word,
    job_type: Word,
    from: Word,
    to: Word,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "object" => self.object = Some(value.to_owned()),
            "job_id" => self.job_id = value.into(),
            "job_type" => self.job_type = value.into(),
            "from" => self.from = value.into(),
            "to" => self.to = value.into(),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

impl<S: Subscriber> Layer<S> for OperatorTrace {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_job_state(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        is_job_state(metadata)
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if !is_job_state(event.metadata()) {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Some(instance) = fields.object.and_then(|object| object.parse().ok()) else { return };
        self.transitions.lock().push(Transition {
            instance,
            job_id: fields.job_id,
            job_type: fields.job_type,
            plane: Plane::Operator,
            from: fields.from,
            to: fields.to,
            at_ns: self.clock.elapsed(),
        });
    }
}
