//! The ledger of an arm in numbers.

use serde::Serialize;

use crate::{
    report::ledger::{Ledgers, Operation, Segment, columns::Columns},
    stats::quantile::Level,
};

/// Where the time of one operation went in one arm and scenario; the segments' means add up to the total's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LedgerSummary {
    /// Which operation.
    pub operation: Operation,
    /// Instances that came to its end; the others have no ledger.
    pub n: u64,
    /// The mean total, rounded.
    pub mean_ns: u64,
    /// The segments in their order.
    pub segments: Vec<SegmentSummary>,
}

/// One segment; an instance without it counts as 0.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentSummary {
    /// Which segment; `a+b` joins what nobody could tell apart.
    pub segment: Segment,
    /// Instances that had it.
    pub n: u64,
    /// The mean over all instances, rounded.
    pub mean_ns: u64,
    /// The median, exact up to 16 384 instances, above within 0.1 %; null where they are too few.
    pub p50_ns: Option<u64>,
    /// The 95th percentile, likewise.
    pub p95_ns: Option<u64>,
}

/// The ledgers of both operations, those that any instance came to the end of.
pub(in crate::report) fn of(ledgers: &Ledgers) -> Vec<LedgerSummary> {
    let summarize = |operation| {
        let columns = ledgers.columns(operation);
        Some(LedgerSummary {
            operation,
            n: columns.n,
            mean_ns: rounded(columns.total, columns.n)?,
            segments: segments(columns),
        })
    };
    Operation::ALL.into_iter().filter_map(summarize).collect()
}

fn segments(columns: &Columns) -> Vec<SegmentSummary> {
    let summarize = |column: &super::columns::Column| {
        let values = &column.values;
        let [p50_ns, p95_ns] = values.quantiles([Level::P50, Level::P95], columns.n - values.n());
        SegmentSummary {
            segment: column.segment,
            n: values.n(),
            mean_ns: rounded(values.sum(), columns.n).unwrap_or_default(),
            p50_ns,
            p95_ns,
        }
    };
    columns.segments.iter().map(summarize).collect()
}

/// A mean, rounded to the nearest nanosecond; `None` of nothing.
fn rounded(sum: u128, n: u64) -> Option<u64> {
    let n = u128::from(n);
    u64::try_from((sum + n / 2).checked_div(n)?).ok()
}
