//! The summary in a terminal of 100 columns.

use std::fmt::Write as _;

use comfy_table::{
    CellAlignment, ColumnConstraint, ContentArrangement, ContentLineStyle, LineStyle, Table, TableStyle,
};

use crate::{
    report::{
        cost, ledger,
        metric::Metric,
        number::{count, difference_with_interval, duration},
        sentence,
        summary::{ArmSummary, ComparisonSummary, MetricSummary, Summary},
        verdict,
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
        let _ = writeln!(text, "!! {}", shown(&warning));
    }
    for scenario in summary.scenarios() {
        let arms: Vec<&ArmSummary> = summary.arms.iter().filter(|arm| arm.scenario == scenario).collect();
        if !text.is_empty() {
            text.push('\n');
        }
        let blocks = arms.iter().map(|arm| arm.trials).max().unwrap_or_default();
        let _ = writeln!(text, "{} ({}, {} clock)", shown(scenario), count(blocks, "block"), summary.clock);
        let _ = writeln!(text, "{}", rows(&arms, summary));
        for arm in arms {
            let _ = writeln!(text, "{}", outcomes(arm));
        }
        notes(&mut text, scenario, summary);
        for ledger in summary.ledger.iter().filter(|ledger| ledger.scenario == scenario) {
            text.push_str(&wrapped(&shown(&ledger::sentence(ledger, summary))));
        }
    }
    // In virtual time the same work costs the same requests every time: the files have them.
    if summary.clock == "real" {
        summary.arms.iter().filter_map(cost::line).for_each(|line| folded(&mut text, &shown(&line)));
    }
    for note in verdict::notes::all(summary) {
        folded(&mut text, &shown(&note));
    }
    text
}

/// Writes a sentence in lines of the terminal's width, those after the first set in.
fn folded(text: &mut String, sentence: &str) {
    let mut width = 0;
    for word in sentence.split(' ') {
        let length = word.chars().count();
        if width > 0 && width + 1 + length > usize::from(COLUMNS) {
            text.push_str("\n  ");
            width = 2;
        } else if width > 0 {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text.push('\n');
}

fn rows(arms: &[&ArmSummary], summary: &Summary) -> String {
    let difference = format!("difference [{}]", summary.confidence());
    let mut table = table(["metric, arm", "n", "mean", "p50", "p95", &difference, "verdict"]);
    for metric in Metric::COMPARED {
        let measured: Vec<(&ArmSummary, &MetricSummary)> =
            arms.iter().filter_map(|arm| Some((*arm, arm.metrics.get(&metric)?))).collect();
        if measured.iter().all(|(_, m)| m.n + m.censored == 0) {
            continue;
        }
        let primary = if metric.to_string() == summary.primary { " (primary)" } else { "" };
        table.add_row([format!("{metric}{primary}")]);
        for (arm, m) in measured {
            table.add_row(row(arm, m, summary.comparison(arm, &metric)));
        }
    }
    table.trim_fmt()
}

/// A table of numbers, with the names to their left; a verdict may follow.
pub(super) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(STYLE).set_content_arrangement(ContentArrangement::Dynamic).set_width(COLUMNS);
    table.set_header(header);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding(if index == 0 { (0, 0) } else { (2, 0) });
        if (1..=5).contains(&index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        // A long name is folded before any number is.
        if index != 0 {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    table
}

fn row(arm: &ArmSummary, m: &MetricSummary, comparison: Option<&ComparisonSummary>) -> [String; 7] {
    let difference = comparison.and_then(|c| Some(difference_with_interval(c.difference_ns?, c.ci_low.zip(c.ci_high))));
    [
        format!("  {}", shown(&arm.arm)),
        m.n.to_string(),
        mean(m),
        quantile_of(m, m.p50_ns),
        quantile_of(m, m.p95_ns),
        difference.unwrap_or_default(),
        comparison.map_or("", |c| c.verdict.as_str()).to_owned(),
    ]
}

/// A name of a record without the control characters that a terminal would obey.
pub(super) fn shown(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '�' } else { c }).collect()
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

/// A quantile of a metric. Beside what was cut off there is none: that of the finished ones is of a selection, and those that
/// were cut off would move it.
pub(super) fn quantile_of(m: &MetricSummary, ns: Option<u64>) -> String {
    if m.censored > 0 { "–".to_owned() } else { quantile(ns) }
}

/// `eda: 90 instances: 90 succeeded, 0 failed, 0 canceled, 0 censored`.
pub(super) fn outcomes(arm: &ArmSummary) -> String {
    let o = arm.outcomes;
    let mut text = format!(
        "{}: {}: {} succeeded, {} failed, {} canceled, {} censored",
        shown(&arm.arm),
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

/// A sentence in lines of the table's width, the further ones indented; broken after a comma or a colon only, so that a number
/// stays with its unit.
fn wrapped(sentence: &str) -> String {
    let mut text = String::new();
    let mut width = 0;
    for part in sentence.split_inclusive([',', ':']) {
        let (long, part) = (part.chars().count(), if width == 0 { part.trim_start() } else { part });
        if width > 0 && width + long > usize::from(COLUMNS) {
            text.push_str("\n ");
            width = 1;
        }
        text.push_str(part);
        width += long;
    }
    text.push('\n');
    text
}

/// Why verdicts are inconclusive: each reason once, and where it is not the reason of all, of what.
fn notes(text: &mut String, scenario: &str, summary: &Summary) {
    let open = |c: &&ComparisonSummary| c.scenario == scenario && c.verdict == Verdict::Inconclusive;
    let open: Vec<&ComparisonSummary> = summary.comparisons.iter().filter(open).collect();
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for c in &open {
        let (reason, of) = (sentence::inconclusive(c), format!("{} of {}", c.metric, c.arm));
        match reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, subjects)) => subjects.push(of),
            None => reasons.push((reason, vec![of])),
        }
    }
    for (reason, subjects) in reasons {
        let all = subjects.len() == summary.comparisons.iter().filter(|c| c.scenario == scenario).count();
        let of = if all { String::new() } else { format!(" ({})", subjects.join(", ")) };
        folded(text, &shown(&format!("{reason}{of}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::{Outcome, RunStatus},
        report::{
            Report,
            fixture::{S, lived, report, run, trial},
        },
        units::Nanos,
    };

    #[test]
    fn thirty_blocks_fit_the_terminal_with_a_verdict_a_row() {
        let text = terminal_table(&report(30).summary());
        assert!(text.lines().all(|line| line.chars().count() <= usize::from(COLUMNS)), "{text}");
        insta::assert_snapshot!("table_30_blocks", text);
    }

    #[test]
    fn one_block_says_n_too_small_and_why_it_is_inconclusive() {
        insta::assert_snapshot!("table_1_block", terminal_table(&report(1).summary()));
    }

    #[test]
    fn what_was_cut_off_and_what_is_wrong_is_loud() {
        let mut run = run(1);
        run.status = RunStatus::Incomplete;
        run.problems.push("two deprovision jobs of ci-0001\u{1b}[2J".into());
        let mut report = Report::new(&run);
        let mut samples = vec![lived(0, 130 * S, 80 * S), lived(1, 131 * S, 0)];
        samples[1].outcome = Outcome::Censored;
        samples[1].gone_ns = None;
        samples[1].censored_ns = Some(Nanos::new(600 * S));
        samples[1].orphans = 1;
        report.add(&trial(1, "an-arm-with-a-name-that-is-much-longer-than-the-table-has-room-for", samples));
        let text = terminal_table(&report.summary());
        assert!(!text.contains('\u{1b}'));
        insta::assert_snapshot!("table_problems", text);
    }
}
