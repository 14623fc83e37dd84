//! The summary in a terminal of 100 columns.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle};

use crate::{
    report::{
        metric::Metric,
        number::{count, difference_with_interval, duration},
        sentence,
        summary::{ArmSummary, MetricSummary, Summary},
    },
    stats::compare::Verdict,
};

/// The width that everything but long sentences fits in.
const COLUMNS: u16 = 100;

const STYLE: TableStyle = TableStyle::new()
    .header_lines(ContentLineStyle::none())
    .header_separator(LineStyle::none().fill('─'))
    .content_lines(ContentLineStyle::none());

/// The totals of each arm in each scenario, with differences and verdicts; dwell times are in the files.
#[must_use]
pub fn terminal_table(summary: &Summary) -> String {
    let mut text = String::new();
    for warning in summary.warnings() {
        let _ = writeln!(text, "!! {warning}");
    }
    for scenario in summary.scenarios() {
        let arms: Vec<&ArmSummary> = summary.arms.iter().filter(|arm| arm.scenario == scenario).collect();
        if !text.is_empty() {
            text.push('\n');
        }
        let blocks = arms.iter().map(|arm| arm.trials).max().unwrap_or_default();
        let _ = writeln!(text, "{scenario} ({}, {} clock)", count(blocks, "block"), summary.clock);
        let _ = writeln!(text, "{}", rows(&arms, summary));
        for arm in arms {
            let _ = writeln!(text, "{}", outcomes(arm));
        }
        notes(&mut text, scenario, summary);
    }
    text
}

fn rows(arms: &[&ArmSummary], summary: &Summary) -> String {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(COLUMNS);
    table.set_header(["arm", "metric", "n", "mean", "p50", "p95", "difference [95 %]", "verdict"]);
    for metric in Metric::TOTALS {
        for arm in arms {
            let Some(m) = arm.metrics.get(&metric).filter(|m| m.n + m.censored > 0) else { continue };
            let comparison = summary.comparison(arm, &metric);
            let difference = comparison.and_then(|c| Some((c.difference_ns?, c.ci_low.zip(c.ci_high))));
            table.add_row([
                Cell::new(&arm.arm),
                Cell::new(&metric),
                Cell::new(m.n),
                Cell::new(mean(m)),
                Cell::new(quantile(m.p50_ns)),
                Cell::new(quantile(m.p95_ns)),
                Cell::new(difference.map_or_else(String::new, |(ns, ci)| difference_with_interval(ns, ci))),
                Cell::new(comparison.map_or("", |c| c.verdict.as_str())),
            ]);
        }
    }
    for column in 2..=6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// The mean; with any observation that was cut off the lower bound of it.
pub(super) fn mean(m: &MetricSummary) -> String {
    match (m.mean_lower_bound_ns, m.mean_ns) {
        (Some(bound), _) => sentence::mean(bound, m.censored),
        (None, Some(mean)) => duration(mean),
        (None, None) => "–".to_owned(),
    }
}

/// A quantile, or why there is none.
pub(super) fn quantile(ns: Option<u64>) -> String {
    ns.map_or_else(|| "n too small".to_owned(), duration)
}

/// `eda: 90 instances: 90 succeeded, 0 failed, 0 canceled, 0 censored`.
pub(super) fn outcomes(arm: &ArmSummary) -> String {
    let o = arm.outcomes;
    let mut text = format!(
        "{}: {}: {} succeeded, {} failed, {} canceled, {} censored",
        arm.arm,
        count(arm.instances, "instance"),
        o.succeeded,
        o.failed,
        o.canceled,
        o.censored
    );
    if arm.orphans > 0 {
        let _ = write!(text, "; {} left behind", count(arm.orphans, "virtual machine"));
    }
    text
}

/// Why verdicts are inconclusive, each reason once.
fn notes(text: &mut String, scenario: &str, summary: &Summary) {
    let mut reasons: Vec<String> = Vec::new();
    for c in summary.comparisons.iter().filter(|c| c.scenario == scenario && c.verdict == Verdict::Inconclusive) {
        let reason = sentence::inconclusive(c);
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    for reason in reasons {
        let _ = writeln!(text, "{reason}");
    }
}
