//! `comparison.md`: the comparisons for a pull request or a page.

use std::fmt::Write as _;

use crate::{
    report::{
        cost, evidence,
        ledger::{self, LedgerDifference},
        number::{count, difference_with_interval, duration},
        sentence,
        summary::{ComparisonSummary, Summary},
        verdict,
    },
    stats::compare::Verdict,
};

/// The comparisons as headings, sentences and a table.
pub(super) fn comparison(summary: &Summary) -> String {
    let mut text = format!("# {}: comparison\n", escape(&summary.experiment));
    let _ = write!(text, "\n{} clock, seed {}", summary.clock, summary.seed);
    if summary.clock == "virtual" {
        text.push_str("; virtual time leaves CPU cost out");
    }
    text.push_str(".\n");
    for problem in summary.warnings() {
        let _ = writeln!(text, "\n> **{}**", escape(&problem));
    }
    if summary.comparisons.is_empty() {
        text.push_str("\nNothing to compare: no second arm has records.\n");
    }
    for scenario in summary.scenarios() {
        let of_scenario: Vec<_> = summary.comparisons.iter().filter(|c| c.scenario == scenario).collect();
        if !of_scenario.is_empty() {
            let _ = writeln!(text, "\n## {}\n", escape(scenario));
            section(&mut text, &of_scenario, summary);
        }
        for ledger in summary.ledger.iter().filter(|ledger| ledger.scenario == scenario) {
            ledger_section(&mut text, ledger, summary);
        }
        evidence::cells::markdown(&mut text, summary, scenario);
    }
    cost::section(&mut text, summary);
    let notes = verdict::notes::all(summary);
    if !notes.is_empty() {
        text.push_str("\n## About the verdicts\n\n");
        for note in notes {
            let _ = writeln!(text, "- {}", escape(&note));
        }
    }
    text
}

fn section(text: &mut String, comparisons: &[&ComparisonSummary], summary: &Summary) {
    for c in comparisons {
        let exploratory = if c.primary { "" } else { " (exploratory)" };
        let _ = writeln!(text, "- {}{exploratory}", escape(&sentence::of(c, summary)));
    }
    let _ = writeln!(
        text,
        "\n| metric | baseline | arm | baseline mean | arm mean | difference ({} interval) | ratio | blocks | verdict |",
        summary.confidence()
    );
    text.push_str("|---|---|---|---:|---:|---:|---:|---:|---|\n");
    for c in comparisons {
        let mean = |ns: Option<u64>, censored| ns.map_or_else(|| "–".to_owned(), |ns| sentence::mean(ns, censored));
        let difference =
            c.difference_ns.map_or_else(|| "–".to_owned(), |ns| difference_with_interval(ns, c.ci_low.zip(c.ci_high)));
        let digits = if c.verdict == Verdict::Inconclusive { 2 } else { 3 };
        let ratio = c.ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.digits$}"));
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {difference} | {ratio} | {} | {} |",
            if c.primary { format!("**{}**", c.metric) } else { c.metric.to_string() },
            escape(&c.baseline),
            escape(&c.arm),
            mean(c.baseline_mean_ns, c.baseline_censored),
            mean(c.arm_mean_ns, c.arm_censored),
            c.blocks,
            c.verdict.as_str(),
        );
    }
}

/// Where a difference comes from: a sentence, and a row a segment.
fn ledger_section(text: &mut String, ledger: &LedgerDifference, summary: &Summary) {
    let (operation, arm, baseline) = (ledger.operation, escape(&ledger.arm), escape(&ledger.baseline));
    let _ = writeln!(text, "\n### Where the time goes: {operation}, {arm} against {baseline}\n");
    let _ = writeln!(text, "{} (exploratory).\n", escape(&ledger::sentence(ledger, summary)));
    let interval = format!("{} interval", summary.confidence());
    let _ = writeln!(text, "| segment | {baseline} | {arm} | difference ({interval}) |\n|---|---:|---:|---:|");
    let segments = ledger.lasting().map(|part| (part.segment.to_string(), part.difference));
    for (name, row) in segments.chain([("**total**".to_owned(), ledger.total)]) {
        let difference = difference_with_interval(row.difference_ns, row.ci_low.zip(row.ci_high));
        let (base, of_arm) = (mean(row.baseline_mean_ns), mean(row.arm_mean_ns));
        let _ = writeln!(text, "| {name} | {base} | {of_arm} | {difference} |");
    }
    let left_out = ledger.segments.len() - ledger.lasting().count();
    if left_out > 0 {
        let _ = writeln!(text, "\n{} that took no time in either arm left out.", count(left_out as u64, "segment"));
    }
    if ledger.lasting().any(|part| !part.segment.is_whole()) {
        text.push_str("\nA `+` joins segments whose boundary was not visible.\n");
    }
}

fn mean(ns: i64) -> String {
    duration(ns.unsigned_abs())
}

/// Text without a meaning in Markdown or HTML; a bracket or a comparison sign that means nothing stays as it is.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        match c {
            '\\' | '`' | '*' | '|' | '#' | '~' | '>' | '&' => escaped.extend(['\\', c]),
            '<' if !next.is_whitespace() => escaped.push_str("&lt;"),
            ']' if matches!(next, '(' | '[' | ':') => escaped.extend(['\\', c]),
            '\n' | '\r' => escaped.push(' '),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::report;

    #[test]
    fn a_comparison_of_thirty_blocks_reads_as_sentences_and_a_table() {
        insta::assert_snapshot!("comparison_md_30_blocks", comparison(&report(30).summary()));
    }

    #[test]
    fn one_block_is_inconclusive_in_these_words() {
        let text = comparison(&report(1).summary());
        assert!(text.contains("inconclusive: 1 block; at least 6 needed for p < 0.05"), "{text}");
        insta::assert_snapshot!("comparison_md_1_block", text);
    }

    #[test]
    fn names_have_no_meaning_and_our_own_words_stay_as_they_are() {
        assert_eq!(escape("<b>`x`|*"), "&lt;b\\>\\`x\\`\\|\\*");
        assert_eq!(escape("[x](javascript:y)"), "[x\\](javascript:y)");
        let ours = "1 block; at least 6 needed for p < 0.05, difference −17.8 s [−18.1, −17.5] (95 % interval)";
        assert_eq!(escape(ours), ours);
    }
}
