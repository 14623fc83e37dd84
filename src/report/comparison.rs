//! Each arm against the first, on the blocks that both have.

use crate::{
    report::{
        Report,
        accumulate::{Series, SeriesKey},
        metric::Metric,
        observations::Observations,
        summary::ComparisonSummary,
    },
    stats::compare::{BlockPair, CompareOptions, Comparison, Doubt, Verdict, compare},
};

/// All comparisons: by scenario, then arm, then metric.
pub(super) fn all(report: &Report) -> Vec<ComparisonSummary> {
    let mut comparisons = Vec::new();
    for (scenario, name) in report.scenarios.iter().enumerate() {
        let Some(baseline) = report.series.get(&SeriesKey { scenario, arm: 0 }) else { continue };
        for (arm, arm_name) in report.arms.iter().enumerate().skip(1) {
            let Some(series) = report.series.get(&SeriesKey { scenario, arm }) else { continue };
            for metric in Metric::TOTALS {
                if let Some(mut result) = one(&metric, baseline, series, report.margin) {
                    result.scenario.clone_from(name);
                    result.baseline.clone_from(&report.arms[0]);
                    result.arm.clone_from(arm_name);
                    if metric != Metric::ProvisionTotal
                        && let Some(idle) = only_one_worked(&report.arms[0], baseline, arm_name, series)
                    {
                        result.verdict = Verdict::Inconclusive;
                        result.reason =
                            Some(format!("{idle} ran no deprovision job at all: the arms did different work"));
                    }
                    comparisons.push(result);
                }
            }
        }
    }
    comparisons
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

/// `None` when neither arm has anything of the metric, as a scenario without deletes has no deprovisioning.
fn one(metric: &Metric, baseline: &Series, arm: &Series, margin: Option<f64>) -> Option<ComparisonSummary> {
    let nothing = Observations::default();
    let (baseline, arm) =
        (baseline.metrics.get(metric).unwrap_or(&nothing), arm.metrics.get(metric).unwrap_or(&nothing));
    if baseline.block_means().next().is_none() && arm.block_means().next().is_none() {
        return None;
    }
    let pairs: Vec<BlockPair> = baseline
        .block_means()
        .filter_map(|(block, baseline)| Some(BlockPair { baseline, arm: arm.block_mean(block)? }))
        .collect();
    let options =
        CompareOptions { margin, baseline_censored: baseline.bounds().len(), arm_censored: arm.bounds().len() };
    Some(summarize(metric, compare(&pairs, &options).as_ref(), &options))
}

fn summarize(metric: &Metric, comparison: Option<&Comparison>, options: &CompareOptions) -> ComparisonSummary {
    let p_method = |c: &Comparison| if c.exact { "sign_flip_exact" } else { "paired_t" };
    let doubt = comparison.map_or(Some(Doubt::TooFewBlocks { blocks: 0 }), |c| c.doubt);
    ComparisonSummary {
        metric: metric.clone(),
        scenario: String::new(),
        baseline: String::new(),
        arm: String::new(),
        difference_ns: comparison.map(|c| whole(c.difference)),
        ratio: comparison.and_then(|c| c.ratio).map(|ratio| (ratio * 1e9).round() / 1e9),
        ci_low: comparison.and_then(|c| c.interval).map(|interval| whole(interval.low)),
        ci_high: comparison.and_then(|c| c.interval).map(|interval| whole(interval.high)),
        verdict: comparison.map_or(Verdict::Inconclusive, |c| c.verdict),
        reason: doubt.map(|doubt| doubt.to_string()),
        blocks: comparison.map_or(0, |c| c.blocks),
        // Below this a double tells nothing, and 0 would be a lie.
        p_value: comparison.and_then(|c| c.p).map(|p| p.max(1e-15)),
        p_method: comparison.filter(|c| c.p.is_some()).map(p_method),
        baseline_mean_ns: comparison.map(|c| whole(c.baseline_mean).unsigned_abs()),
        arm_mean_ns: comparison.map(|c| whole(c.arm_mean).unsigned_abs()),
        baseline_censored: options.baseline_censored,
        arm_censored: options.arm_censored,
    }
}

/// A whole number of nanoseconds, halves away from zero.
#[expect(clippy::cast_possible_truncation, reason = "saturates at 292 years")]
pub(super) fn whole(ns: f64) -> i64 {
    ns.round() as i64
}
