//! The gates of an experiment.

use crate::{
    record::{Gate, Requirement},
    report::{
        Report,
        accumulate::{Series, SeriesKey},
        comparison,
        comparison::whole,
        metric::Metric,
        number::{count, duration},
        observations::Observations,
    },
};

use super::{
    audit::AuditSummary,
    check::{Check, CheckOutcome},
    decide::{Asked, question, required, settle},
    judge::{Rules, below, judge, too_few},
    level,
};

/// The gates of the run's design, each for every arm and scenario that it is for; Holm's adjustment is over all of these.
pub(crate) fn answers(report: &Report, gates: &[Gate]) -> Vec<Check> {
    let alpha = level::alpha(&report.run);
    let audits = if gates.is_empty() { Vec::new() } else { comparison::audits(report) };
    settle(gates.iter().flat_map(|gate| asked(report, &audits, gate, alpha)).collect(), alpha)
}

/// What the design asks for, where nothing can be told: the reason stands in the place of each answer.
pub(crate) fn refused(report: &Report, gates: &[Gate], reason: &str) -> Vec<Check> {
    let alpha = level::alpha(&report.run);
    let asked = gates.iter().flat_map(|gate| asked(report, &[], gate, alpha));
    let refused = |asked: Asked| Check {
        name: asked.name,
        scenario: asked.scenario,
        outcome: CheckOutcome::Inconclusive,
        verdict: None,
        p_value: None,
        p_adjusted: None,
        message: format!("inconclusive: {reason}"),
    };
    asked.map(refused).collect()
}

fn asked(report: &Report, audits: &[AuditSummary], gate: &Gate, alpha: f64) -> Vec<Asked> {
    let Some(metric) = Metric::compared(&gate.metric) else { return Vec::new() };
    let mut asked = Vec::new();
    for (scenario, name) in report.scenarios.iter().enumerate() {
        if gate.scenario.as_ref().is_some_and(|wanted| wanted != name) {
            continue;
        }
        for (arm, arm_name) in report.arms.iter().enumerate() {
            let is_meant = match &gate.arm {
                Some(wanted) => wanted == arm_name,
                None => (arm > 0 || gate.require == Requirement::AtMost) && !report.is_audit(arm),
            };
            if is_meant {
                let series = report.series.get(&SeriesKey { scenario, arm });
                asked.push(match gate.at_most_ns {
                    Some(limit) => {
                        let doubt = comparison::failed_audit(audits, &metric, name);
                        at_most(&metric, name, arm_name, series, (limit, alpha), doubt)
                    }
                    None => against_baseline(report, audits, gate, &metric, SeriesKey { scenario, arm }, alpha),
                });
            }
        }
    }
    asked
}

fn against_baseline(
    report: &Report,
    audits: &[AuditSummary],
    gate: &Gate,
    metric: &Metric,
    key: SeriesKey,
    alpha: f64,
) -> Asked {
    let (scenario, arm) = (&report.scenarios[key.scenario], &report.arms[key.arm]);
    let name = question(arm, &report.arms[0], &gate.metric, gate.require, gate.margin);
    let baseline = report.series.get(&SeriesKey { arm: 0, ..key });
    let (Some(baseline), Some(series)) = (baseline, report.series.get(&key)) else {
        return required(name, scenario, gate.require, None, Some(too_few(0, alpha)));
    };
    let (pairs, censored) = comparison::pairs(metric, baseline, series);
    let rules = Rules { alpha, margin: gate.margin, baseline_censored: censored.0, arm_censored: censored.1 };
    let refusal = comparison::refusal(report, audits, metric, key.scenario, key.arm);
    required(name, scenario, gate.require, judge(&pairs, &rules).as_ref(), refusal)
}

/// The mean of an arm against a limit.
fn at_most(
    metric: &Metric,
    scenario: &str,
    arm: &str,
    series: Option<&Series>,
    (limit_ns, alpha): (u64, f64),
    doubt: Option<String>,
) -> Asked {
    let observations = series.and_then(|series| series.metrics.get(metric));
    let means: Vec<f64> = observations.into_iter().flat_map(Observations::block_means).map(|(_, mean)| mean).collect();
    let censored = observations.map_or(0, |observations| observations.bounds().len());
    let (told, p, interval) = below(&means, limit_ns as f64, alpha);
    let mean = means.iter().sum::<f64>() / means.len().max(1) as f64;
    let figures = match interval {
        Some((low, high)) => format!(
            "mean {} [{}, {}] over {}",
            duration(whole(mean).unsigned_abs()),
            duration(whole(low).unsigned_abs()),
            duration(whole(high).unsigned_abs()),
            count(means.len() as u64, "block")
        ),
        None => too_few(means.len(), alpha),
    };
    let failures = series.filter(|series| series.outcomes.failed > 0).map(|series| comparison::failures(arm, series));
    let (outcome, message) = match (told, failures.or(doubt)) {
        (Some(_), Some(failures)) => (CheckOutcome::Inconclusive, format!("inconclusive: {failures}; {figures}")),
        // What was cut off stands in the mean with less than it took.
        (Some(true), _) if censored > 0 => (
            CheckOutcome::Inconclusive,
            format!("inconclusive: {censored} censored, so that the mean is a lower bound; {figures}"),
        ),
        (Some(true), _) => (CheckOutcome::Passed, format!("within: {figures}")),
        (Some(false), _) => (CheckOutcome::Failed, format!("over: {figures}")),
        (None, _) if means.len() < super::judge::blocks_needed(alpha) => {
            (CheckOutcome::Inconclusive, format!("inconclusive: {}", too_few(means.len(), alpha)))
        }
        (None, _) => (CheckOutcome::Inconclusive, format!("inconclusive: the interval includes the limit; {figures}")),
    };
    Asked {
        name: format!("{arm} at most {} on {metric}", duration(limit_ns)),
        scenario: scenario.to_owned(),
        verdict: None,
        outcome,
        p: p.filter(|_| outcome != CheckOutcome::Inconclusive),
        message,
    }
}
