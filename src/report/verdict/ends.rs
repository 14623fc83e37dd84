//! How the instances of an arm ended, before and after: times of other ends can't be compared.

use serde::{Deserialize, Serialize};

use crate::report::{accumulate::Series, metric::Metric, number::count};

/// How many instances of one arm in one scenario ended how, and with how many jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ends {
    /// All of them.
    pub instances: u64,
    /// Got through their scenario.
    pub succeeded: u64,
    /// The operator reported a failure that it did not recover from.
    pub failed: u64,
    /// Provisioning was cut short by a delete, as the scenario wanted.
    pub canceled: u64,
    /// The deadline came first.
    pub censored: u64,
    /// Virtual machines left behind.
    pub orphans: u64,
    /// Deprovision jobs in their histories.
    pub deprovision_jobs: u64,
}

impl Ends {
    pub(super) fn of(series: &Series) -> Self {
        let outcomes = series.outcomes;
        Self {
            instances: series.instances,
            succeeded: outcomes.succeeded,
            failed: outcomes.failed,
            canceled: outcomes.canceled,
            censored: outcomes.censored,
            orphans: series.orphans,
            deprovision_jobs: series.deprovision_jobs,
        }
    }

    /// Those that came to the end that their scenario wants.
    #[must_use]
    pub const fn finished(&self) -> u64 {
        self.succeeded + self.canceled
    }

    /// Whether a metric can be measured at all when all goes well: provisioning can't where every instance is deleted first.
    pub(super) fn have(&self, metric: &Metric) -> bool {
        *metric == Metric::DeprovisionTotal || *metric == Metric::OperatorCpu || self.canceled < self.instances
    }

    /// `12 of 16 instances finished, 16 of 16 before`.
    pub(super) fn finished_of(&self, before: &Self) -> String {
        format!(
            "{} of {} finished, {} of {} before",
            self.finished(),
            count(self.instances, "instance"),
            before.finished(),
            before.instances
        )
    }
}

/// `a / b < c / d`, without rounding; of nothing there is no share, which is less than none.
fn is_less((a, b): (u64, u64), (c, d): (u64, u64)) -> bool {
    u128::from(a) * u128::from(d) < u128::from(c) * u128::from(b)
}

fn differ(one: (u64, u64), other: (u64, u64)) -> bool {
    is_less(one, other) || is_less(other, one)
}

/// Says that a smaller share of the instances finished, if so.
pub(super) fn less_finished(before: &Ends, after: &Ends) -> Option<String> {
    is_less((after.finished(), after.instances), (before.finished(), before.instances))
        .then(|| format!("less finished: {}", after.finished_of(before)))
}

/// Why times of a metric can't be held against each other, if so: another mix of outcomes, or other work for what finished.
pub(super) fn different_ends(before: &Ends, after: &Ends, metric: &Metric) -> Option<String> {
    let mix = |ends: &Ends| [ends.succeeded, ends.failed, ends.canceled, ends.censored].map(|n| (n, ends.instances));
    if mix(before).into_iter().zip(mix(after)).any(|(before, after)| differ(before, after)) {
        return Some(format!("{} before, {}: the runs came to different ends", told(before), told(after)));
    }
    let jobs = |ends: &Ends| (ends.deprovision_jobs, ends.finished());
    let concerned = *metric != Metric::ProvisionTotal;
    (concerned && differ(jobs(before), jobs(after)))
        .then(|| format!("{} before, {}: the runs did different work", told_jobs(before), told_jobs(after)))
}

fn told(ends: &Ends) -> String {
    format!(
        "{} succeeded, {} failed, {} canceled, {} censored",
        ends.succeeded, ends.failed, ends.canceled, ends.censored
    )
}

fn told_jobs(ends: &Ends) -> String {
    format!("{} of {}", count(ends.deprovision_jobs, "deprovision job"), count(ends.finished(), "finished instance"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Ends =
        Ends { instances: 16, succeeded: 16, failed: 0, canceled: 0, censored: 0, orphans: 0, deprovision_jobs: 16 };

    #[test]
    fn fewer_that_finish_are_told_whatever_the_number_of_blocks() {
        let twice = Ends { instances: 32, succeeded: 32, deprovision_jobs: 32, ..ALL };
        assert_eq!(less_finished(&ALL, &twice), None);
        assert_eq!(different_ends(&ALL, &twice, &Metric::Total), None);
        let fewer = Ends { succeeded: 31, failed: 1, ..twice };
        assert_eq!(
            less_finished(&ALL, &fewer).as_deref(),
            Some("less finished: 31 of 32 instances finished, 16 of 16 before")
        );
        assert_eq!(less_finished(&fewer, &ALL), None, "more are no harm");
        assert!(different_ends(&fewer, &ALL, &Metric::ProvisionTotal).is_some(), "but not the same either");
    }

    #[test]
    fn jobs_count_for_what_they_are_part_of() {
        let two_each = Ends { deprovision_jobs: 32, ..ALL };
        assert_eq!(different_ends(&ALL, &two_each, &Metric::ProvisionTotal), None);
        assert_eq!(
            different_ends(&ALL, &two_each, &Metric::Total).as_deref(),
            Some(
                "16 deprovision jobs of 16 finished instances before, 32 deprovision jobs of 16 finished instances: the runs \
                 did different work"
            )
        );
    }

    #[test]
    fn an_arm_whose_every_instance_is_deleted_first_has_no_provisioning_to_measure() {
        let canceled = Ends { succeeded: 0, canceled: 16, ..ALL };
        assert!(!canceled.have(&Metric::Total) && canceled.have(&Metric::DeprovisionTotal) && ALL.have(&Metric::Total));
        assert_eq!(less_finished(&ALL, &canceled), None);
        assert!(different_ends(&ALL, &canceled, &Metric::Total).is_some());
    }
}
