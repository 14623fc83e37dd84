//! Times of which some were cut off: an instance that had not ended when its trial stopped took at least that long.
//!
//! A mean that drops such observations, or takes them as they are, is too short; what is here uses them for what they say.
//! **Observations are taken as independent.** Those of one block are not: over blocks, take a
//! [`restricted_mean`](restricted_mean::restricted_mean) of each block and pair these, or use
//! [`log_rank::log_rank_of_blocks`].

pub mod aalen_johansen;
pub mod kaplan_meier;
pub mod log_rank;
pub mod restricted_mean;
mod risk;

use crate::stats::refusal::{Refusal, usable};

/// The time until something ended, or until the look at it did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// From the start; not below 0.
    pub time: f64,
    /// Whether it ended then; otherwise it is censored: it would have ended later.
    pub ended: bool,
}

/// The time until the first of several ends, or until the look at it stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompetingObservation {
    /// From the start; not below 0.
    pub time: f64,
    /// The number, from 0, of the way in which it ended; `None` when it is censored.
    pub cause: Option<usize>,
}

/// Refuses times that are unusable or below zero, and none at all.
fn check(times: impl Iterator<Item = f64>) -> Result<(), Refusal> {
    let times: Vec<f64> = times.collect();
    usable(&times, 1)?;
    if times.iter().any(|time| *time < 0.0) {
        return Err(Refusal::OutOfRange { what: "a time must not be below 0" });
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod fixture {
    use super::Observation;

    fn observations(times: &[f64], ended: &[u8]) -> Vec<Observation> {
        times.iter().zip(ended).map(|(time, ended)| Observation { time: *time, ended: *ended == 1 }).collect()
    }

    /// Weeks of remission under 6-mercaptopurine (Freireich et al., Blood 21, 1963).
    pub(crate) fn treated() -> Vec<Observation> {
        let times = [6., 6., 6., 6., 7., 9., 10., 10., 11., 13., 16., 17., 19., 20., 22., 23., 25., 32., 32., 34., 35.];
        observations(&times, &[1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0])
    }

    /// Weeks of remission under placebo, in the same trial.
    pub(crate) fn placebo() -> Vec<Observation> {
        let times = [1., 1., 2., 2., 3., 4., 4., 5., 5., 8., 8., 8., 8., 11., 11., 12., 12., 15., 17., 22., 23.];
        observations(&times, &[1; 21])
    }

    /// Weeks of remission of acute myelogenous leukaemia with maintained chemotherapy (Miller, Survival Analysis, 1981).
    pub(crate) fn maintained() -> Vec<Observation> {
        let times = [9., 13., 13., 18., 23., 28., 31., 34., 45., 48., 161.];
        observations(&times, &[1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0])
    }

    /// The same without.
    pub(crate) fn not_maintained() -> Vec<Observation> {
        let times = [5., 5., 8., 8., 12., 16., 23., 27., 30., 33., 43., 45.];
        observations(&times, &[1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1])
    }
}
