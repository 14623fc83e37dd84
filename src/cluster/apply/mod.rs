//! Server-side apply and `managedFields`: who owns which fields of an object.
//!
//! # Flow
//! A configuration is checked against its types (`types`, `conform`), merged into the present object (`walk`), and what
//! its manager applied before and does not any more is taken away (`managers`). The new state then goes the way of every
//! other patch. Ordinary writes go through `tracking`, which does nothing for objects that nobody has applied unless the
//! cluster's options say so.
//!
//! # Deliberate absences
//! There is one version of each kind, so that no set of fields is ever converted to another. A schema that changes the
//! type of a list does not regroup the sets that were kept before. The annotation of client-side apply is not taken over
//! by the manager `kubectl`; kubectl does that itself.

mod conform;
mod field_set;
mod managers;
#[cfg(test)]
mod tests;
pub(super) mod tracking;
mod types;
mod verb;
mod walk;

pub(super) use managers::Managers;
pub use tracking::FieldTracking;
pub(super) use types::{ListItems, Type};
pub(super) use verb::{apply, read_config};
