//! The operator's own view: its production traces, listened to.
//!
//! A subscriber of its own, and no layer over a registry: the operator opens dozens of spans for each instance, and all that
//! is wanted of them is when they began and ended.

mod marks;
mod spans;

use std::sync::Arc;

use parking_lot::Mutex;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    level_filters::LevelFilter,
    span,
    subscriber::Interest,
};

pub(crate) use self::marks::{Call, OperatorMarks, Verb};
use self::{
    marks::Write,
    spans::{Open, Spans},
};
use crate::{
    clock::SharedClock,
    operator::trace,
    record::{Plane, Transition, Word},
    units::InstanceId,
};

/// Collects the changes of jobs' states that the operator reports, and when it did what for which instance.
#[derive(Clone, Debug)]
pub(crate) struct OperatorTrace {
    clock: SharedClock,
    heard: Arc<Mutex<Heard>>,
}

#[derive(Debug, Default)]
struct Heard {
    transitions: Vec<Transition>,
    /// By the index of the instance.
    marks: Vec<OperatorMarks>,
    spans: Spans,
}

impl Heard {
    fn marks(&mut self, instance: InstanceId) -> &mut OperatorMarks {
        let index = instance.index() as usize;
        if self.marks.len() <= index {
            self.marks.resize_with(index + 1, OperatorMarks::default);
        }
        &mut self.marks[index]
    }
}

/// Instances beyond this are not ours: nothing is kept for them.
const INSTANCES_MAX: u32 = 10_000_000;

impl OperatorTrace {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self { clock, heard: Arc::default() }
    }

    /// Takes out everything collected so far: the changes of jobs' states, and what was done for each instance, by its index.
    pub(crate) fn drain(&self) -> (Vec<Transition>, Vec<OperatorMarks>) {
        let mut heard = self.heard.lock();
        (std::mem::take(&mut heard.transitions), std::mem::take(&mut heard.marks))
    }
}

/// The spans and the event that are listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heed {
    JobState,
    Reconcile,
    ProviderCall,
    ApiWrite,
}

impl Heed {
    fn of(metadata: &Metadata<'_>) -> Option<Self> {
        if metadata.target() != trace::TARGET {
            return None;
        }
        match metadata.name() {
            trace::JOB_STATE if metadata.is_event() => Some(Self::JobState),
            trace::RECONCILE if metadata.is_span() => Some(Self::Reconcile),
            trace::PROVIDER_CALL if metadata.is_span() => Some(Self::ProviderCall),
            trace::API_WRITE if metadata.is_span() => Some(Self::ApiWrite),
            _ => None,
        }
    }
}

#[derive(Default)]
struct Fields {
    object: Word,
    job_id: Word,
    job_type: Word,
    from: Word,
    to: Word,
    verb: Word,
    what: Word,
    phase: Word,
}

impl Fields {
    fn slot(&mut self, field: &Field) -> Option<&mut Word> {
        Some(match field.name() {
            "object" => &mut self.object,
            "job_id" => &mut self.job_id,
            "job_type" => &mut self.job_type,
            "from" => &mut self.from,
            "to" => &mut self.to,
            "verb" => &mut self.verb,
            "what" => &mut self.what,
            "phase" => &mut self.phase,
            _ => return None,
        })
    }

    fn instance(&self) -> Option<InstanceId> {
        self.object.parse().ok().filter(|instance: &InstanceId| instance.index() < INSTANCES_MAX)
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if let Some(slot) = self.slot(field) {
            *slot = value.into();
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if let Some(slot) = self.slot(field) {
            *slot = compact_str::format_compact!("{value:?}");
        }
    }

    fn record_u64(&mut self, _: &Field, _: u64) {}
}

impl Subscriber for OperatorTrace {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Heed::of(metadata).is_some() { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        Heed::of(metadata).is_some()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::INFO)
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        let now = self.clock.elapsed();
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let heard = &mut *self.heard.lock();
        let Some(instance) = fields.instance() else { return Spans::unheeded() };
        match Heed::of(attributes.metadata()) {
            Some(Heed::Reconcile) => {
                heard.marks(instance).passes.push(now);
                Spans::unheeded()
            }
            Some(Heed::ProviderCall) => {
                let Some(verb) = Verb::of(&fields.verb) else { return Spans::unheeded() };
                let of_provision = fields.job_type == "provision";
                let calls = &mut heard.marks(instance).calls;
                calls.push(Call { verb, of_provision, began: now, ended: None });
                let place = calls.len() - 1;
                heard.spans.open(Open::Call { instance, place })
            }
            Some(Heed::ApiWrite) => {
                let of_status = fields.what == "status";
                let phase_running = fields.phase == "Running";
                if of_status && phase_running {
                    heard.marks(instance).running_known.get_or_insert(now);
                }
                let write = Write { of_status, phase_running, began: now, accepted: false };
                heard.spans.open(Open::Write { instance, write })
            }
            _ => Spans::unheeded(),
        }
    }

    fn record(&self, id: &span::Id, _: &span::Record<'_>) {
        // The only field that comes late is `accepted`, and it is never false.
        self.heard.lock().spans.accept(id);
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Some(instance) = fields.instance() else { return };
        self.heard.lock().transitions.push(Transition {
            instance,
            job_id: fields.job_id,
            job_type: fields.job_type,
            plane: Plane::Operator,
            from: fields.from,
            to: fields.to,
            at_ns: self.clock.elapsed(),
        });
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}

    fn clone_span(&self, id: &span::Id) -> span::Id {
        self.heard.lock().spans.hold(id);
        id.clone()
    }

    fn try_close(&self, id: span::Id) -> bool {
        let heard = &mut *self.heard.lock();
        let Some(open) = heard.spans.close(&id) else { return false };
        let now = self.clock.elapsed();
        match open {
            Open::Call { instance, place } => {
                if let Some(call) = heard.marks(instance).calls.get_mut(place) {
                    call.ended = Some(now);
                }
            }
            Open::Write { instance, write } => heard.marks(instance).wrote(write, now),
        }
        true
    }
}
