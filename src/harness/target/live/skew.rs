//! The offset of a server's clock from ours, by the header Date of its answers.
//!
//! A Date says the second, not more: an answer that was made between `sent` and `received` (ours) at a server whose clock is θ
//! ahead has `Date ≤ t + θ < Date + 1 s` for some t between them, so that θ is between `Date − received` and
//! `Date + 1 s − sent`. Each answer gives such an interval and θ is in all of them. The widest is a second and the time of the
//! request; one that is sent so that the middle of what is left would be at the tick of a second halves what is left.

use std::time::Duration;

use crate::{clock::SharedClock, operator::provider::http::HttpClient};

/// Halvings of one second: 2 ms are left after nine, and no network of two hosts is better.
const REQUESTS: usize = 10;
/// No more is asked where the interval is narrower.
const NARROW_ENOUGH_NS: i128 = 2_000_000;
const SECOND_NS: i128 = 1_000_000_000;

/// One answer, in nanoseconds of the Unix epoch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Observation {
    /// By our clock.
    pub(super) sent: i128,
    /// By our clock.
    pub(super) received: i128,
    /// What the server says, a whole second.
    pub(super) date: i128,
}

/// An offset and how far it can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Estimate {
    pub(super) offset_ns: i64,
    pub(super) bound_ns: u64,
}

impl Estimate {
    /// Whether it can be told from none at all.
    pub(super) fn is_certain(self) -> bool {
        self.offset_ns.unsigned_abs() > self.bound_ns
    }
}

/// Where the offset must be; `None` where the answers contradict each other.
///
/// Servers that make the text of a Date now and then only, and not at the tick of the second, say one that has passed: where
/// whole seconds contradict each other, they may be as old as another second.
fn within(observations: &[Observation]) -> Option<(i128, i128)> {
    let with_age = |age: i128| {
        let low = observations.iter().map(|seen| seen.date - seen.received).max()?;
        let high = observations.iter().map(|seen| seen.date + SECOND_NS + age - seen.sent).min()?;
        (low <= high).then_some((low, high))
    };
    with_age(0).or_else(|| with_age(SECOND_NS))
}

/// The middle of where the offset must be.
pub(super) fn estimate(observations: &[Observation]) -> Option<Estimate> {
    let (low, high) = within(observations)?;
    Some(Estimate {
        offset_ns: i64::try_from(i128::midpoint(low, high)).ok()?,
        // Rounded up, so that both ends are within it.
        bound_ns: u64::try_from((high - low) / 2 + 1).ok()?,
    })
}

/// How long to wait before the next request, so that the server's second ticks at its answer if the offset is in the middle.
fn until_tick(observations: &[Observation], now_ns: i128) -> Option<Duration> {
    let (low, high) = within(observations)?;
    let way_ns = observations.iter().map(|seen| seen.received - seen.sent).min()? / 2;
    let at_server_ns = now_ns + way_ns + i128::midpoint(low, high);
    let wait_ns = (SECOND_NS - at_server_ns.rem_euclid(SECOND_NS)) % SECOND_NS;
    u64::try_from(wait_ns).ok().map(Duration::from_nanos)
}

/// Asks until the offset is known well enough. An answer without a Date is passed over.
pub(super) async fn measure(clock: &SharedClock, http: &HttpClient, url: &str) -> Option<Estimate> {
    let mut observations = Vec::new();
    for _ in 0..REQUESTS {
        if let Some(wait) = until_tick(&observations, clock.now().as_nanosecond()) {
            clock.sleep(wait).await;
        }
        let sent_ns = clock.now().as_nanosecond();
        // Whatever is answered has a Date.
        let date = http.get(url).await.ok().and_then(|answer| answer.date());
        let received_ns = clock.now().as_nanosecond();
        let Some(date) = date else { continue };
        observations.push(Observation { sent: sent_ns, received: received_ns, date: date.as_nanosecond() });
        if within(&observations).is_some_and(|(low, high)| high - low <= NARROW_ENOUGH_NS) {
            break;
        }
    }
    estimate(&observations)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Our time when everything begins, not at the tick of a second.
    const BEGIN_NS: i128 = 1_770_854_400_123_456_789;

    /// Asks a server whose clock is `offset_ns` ahead; its answers take `there_ns` to be made and `back_ns` to come. Its Date
    /// may be as old as `age_ns`.
    fn asked(offset_ns: i128, there_ns: i128, back_ns: i128, age_ns: i128) -> Vec<Observation> {
        let mut now_ns = BEGIN_NS;
        let mut observations = Vec::new();
        for _ in 0..REQUESTS {
            if let Some(wait) = until_tick(&observations, now_ns) {
                now_ns += i128::try_from(wait.as_nanos()).expect("short");
            }
            let (sent_ns, made_ns) = (now_ns, now_ns + there_ns);
            let at_server_ns = made_ns + offset_ns - age_ns;
            now_ns = made_ns + back_ns;
            let date_ns = at_server_ns - at_server_ns.rem_euclid(SECOND_NS);
            observations.push(Observation { sent: sent_ns, received: now_ns, date: date_ns });
        }
        observations
    }

    proptest! {
        #[test]
        fn the_offset_is_within_its_bound_and_the_bound_is_that_of_the_network(
            offset_ns in -5_000_000_000_000_i128..5_000_000_000_000,
            there_ns in 10_000_i128..40_000_000,
            back_ns in 10_000_i128..40_000_000,
        ) {
            let found = estimate(&asked(offset_ns, there_ns, back_ns, 0)).expect("an estimate");
            let error_ns = (i128::from(found.offset_ns) - offset_ns).unsigned_abs();
            prop_assert!(error_ns <= u128::from(found.bound_ns), "{found:?}");
            prop_assert!(i128::from(found.bound_ns) <= (there_ns + back_ns) + NARROW_ENOUGH_NS, "{found:?}");
        }
    }

    #[test]
    fn answers_that_contradict_each_other_give_a_wider_bound_or_none() {
        let mut observations = asked(0, 1_000_000, 1_000_000, 0);
        // One whose Date is from a cache.
        observations.push(Observation { date: observations[0].date - SECOND_NS, ..observations[0] });
        let found = estimate(&observations).expect("an estimate");
        assert!(found.offset_ns.unsigned_abs() <= found.bound_ns && found.bound_ns > 100_000_000, "{found:?}");
        // And one that is an hour off: the server's clock was set.
        observations.push(Observation { date: observations[0].date + 3600 * SECOND_NS, ..observations[0] });
        assert_eq!(estimate(&observations), None);
        assert_eq!(estimate(&[]), None);
    }

    #[test]
    fn only_an_offset_that_can_not_be_none_is_certain() {
        assert!(Estimate { offset_ns: -3_000, bound_ns: 2_000 }.is_certain());
        assert!(!Estimate { offset_ns: 2_000, bound_ns: 2_000 }.is_certain());
    }
}
