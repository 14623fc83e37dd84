//! A comparison in a sentence.

use crate::{
    report::{
        number::{count, difference_with_interval, duration, p_value, percent_off},
        summary::{ComparisonSummary, Summary},
    },
    stats::compare::Verdict,
};

/// What a comparison says: the verdict, by how much, from what, how sure.
pub(super) fn of(comparison: &ComparisonSummary, summary: &Summary) -> String {
    let c = comparison;
    let scenario = if summary.scenarios().len() > 1 { format!(" in {}", c.scenario) } else { String::new() };
    let subject = format!("{} against {} on {}{scenario}", c.arm, c.baseline, c.metric);
    let (Some(arm), Some(baseline), Some(difference)) = (c.arm_mean_ns, c.baseline_mean_ns, c.difference_ns) else {
        return format!("{subject}: {}", inconclusive(c));
    };
    let means = format!("{} against {}", mean(arm, c.arm_censored), mean(baseline, c.baseline_censored));
    let interval = c.ci_low.zip(c.ci_high);
    let evidence = match interval {
        Some(_) => format!(
            "{means}, difference {} (95 % interval over {})",
            difference_with_interval(difference, interval),
            count(c.blocks as u64, "block"),
        ),
        None => format!("{means}, difference {}", difference_with_interval(difference, None)),
    };
    let off = |sure| c.ratio.map_or_else(String::new, |ratio| format!("{} ", percent_off(ratio, sure)));
    match c.verdict {
        Verdict::Faster | Verdict::Slower => format!(
            "{} is {}{} than {} on {}{scenario}: {evidence}",
            c.arm,
            off(true),
            c.verdict.as_str(),
            c.baseline,
            c.metric
        ),
        Verdict::Equivalent => {
            format!("{} and {} are equivalent on {}{scenario}: {evidence}", c.arm, c.baseline, c.metric)
        }
        Verdict::Inconclusive => {
            let p = c.p_value.filter(|_| interval.is_some()).map_or_else(String::new, |p| format!(", {}", p_value(p)));
            format!("{subject}: {}. Seen: {evidence}{p}", inconclusive(c))
        }
    }
}

/// `inconclusive: 1 block; at least 6 needed for p < 0.05`.
pub(super) fn inconclusive(comparison: &ComparisonSummary) -> String {
    let reason = comparison.reason.as_deref().unwrap_or("no reason was recorded");
    format!("inconclusive: {reason}")
}

/// A mean; with any observation that was cut off it is a lower bound.
pub(super) fn mean(ns: u64, censored: usize) -> String {
    let bound = if censored > 0 { "≥ " } else { "" };
    format!("{bound}{}", duration(ns))
}
