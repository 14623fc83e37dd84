//! Checks and comparisons in the Markdown that GitHub shows as the summary of a step.

use std::fmt::Write as _;

use crate::report::{
    markdown::escape,
    number::{difference_with_interval, percent_off},
    sentence,
    summary::ComparisonSummary,
};
use crate::stats::compare::Verdict;

use super::{
    check::{Check, CheckOutcome, overall},
    level::confidence,
};

/// The summary; `title` says what was checked, `warnings` what must be read first.
#[must_use]
pub fn step_summary(title: &str, checks: &[Check], comparisons: &[ComparisonSummary], warnings: &[String]) -> String {
    let mut text = format!("### {}{}\n", if checks.is_empty() { "" } else { mark(overall(checks)) }, escape(title));
    for warning in warnings {
        let _ = writeln!(text, "\n> **{}**", escape(warning));
    }
    if !checks.is_empty() {
        text.push_str("\n| | asked | answer |\n|---|---|---|\n");
        for check in checks {
            let (name, message) = (escape(&check.name), escape(&check.message));
            let _ = writeln!(text, "| {}| {name} ({}) | {message} |", mark(check.outcome), escape(&check.scenario));
        }
    }
    if let Some(first) = comparisons.first() {
        let level = confidence(first.alpha);
        let _ = writeln!(
            text,
            "\n| metric | arm | against | difference ({level} interval) | | verdict |\n|---|---|---|---:|---:|---|",
        );
        for c in comparisons {
            let difference = c
                .difference_ns
                .map_or_else(|| "–".to_owned(), |ns| difference_with_interval(ns, c.ci_low.zip(c.ci_high)));
            let sure = matches!(c.verdict, Verdict::Faster | Verdict::Slower);
            let percent = c.ratio.filter(|_| sure).map_or_else(String::new, |ratio| percent_off(ratio, true));
            let verdict = match c.verdict {
                Verdict::Inconclusive => escape(&sentence::inconclusive(c)),
                verdict => verdict.as_str().to_owned(),
            };
            let metric = if c.primary { format!("**{}**", c.metric) } else { c.metric.to_string() };
            let _ = writeln!(
                text,
                "| {metric} ({}) | {} | {} | {difference} | {percent} | {verdict} |",
                escape(&c.scenario),
                escape(&c.arm),
                escape(&c.baseline),
            );
        }
        text.push_str("\nThe primary metric is in bold; the others are exploratory.\n");
    }
    text
}

fn mark(outcome: CheckOutcome) -> &'static str {
    match outcome {
        CheckOutcome::Passed => "✅ ",
        CheckOutcome::Failed => "❌ ",
        CheckOutcome::Inconclusive => "❔ ",
    }
}
