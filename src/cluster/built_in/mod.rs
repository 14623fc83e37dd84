//! What the kinds may contain that are there without a definition: Kubernetes' own are Go structs, which drop what they do
//! not know and cannot take what is of another type.

mod decode;
pub(super) mod events;
mod rules;
mod schemas;

pub(super) use decode::decode;
pub(super) use rules::check;
pub(super) use schemas::{closed, metadata, schema};
