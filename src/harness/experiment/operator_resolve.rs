//! From what an arm and a scenario say of the operator to what is meant.

use std::time::Duration;

use serde_saphyr::Spanned;

use super::{
    Arm, ExperimentError,
    operator::{ArmOperator, Disturbance, Ending, Program, Ready},
    raw::{RawArm, RawExperiment, RawScenario},
    raw_operator::{RawOperator, RawProgram, RawReady},
    resolve::Resolver,
};
use crate::{record::ClockKind, units::GoDuration};

/// How long a program may take to be ready where nothing is said.
const READY_TIMEOUT: GoDuration = GoDuration(Duration::from_secs(60));

impl Resolver<'_> {
    pub(super) fn operator(&self, raw: &RawArm) -> Result<ArmOperator, ExperimentError> {
        let operator = match &raw.operator {
            None => ArmOperator::InProcess,
            Some(operator) => {
                let resolved = match &operator.value {
                    RawOperator::InProcess => ArmOperator::InProcess,
                    RawOperator::None => ArmOperator::None,
                    RawOperator::External(program) => ArmOperator::External(self.program(program)?),
                };
                if !resolved.is_in_process() && self.clock() != ClockKind::Real {
                    let problem = "an operator outside of this process needs the real clock; set `clock: real`, or run with \
                                   --clock real";
                    return Err(self.invalid(operator, problem));
                }
                resolved
            }
        };
        if operator == ArmOperator::None {
            let problem =
                "an operator that is deployed already has its settings already; `operator: none` takes none here";
            if let Some(setting) = raw.settings.values().next() {
                return Err(self.invalid(setting, problem));
            }
            if let Some(interval) = &raw.poll_interval {
                return Err(self.invalid(interval, problem));
            }
        } else if let Some(namespace) = &raw.namespace {
            let problem = "`namespace` says where a deployed operator works; it belongs to `operator: none`";
            return Err(self.invalid(namespace, problem));
        }
        Ok(operator)
    }

    fn program(&self, raw: &RawProgram) -> Result<Program, ExperimentError> {
        if raw.command.value.first().is_none_or(String::is_empty) {
            return Err(self.invalid(&raw.command, "the command names no program; write it as [PROGRAM, ARGUMENT, …]"));
        }
        let ready = match &raw.ready {
            None => Ready::Probe,
            Some(ready) => self.ready(ready)?,
        };
        let ready_timeout = match &raw.ready_timeout {
            Some(limit) if limit.value.0.is_zero() => {
                return Err(self.invalid(limit, "nothing is ready within 0s"));
            }
            Some(limit) => limit.value,
            None => READY_TIMEOUT,
        };
        Ok(Program { command: raw.command.value.clone(), env: raw.env.clone(), ready, ready_timeout })
    }

    fn ready(&self, raw: &Spanned<RawReady>) -> Result<Ready, ExperimentError> {
        Ok(match &raw.value {
            RawReady::Probe => Ready::Probe,
            RawReady::After(time) => Ready::After(*time),
            RawReady::Url(url) => {
                let parsed = url.parse::<http::Uri>().ok();
                if parsed.is_none_or(|uri| uri.scheme_str() != Some("http") || uri.host().is_none()) {
                    return Err(self.invalid(raw, format!("`{url}` can't be asked; use http://HOST:PORT/PATH")));
                }
                Ready::Url(url.clone())
            }
        })
    }

    pub(super) fn disturbance(&self, raw: &RawScenario) -> Result<Option<Disturbance>, ExperimentError> {
        let (ending, step) = match (&raw.restart_operator, &raw.kill_operator) {
            (None, None) => return Ok(None),
            (Some(step), None) => (Ending::Restart, step),
            (None, Some(step)) => (Ending::Kill, step),
            (Some(_), Some(step)) => {
                return Err(self.invalid(step, "give either `restart_operator` or `kill_operator`"));
            }
        };
        Ok(Some(Disturbance { ending, after: step.value.after, down: step.value.down }))
    }

    /// Only a program can be ended and started again.
    pub(super) fn check_disturbances(&self, raw: &RawExperiment, arms: &[Arm]) -> Result<(), ExperimentError> {
        let Some(other) = arms.iter().find(|arm| arm.operator().program().is_none()) else { return Ok(()) };
        for scenario in &raw.scenarios.value {
            if let Some(step) = scenario.restart_operator.as_ref().or(scenario.kill_operator.as_ref()) {
                let message = format!(
                    "only a program can be ended and started again, and arm `{}` has none; give it `operator: {{external: …}}`",
                    other.name()
                );
                return Err(self.invalid(step, message));
            }
        }
        Ok(())
    }
}
