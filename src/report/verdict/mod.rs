//! Verdicts: what may be claimed from the blocks of a run, and what must not.
//!
//! Flow: [`level`] gives the significance level, [`judge`] reads a verdict from the pairs of blocks, [`diagnostics`] says
//! whether the blocks can be trusted and what they could have shown, [`audit`] holds the baseline against itself, [`decide`]
//! and [`gates`] turn verdicts into answers to what was asked, adjusted for how much was asked ([`check`]). The answers are
//! written for machines by [`junit`], for people by [`notes`] and [`step_summary`]. [`digest`] keeps what comparisons of two
//! runs ([`across`], with the blocks of [`pairing`]) need: what work they did ([`work`]) and how it ended ([`ends`]);
//! [`conditions`] says whether they are comparable.

pub(super) mod across;
pub(super) mod audit;
pub(super) mod check;
pub(super) mod conditions;
pub(super) mod decide;
pub(super) mod diagnostics;
pub(super) mod digest;
pub(super) mod ends;
pub(super) mod gates;
pub(super) mod judge;
pub(super) mod junit;
pub(super) mod level;
pub(super) mod notes;
mod pairing;
pub(super) mod step_summary;
pub(super) mod stopping;
pub(super) mod summarize;
mod work;
