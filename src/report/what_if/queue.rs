//! The queue of a backend with little room, replayed from what it wrote down.
//!
//! Where a deprovision job is launched later or earlier (the end of the stopped provision job before it is learned by a poll), it
//! meets another queue, and so does every job behind it: instances can't be predicted one by one any more. Here all jobs of a
//! trial are put through the task manager once more: it looks at the pending jobs when one was committed, a while after
//! one has ended, and at every multiple of its tick while some are left, and starts the oldest that nothing holds back.
//!
//! What each job took from its start to its end, and from waiting to running, is its own and stays. What the records show of
//! some jobs only, the time from a commit to the task manager's run, is that of the typical job that was not held back.
//!
//! Which of two jobs goes first that are launched together is a matter of milliseconds that no record of another run tells. So the
//! trial is replayed [`COURSES`] times more, with delays and request latencies drawn from those that were recorded: what
//! differs among these courses by more than it may is not known.

mod task_manager;

use std::collections::BTreeMap;

use serde_json::Value;

use self::task_manager::TaskManager;
use crate::{
    record::{TrialRecord, Truth, Word},
    units::{InstanceId, Nanos, Seed, parse_duration},
};

/// How many courses beside the typical one a trial is replayed in: one run in twenty-one lies outside of all of them.
pub(super) const COURSES: u64 = 20;

/// Requests whose latency decides when a deprovision job is launched: the poll that tells that it may be, and the launch.
const REQUESTS_BEFORE_LAUNCH: u64 = 2;

/// How far the replay may be off for the task manager's delay alone, which is known of the typical job only. What moves by more
/// is another course of things.
const DELAY_OFF_MAX_NS: u64 = 1_000_000_000;

/// The room that a controller has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capacity {
    /// The most jobs at once; `None` is no limit.
    pub(super) jobs_max: Option<usize>,
    /// Whether only one job of a template runs at a time.
    pub(super) one_per_template: bool,
    /// How often the task manager looks without being asked.
    pub(super) tick: Nanos,
}

impl Capacity {
    /// As an arm's profile says; `None` where it does not.
    pub(super) fn of(profile: &Value) -> Option<Self> {
        let aap = profile.get("aap")?;
        let jobs_max = usize::try_from(aap.get("max_concurrent_jobs")?.as_u64()?).ok()?;
        Some(Self {
            jobs_max: (jobs_max > 0).then_some(jobs_max),
            one_per_template: !aap.get("allow_simultaneous")?.as_bool()?,
            tick: parse_duration(aap.get("tick")?.as_str()?).ok().filter(|tick| !tick.is_zero())?.into(),
        })
    }

    /// Whether one of so many jobs at once would have to wait for another.
    pub(super) fn holds_back(self, jobs: usize) -> bool {
        jobs > 1 && self.one_per_template || self.is_full(jobs.saturating_sub(1))
    }

    fn is_full(self, active: usize) -> bool {
        self.jobs_max.is_some_and(|most| active >= most)
    }
}

/// A job as it was. Times are nanoseconds since the epoch of the trial.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Job {
    object: Word,
    of_provision: bool,
    created: u64,
    waiting: Option<u64>,
    started: Option<u64>,
    ended: u64,
    canceled: bool,
    /// From its commit to the task manager's run, where nothing held it back.
    delay: Option<u64>,
}

impl Job {
    fn template(&self) -> usize {
        usize::from(!self.of_provision)
    }

    fn instance(&self) -> Option<InstanceId> {
        self.object.parse().ok()
    }
}

/// All jobs of a trial, and what is known of who makes them wait.
pub(super) struct Queue {
    jobs: Vec<Job>,
    /// When the delete of an object was sent.
    deletes: BTreeMap<Word, u64>,
    capacity: Capacity,
    /// From a commit to the task manager's run, of jobs that nothing held back; ascending.
    delays: Vec<u64>,
    /// What launches waited for their answer.
    latencies: Vec<u64>,
}

/// One course that a trial may take: when the last deprovision job of an object would be launched and end, the launch by how
/// much later than it was.
pub(super) type Course = BTreeMap<InstanceId, (i64, Nanos)>;

/// What a replay says of the deprovision jobs.
pub(super) struct Replayed {
    /// With typical delays.
    pub(super) typical: Course,
    /// With drawn ones.
    pub(super) drawn: Vec<Course>,
    /// From launch to end, all jobs together, as recorded.
    pub(super) recorded_ns: u64,
    /// The same as a replay of the recorded launches gives it.
    pub(super) again_ns: u64,
}

