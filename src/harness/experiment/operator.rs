//! Which operator an arm measures: the one in this process, a program, or one that is deployed already.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::arm::is_secret;
use crate::{operator::config::without_query, units::GoDuration};

/// The operator of an arm.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmOperator {
    /// Ours, in this process.
    #[default]
    InProcess,
    /// A program that each trial starts.
    External(Program),
    /// One that is deployed already: the harness starts neither an operator nor backends, and observes.
    None,
}

impl ArmOperator {
    /// Whether it is ours, which the harness can listen to.
    #[must_use]
    pub fn is_in_process(&self) -> bool {
        *self == Self::InProcess
    }

    /// The program, where it is one.
    #[must_use]
    pub fn program(&self) -> Option<&Program> {
        match self {
            Self::External(program) => Some(program),
            Self::InProcess | Self::None => None,
        }
    }
}

/// How it shows that a program is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ready {
    /// It answers `/readyz` with 200 on the address that it is given as `…_BIND_ADDRESS`.
    Probe,
    /// This URL answers with 200.
    Url(String),
    /// It lives for so long, in seconds of the machine.
    After(GoDuration),
}

/// A program that is an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Program {
    pub(super) command: Vec<String>,
    /// Environment variables beyond those that every program gets, and over them.
    #[serde(serialize_with = "without_secrets")]
    pub(super) env: BTreeMap<String, String>,
    pub(super) ready: Ready,
    pub(super) ready_timeout: GoDuration,
}

impl Program {
    /// The program and its arguments; never empty.
    #[must_use]
    pub fn command(&self) -> &[String] {
        &self.command
    }

    /// Environment variables of its own.
    #[must_use]
    pub fn env(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// How it shows that it is ready.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// How long that may take, in seconds of the machine.
    #[must_use]
    pub fn ready_timeout(&self) -> Duration {
        self.ready_timeout.0
    }
}

/// As a record may show them: no secret, no query of a URL.
fn without_secrets<S: serde::Serializer>(env: &BTreeMap<String, String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        env.iter().map(|(name, value)| (name, if is_secret(name) { "(secret)" } else { without_query(value) })),
    )
}

/// How an operator is ended in the middle of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It is asked to end (SIGTERM).
    Restart,
    /// It is killed (SIGKILL).
    Kill,
}

/// The operator ends in the middle of a trial, and is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Disturbance {
    /// How it ends.
    pub ending: Ending,
    /// When, counted from the first arrival.
    pub after: GoDuration,
    /// How long there is none.
    pub down: GoDuration,
}
