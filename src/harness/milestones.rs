//! From what each plane saw of a trial to the milestones of its instances.

mod backend;
#[cfg(test)]
mod tests;

use crate::{
    harness::{
        milestones::backend::{BackendMarks, Job},
        operator_trace::{Call, OperatorMarks, Verb},
    },
    record::{
        BackendMilestones, Milestones, OperationMilestones, OperatorMilestones, Plane, Sample, Transition, TrialRecord,
        Truth,
    },
    units::Nanos,
};

/// States that a job does not leave.
const TERMINAL: [&str; 3] = ["Succeeded", "Failed", "Canceled"];

/// What was seen of a trial beside the watch. A plane that tells nothing at all of a trial was not visible.
pub(crate) struct Planes<'a> {
    /// What the backends did.
    pub(crate) truth: &'a [Truth],
    /// The changes of jobs' states as the operator learned of them.
    pub(crate) learned: &'a [Transition],
    /// What the operator did, by the index of the instance.
    pub(crate) marks: &'a [OperatorMarks],
}

/// When the operator learned that jobs of an instance had ended, in the order of time.
#[derive(Default)]
struct Learned {
    provision: Vec<Nanos>,
    deprovision: Vec<Nanos>,
}

/// What all planes but the watch saw of one instance.
struct Seen<'a> {
    sample: &'a Sample,
    operator: Option<&'a OperatorMarks>,
    backend: Option<BackendMarks>,
    learned: Learned,
}

impl Planes<'_> {
    /// The milestones of each sample; `deletes_accepted` is when each sample's delete request was answered.
    pub(crate) fn milestones(&self, samples: &[Sample], deletes_accepted: &[Option<Nanos>]) -> Vec<Milestones> {
        let nothing = OperatorMarks::default();
        let mut backend = backend::by_instance(self.truth, samples);
        let mut learned = self.learned_by_instance(samples);
        samples
            .iter()
            .enumerate()
            .map(|(place, sample)| {
                let operator = self.marks.get(sample.instance.index() as usize).unwrap_or(&nothing);
                let seen = Seen {
                    sample,
                    operator: (!self.marks.is_empty()).then_some(operator),
                    backend: (!self.truth.is_empty()).then(|| std::mem::take(&mut backend[place])),
                    learned: std::mem::take(&mut learned[place]),
                };
                Milestones {
                    instance: sample.instance,
                    delete_accepted_ns: deletes_accepted.get(place).copied().flatten(),
                    provision: seen.provision(),
                    deprovision: seen.deprovision(),
                }
            })
            .collect()
    }

    fn learned_by_instance(&self, samples: &[Sample]) -> Vec<Learned> {
        let mut learned = Vec::new();
        learned.resize_with(samples.len(), Learned::default);
        for change in self.learned.iter().filter(|change| TERMINAL.contains(&change.to.as_str())) {
            let Some(place) = place_of(samples, change.instance.index()) else { continue };
            let Learned { provision, deprovision } = &mut learned[place];
            let list = if change.job_type == "provision" { provision } else { deprovision };
            list.push(change.at_ns);
        }
        learned
    }
}

/// A trial as it is recorded of an operator in another process, whose traces nobody hears: without its view of jobs' states and
/// its processor time, and with milestones that are put together from the other planes.
#[must_use]
pub fn without_operator(mut trial: TrialRecord) -> TrialRecord {
    let deletes_accepted: Vec<Option<Nanos>> = trial
        .samples
        .iter()
        .map(|sample| {
            let own = trial.milestones.iter().find(|milestones| milestones.instance == sample.instance);
            own.and_then(|milestones| milestones.delete_accepted_ns)
        })
        .collect();
    trial.transitions.retain(|change| change.plane != Plane::Operator);
    let planes = Planes { truth: &trial.truth, learned: &[], marks: &[] };
    trial.milestones = planes.milestones(&trial.samples, &deletes_accepted);
    if let Some(cost) = &mut trial.cost {
        cost.operator_cpu_ns = None;
    }
    trial
}

/// The place of an instance among the samples, which are in the order of the instances and usually all there.
fn place_of(samples: &[Sample], index: u32) -> Option<usize> {
    let guess = usize::try_from(index).ok()?;
    if samples.get(guess).is_some_and(|sample| sample.instance.index() == index) {
        return Some(guess);
    }
    samples.binary_search_by_key(&index, |sample| sample.instance.index()).ok()
}