impl Queue {
    /// The queue of a trial.
    ///
    /// # Errors
    /// With what its records don't tell.
    pub(super) fn of(trial: &TrialRecord, capacity: Capacity) -> Result<Self, &'static str> {
        let jobs = jobs(&trial.truth)?;
        let deletes = trial
            .samples
            .iter()
            .filter_map(|sample| Some((Word::from(sample.instance.to_string()), sample.delete_sent_ns?.get())))
            .collect();
        let launches = trial.milestones.iter().filter_map(|milestones| milestones.deprovision.operator.as_ref());
        let latencies = launches.filter_map(|seen| Some(seen.answered_ns?.since(seen.call_ns?)?.get())).collect();
        let mut queue = Self { jobs, deletes, capacity, delays: Vec::new(), latencies };
        queue.find_delays();
        Ok(queue)
    }

    /// How the trial would go if the deprovision job of an object were launched so much later (or earlier).
    ///
    /// # Errors
    /// With what the records don't tell: what becomes of a provision job that is in another state when it is asked to stop.
    pub(super) fn replay(&self, moved: &BTreeMap<InstanceId, i64>, seed: Seed) -> Result<Replayed, &'static str> {
        let as_it_was = self.ends(&self.created(), None)?;
        let launches = self.launches(moved, None);
        let typical = self.ends(&launches, None)?;
        let provision = |ends: &[u64]| {
            self.jobs.iter().zip(ends).filter(|(job, _)| job.of_provision).map(|(_, end)| *end).collect::<Vec<u64>>()
        };
        let is_another = |(before, after): (u64, u64)| before.abs_diff(after) > DELAY_OFF_MAX_NS;
        if provision(&as_it_was).into_iter().zip(provision(&typical)).any(is_another) {
            return Err("when deletes would come, which follow jobs of provisioning that would end at other times");
        }
        let mut drawn = Vec::new();
        for course in 0..COURSES {
            let of_course = Some(seed.index(course));
            let launches = self.launches(moved, of_course);
            drawn.push(self.course(&launches, &self.ends(&launches, of_course)?));
        }
        let spent = |ends: &[u64]| -> u64 {
            let jobs = self.jobs.iter().zip(ends).filter(|(job, _)| !job.of_provision);
            jobs.map(|(job, end)| end.saturating_sub(job.created)).sum()
        };
        let recorded: Vec<u64> = self.jobs.iter().map(|job| job.ended).collect();
        Ok(Replayed {
            typical: self.course(&launches, &typical),
            drawn,
            recorded_ns: spent(&recorded),
            again_ns: spent(&as_it_was),
        })
    }

    fn created(&self) -> Vec<u64> {
        self.jobs.iter().map(|job| job.created).collect()
    }

    /// When each job would be launched.
    fn launches(&self, moved: &BTreeMap<InstanceId, i64>, draws: Option<Seed>) -> Vec<u64> {
        let launch = |(at, job): (usize, &Job)| {
            let by = job.instance().filter(|_| !job.of_provision).and_then(|of| moved.get(&of)).copied();
            let by = by.map_or(0, |by| by.saturating_add(self.latency_off(at, draws)));
            job.created.saturating_add_signed(by)
        };
        self.jobs.iter().enumerate().map(launch).collect()
    }

    /// What another draw of the latencies in front of a launch makes of it.
    fn latency_off(&self, at: usize, draws: Option<Seed>) -> i64 {
        let Some(draws) = draws else { return 0 };
        let mut stream = draws.label("latency").index(at as u64).stream();
        let mut draw = || self.latencies.get(stream.below(self.latencies.len())).map_or(0, |ns| ns.cast_signed());
        (0..REQUESTS_BEFORE_LAUNCH).map(|_| draw() - draw()).sum()
    }

    /// A delay of the task manager.
    fn delay(&self, purpose: &str, at: usize, draws: Option<Seed>) -> u64 {
        let place = match draws {
            None => self.delays.len() / 2,
            Some(draws) => draws.label(purpose).index(at as u64).stream().below(self.delays.len()),
        };
        self.delays.get(place).copied().unwrap_or(0)
    }

    fn course(&self, launches: &[u64], ends: &[u64]) -> Course {
        let jobs = self.jobs.iter().zip(launches.iter().zip(ends)).filter(|(job, _)| !job.of_provision);
        let times = jobs.filter_map(|(job, (launch, end))| {
            Some((job.instance()?, (launch.wrapping_sub(job.created).cast_signed(), Nanos::new(*end))))
        });
        times.collect()
    }

    /// How long jobs were pending that nothing held back, or else how long after an end the next one started.
    fn find_delays(&mut self) {
        let active = self.active();
        let mut after_an_end = Vec::new();
        for place in 0..self.jobs.len() {
            let job = &self.jobs[place];
            let Some(waiting) = job.waiting else { continue };
            let first = active.partition_point(|(at, _)| *at <= job.created).saturating_sub(1);
            let mut during = active[first..].iter().take_while(|(at, _)| *at < waiting);
            let held_back = during.any(|(_, counts)| {
                self.capacity.is_full(counts[0] + counts[1])
                    || self.capacity.one_per_template && counts[job.template()] > 0
            });
            if held_back {
                let freed = self.jobs.iter().map(|other| other.ended).filter(|ended| *ended <= waiting).max();
                after_an_end.extend(freed.map(|freed| waiting - freed));
            } else {
                let delay = waiting - job.created;
                self.jobs[place].delay = Some(delay);
                self.delays.push(delay);
            }
        }
        if self.delays.is_empty() {
            self.delays = after_an_end;
        }
        self.delays.sort_unstable();
    }

    /// How many jobs of each template held a place, from each time on.
    fn active(&self) -> Vec<(u64, [usize; 2])> {
        let mut changes: Vec<(u64, bool, usize)> = Vec::new();
        for job in &self.jobs {
            if let Some(waiting) = job.waiting {
                changes.extend([(job.ended, false, job.template()), (waiting, true, job.template())]);
            }
        }
        changes.sort_unstable();
        let mut counts = [0_usize; 2];
        let mut active = vec![(0, counts)];
        for (at, begins, template) in changes {
            counts[template] = if begins { counts[template] + 1 } else { counts[template].saturating_sub(1) };
            active.push((at, counts));
        }
        active
    }

    /// When each job ends that is launched at these times.
    fn ends(&self, launches: &[u64], draws: Option<Seed>) -> Result<Vec<u64>, &'static str> {
        let mut manager = TaskManager::new(self, launches, draws);
        while let Some((now, event, at)) = manager.events.pop_first() {
            manager.take(now, event, at)?;
        }
        manager.ended.into_iter().collect::<Option<_>>().ok_or("when a job would start")
    }
}

