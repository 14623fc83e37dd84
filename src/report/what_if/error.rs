//! Why there is no prediction.

use crate::{report::metric::Metric, units::GoDuration};

/// Why nothing can be predicted from a run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WhatIfError {
    /// `run.json` does not have the arms' settings.
    #[error("run.json does not tell the settings of arm `{arm}` ({missing}); a run of this version of provbench does")]
    Settings {
        /// The arm.
        arm: String,
        /// What is missing.
        missing: String,
    },
    /// What a prediction starts from is not in the journal.
    #[error(
        "block {block}, {arm}, {instance}: the journal does not tell {missing}; a prediction needs a run of the operator in \
         this process against backends that say what they do"
    )]
    Hidden {
        /// The block, from 1.
        block: u32,
        /// The arm.
        arm: String,
        /// The instance.
        instance: String,
        /// What is missing.
        missing: &'static str,
    },
    /// The operator did not ask as it is known to.
    #[error(
        "block {block}, {arm}, {instance}: the operator asked more often than every {interval}; its polls don't follow the \
         setting, so that another setting can't be predicted"
    )]
    Irregular {
        /// The block, from 1.
        block: u32,
        /// The arm.
        arm: String,
        /// The instance.
        instance: String,
        /// The interval that is set.
        interval: GoDuration,
    },
    /// Another run was under other conditions.
    #[error("the run can't be held against the other one: {0}")]
    Unlike(String),
    /// Another run has nothing to hold a prediction against.
    #[error(
        "there is nothing to hold the prediction against: the other run has none of the run's arms at a poll interval of {wanted}, \
         in none of their scenarios; it has {has}"
    )]
    NoRerun {
        /// The interval that is asked about.
        wanted: GoDuration,
        /// The arms that it has, with their intervals.
        has: String,
    },
    /// An instance's jobs were launched again.
    #[error(
        "block {block}, {arm}, {instance}: a job was launched again after one that failed; when that happens the polls decide, \
         so that another interval can't be predicted"
    )]
    Retried {
        /// The block, from 1.
        block: u32,
        /// The arm.
        arm: String,
        /// The instance.
        instance: String,
    },
    /// The backend has little room, and at another interval its queue would be another one that the records don't tell of.
    #[error(
        "block {block}, {arm}, {scenario}: jobs wait for each other here, and at another interval they are launched at other \
         times; the records don't tell {missing}, so run that interval instead"
    )]
    Queue {
        /// The block, from 1.
        block: u32,
        /// The arm.
        arm: String,
        /// The scenario.
        scenario: String,
        /// What is missing.
        missing: &'static str,
    },
    /// The queue of the backend did not go as it is known to.
    #[error(
        "{arm}, {scenario}: jobs wait for each other here, and a replay of the run's own queue is {off_percent:.1} % off what was \
         measured; another interval can't be predicted from it, run it instead (or this one with more blocks)"
    )]
    QueueUnlike {
        /// The arm.
        arm: String,
        /// The scenario.
        scenario: String,
        /// How far the mean time from launch to end is off, in percent.
        off_percent: f64,
    },
    /// In the queue of the backend chance decides too much.
    #[error(
        "{arm}, {scenario}: jobs wait for each other here, and which of those that are launched together goes first moves the mean of \
         {metric} by more than 2 %; run that interval instead, or this one with more blocks"
    )]
    QueueByChance {
        /// The arm.
        arm: String,
        /// The scenario.
        scenario: String,
        /// Which total.
        metric: Metric,
    },
}
