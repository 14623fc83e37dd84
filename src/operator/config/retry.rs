//! The waits between the attempts at a job.

use std::time::Duration;

use super::{RETRY_FIRST, RETRY_LONGEST, Reader, Warning, some_time};
use crate::units::{GoDuration, Seed};

/// When and how often failed jobs are tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetrySettings {
    /// The wait after the first failure; it doubles with each further one.
    pub first: Duration,
    /// The longest wait.
    pub longest: Duration,
    /// Provision jobs launched for one configuration before the operator gives up; deprovisioning is never given up.
    pub provision_attempts: u32,
    /// Where the spread of the waits comes from. It has no variable: whoever runs the operator gives it.
    pub jitter: Seed,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    /// No wait is longer than the longest: where the first would be, it is that one, and what was set is told of.
    pub(super) fn bound_first_wait(&mut self, retry: &mut RetrySettings) {
        let RetrySettings { first, longest, .. } = *retry;
        if first <= longest {
            return;
        }
        let (first, longest) = (GoDuration(first), GoDuration(longest));
        // One of them is: the defaults fit.
        let is_first = self.text(RETRY_FIRST).is_some_and(|value| some_time(&value).is_ok_and(|set| set == first.0));
        let (variable, reason) = if is_first {
            (RETRY_FIRST, format!("longer than the longest wait, {RETRY_LONGEST}={longest}"))
        } else {
            (RETRY_LONGEST, format!("shorter than the first wait, {RETRY_FIRST}={first}"))
        };
        let value = self.text(variable).unwrap_or_default();
        self.warnings.push(Warning { variable, value, reason: format!("{reason}; every wait is {longest}") });
        retry.first = retry.longest;
    }
}
