//! Statistics: pure functions over samples and block means.
//!
//! **Invariant:** nothing here draws at random, reads a clock or does I/O: the same numbers give the same answer.
//! Where a sample is too small for an answer, the answer is a typed refusal ([`quantile::TooSmall`],
//! [`compare::Doubt`]) and never a number.

pub mod compare;
pub mod histogram;
pub mod permutation;
pub mod quantile;
pub mod student;
pub mod summary;
