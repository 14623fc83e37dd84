//! What a profile's draws add up to, without simulating: for checking a profile, and the simulation against it.
//!
//! A forecast leaves out what requests to the cluster take, other jobs (capacity, ticks) and the task manager being woken
//! earlier by them; under virtual time, each wait rounds up to a millisecond on top.

use std::time::Duration;

use super::{Latency, Profile};
use crate::units::Seed;

/// The key of one draw: what object, what for, the how-manieth time. `seed` is the block's and does not know the arm.
pub(in crate::sim) fn key(seed: Seed, object: &str, purpose: &str, attempt: u32) -> Seed {
    seed.label(object).label(purpose).index(u64::from(attempt))
}

/// When a creating job gets somewhere, counted from its launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateForecast {
    /// Waiting: the task manager has seen it.
    pub waiting: Duration,
    /// Running.
    pub running: Duration,
    /// The annotation is written.
    pub annotated: Duration,
    /// The job has ended.
    pub ended: Duration,
}

/// When a deleting job gets somewhere, counted from its launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeleteForecast {
    /// Waiting: the task manager has seen it.
    pub waiting: Duration,
    /// Running.
    pub running: Duration,
    /// The finalizer is gone.
    pub released: Duration,
    /// The job has ended.
    pub ended: Duration,
}

/// From a webhook to its job's launch; `purpose` is `provision` or `deprovision`.
#[must_use]
pub fn handoff_forecast(profile: &Profile, seed: Seed, object: &str, purpose: &str, attempt: u32) -> Duration {
    let draw = |latency: &Latency, what: &str| latency.draw(key(seed, object, &format!("{purpose}.{what}"), attempt));
    draw(&profile.eda.webhook_latency, "webhook_latency")
        + draw(&profile.eda.handoff, "handoff")
        + draw(&profile.aap.request_latency, "lookup")
}

/// The creating job of an object, its boot being the machine's first.
#[must_use]
pub fn create_forecast(profile: &Profile, seed: Seed, object: &str, attempt: u32) -> CreateForecast {
    let draw = |latency: &Latency, what: &str| latency.draw(key(seed, object, what, attempt));
    let playbook = &profile.playbooks.create;
    let waiting = draw(&profile.aap.commit_delay, "provision.commit_delay");
    let running = waiting + draw(&profile.aap.worker_start, "provision.worker_start");
    let boot = profile.kubevirt.boot.draw(key(seed, object, "boot", 0));
    let ready_seen = up_to_the_next(boot, profile.playbooks.check_interval);
    let annotated =
        running + draw(&playbook.setup, "provision.setup") + ready_seen + draw(&playbook.wrapup, "provision.wrapup");
    CreateForecast { waiting, running, annotated, ended: annotated + draw(&playbook.teardown, "provision.teardown") }
}

/// The deleting job of an object.
#[must_use]
pub fn delete_forecast(profile: &Profile, seed: Seed, object: &str, attempt: u32) -> DeleteForecast {
    let draw = |latency: &Latency, what: &str| latency.draw(key(seed, object, what, attempt));
    let playbook = &profile.playbooks.delete;
    let waiting = draw(&profile.aap.commit_delay, "deprovision.commit_delay");
    let running = waiting + draw(&profile.aap.worker_start, "deprovision.worker_start");
    let released = running
        + draw(&playbook.setup, "deprovision.setup")
        + draw(&playbook.stop, "deprovision.stop")
        + draw(&playbook.wrapup, "deprovision.wrapup");
    DeleteForecast { waiting, running, released, ended: released + draw(&playbook.teardown, "deprovision.teardown") }
}

/// The first poll that is not before `ended`, for polls at the launch and every `interval` after it.
#[must_use]
pub fn first_poll_after(ended: Duration, interval: Duration) -> Duration {
    up_to_the_next(ended, interval)
}

fn up_to_the_next(duration: Duration, step: Duration) -> Duration {
    let step_ns = step.as_nanos().max(1);
    let ns = duration.as_nanos().div_ceil(step_ns) * step_ns;
    Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::profile::tests::shipped;

    const JOBS: u32 = 20_000;

    fn mean_and_sd(values: &[f64]) -> (f64, f64) {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        (mean, (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
    }

    fn over_jobs(measure: impl Fn(&str) -> Duration) -> (f64, f64) {
        let values: Vec<f64> = (1..=JOBS).map(|i| measure(&format!("ci-{i:04}")).as_secs_f64()).collect();
        mean_and_sd(&values)
    }

    #[test]
    fn the_february_profile_gives_the_six_figures_by_its_mechanism() {
        let profile = shipped("vmaas-dev-2026-02");
        let seed = Seed::new(20_260_212);
        let poll = Duration::from_secs(30);
        let (handoff, _) = over_jobs(|object| handoff_forecast(&profile, seed, object, "provision", 0));
        let (handoff_back, _) = over_jobs(|object| handoff_forecast(&profile, seed, object, "deprovision", 0));
        let (create, create_sd) = over_jobs(|object| create_forecast(&profile, seed, object, 0).annotated);
        let (delete, delete_sd) = over_jobs(|object| delete_forecast(&profile, seed, object, 0).released);
        let (ended, _) = over_jobs(|object| delete_forecast(&profile, seed, object, 0).ended);
        let (polled, polled_sd) =
            over_jobs(|object| first_poll_after(delete_forecast(&profile, seed, object, 0).ended, poll));
        let (eda_create, eda_create_sd) = over_jobs(|object| {
            handoff_forecast(&profile, seed, object, "provision", 0)
                + create_forecast(&profile, seed, object, 0).annotated
        });
        println!("webhook → launch: {handoff:.3} s, {handoff_back:.3} s");
        println!("launch → annotation: {create:.3} s, sd {create_sd:.2} s");
        println!("webhook → annotation: {eda_create:.3} s, sd {eda_create_sd:.2} s");
        println!("launch → finalizer removed: {delete:.3} s, sd {delete_sd:.2} s; → end: {ended:.3} s");
        println!("launch → the poll that sees the end: {polled:.3} s, sd {polled_sd:.2} s");
        assert!((handoff - 17.5).abs() < 0.1 && (handoff_back - 17.5).abs() < 0.1);
        assert!((create - 130.0).abs() < 0.1, "{create}");
        assert!(create_sd <= 5.0, "{create_sd}");
        assert!((147.4..147.7).contains(&eda_create), "{eda_create}");
        assert!((delete - 66.2).abs() < 0.1, "{delete}");
        assert!((8.0..=10.5).contains(&delete_sd), "{delete_sd}");
        assert!(ended > delete && ended - delete < 0.5);
        assert!((polled - 82.0).abs() < 0.3, "{polled}");
    }

    #[test]
    fn the_poll_that_sees_an_end_is_never_before_it() {
        let at = |seconds: f64| first_poll_after(Duration::from_secs_f64(seconds), Duration::from_secs(30)).as_secs();
        assert_eq!([at(0.0), at(0.1), at(29.9), at(30.0), at(30.1), at(66.4)], [0, 30, 30, 30, 60, 90]);
    }
}
