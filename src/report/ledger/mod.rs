//! The ledger: where the time of one operation of one instance went, in segments that add up to its total.
//!
//! Flow: [`ledger()`] splits what is known of an instance's provisioning or deprovisioning at its milestones; [`LedgerCsv`]
//! writes the segments of every instance; `columns` condenses them by arm and scenario, `summary` gives their means and
//! quantiles, `difference` holds one arm's against another's.
//! Guarantees: the segments of a ledger follow one another without gap or overlap, the first begins where the total begins
//! and the last ends where it ends: they are never negative and add up to the total to the nanosecond.
//! Assumptions: a plane sees a milestone at its time or later, never earlier, since news travel. So what must have come before a
//! milestone had happened by then, even where its own plane was told later.

mod columns;
mod csv;
mod difference;
mod quantiles;
mod segment;
mod sentence;
mod split;
mod summary;

pub(super) use self::{columns::Ledgers, csv::with_milestones};
pub use self::{
    csv::LedgerCsv,
    difference::{Difference, LedgerDifference, SegmentDifference},
    segment::{Operation, Segment},
    split::{Entry, Ledger, ledger},
    summary::{LedgerSummary, SegmentSummary},
};
pub(super) use self::{difference::all as differences, sentence::of as sentence, summary::of as summaries};
