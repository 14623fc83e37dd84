//! A difference ledger in a sentence.

use std::fmt::Write as _;

use crate::{
    report::{
        ledger::{LedgerDifference, Operation},
        metric::Metric,
        number::{count, difference, difference_with_half, duration},
        summary::Summary,
    },
    stats::compare::Verdict,
};

/// The most segments that are named.
const NAMED_MAX: usize = 4;

/// A segment that makes less than this share of the largest difference of a segment is not named.
const NAMED_SHARE_MIN: f64 = 0.01;

/// `aap is 17.5 s faster than eda on provision: handoff −17.5 ± 0.1 s, trigger +0.07 ± 0.01 s, other segments 0.000 s`.
///
/// Faster or slower is said only where the comparison of the totals came to that verdict.
pub(in crate::report) fn of(ledger: &LedgerDifference, summary: &Summary) -> String {
    let (arm, baseline, operation) = (&ledger.arm, &ledger.baseline, ledger.operation);
    if ledger.is_selection() {
        return format!(
            "{arm} against {baseline} on {operation}: not explained, {} of {baseline} and {} of {arm} failed or were cut off; \
             the segments are of a selection",
            count(ledger.baseline_left_out, "instance"),
            count(ledger.arm_left_out, "instance"),
        );
    }
    let metric = match operation {
        Operation::Provision => Metric::ProvisionTotal,
        Operation::Deprovision => Metric::DeprovisionTotal,
    };
    let verdict = summary
        .comparisons
        .iter()
        .find(|c| c.arm == *arm && c.scenario == ledger.scenario && c.metric == metric)
        .map_or(Verdict::Inconclusive, |c| c.verdict);
    let total = ledger.total.difference_ns;
    let mut text = match verdict {
        Verdict::Faster | Verdict::Slower => {
            format!("{arm} is {} {} than {baseline} on {operation}", duration(total.unsigned_abs()), verdict.as_str())
        }
        Verdict::Equivalent | Verdict::Inconclusive => {
            format!("{arm} against {baseline} on {operation}, {} ({})", difference(total), verdict.as_str())
        }
    };
    let mut rest = total;
    for (place, segment) in named(ledger).into_iter().enumerate() {
        let of_segment = segment.difference;
        rest -= of_segment.difference_ns;
        let half = of_segment.ci_low.zip(of_segment.ci_high).map(|(low, high)| low.abs_diff(high) / 2);
        let separator = if place == 0 { ": " } else { ", " };
        let _ = write!(text, "{separator}{} {}", segment.segment, difference_with_half(of_segment.difference_ns, half));
    }
    // Each segment is rounded by itself: what is left of that is nothing.
    let segments = i64::try_from(ledger.segments.len()).unwrap_or(i64::MAX);
    if rest.abs() > segments {
        let _ = write!(text, ", the rest {}", difference(rest));
    }
    text
}

/// The segments that make the difference, the largest first.
fn named(ledger: &LedgerDifference) -> Vec<&crate::report::ledger::SegmentDifference> {
    let mut segments: Vec<_> = ledger.segments.iter().collect();
    // Stable: of two as large the earlier comes first.
    segments.sort_by_key(|segment| std::cmp::Reverse(segment.difference.difference_ns.unsigned_abs()));
    let largest = segments.first().map_or(0, |segment| segment.difference.difference_ns.unsigned_abs());
    let least = largest as f64 * NAMED_SHARE_MIN;
    segments.retain(|segment| {
        let size = segment.difference.difference_ns.unsigned_abs();
        size > 0 && size as f64 >= least
    });
    segments.truncate(NAMED_MAX);
    segments
}
