//! `report.html`: one file that reads without anything else, in light and dark, without scripts.
//!
//! Guarantees: no reference to another file or host; every text of a record is escaped; what makes the numbers doubtful
//! stands above them.

mod caveats;
mod escape;
mod evidence;
mod ledger;
mod page;
mod results;

pub(super) use page::page;
