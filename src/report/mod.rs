//! Reports: records in, bytes out.
//!
//! Flow: [`Report::add`] each trial as it ends (or as it is read back from the journal), streaming the large tables
//! beside it with [`Tables`]; then [`render()`] everything else at once.
//! Guarantees: the same records in the same order give the same bytes; an accumulated report keeps 8 bytes a value and no
//! transition; what came from a record is escaped wherever it is written.
//! **Invariant:** no file, no clock, no environment, no fonts of the system: the caller writes the [`Artifact`]s.

mod accumulate;
mod comparison;
mod cost;
mod csv;
mod difference;
mod dwell;
mod evidence;
#[cfg(test)]
mod fixture;
mod hdr;
mod html;
mod json;
mod ledger;
mod markdown;
mod metric;
mod number;
mod observations;
mod plots;
mod render;
mod rows;
mod sentence;
mod summary;
mod summary_csv;
mod table;
mod tables;
mod verdict;
pub mod what_if;

pub use accumulate::Report;
pub use csv::{SamplesCsv, TransitionsCsv};
pub use difference::first_difference;
pub use evidence::{
    BlockQuantile, BlockQuantiles, End, EndTimes, Estimate, Evidence, MedianTime, Ranked, Resampled, Shift, Survival,
};
pub use hdr::HistogramError;
pub use ledger::{
    Difference, Entry, Ledger, LedgerCsv, LedgerDifference, LedgerSummary, Operation, Segment, SegmentDifference,
    SegmentSummary, ledger,
};
pub use metric::Metric;
pub use plots::PlotError;
pub use render::{Artifact, RenderError, RenderOptions, render};
pub use sentence::told;
pub use summary::{ApiCost, ArmSummary, ComparisonSummary, MetricSummary, Outcomes, Summary};
pub use table::terminal_table;
pub use tables::{TableError, Tables};
pub use verdict::{
    across::{Across, AcrossOptions, across},
    audit::AuditSummary,
    check::{Check, CheckOutcome, overall},
    diagnostics::Diagnostics,
    digest::{ArmDigest, BlockMeans, Digest},
    ends::Ends,
    junit::junit,
    level::idle_look,
    step_summary::step_summary,
    stopping::Stopping,
};
