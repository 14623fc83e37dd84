//! A task manager at work: which pending job starts when.

use std::collections::BTreeSet;

use super::{DELAY_OFF_MAX_NS, Queue};
use crate::units::Seed;

/// What happens; of what happens at once, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// A job ends and gives its place back.
    Ended,
    /// A job is canceled that does not run yet.
    Withdrawn,
    /// A job is made.
    Launched,
    /// The task manager runs, as a job that is still pending has it.
    Committed,
    /// The task manager runs since a place became free.
    Freed,
    /// The task manager runs by itself.
    Tick,
}

/// A task manager at work.
pub(super) struct TaskManager<'a> {
    queue: &'a Queue,
    draws: Option<Seed>,
    launches: &'a [u64],
    pub(super) events: BTreeSet<(u64, Event, usize)>,
    is_started: Vec<bool>,
    pub(super) ended: Vec<Option<u64>>,
    /// The pending jobs of each template, oldest first.
    pending: [BTreeSet<(u64, usize)>; 2],
    active: [usize; 2],
    tick_armed: bool,
}

impl<'a> TaskManager<'a> {
    pub(super) fn new(queue: &'a Queue, launches: &'a [u64], draws: Option<Seed>) -> Self {
        let mut events = BTreeSet::new();
        for (at, (job, launch)) in queue.jobs.iter().zip(launches).enumerate() {
            events.insert((*launch, Event::Launched, at));
            if job.canceled && job.started.is_none() {
                events.insert((job.ended, Event::Withdrawn, at));
            }
        }
        let jobs = queue.jobs.len();
        Self {
            queue,
            draws,
            launches,
            events,
            is_started: vec![false; jobs],
            ended: vec![None; jobs],
            pending: [BTreeSet::new(), BTreeSet::new()],
            active: [0; 2],
            tick_armed: false,
        }
    }

    pub(super) fn take(&mut self, now: u64, event: Event, at: usize) -> Result<(), &'static str> {
        let queue = self.queue;
        match event {
            Event::Launched => {
                let job = &queue.jobs[at];
                self.pending[job.template()].insert((self.launches[at], at));
                let delay = job.delay.unwrap_or_else(|| queue.delay("commit", at, self.draws));
                self.events.insert((now + delay, Event::Committed, at));
            }
            // Whom another run of the task manager has started does not ask for one.
            Event::Committed if self.is_started[at] || self.ended[at].is_some() => {}
            Event::Committed | Event::Freed => self.run(now)?,
            Event::Tick => {
                self.tick_armed = false;
                self.run(now)?;
            }
            Event::Ended => self.free(now, at),
            Event::Withdrawn => {
                let job = &queue.jobs[at];
                if !self.pending[job.template()].remove(&(self.launches[at], at)) {
                    self.free(now, at);
                }
                self.ended[at] = Some(now);
            }
        }
        Ok(())
    }

    fn free(&mut self, now: u64, at: usize) {
        self.active[self.queue.jobs[at].template()] -= 1;
        if self.has_pending() {
            self.events.insert((now + self.queue.delay("end", at, self.draws), Event::Freed, at));
        }
    }

    fn has_pending(&self) -> bool {
        self.pending.iter().any(|pending| !pending.is_empty())
    }

    /// Starts what may start.
    fn run(&mut self, now: u64) -> Result<(), &'static str> {
        while let Some((created, at)) = self.next() {
            self.pending[self.queue.jobs[at].template()].remove(&(created, at));
            self.start(now, at)?;
        }
        if self.has_pending() && !self.tick_armed {
            self.tick_armed = true;
            let tick = self.queue.capacity.tick.get();
            self.events.insert(((now / tick + 1) * tick, Event::Tick, 0));
        }
        Ok(())
    }

    /// The oldest pending job that nothing holds back.
    fn next(&self) -> Option<(u64, usize)> {
        let capacity = self.queue.capacity;
        if capacity.is_full(self.active.iter().sum()) {
            return None;
        }
        let heads = self.pending.iter().zip(self.active);
        heads
            .filter(|(_, active)| !capacity.one_per_template || *active == 0)
            .filter_map(|(pending, _)| pending.first().copied())
            .min()
    }

    fn start(&mut self, now: u64, at: usize) -> Result<(), &'static str> {
        let job = &self.queue.jobs[at];
        self.active[job.template()] += 1;
        let Some((waiting, started)) = job.waiting.zip(job.started) else {
            // Canceled before a worker had it: one must not have had more time for it than there was.
            let had = job.ended - job.waiting.unwrap_or(job.ended);
            self.is_started[at] = true;
            return match job.ended.saturating_sub(now) {
                would_have if would_have <= had + DELAY_OFF_MAX_NS => Ok(()),
                _ => Err("how long a job would take to stop that did not run yet"),
            };
        };
        let starts = now + (started - waiting);
        let deleted = self.queue.deletes.get(&job.object).copied().unwrap_or(u64::MAX);
        let ends = match job.canceled {
            // Asked to stop while it ran: that comes when it came, if it still runs then.
            true if starts <= deleted || starts == started => job.ended,
            true => return Err("how long a job would take to stop that did not run yet"),
            false => starts + (job.ended - started),
        };
        self.is_started[at] = true;
        self.ended[at] = Some(ends);
        self.events.insert((ends, Event::Ended, at));
        Ok(())
    }
}
