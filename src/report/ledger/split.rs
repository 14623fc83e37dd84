//! One operation of one instance, split at its milestones.

use crate::{
    record::{BackendMilestones, Milestones, OperatorMilestones, Sample},
    report::ledger::segment::{Operation, Part, Segment},
    units::Nanos,
};

/// The most segments of an operation.
const SEGMENTS_MAX: usize = 17;

/// A segment and when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Which.
    pub segment: Segment,
    /// When it began, in nanoseconds since the epoch of its trial.
    pub start: Nanos,
    /// When it ended; the next begins there.
    pub end: Nanos,
}

impl Entry {
    /// How long it took.
    #[must_use]
    pub fn takes(&self) -> Nanos {
        self.end - self.start
    }
}

/// The segments of one operation of one instance, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    start: Nanos,
    cuts: [(Segment, Nanos); SEGMENTS_MAX],
    len: usize,
}

impl Ledger {
    /// The segments, without gap or overlap.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        let mut start = self.start;
        self.cuts[..self.len].iter().map(move |&(segment, end)| {
            let entry = Entry { segment, start, end };
            start = end;
            entry
        })
    }

    /// Where the first segment begins.
    #[must_use]
    pub fn start(&self) -> Nanos {
        self.start
    }

    /// All of it: from the beginning of the first segment to the end of the last.
    #[must_use]
    pub fn total(&self) -> Nanos {
        let end = self.cuts[..self.len].last().map_or(self.start, |(_, end)| *end);
        end - self.start
    }
}

/// The end of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Seen.
    At(Nanos),
    /// It had one, and nobody saw it.
    Hidden,
    /// The part was not there.
    Absent,
}

impl End {
    /// Hidden where it was not seen.
    fn or_hidden(at: Option<Nanos>) -> Self {
        at.map_or(Self::Hidden, Self::At)
    }

    /// Absent where it was not seen.
    fn or_absent(at: Option<Nanos>) -> Self {
        at.map_or(Self::Absent, Self::At)
    }
}

/// The ledger of an operation; `None` where it did not come to its end, and so has no total.
///
/// Milestones are only ever seen late: one that was seen after a later one counts at the time of the later.
#[must_use]
pub fn ledger(operation: Operation, sample: &Sample, milestones: &Milestones) -> Option<Ledger> {
    let (start, end) = match operation {
        Operation::Provision => (sample.intended_ns, sample.running_ns?),
        Operation::Deprovision => (sample.delete_sent_ns?, sample.gone_ns?),
    };
    // An end before the beginning has no total either.
    end.since(start)?;
    let delivered = Segment { first: Part::Delivery, last: Part::Delivery };
    let mut ledger = Ledger { start, cuts: [(delivered, end); SEGMENTS_MAX], len: 0 };
    let mut hidden_from = None;
    for (part, end) in ends(operation, sample, milestones, end) {
        match end {
            End::Absent => {}
            End::Hidden => hidden_from = hidden_from.or(Some(part)),
            End::At(at) => {
                let first = hidden_from.take().unwrap_or(part);
                ledger.cuts[ledger.len] = (Segment { first, last: part }, at);
                ledger.len += 1;
            }
        }
    }
    let mut latest = end;
    for (_, at) in ledger.cuts[..ledger.len].iter_mut().rev() {
        latest = latest.min(*at);
        *at = latest.max(start);
    }
    Some(ledger)
}

/// Where each part of an operation ended, in their order.
fn ends(operation: Operation, sample: &Sample, milestones: &Milestones, end: Nanos) -> [(Part, End); SEGMENTS_MAX] {
    let (of_operation, queueing, accepted) = match operation {
        Operation::Provision => (&milestones.provision, End::At(sample.sent_ns), sample.accepted_ns),
        Operation::Deprovision => (&milestones.deprovision, End::Absent, milestones.delete_accepted_ns),
    };
    let operator = of_operation.operator.as_ref();
    let backend = of_operation.backend.as_ref();
    // Whether there was a job at all; where neither plane tells, there was.
    let without_job = operator.is_some_and(|seen| seen.call_ns.is_none())
        || operator.is_none() && backend.is_some_and(|seen| seen.created_ns.is_none());
    let [preparation, attempts, trigger] = launch(operator, backend, without_job);
    let [handoff, pending, waiting, running, teardown] = job(backend, without_job);
    let stop_known = operator.and_then(|seen| seen.stop_known_ns);
    let stopped = backend.and_then(|seen| seen.stopped_ns).filter(|_| stop_known.is_some());
    let of_operator = |at: fn(&OperatorMilestones) -> Option<Nanos>| match operator {
        Some(seen) => End::or_absent(at(seen)),
        None => End::Hidden,
    };
    let detection = match of_operator(|seen| seen.known_ns) {
        End::Absent if !without_job => End::Hidden,
        end => end,
    };
    let release = match operation {
        Operation::Provision => End::Absent,
        Operation::Deprovision => End::or_hidden(operator.and_then(|seen| seen.released_ns)),
    };
    [
        (Part::Queueing, queueing),
        (Part::Admission, End::or_hidden(accepted)),
        (Part::Pickup, End::or_hidden(operator.and_then(|seen| seen.reconciled_ns))),
        // Nothing to be detected where the operator itself declared it over.
        (Part::Stopping, End::or_absent(stopped.or(stop_known))),
        (Part::StopDetection, End::or_absent(stop_known.filter(|_| stopped.is_some()))),
        (Part::Preparation, preparation),
        (Part::EarlierAttempts, attempts),
        (Part::Trigger, trigger),
        (Part::Handoff, handoff),
        (Part::Pending, pending),
        (Part::Waiting, waiting),
        (Part::Running, running),
        (Part::Teardown, teardown),
        (Part::Detection, detection),
        (Part::Writeback, of_operator(|seen| seen.written_ns)),
        (Part::Release, release),
        (Part::Delivery, End::At(end)),
    ]
}

/// Preparation, earlier attempts and trigger.
fn launch(operator: Option<&OperatorMilestones>, backend: Option<&BackendMilestones>, without_job: bool) -> [End; 3] {
    if without_job {
        return [End::Absent; 3];
    }
    let first = operator.and_then(|seen| seen.first_call_ns);
    let made = operator.and_then(|seen| seen.call_ns);
    let received = match backend {
        Some(seen) => seen.webhook_ns.or(seen.created_ns),
        None => operator.and_then(|seen| seen.answered_ns),
    };
    let attempts = if made == first { End::Absent } else { End::or_absent(made) };
    [End::or_hidden(first), attempts, End::or_hidden(received)]
}

/// Handoff, pending, waiting, running and teardown.
fn job(backend: Option<&BackendMilestones>, without_job: bool) -> [End; 5] {
    if without_job {
        return [End::Absent; 5];
    }
    let Some(seen) = backend else {
        return [End::Hidden, End::Hidden, End::Hidden, End::Hidden, End::Absent];
    };
    let handoff = if seen.webhook_ns.is_some() { End::or_hidden(seen.created_ns) } else { End::Absent };
    let waiting = if seen.waiting_ns.is_some() { End::or_hidden(seen.started_ns) } else { End::Absent };
    // A job that had nothing to change on the object ran to its end.
    let running = End::or_hidden(seen.effect_ns.or(seen.ended_ns));
    let teardown = End::or_absent(seen.ended_ns.filter(|_| seen.effect_ns.is_some()));
    [handoff, End::or_hidden(seen.waiting_ns.or(seen.started_ns)), waiting, running, teardown]
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