/// The jobs that a controller wrote down.
fn jobs(truth: &[Truth]) -> Result<Vec<Job>, &'static str> {
    let mut jobs: Vec<(Word, Job, bool)> = Vec::new();
    let mut places: BTreeMap<Word, usize> = BTreeMap::new();
    for entry in truth.iter().filter(|entry| entry.source == "aap") {
        let at = entry.at_ns.get();
        match entry.event.as_str() {
            "project_update" => return Err("when jobs would start that wait for the update of a project"),
            "job_state" if entry.from.is_empty() => {
                places.insert(entry.job_id.clone(), jobs.len());
                let job = Job {
                    object: entry.object.clone(),
                    of_provision: entry.job_type == "provision",
                    created: at,
                    waiting: None,
                    started: None,
                    ended: 0,
                    canceled: false,
                    delay: None,
                };
                jobs.push((entry.job_id.clone(), job, false));
            }
            "job_state" => {
                let Some((_, job, over)) = places.get(&entry.job_id).and_then(|place| jobs.get_mut(*place)) else {
                    return Err("when a job was made");
                };
                match entry.to.as_str() {
                    "Waiting" => job.waiting = Some(at),
                    "Running" => job.started = Some(at),
                    state => {
                        job.ended = at;
                        job.canceled = state == "Canceled";
                        *over = true;
                    }
                }
            }
            _ => {}
        }
    }
    let whole = |job: &Job| job.waiting.is_some() && job.started.is_some() || job.canceled && job.started.is_none();
    if jobs.iter().any(|(_, job, over)| !over || !whole(job)) {
        return Err("how long each job held its place");
    }
    Ok(jobs.into_iter().map(|(_, job, _)| job).collect())
}
