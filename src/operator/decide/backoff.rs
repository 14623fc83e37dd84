//! How long to wait after a failure: exponential, bounded, and spread.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    api::JobStatus,
    operator::{config::RetrySettings, decide::Memory},
};

/// The wait after `failures` failures in a row (at least 1): `first` · 2^(failures − 1), at most `longest`, of which up to a
/// tenth is taken off, drawn from `retry.jitter` and keyed by the object, so that objects that failed together don't return
/// together.
pub(crate) fn wait_after(failures: u32, retry: &RetrySettings, uid: &str) -> Duration {
    let doublings = failures.saturating_sub(1).min(31);
    let full = retry.first.saturating_mul(1 << doublings).min(retry.longest);
    let jitter = retry.jitter.label(uid).index(u64::from(failures)).uniform();
    full.mul_f64(1.0 - 0.1 * jitter)
}

/// When a job that failed may be followed by another.
pub(super) fn retry_at(job: &JobStatus, failures: u32, memory: &Memory, retry: &RetrySettings, uid: &str) -> Timestamp {
    // After a restart nobody remembers when it failed; its launch is then the only time that is known.
    let failed = match &memory.failure_seen {
        Some((job_id, at)) if *job_id == job.job_id => *at,
        _ => job.timestamp.timestamp(),
    };
    failed + wait_after(failures, retry, uid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Seed;

    const RETRY: RetrySettings = RetrySettings {
        first: Duration::from_secs(30),
        longest: Duration::from_secs(600),
        provision_attempts: 5,
        jitter: Seed::new(0),
    };

    #[test]
    fn the_wait_doubles_up_to_its_bound() {
        for (failures, full) in [(1, 30.0), (2, 60.0), (3, 120.0), (5, 480.0), (6, 600.0), (40, 600.0)] {
            let wait = wait_after(failures, &RETRY, "uid").as_secs_f64();
            assert!(wait <= full && wait >= 0.9 * full, "{failures} failures: {wait} s of {full} s");
        }
    }

    #[test]
    fn objects_that_failed_together_return_apart_and_repeatably() {
        assert_ne!(wait_after(1, &RETRY, "a"), wait_after(1, &RETRY, "b"));
        assert_eq!(wait_after(1, &RETRY, "a"), wait_after(1, &RETRY, "a"));
    }

    #[test]
    fn the_spread_comes_from_the_source_that_was_given_and_fills_its_tenth() {
        let with = |seed| RetrySettings { jitter: Seed::new(seed), ..RETRY };
        assert_eq!(wait_after(1, &with(7), "a"), wait_after(1, &with(7), "a"));
        assert_ne!(wait_after(1, &with(7), "a"), wait_after(1, &with(8), "a"));
        let waits = (0..1000).map(|object| wait_after(1, &with(7), &format!("{object}")).as_secs_f64());
        let (sum, least, most) = waits
            .fold((0.0, f64::MAX, 0.0_f64), |(sum, least, most), wait| (sum + wait, least.min(wait), most.max(wait)));
        // Uniform from 27 to 30 s.
        assert!((sum / 1000.0 - 28.5).abs() < 0.1 && least < 27.1 && most > 29.9, "{sum} {least} {most}");
    }
}
