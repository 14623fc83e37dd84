//! What belongs to the verdicts, in sentences for people.

use std::fmt::Write as _;

use crate::{
    record::ArmClockSkew,
    report::{
        number::{count, difference, duration, p_value},
        summary::{ComparisonSummary, Summary},
    },
    stats::compare::Verdict,
};

use super::{
    audit::AuditSummary,
    check::{Check, CheckOutcome},
    decide::percent,
    level::confidence,
    stopping::Stopping,
};

/// A drift or a likeness of neighbours below this p-value is worth a warning: there are two tests a comparison.
const DOUBTFUL_P: f64 = 0.01;

/// Everything, each a sentence: stopping, the primary metric's blocks, audits, gates.
pub(crate) fn all(summary: &Summary) -> Vec<String> {
    let mut notes = Vec::new();
    if summary.warmup_blocks > 0 {
        notes.push(format!("{} warmed up and left out", count(summary.warmup_blocks.into(), "block")));
    }
    notes.extend(summary.clock_skews.iter().map(clock_skew));
    if let Some(stopping) = &summary.stopping {
        notes.push(self::stopping(stopping, &summary.primary));
        // The intervals of all looks together hold with 95 %; each by itself is wider than that.
        if let Some(alpha) = summary.comparisons.first().map(|first| first.alpha).filter(|alpha| *alpha < 0.05) {
            let level = confidence(alpha);
            notes.push(format!("the 95 % of the intervals of differences are over all looks: {level} at this one"));
        }
    }
    if summary.comparisons.len() > 1 {
        notes.push(format!("primary metric: {}; the others are exploratory", summary.primary));
    }
    for comparison in summary.comparisons.iter().filter(|comparison| comparison.primary) {
        notes.extend(blocks(comparison, summary));
    }
    notes.extend(summary.comparisons.iter().filter_map(|comparison| doubts(comparison, summary)));
    notes.extend(summary.comparisons.iter().filter_map(|comparison| dissent(comparison, summary)));
    notes.extend(summary.comparisons.iter().filter_map(|comparison| alone(comparison, summary)));
    notes.extend(
        summary.audits.iter().filter(|audit| audit.metric.to_string() == summary.primary || audit.failed()).map(audit),
    );
    notes.extend(summary.gates.iter().map(|check| gate(check, summary)));
    notes
}

/// How far a backend's clock is from ours, and what became of its times.
fn clock_skew(skew: &ArmClockSkew) -> String {
    let ArmClockSkew { arm, url, trials, corrected_trials, min_offset_ns, max_offset_ns, max_bound_ns } = skew;
    let range = if min_offset_ns == max_offset_ns {
        difference(*min_offset_ns)
    } else {
        format!("{} to {}", difference(*min_offset_ns), difference(*max_offset_ns))
    };
    let bound = duration(*max_bound_ns);
    let trials_said = count((*trials).into(), "trial");
    let used = match corrected_trials {
        0 => "that may be none, and the backend's times are left as they are".to_owned(),
        all if all == trials => "the backend's times are corrected by it".to_owned(),
        some => format!("the backend's times are corrected in the {some} in which it can't be none"),
    };
    format!("{arm}: the clock of {url} minus ours: {range}, each to ± {bound}, in {trials_said}; {used}")
}

/// `aap, total`, with the scenario where there are several.
fn subject(arm: &str, metric: &str, scenario: &str, summary: &Summary) -> String {
    let several = summary.scenarios().len() > 1;
    if several { format!("{arm}, {metric}, {scenario}") } else { format!("{arm}, {metric}") }
}

fn stopping(stopping: &Stopping, primary: &str) -> String {
    let reached =
        stopping.half_width.map_or_else(|| "unknown".to_owned(), |width| format!("± {}", percent(rounded(width))));
    let looks = count(stopping.looks.len() as u64, "look");
    let blocks = count(stopping.blocks.into(), "block");
    let wanted = percent(stopping.half_width_wanted);
    if stopping.enough {
        format!("ended after {blocks} and {looks}: {primary} is known to {reached} (± {wanted} was asked for)")
    } else {
        format!(
            "ended after {blocks} and {looks} without knowing enough: {primary} is known to {reached}, ± {wanted} was asked for"
        )
    }
}

/// Three decimals of a share: a tenth of a percent.
fn rounded(share: f64) -> f64 {
    (share * 1e3).round() / 1e3
}

