//! Each arm against the first, on the blocks that both have.

use crate::{
    report::{
        Report,
        accumulate::{Series, SeriesKey},
        evidence::Evidence,
        metric::Metric,
        observations::Observations,
        summary::ComparisonSummary,
        verdict::{
            audit::{AuditSummary, audit},
            diagnostics::diagnose_pairs,
            judge::{Rules, judge},
            level,
            summarize::{Subject, summarize},
        },
    },
    stats::compare::{BlockPair, Verdict},
};

/// All comparisons: by scenario, then arm, then metric.
pub(super) fn all(report: &Report) -> Vec<ComparisonSummary> {
    let mut comparisons = Vec::new();
    let audits = audits(report);
    for scenario in 0..report.scenarios.len() {
        for arm in (1..report.arms.len()).filter(|arm| !report.is_audit(*arm)) {
            for metric in Metric::COMPARED {
                if let Some(mut result) = one(report, &metric, scenario, arm) {
                    if let Some(refusal) = refusal(report, &audits, &metric, scenario, arm) {
                        result.verdict = Verdict::Inconclusive;
                        result.reason = Some(refusal);
                    }
                    comparisons.push(result);
                }
            }
        }
    }
    comparisons
}

/// The audits of all metrics in all scenarios; none without an arm that repeats the baseline.
pub(super) fn audits(report: &Report) -> Vec<AuditSummary> {
    let mut audits = Vec::new();
    let Some(arm) = (0..report.arms.len()).find(|arm| report.is_audit(*arm)) else { return audits };
    for (scenario, name) in report.scenarios.iter().enumerate() {
        for metric in Metric::COMPARED {
            if let Some(mut found) = audit_of(report, &metric, scenario, arm) {
                found.scenario.clone_from(name);
                found.baseline.clone_from(&report.arms[0]);
                found.arm.clone_from(&report.arms[arm]);
                audits.push(found);
            }
        }
    }
    audits
}

fn audit_of(report: &Report, metric: &Metric, scenario: usize, arm: usize) -> Option<AuditSummary> {
    let baseline = report.series.get(&SeriesKey { scenario, arm: 0 })?;
    let series = report.series.get(&SeriesKey { scenario, arm })?;
    let (pairs, censored) = pairs(metric, baseline, series);
    let rules = rules(report, censored);
    if pairs.is_empty() {
        return None;
    }
    // Lower bounds alone are alike however far the times behind them lie apart.
    for (arm, series) in [(0, baseline), (arm, series)] {
        if let Some(cut) = series.metrics.get(metric).filter(|of| of.values().is_empty()).map(|of| of.bounds().len()) {
            let reason = format!("no value of {} is whole: all {cut} were cut off", report.arms[arm]);
            return Some(AuditSummary::unknown(metric, pairs.len(), reason));
        }
    }
    Some(audit(metric, &pairs, &rules, report.run.seed))
}

fn rules(report: &Report, (baseline_censored, arm_censored): (usize, usize)) -> Rules {
    Rules { alpha: level::alpha(&report.run), margin: report.margin, baseline_censored, arm_censored }
}

/// Why no verdict on an arm may be given, whatever the blocks say.
pub(super) fn refusal(
    report: &Report,
    audits: &[AuditSummary],
    metric: &Metric,
    scenario: usize,
    arm: usize,
) -> Option<String> {
    let series = |arm| report.series.get(&SeriesKey { scenario, arm });
    for arm in [0, arm] {
        if let Some(series) = series(arm).filter(|series| series.outcomes.failed > 0) {
            return Some(failures(&report.arms[arm], series));
        }
    }
    if *metric != Metric::ProvisionTotal
        && let Some((baseline, series)) = series(0).zip(series(arm))
        && let Some(idle) = only_one_worked(&report.arms[0], baseline, &report.arms[arm], series)
    {
        return Some(format!("{idle} ran no deprovision job at all: the arms did different work"));
    }
    failed_audit(audits, metric, &report.scenarios[scenario])
}

/// Why an audit keeps a metric from being judged in a scenario.
pub(super) fn failed_audit(audits: &[AuditSummary], metric: &Metric, scenario: &str) -> Option<String> {
    let of_this = |audit: &&AuditSummary| audit.scenario == scenario && audit.metric == *metric;
    let failed = audits.iter().find(of_this).filter(|audit| audit.failed())?;
    Some(format!("the audit failed: {}", failed.reason.as_deref().unwrap_or_default()))
}

/// Why the times of an arm that had failures say nothing.
pub(super) fn failures(arm: &str, series: &Series) -> String {
    let (failed, instances) = (series.outcomes.failed, series.instances);
    format!("{failed} of {instances} instances of {arm} failed: those that did not are a selection")
}

/// The arm without any deprovision job, where the other had some.
fn only_one_worked<'n>(baseline_name: &'n str, baseline: &Series, arm_name: &'n str, arm: &Series) -> Option<&'n str> {
    match (baseline.deprovision_jobs, arm.deprovision_jobs) {
        (0, 0) => None,
        (0, _) => Some(baseline_name),
        (_, 0) => Some(arm_name),
        _ => None,
    }
}

