//! The operator: everything that production needs, and nothing that knows it is measured.
//!
//! Flow: watches fill caches and put keys on the [`queue`]; workers take a key, observe, ask [`decide`] (pure) for the
//! next step, perform it, and ask again until there is nothing to do but wait.
//!
//! **Invariants:** no module here knows the harness, the simulators or the records. Time comes from a
//! [`Clock`](crate::clock::Clock), HTTP goes through a [`provider::http::Transport`], the API through a `kube::Client`: these
//! are the seams. A launch is never repeated because a write failed: see [`reconcile`].

pub mod config;
mod context;
mod controller;
pub mod decide;
mod echoes;
mod events;
mod first_field;
mod fresh;
mod handover;
pub mod leader;
mod lean;
mod machine;
pub mod metrics;
mod ownership;
mod perform;
pub mod probes;
pub mod provider;
pub mod queue;
pub mod reconcile;
mod remains;
pub mod requests;
mod restart;
mod shown;
mod status_writer;
mod tenant;
pub mod trace;
mod watches;
mod webhooks;

pub use controller::{Operator, OperatorParts};