impl Seen<'_> {
    fn provision(&self) -> OperationMilestones {
        let Some(end) = self.sample.running_ns else { return OperationMilestones::default() };
        let job = self.backend.as_ref().and_then(|backend| backend.job_with_effect(true, end));
        let webhook = self.webhook_of(job);
        let backend = self.backend.as_ref().map(|_| BackendMilestones {
            // A provision job's end is waited for by nobody.
            ended_ns: None,
            ..job_milestones(job, webhook)
        });
        let operator = self.operator.map(|marks| {
            let launch = Launch::of(marks, true, webhook.or(job.and_then(|job| job.created)), end);
            OperatorMilestones {
                reconciled_ns: marks.passes.first().copied(),
                known_ns: marks.running_known,
                written_ns: marks.running_written,
                ..launch.milestones()
            }
        });
        OperationMilestones { operator, backend }
    }

    fn deprovision(&self) -> OperationMilestones {
        let (Some(start), Some(end)) = (self.sample.delete_sent_ns, self.sample.gone_ns) else {
            return OperationMilestones::default();
        };
        let job = self.backend.as_ref().and_then(|backend| backend.last_job_over(end));
        let webhook = self.webhook_of(job);
        let received = webhook.or(job.and_then(|job| job.created));
        let launch = self.operator.map(|marks| Launch::of(marks, false, received, end)).unwrap_or_default();
        // Until the deprovision job is launched, the end of the provision job is waited for.
        let launched = launch.first.map_or(end, |call| call.began);
        let stop_known = last_within(&self.learned.provision, start, launched);
        let stopped = self.backend.as_ref().zip(stop_known).and_then(|(backend, known)| backend.provision_over(known));
        let backend = self.backend.as_ref().map(|_| {
            let of_job = job_milestones(job, webhook);
            // Behind a webhook nobody looks at the job: its effect is what is waited for.
            let ended_ns = of_job.ended_ns.filter(|_| webhook.is_none());
            BackendMilestones { stopped_ns: stopped, ended_ns, ..of_job }
        });
        let operator = self.operator.map(|marks| {
            let reconciled = marks.passes.iter().copied().find(|pass| *pass >= start);
            let known = launch.made.and_then(|call| last_within(&self.learned.deprovision, call.began, end));
            let decided = known.or(stop_known).or(reconciled).unwrap_or(start);
            let stop_answers = stop_known.zip(reconciled).map(|(known, from)| marks.answers(true, from, known));
            let answers = known.zip(launch.made).map(|(known, call)| marks.answers(false, call.began, known));
            OperatorMilestones {
                reconciled_ns: reconciled,
                stop_asked_ns: stop_answers.and_then(|answers| answers.first),
                stop_answers: stop_answers.map(|answers| answers.number).filter(|number| *number > 0),
                stop_known_ns: stop_known,
                asked_ns: answers.and_then(|answers| answers.first),
                answers: answers.map(|answers| answers.number).filter(|number| *number > 0),
                known_ns: known,
                written_ns: marks.status_written.filter(|(began, _)| *began >= decided).map(|(_, ended)| ended),
                released_ns: marks.finalizers_written.filter(|at| *at >= start),
                ..launch.milestones()
            }
        });
        OperationMilestones { operator, backend }
    }

    fn webhook_of(&self, job: Option<&Job>) -> Option<Nanos> {
        self.backend.as_ref()?.webhook_before(job?)
    }
}

fn job_milestones(job: Option<&Job>, webhook: Option<Nanos>) -> BackendMilestones {
    let Some(job) = job else { return BackendMilestones::default() };
    BackendMilestones {
        stopped_ns: None,
        webhook_ns: webhook,
        created_ns: job.created,
        waiting_ns: job.waiting,
        started_ns: job.started,
        effect_ns: job.effect,
        ended_ns: job.ended,
    }
}

/// The launches of one kind of job.
#[derive(Clone, Copy, Default)]
struct Launch {
    /// The first attempt.
    first: Option<Call>,
    /// The one that led to the job that did the work.
    made: Option<Call>,
}

impl Launch {
    /// `received` is when the backend got the launch, where that is known; `end` when the operation was over.
    fn of(marks: &OperatorMarks, of_provision: bool, received: Option<Nanos>, end: Nanos) -> Self {
        let mut launches =
            marks.calls.iter().filter(|call| call.verb == Verb::Launch && call.of_provision == of_provision);
        let first = launches.clone().next().copied();
        let latest = received.unwrap_or(end);
        Self { first, made: launches.rfind(|call| call.began <= latest).copied() }
    }

    fn milestones(&self) -> OperatorMilestones {
        OperatorMilestones {
            first_call_ns: self.first.map(|call| call.began),
            call_ns: self.made.map(|call| call.began),
            answered_ns: self.made.and_then(|call| call.ended),
            ..OperatorMilestones::default()
        }
    }
}

/// The answers about a job that the operator asked for.
#[derive(Clone, Copy)]
struct Answers {
    first: Option<Nanos>,
    number: u32,
}

impl OperatorMarks {
    /// The answers about jobs of a kind that it asked about from `from` on and had by `known`.
    fn answers(&self, of_provision: bool, from: Nanos, known: Nanos) -> Answers {
        let polls = self.calls.iter().filter(|call| call.verb == Verb::Poll && call.of_provision == of_provision);
        let mut answers =
            polls.filter(|call| call.began >= from).filter_map(|call| call.ended).filter(|at| *at <= known);
        let first = answers.next();
        Answers { first, number: first.map_or(0, |_| 1 + u32::try_from(answers.count()).unwrap_or(u32::MAX - 1)) }
    }
}

/// The last time from `start` to `end`.
fn last_within(times: &[Nanos], start: Nanos, end: Nanos) -> Option<Nanos> {
    times.iter().copied().rfind(|at| (start..=end).contains(at))
}