/// The means of the blocks that both arms have, in the order of the blocks, and how many observations of each stand in them
/// at their lower bounds.
pub(super) fn pairs(metric: &Metric, baseline: &Series, arm: &Series) -> (Vec<BlockPair>, (usize, usize)) {
    let nothing = Observations::default();
    let (baseline, arm) =
        (baseline.metrics.get(metric).unwrap_or(&nothing), arm.metrics.get(metric).unwrap_or(&nothing));
    let pairs = baseline
        .block_means()
        .filter_map(|(block, baseline)| Some(BlockPair { baseline, arm: arm.block_mean(block)? }))
        .collect();
    (pairs, (baseline.bounds().len(), arm.bounds().len()))
}

/// `None` when neither arm has anything of the metric, as a scenario without deletes has no deprovisioning.
fn one(report: &Report, metric: &Metric, scenario: usize, arm_place: usize) -> Option<ComparisonSummary> {
    let series = |arm| report.series.get(&SeriesKey { scenario, arm });
    let (baseline, arm) = series(0).zip(series(arm_place))?;
    let nothing = Observations::default();
    let baseline_seen = baseline.metrics.get(metric).unwrap_or(&nothing);
    let arm_seen = arm.metrics.get(metric).unwrap_or(&nothing);
    if baseline_seen.block_means().next().is_none() && arm_seen.block_means().next().is_none() {
        return None;
    }
    let (pairs, censored) = pairs(metric, baseline, arm);
    let rules = rules(report, censored);
    let judged = judge(&pairs, &rules);
    let diagnostics = diagnose_pairs(&pairs, Some((baseline_seen, arm_seen)), rules.alpha, report.run.seed);
    let subject = Subject {
        metric,
        scenario: &report.scenarios[scenario],
        baseline: &report.arms[0],
        arm: &report.arms[arm_place],
        primary: metric.to_string() == report.run.design.primary,
    };
    let evidence = Evidence::of(baseline_seen, arm_seen, rules.alpha, report.run.seed);
    Some(ComparisonSummary { evidence, ..summarize(&subject, judged.as_ref(), &rules, diagnostics) })
}

/// A whole number of nanoseconds, halves away from zero.
#[expect(clippy::cast_possible_truncation, reason = "saturates at 292 years")]
pub(super) fn whole(ns: f64) -> i64 {
    ns.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::{Gate, Outcome, Requirement, RunStatus},
        report::{
            fixture,
            verdict::{check::CheckOutcome, gates},
        },
    };

    #[test]
    fn an_arm_with_failures_gets_no_verdict_and_passes_no_gate() {
        let mut report = Report::new(&fixture::run(10));
        for mut trial in fixture::trials(10) {
            if trial.key.arm == "aap" && trial.key.block == 4 {
                trial.samples[0].outcome = Outcome::Failed;
            }
            report.add(&trial);
        }
        let comparisons = all(&report);
        assert!(!comparisons.is_empty());
        for comparison in comparisons {
            assert_eq!(comparison.verdict, Verdict::Inconclusive);
            let reason = comparison.reason.expect("a reason");
            assert_eq!(reason, "1 of 30 instances of aap failed: those that did not are a selection");
        }
        let gate = |require, at_most_ns| Gate {
            metric: "total".to_owned(),
            arm: Some("aap".to_owned()),
            scenario: None,
            require,
            margin: None,
            at_most_ns,
        };
        let asked = [gate(Requirement::Faster, None), gate(Requirement::AtMost, Some(u64::MAX / 4))];
        for check in gates::answers(&report, &asked) {
            assert_eq!(check.outcome, CheckOutcome::Inconclusive, "{}", check.message);
            assert!(check.message.contains("are a selection"), "{}", check.message);
            assert!(!check.message.contains(" %,"), "no percentage without a claim: {}", check.message);
        }
    }

    #[test]
    fn an_invalid_run_and_one_that_was_stopped_claim_nothing() {
        let asked = Gate {
            metric: "total".to_owned(),
            arm: None,
            scenario: None,
            require: Requirement::Faster,
            margin: None,
            at_most_ns: None,
        };
        let summary = |status, problems: &[&str]| {
            let mut run = fixture::run(10);
            run.design.gates = vec![asked.clone()];
            run.status = status;
            run.problems = problems.iter().map(ToString::to_string).collect();
            let mut report = Report::new(&run);
            for trial in &fixture::trials(10) {
                report.add(trial);
            }
            report.summary()
        };
        let sound = summary(RunStatus::Complete, &[]);
        assert!(sound.comparisons.iter().all(|comparison| comparison.verdict == Verdict::Faster));
        assert_eq!(sound.gates[0].outcome, CheckOutcome::Passed);
        for (summary, reason) in [
            (summary(RunStatus::Complete, &["two jobs of ci-0001"]), "the run is invalid: two jobs of ci-0001"),
            (summary(RunStatus::Incomplete, &[]), "the run was stopped before its plan was done"),
        ] {
            for comparison in &summary.comparisons {
                assert_eq!(comparison.verdict, Verdict::Inconclusive);
                assert_eq!(comparison.reason.as_deref(), Some(reason));
            }
            assert_eq!(summary.gates[0].outcome, CheckOutcome::Inconclusive);
            assert_eq!(summary.gates[0].message, format!("inconclusive: {reason}"));
            let text = crate::report::terminal_table(&summary);
            assert!(!text.contains("s faster") && !text.contains("% faster"), "{text}");
        }
    }
}
