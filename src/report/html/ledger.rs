//! Where the time goes: the ledgers of the arms side by side, and their differences.

use std::fmt::Write as _;

use super::escape::escape;
use crate::report::{
    ledger::{self, LedgerDifference, LedgerSummary, Operation, Segment, SegmentSummary},
    number::{difference_with_interval, duration},
    summary::{ArmSummary, Summary},
    table::quantile,
};

/// The section, where any operation came to its end.
pub(super) fn section(html: &mut String, summary: &Summary) {
    let mut tables = String::new();
    for scenario in summary.scenarios() {
        for operation in Operation::ALL {
            let arms: Vec<(&ArmSummary, &LedgerSummary)> = summary
                .arms
                .iter()
                .filter(|arm| arm.scenario == scenario)
                .filter_map(|arm| Some((arm, arm.ledger.iter().find(|ledger| ledger.operation == operation)?)))
                .collect();
            if arms.is_empty() {
                continue;
            }
            let _ = writeln!(tables, "<h3>{}: {operation}</h3>", escape(scenario));
            let differences: Vec<&LedgerDifference> =
                summary.ledger.iter().filter(|d| d.scenario == scenario && d.operation == operation).collect();
            for difference in &differences {
                let _ = writeln!(tables, "<p>{}.</p>", escape(&ledger::sentence(difference, summary)));
            }
            table(&mut tables, &arms, &differences, &summary.confidence());
        }
    }
    if !tables.is_empty() {
        let _ = write!(
            html,
            "<section>\n<h2>Where the time goes</h2>\n<p>Each operation is split at its milestones; the segments of every \
             instance add up to its total. Of instances that did not come to an operation's end there is no ledger. A \
             <code>+</code> joins segments whose boundary was not visible. All of it is exploratory: it explains a verdict \
             and is none.</p>\n{tables}</section>\n"
        );
    }
}

/// A row a segment; the numbers of each arm, then the difference from the baseline.
fn table(
    html: &mut String,
    arms: &[(&ArmSummary, &LedgerSummary)],
    differences: &[&LedgerDifference],
    confidence: &str,
) {
    html.push_str("<div class=\"scroll\"><table>\n<thead><tr><th>segment</th>");
    for (arm, _) in arms {
        let name = escape(&arm.arm);
        let _ = write!(html, "<th class=\"n\">{name}: mean</th><th class=\"n\">p50</th><th class=\"n\">p95</th>");
    }
    for difference in differences {
        let (arm, baseline) = (escape(&difference.arm), escape(&difference.baseline));
        let _ = write!(html, "<th class=\"n\">{arm} − {baseline} [{confidence} interval]</th>");
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for segment in segments(arms, differences) {
        let _ = write!(html, "<tr><td>{segment}</td>");
        for (_, ledger) in arms {
            match ledger.segments.iter().find(|own| own.segment == segment) {
                Some(own) => numbers(html, own),
                None => html.push_str("<td class=\"n small\">–</td><td></td><td></td>"),
            }
        }
        for difference in differences {
            // Where one arm could not tell parts apart, the difference of those is in the row of the joined ones.
            let own = difference.segments.iter().find(|own| own.segment == segment);
            let text = own.map(|own| own.difference).map_or_else(String::new, |own| {
                difference_with_interval(own.difference_ns, own.ci_low.zip(own.ci_high))
            });
            let _ = write!(html, "<td class=\"n\">{text}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("<tr><td><strong>total</strong></td>");
    for (_, ledger) in arms {
        let _ = write!(html, "<td class=\"n\"><strong>{}</strong></td><td></td><td></td>", duration(ledger.mean_ns));
    }
    for difference in differences {
        let total = difference.total;
        let text = difference_with_interval(total.difference_ns, total.ci_low.zip(total.ci_high));
        let _ = write!(html, "<td class=\"n\"><strong>{text}</strong></td>");
    }
    html.push_str("</tr>\n</tbody></table></div>\n");
}

/// All segments that took any time, in their order; those that only a difference joins are among them.
fn segments(arms: &[(&ArmSummary, &LedgerSummary)], differences: &[&LedgerDifference]) -> Vec<Segment> {
    let lasting = arms.iter().flat_map(|(_, ledger)| &ledger.segments).filter(|own| own.mean_ns > 0);
    let joined = differences.iter().flat_map(|difference| difference.lasting()).map(|own| own.segment);
    let mut segments: Vec<Segment> = lasting.map(|own| own.segment).chain(joined).collect();
    segments.sort_unstable();
    segments.dedup();
    segments
}

fn numbers(html: &mut String, own: &SegmentSummary) {
    for text in [duration(own.mean_ns), quantile(own.p50_ns), quantile(own.p95_ns)] {
        let class = if text == "n too small" { "n small" } else { "n" };
        let _ = write!(html, "<td class=\"{class}\">{text}</td>");
    }
}
