//! What is measured, by name.

use std::{cmp::Ordering, fmt};

use serde::{Serialize, Serializer};

use crate::record::{Plane, Word};

/// A metric: one of the three totals, or the time that jobs spent in one state as one plane saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metric {
    /// Intended arrival to phase Running.
    ProvisionTotal,
    /// Delete sent to object gone.
    DeprovisionTotal,
    /// Both together.
    Total,
    /// Processor time of the operator for an instance, a value a trial.
    OperatorCpu,
    /// Dwell of a job in a state: from the change into it to the next change of the same job.
    State {
        /// Who saw it.
        plane: Plane,
        /// `provision` or `deprovision`.
        job_type: Word,
        /// The state.
        state: Word,
    },
}

impl Metric {
    /// What every instance has.
    pub const TOTALS: [Self; 3] = [Self::ProvisionTotal, Self::DeprovisionTotal, Self::Total];

    /// The metrics that arms are compared on, where there are any values.
    pub const COMPARED: [Self; 4] = [Self::ProvisionTotal, Self::DeprovisionTotal, Self::Total, Self::OperatorCpu];

    /// The metric that arms are compared on under this name.
    #[must_use]
    pub fn compared(name: &str) -> Option<Self> {
        Self::COMPARED.into_iter().find(|metric| metric.to_string() == name)
    }

    /// In the order in which a job lives: totals, then by plane, provision before deprovision, states as they follow.
    fn rank(&self) -> (u8, Option<Plane>, usize, usize, &str, &str) {
        match self {
            Self::ProvisionTotal => (0, None, 0, 0, "", ""),
            Self::DeprovisionTotal => (1, None, 0, 0, "", ""),
            Self::Total => (2, None, 0, 0, "", ""),
            Self::OperatorCpu => (3, None, 0, 0, "", ""),
            Self::State { plane, job_type, state } => {
                (4, Some(*plane), place(&TYPES, job_type), place(&STATES, state), job_type, state)
            }
        }
    }
}

const TYPES: [&str; 2] = ["provision", "deprovision"];
const STATES: [&str; 4] = ["Pending", "Waiting", "Running", "Unknown"];

/// The place of a word among those known; unknown ones come after them.
fn place(known: &[&str], word: &str) -> usize {
    known.iter().position(|k| *k == word).unwrap_or(known.len())
}

impl Ord for Metric {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl PartialOrd for Metric {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Metric {
    /// The name in files: `total`, `state_backend_Running_provision`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProvisionTotal => f.write_str("provision_total"),
            Self::DeprovisionTotal => f.write_str("deprovision_total"),
            Self::Total => f.write_str("total"),
            Self::OperatorCpu => f.write_str("operator_cpu"),
            Self::State { plane, job_type, state } => write!(f, "state_{}_{state}_{job_type}", plane.as_str()),
        }
    }
}

impl Serialize for Metric {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metrics_that_an_experiment_may_name_are_those_that_arms_are_compared_on() {
        assert_eq!(Metric::COMPARED.map(|metric| metric.to_string()), crate::record::COMPARED);
        assert_eq!(Metric::compared("total"), Some(Metric::Total));
        assert_eq!(Metric::compared("state_backend_Running_provision"), None);
    }

    #[test]
    fn metrics_are_named_and_ordered_as_a_job_lives() {
        let state = |plane, job_type: &str, state: &str| Metric::State {
            plane,
            job_type: job_type.into(),
            state: state.into(),
        };
        let mut metrics = [
            state(Plane::Backend, "provision", "Pending"),
            state(Plane::Observed, "deprovision", "Pending"),
            state(Plane::Observed, "provision", "Retrying"),
            state(Plane::Observed, "provision", "Running"),
            state(Plane::Observed, "provision", "Pending"),
            Metric::Total,
            Metric::ProvisionTotal,
        ];
        metrics.sort();
        let names: Vec<String> = metrics.iter().map(ToString::to_string).collect();
        assert_eq!(
            names,
            [
                "provision_total",
                "total",
                "state_observed_Pending_provision",
                "state_observed_Running_provision",
                "state_observed_Retrying_provision",
                "state_observed_Pending_deprovision",
                "state_backend_Pending_provision",
            ]
        );
    }
}
