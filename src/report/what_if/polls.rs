//! The polls of one job, as they were and as they would be.

use crate::units::Nanos;

/// How much earlier than the interval says a poll may come: timers tick in milliseconds.
const EARLY_MAX_NS: i64 = 2_000_000;

/// The interval as it is set, and the one that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) current: Nanos,
    pub(super) wanted: Nanos,
}

/// The polls of one job until its end was known. Times are nanoseconds since the epoch of the trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Polls {
    /// When the first was answered.
    pub(super) first: Nanos,
    /// How many there were, the first included.
    pub(super) answers: u32,
    /// When the last was answered.
    pub(super) known: Nanos,
    /// When the job had ended.
    pub(super) ended: Nanos,
}

impl Polls {
    /// How much later the end would be known at the wanted interval; `None` when the polls did not come at the current one.
    ///
    /// With a first answer at a and c nanoseconds from an answer to the sending of the next and l from there to its answer,
    /// poll k is sent at a + k (c + l) − l and answered at a + k (c + l); the first that was sent no earlier than the job's
    /// end tells of it.
    pub(super) fn moved(self, interval: Interval) -> Option<i64> {
        if self.answers <= 1 {
            // The first poll found it ended, whatever the interval.
            return Some(0);
        }
        let answer_takes = self.answer_takes(interval.current)?;
        if interval.wanted == interval.current {
            return Some(0);
        }
        Some(known_at(self.first, self.ended, interval.wanted, answer_takes) - signed(self.known))
    }

    /// How much later the end would be known at the wanted interval if the job were launched `later` and ended at `ended`; `None`
    /// when the polls did not come at the current interval.
    pub(super) fn moved_with(self, interval: Interval, later: i64, ended: Nanos) -> Option<i64> {
        let answer_takes = if self.answers <= 1 { 0 } else { self.answer_takes(interval.current)? };
        let first = Nanos::new(self.first.get().saturating_add_signed(later));
        if ended.get().saturating_add(answer_takes.unsigned_abs()) <= first.get() {
            return Some(signed(first) - signed(self.known));
        }
        Some(known_at(first, ended, interval.wanted, answer_takes) - signed(self.known))
    }

    /// What an answer takes beyond the interval; there must have been two.
    fn answer_takes(self, current: Nanos) -> Option<i64> {
        let waits = i64::from(self.answers) - 1;
        let takes = (signed(self.known) - signed(self.first)) / waits.max(1) - signed(current);
        (takes >= -EARLY_MAX_NS).then_some(takes.max(0))
    }
}

/// When a job's end is known that the first poll did not find.
fn known_at(first: Nanos, ended: Nanos, interval: Nanos, answer_takes: i64) -> i64 {
    let (first, ended) = (signed(first), signed(ended));
    let period = signed(interval).saturating_add(answer_takes).max(1);
    let until_sent = (ended + answer_takes - first).max(1);
    let polls = (until_sent - 1) / period + 1;
    first.saturating_add(polls.saturating_mul(period))
}

fn signed(nanos: Nanos) -> i64 {
    i64::try_from(nanos.get()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000_000;
    const MS: u64 = 1_000_000;

    fn interval(current_s: u64, wanted_s: u64) -> Interval {
        Interval { current: Nanos::new(current_s * S), wanted: Nanos::new(wanted_s * S) }
    }

    /// The polls of a job that ends at `ended`, answered in `latency`, every `every` after the first at 1 s.
    fn polls(ended: u64, every: u64, latency: u64) -> Polls {
        let first = S;
        let mut answer = first;
        let mut answers = 1;
        while answer - latency < ended {
            answer += every + latency;
            answers += 1;
        }
        Polls { first: Nanos::new(first), answers, known: Nanos::new(answer), ended: Nanos::new(ended) }
    }

    #[test]
    fn a_job_of_66_seconds_is_known_at_90_or_at_66() {
        let at_30 = polls(66 * S, 30 * S, 0);
        assert_eq!((at_30.known, at_30.answers), (Nanos::new(91 * S), 4));
        assert_eq!(at_30.moved(interval(30, 5)), Some(-25 * 1_000_000_000));
        assert_eq!(at_30.moved(interval(30, 30)), Some(0));
        assert_eq!(at_30.moved(interval(30, 60)), Some(30 * 1_000_000_000));
    }

    #[test]
    fn what_the_first_poll_found_does_not_depend_on_the_interval() {
        assert_eq!(polls(S / 2, 30 * S, 0).moved(interval(30, 5)), Some(0));
    }

    #[test]
    fn polls_that_come_more_often_than_set_can_not_be_predicted_from() {
        assert_eq!(polls(66 * S, 30 * S, 0).moved(interval(40, 5)), None);
    }

    proptest::proptest! {
        #[test]
        fn a_prediction_is_what_polling_at_that_interval_gives(
            ended in 1..400 * S,
            current in 1_u64..90,
            wanted in 1_u64..90,
            latency_ms in 0_u64..300,
        ) {
            let latency = latency_ms * MS;
            let (before, after) = (polls(ended, current * S, latency), polls(ended, wanted * S, latency));
            let moved = before.moved(interval(current, wanted)).expect("regular polls");
            proptest::prop_assert_eq!(before.known.get().saturating_add_signed(moved), after.known.get());
        }
    }
}
