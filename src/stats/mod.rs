//! Statistics: pure functions over samples and block means.
//!
//! **Invariant:** nothing here reads a clock or does I/O, and what is drawn at random is drawn from the seed that the
//! caller gives: the same numbers and the same seed give the same answer. Where a sample is too small for an answer, or
//! the question has none, the answer is a typed refusal ([`refusal::Refusal`], [`quantile::TooSmall`], [`compare::Doubt`])
//! and never a number.
//!
//! **Invariant:** no number that comes out is NaN or infinite, whatever goes in.
//!
//! What is asked, and where it is answered: is there a difference ([`sign_flip`] paired, [`permutation`] and
//! [`brunner_munzel`] unpaired), how large ([`student`], [`hodges_lehmann`], [`effect_size`], [`bootstrap`]), does it
//! matter ([`equivalence`]), all of these for two paired arms ([`evidence`]), how many blocks ([`power`]), may I stop
//! ([`sequential`]), several questions at once ([`multiplicity`]), can the blocks be trusted ([`drift`], [`pairing`]),
//! one sample's shape ([`summary`], [`quantile`], [`harrell_davis`], [`histogram`]), and times that were cut off
//! ([`survival`]).

pub mod bootstrap;
pub mod brunner_munzel;
pub mod compare;
pub mod drift;
pub mod effect_size;
pub mod equivalence;
pub mod evidence;
pub mod harrell_davis;
pub mod histogram;
pub mod hodges_lehmann;
pub mod interval;
pub mod multiplicity;
pub mod normal;
mod order_statistic;
pub mod pairing;
pub mod permutation;
pub mod power;
pub mod quantile;
mod ranks;
pub mod refusal;
pub mod resampling;
pub mod sequential;
pub mod sign_flip;
pub mod student;
pub mod summary;
pub mod survival;

#[cfg(test)]
mod invariant_tests;
