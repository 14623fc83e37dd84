//! Simulated backends: an automation controller (AAP), an event-driven engine (EDA), the playbooks that they run and the
//! virtual machines that the playbooks make.
//!
//! Each backend is a tower service over plain HTTP messages ([`HttpService`]), so the same simulator answers in memory
//! under virtual time and over a socket ([`serve`]) in real time. What a backend did, and when, goes into a
//! [`TruthLog`](crate::record::TruthLog): that is what measurements are held against.
//!
//! **Invariant:** nothing here knows the operator or its API types. Objects are untyped JSON behind a `kube::Client` that is
//! handed in, so the two sides cannot be wrong together.
//!
//! **Invariant:** every duration is drawn from a [`profile`] under a key of object, purpose and attempt, never in the
//! order of the calls: the same instance meets the same latencies in every arm (common random numbers).

pub mod aap;
mod auth;
pub mod eda;
mod gauge;
mod http;
pub mod kubevirt;
pub mod playbook;
pub mod profile;
mod serve;
mod signal;

pub use self::{
    aap::{Aap, AapOptions},
    eda::{Eda, EdaOptions},
    http::HttpService,
    kubevirt::KubeVirt,
    serve::{BODY_LIMIT, serve},
};
