//! A judged comparison as it stands in files.

use crate::{
    report::{comparison::whole, evidence::Evidence, metric::Metric, summary::ComparisonSummary},
    stats::compare::Verdict,
};

use super::{
    diagnostics::Diagnostics,
    judge::{Judged, Rules, blocks_needed, too_few},
};

/// What was compared.
pub(crate) struct Subject<'a> {
    pub(crate) metric: &'a Metric,
    pub(crate) scenario: &'a str,
    pub(crate) baseline: &'a str,
    pub(crate) arm: &'a str,
    pub(crate) primary: bool,
}

/// The comparison with its verdict; without a single block in common an inconclusive one.
pub(crate) fn summarize(
    subject: &Subject<'_>,
    judged: Option<&Judged>,
    rules: &Rules,
    diagnostics: Diagnostics,
) -> ComparisonSummary {
    let p_method = |c: &Judged| if c.exact { "sign_flip_exact" } else { "paired_t" };
    let doubt = judged.map_or_else(|| Some(too_few(0, rules.alpha)), |judged| judged.doubt.clone());
    let few = judged.is_none_or(|judged| judged.blocks < blocks_needed(rules.alpha));
    let reason = match (doubt, diagnostics.blocks_needed) {
        (Some(doubt), Some(needed)) if few => Some(format!("{doubt}, {needed} for this effect")),
        (doubt, _) => doubt,
    };
    ComparisonSummary {
        metric: subject.metric.clone(),
        scenario: subject.scenario.to_owned(),
        baseline: subject.baseline.to_owned(),
        arm: subject.arm.to_owned(),
        difference_ns: judged.map(|c| whole(c.difference)),
        ratio: judged.and_then(|c| c.ratio).map(|ratio| (ratio * 1e9).round() / 1e9),
        ci_low: judged.and_then(|c| c.interval).map(|interval| whole(interval.0)),
        ci_high: judged.and_then(|c| c.interval).map(|interval| whole(interval.1)),
        verdict: judged.map_or(Verdict::Inconclusive, |c| c.verdict),
        reason,
        blocks: judged.map_or(0, |c| c.blocks),
        // Below this a double tells nothing, and 0 would be a lie.
        p_value: judged.and_then(|c| c.p).map(|p| p.max(1e-15)),
        p_method: judged.filter(|c| c.p.is_some()).map(p_method),
        baseline_mean_ns: judged.map(|c| whole(c.baseline_mean).unsigned_abs()),
        arm_mean_ns: judged.map(|c| whole(c.arm_mean).unsigned_abs()),
        baseline_censored: rules.baseline_censored,
        arm_censored: rules.arm_censored,
        primary: subject.primary,
        alpha: rules.alpha,
        margin: rules.margin,
        diagnostics,
        evidence: Evidence::default(),
    }
}
