//! Which operator an arm measures: the one in this process, a program, or one that is deployed already.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;

use super::arm::is_secret;
use crate::{operator::config::showable, units::GoDuration};

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
    #[serde(serialize_with = "shown_command")]
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

    /// The command as a record or a message may show it: without what `--token=…` and the like say.
    #[must_use]
    pub fn shown(&self) -> Vec<String> {
        shown(&self.command)
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

fn shown(command: &[String]) -> Vec<String> {
    let mut is_value = false;
    let shown = command.iter().map(|word| {
        let hidden = std::mem::take(&mut is_value);
        let is_option = word.starts_with('-');
        match word.split_once('=') {
            Some((name, _)) if is_secret(&name.replace('-', "_")) => format!("{name}=(secret)"),
            _ if hidden && !is_option => "(secret)".to_owned(),
            _ => {
                is_value = is_option && is_secret(&word.replace('-', "_"));
                showable(word).into_owned()
            }
        }
    });
    shown.collect()
}

#[expect(clippy::ptr_arg, reason = "serde hands over the field")]
fn shown_command<S: serde::Serializer>(command: &Vec<String>, serializer: S) -> Result<S::Ok, S::Error> {
    shown(command).serialize(serializer)
}

/// As a record may show them: no secret, no query of a URL.
fn without_secrets<S: serde::Serializer>(env: &BTreeMap<String, String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(
        env.iter().map(|(name, value)| (name, if is_secret(name) { "(secret)".into() } else { showable(value) })),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_without_its_secrets() {
        let command =
            ["run.sh", "--token=a", "--api-key", "b", "--token-file=/c", "--log", "info", "https://d:e@f/g?h=i"];
        let expected =
            ["run.sh", "--token=(secret)", "--api-key", "(secret)", "--token-file=/c", "--log", "info", "https://f/g"];
        assert_eq!(shown(&command.map(str::to_owned)), expected);
    }
}
