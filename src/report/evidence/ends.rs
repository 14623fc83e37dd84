//! In which ways provision jobs ended, by time, where some ended otherwise than well: a delete on the way cancels them, and a
//! job that succeeds first can't be canceled any more (Aalen and Johansen).

use std::collections::BTreeMap;

use serde::Serialize;

use super::rounded;
use crate::{
    record::{Plane, Sample, TrialRecord},
    report::comparison::whole,
    stats::{
        interval::Confidence,
        survival::{CompetingObservation, aalen_johansen::CumulativeIncidence},
    },
};

/// The ways, by their number.
const ENDS: [&str; 3] = ["Succeeded", "Failed", "Canceled"];

/// One way in which provision jobs ended.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct End {
    /// `Succeeded`, `Failed` or `Canceled`.
    pub end: &'static str,
    /// Instances.
    pub n: usize,
    /// The share of instances that have ended so by the last time seen, those that were cut off counted as they should. It has
    /// no interval: the estimator's own would take instances as independent, which those of a block are not.
    pub share: f64,
    /// The time since the intended arrival by which half of that share had, in nanoseconds.
    pub half_by_ns: Option<u64>,
}

/// The first end of each instance's provision jobs: as the backend knew it, or where it is not visible, as the watch showed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EndTimes {
    /// Instances.
    pub instances: usize,
    /// Those whose provision job was not seen to end.
    pub censored: usize,
    /// The last time seen, since the intended arrival, in nanoseconds.
    pub last_ns: u64,
    /// Each way that there was, in the order of the states.
    pub ends: Vec<End>,
}

/// What was seen, as it comes about.
#[derive(Clone, Debug, Default)]
pub(in crate::report) struct ProvisionEnds(Vec<CompetingObservation>);

impl ProvisionEnds {
    /// Adds the instances of a trial.
    pub(in crate::report) fn add(&mut self, trial: &TrialRecord) {
        // By instance: whether the backend says it, when, and which end. The backend's word goes before the watch's.
        let mut first: BTreeMap<u32, (bool, u64, usize)> = BTreeMap::new();
        for change in &trial.transitions {
            if !matches!(change.plane, Plane::Backend | Plane::Observed) || change.job_type != "provision" {
                continue;
            }
            let Some(end) = ENDS.iter().position(|end| change.to == *end) else { continue };
            let seen = (change.plane != Plane::Backend, change.at_ns.get(), end);
            let known = first.entry(change.instance.index()).or_insert(seen);
            *known = seen.min(*known);
        }
        self.0.extend(trial.samples.iter().filter_map(|sample| {
            let since = |at: u64| at.saturating_sub(sample.intended_ns.get()) as f64;
            match first.get(&sample.instance.index()) {
                Some((_, at, end)) => Some(CompetingObservation { time: since(*at), cause: Some(*end) }),
                None => last_seen(sample).map(|at| CompetingObservation { time: since(at), cause: None }),
            }
        }));
    }

    /// The shares; `None` where nothing ended otherwise than well.
    pub(in crate::report) fn summary(&self) -> Option<EndTimes> {
        let n = |cause: usize| self.0.iter().filter(|seen| seen.cause == Some(cause)).count();
        if (1..ENDS.len()).all(|cause| n(cause) == 0) {
            return None;
        }
        let curve = CumulativeIncidence::of(&self.0, ENDS.len(), Confidence::STANDARD).ok()?;
        let last = curve.steps().last()?;
        let end = |cause: usize| {
            let incidence = last.incidences[cause];
            let half = incidence.share / 2.0;
            let half_by = curve.steps().iter().find(|step| step.incidences[cause].share >= half - 1e-9);
            End {
                end: ENDS[cause],
                n: n(cause),
                share: rounded(incidence.share),
                half_by_ns: half_by.map(|step| whole(step.time).unsigned_abs()),
            }
        };
        let last_ns = self.0.iter().map(|seen| whole(seen.time).unsigned_abs()).max()?;
        Some(EndTimes {
            instances: self.0.len(),
            censored: self.0.iter().filter(|seen| seen.cause.is_none()).count(),
            last_ns,
            ends: (0..ENDS.len()).filter(|cause| n(*cause) > 0).map(end).collect(),
        })
    }
}

/// Until when an instance was looked at.
fn last_seen(sample: &Sample) -> Option<u64> {
    let seen = [sample.censored_ns, sample.gone_ns, sample.running_ns, sample.delete_sent_ns];
    seen.into_iter().flatten().map(crate::units::Nanos::get).max()
}
