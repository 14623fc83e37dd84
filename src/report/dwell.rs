//! How long jobs stayed in their states.

use crate::record::{Outcome, Plane, TrialRecord, Word};

/// The dwell times of one state of one type of job on one plane, in nanoseconds.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Dwell {
    pub(super) plane: Plane,
    pub(super) job_type: Word,
    pub(super) state: Word,
    pub(super) ns: Vec<u64>,
    /// How long those states had lasted that the deadline cut off: lower bounds.
    pub(super) bounds_ns: Vec<u64>,
}

/// States that a job does not leave: they have no dwell.
const TERMINAL: [&str; 3] = ["Succeeded", "Failed", "Canceled"];

/// A state that a job is in.
struct Open<'a> {
    plane: Plane,
    job_type: &'a str,
    job_id: &'a str,
    state: &'a str,
    since_ns: u64,
}

/// From the change into a state to the next change of the same job on the same plane.
///
/// A state that a job is still in when the deadline cuts its instance off is counted with the time that it had. One that was
/// never seen to end for another reason, as when a watch loses an object that is gone, has no end that could be told and is left
/// out; so are changes of instances that have no sample.
pub(super) fn dwells(trial: &TrialRecord) -> Vec<Dwell> {
    // A job belongs to one instance and an instance has few jobs: short lists by instance are searched, not a map by job.
    let mut open: Vec<Vec<Open<'_>>> = Vec::new();
    open.resize_with(trial.samples.len(), Vec::new);
    let mut dwells: Vec<Dwell> = Vec::new();
    for change in &trial.transitions {
        let Some(jobs) = slot(trial, change.instance.index()).and_then(|slot| open.get_mut(slot)) else { continue };
        let job = jobs.iter_mut().position(|job| {
            job.plane == change.plane && job.job_id == change.job_id && job.job_type == change.job_type
        });
        let terminal = TERMINAL.contains(&change.to.as_str());
        match job {
            Some(job) if jobs[job].state == change.to => {}
            Some(job) => {
                let left = &mut jobs[job];
                let ns = change.at_ns.get().saturating_sub(left.since_ns);
                dwell_of(&mut dwells, left).ns.push(ns);
                if terminal {
                    jobs.swap_remove(job);
                } else {
                    left.state = &change.to;
                    left.since_ns = change.at_ns.get();
                }
            }
            None if terminal => {}
            None => jobs.push(Open {
                plane: change.plane,
                job_type: &change.job_type,
                job_id: &change.job_id,
                state: &change.to,
                since_ns: change.at_ns.get(),
            }),
        }
    }
    for (sample, jobs) in trial.samples.iter().zip(&open) {
        let Some(cut) = sample.censored_ns.filter(|_| sample.outcome == Outcome::Censored) else { continue };
        for job in jobs {
            // What began after the deadline belongs to the clearing up.
            if let Some(bound) = cut.get().checked_sub(job.since_ns) {
                dwell_of(&mut dwells, job).bounds_ns.push(bound);
            }
        }
    }
    dwells
}

/// The place of an instance among the samples, which are in the order of the instances and usually all there.
fn slot(trial: &TrialRecord, index: u32) -> Option<usize> {
    let guess = usize::try_from(index).ok()?;
    if trial.samples.get(guess).is_some_and(|sample| sample.instance.index() == index) {
        return Some(guess);
    }
    trial.samples.binary_search_by_key(&index, |sample| sample.instance.index()).ok()
}

/// Where the dwell times of the state that a job is in are kept.
fn dwell_of<'d>(dwells: &'d mut Vec<Dwell>, job: &Open<'_>) -> &'d mut Dwell {
    let known = dwells.iter().position(|d| d.plane == job.plane && d.state == job.state && d.job_type == job.job_type);
    let place = known.unwrap_or_else(|| {
        dwells.push(Dwell {
            plane: job.plane,
            job_type: job.job_type.into(),
            state: job.state.into(),
            ns: Vec::new(),
            bounds_ns: Vec::new(),
        });
        dwells.len() - 1
    });
    &mut dwells[place]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::Sample,
        report::fixture::{sample, transition, trial},
        units::Nanos,
    };

    fn dwell(plane: Plane, job_type: &str, state: &str, ns: &[u64]) -> Dwell {
        let (job_type, state) = (job_type.into(), state.into());
        Dwell { plane, job_type, state, ns: ns.to_vec(), bounds_ns: Vec::new() }
    }

    #[test]
    fn a_dwell_goes_from_a_change_to_the_next_of_the_same_job_on_the_same_plane() {
        let mut record = trial(1, "aap", vec![sample(0), sample(1)]);
        record.transitions = vec![
            transition(0, "7", Plane::Backend, "", "Pending", 10),
            transition(1, "8", Plane::Backend, "", "Pending", 11),
            transition(0, "7", Plane::Observed, "", "Pending", 12),
            transition(0, "7", Plane::Backend, "Pending", "Running", 30),
            transition(0, "7", Plane::Observed, "Pending", "Running", 40),
            transition(1, "8", Plane::Backend, "Pending", "Running", 51),
            transition(0, "7", Plane::Backend, "Running", "Succeeded", 130),
        ];
        assert_eq!(
            dwells(&record),
            [
                dwell(Plane::Backend, "provision", "Pending", &[20, 40]),
                dwell(Plane::Observed, "provision", "Pending", &[28]),
                dwell(Plane::Backend, "provision", "Running", &[100]),
            ]
        );
    }

    #[test]
    fn a_terminal_state_has_no_dwell_and_an_open_one_is_left_out() {
        let mut record = trial(1, "aap", vec![sample(0)]);
        record.transitions = vec![
            transition(0, "7", Plane::Observed, "", "Failed", 10),
            transition(0, "7", Plane::Observed, "Failed", "Pending", 20),
            transition(0, "7", Plane::Observed, "Pending", "Pending", 25),
            transition(0, "7", Plane::Observed, "Pending", "Running", 30),
        ];
        assert_eq!(dwells(&record), [dwell(Plane::Observed, "provision", "Pending", &[10])]);
    }

    #[test]
    fn a_state_that_the_deadline_cut_off_has_the_time_that_it_had() {
        let cut = |index| Sample { outcome: Outcome::Censored, censored_ns: Some(Nanos::new(100)), ..sample(index) };
        let mut record = trial(1, "aap", vec![cut(0), sample(1), cut(2)]);
        for (instance, at_ns) in [(0, 30), (1, 40), (2, 110)] {
            record.transitions.push(transition(instance, "7", Plane::Backend, "", "Pending", at_ns - 20));
            record.transitions.push(transition(instance, "7", Plane::Backend, "Pending", "Running", at_ns));
        }
        let running = Dwell { bounds_ns: vec![70], ..dwell(Plane::Backend, "provision", "Running", &[]) };
        assert_eq!(dwells(&record), [dwell(Plane::Backend, "provision", "Pending", &[20, 20, 20]), running]);
    }

    #[test]
    fn an_instance_is_found_where_others_are_missing_and_one_without_a_sample_is_passed_over() {
        let mut record = trial(1, "aap", vec![sample(3), sample(u32::MAX - 1)]);
        for instance in [3, u32::MAX - 1, 9] {
            record.transitions.push(transition(instance, "7", Plane::Observed, "", "Pending", 10));
            record.transitions.push(transition(instance, "7", Plane::Observed, "Pending", "Running", 30));
        }
        assert_eq!(dwells(&record), [dwell(Plane::Observed, "provision", "Pending", &[20, 20])]);
    }
}