/// What the blocks of a comparison share and show.
fn blocks(comparison: &ComparisonSummary, summary: &Summary) -> Option<String> {
    let of = &comparison.diagnostics;
    let mut text = subject(&comparison.arm, &summary.primary, &comparison.scenario, summary);
    let smallest = of.smallest_detectable_ns?;
    let _ = write!(
        text,
        ": {} of this spread find a difference of {} with 80 % probability",
        count(comparison.blocks as u64, "block"),
        duration(smallest)
    );
    if let Some(reduction) = of.variance_reduction {
        let share = (reduction.abs() * 100.0).round();
        let _ = if share == 0.0 {
            write!(text, "; the arms share no luck")
        } else if reduction >= 0.0 {
            write!(text, "; common luck took {share:.0} % off the variance")
        } else {
            write!(text, "; pairing added {share:.0} % to the variance")
        };
    }
    Some(text)
}

/// That blocks depend on when they were run.
fn doubts(comparison: &ComparisonSummary, summary: &Summary) -> Option<String> {
    let of = &comparison.diagnostics;
    let subject = subject(&comparison.arm, &comparison.metric.to_string(), &comparison.scenario, summary);
    let mut found = Vec::new();
    if let (Some(p), Some(slope)) = (of.drift_p_value.filter(|p| *p < DOUBTFUL_P), of.drift_ns_per_block) {
        found.push(format!("the difference drifts by {} a block ({})", difference(slope), p_value(p)));
    }
    if let (Some(p), Some(correlation)) = (of.autocorrelation_p_value.filter(|p| *p < DOUBTFUL_P), of.autocorrelation) {
        let sign = if correlation < 0.0 { "−" } else { "" };
        found.push(format!(
            "neighbouring blocks are alike (correlation {sign}{:.2}, {})",
            correlation.abs(),
            p_value(p)
        ));
    }
    (!found.is_empty()).then(|| format!("CAUTION: {subject}: {}: the interval may be too narrow", found.join("; ")))
}

/// That other methods say something else.
fn dissent(comparison: &ComparisonSummary, summary: &Summary) -> Option<String> {
    // What is refused for a reason of its own is no question of method.
    let judged = comparison.verdict != Verdict::Inconclusive
        || comparison.reason.as_deref().is_some_and(|reason| reason.contains("interval"));
    let dissenters = comparison.evidence.dissenters(comparison.verdict);
    let subject = subject(&comparison.arm, &comparison.metric.to_string(), &comparison.scenario, summary);
    (judged && !dissenters.is_empty()).then(|| {
        format!(
            "CAUTION: {subject}: {} by the mean of blocks, but {}",
            comparison.verdict.as_str(),
            dissenters.join(", and ")
        )
    })
}

/// Blocks of one arm that the other does not have: what stands in its numbers, and not in a comparison.
fn alone(comparison: &ComparisonSummary, summary: &Summary) -> Option<String> {
    let of = |name: &str| {
        summary.arms.iter().find(|arm| arm.arm == name && arm.scenario == comparison.scenario).map(|arm| arm.trials)
    };
    let most = of(&comparison.arm)?.max(of(&comparison.baseline)?);
    let left_out = most.saturating_sub(comparison.blocks as u64);
    (comparison.blocks > 0 && left_out > 0).then(|| {
        let subject = subject(&comparison.arm, &comparison.metric.to_string(), &comparison.scenario, summary);
        format!("{subject}: {} in which one arm has no value left out of the comparison", count(left_out, "block"))
    })
}

fn audit(audit: &AuditSummary) -> String {
    let mut text = format!("audit {}: {} against itself on {}", audit.outcome, audit.baseline, audit.metric);
    if let Some(difference_ns) = audit.difference_ns {
        let _ = write!(text, ": {}", difference(difference_ns));
    }
    if let Some(p) = audit.p_value {
        let _ = write!(text, " ({})", p_value(p));
    }
    if let Some(rate) = audit.false_positive_rate {
        let _ = write!(text, "; a difference that is none would be claimed in {} of experiments", percent(rate));
    }
    if let Some(smallest) = audit.smallest_detectable_ns {
        let _ = write!(text, "; smallest detectable without common luck {}", duration(smallest));
    }
    if let Some(reason) = &audit.reason {
        let refusal = if audit.failed() { "no verdict is given: " } else { "" };
        let _ = write!(text, "; {refusal}{reason}");
    }
    text
}

/// `gate passed: aap faster than eda on total: faster: …`.
pub(crate) fn gate(check: &Check, summary: &Summary) -> String {
    let scenario = if summary.scenarios().len() > 1 { format!(" in {}", check.scenario) } else { String::new() };
    let outcome = match check.outcome {
        CheckOutcome::Passed => "passed",
        CheckOutcome::Failed => "FAILED",
        CheckOutcome::Inconclusive => "open",
    };
    format!("gate {outcome}: {}{scenario}: {}", check.name, check.message)
}
