//! The embedded Kubernetes API server: one process, no sockets needed, its time and its identifiers given from outside.
//!
//! [`Cluster`] holds untyped objects in memory and answers the Kubernetes REST API as a [`tower::Service`]
//! ([`ClusterService`]): through a [`kube::Client`] in memory, or over TCP with [`Cluster::serve`]. It follows
//! kube-apiserver 1.33 in what clients can tell: resource versions, optimistic locking, finalizers, subresources,
//! selectors, paged lists, watches with replay, custom resource definitions with their schemas, and the `Status` objects
//! of refusals down to their wording.
//!
//! # Flow
//! `service` reads the body and hands the request to `route`, which parses it (`path`, `query`) and calls one verb:
//! `read`, `create`, `update`, `patch`, `delete`, `watch`. A verb changes `state` only through the methods
//! `insert`, `replace`, `replace_metadata`, `replace_status`, `replace_status_fields` and `remove` of `State`, each of
//! which appends one event to the log of its resource.
//!
//! # Guarantees
//! - One lock, never held across an await. A watcher is a position in a log: a slow one costs nothing and delays nobody.
//! - The same requests in the same order give the same bytes: order comes from sorted maps, time from the given clock,
//!   identifiers from the given seed.
//! - An object is serialised once per change; get, list and every watcher share the bytes.
//!
//! # Deliberate absences
//! No users but the owner of the token that `serve` may ask for; no admission; of a custom resource only the storage version
//! is served. Answers are JSON; of protobuf only the bodies are read that kubectl sends. Rules in CEL have the language and the
//! texts' functions, and a definition whose rules ask for more is refused (`schema::cel`). Garbage is collected where
//! [`Cluster::collect_garbage`] runs, and `managedFields` begin with the first apply unless [`Options::field_tracking`] says
//! otherwise. An earlier state of a resource can be listed for as long as its log reaches back (`snapshot`).

mod apply;
mod body;
mod built_in;
mod call;
mod collect;
mod crd;
mod create;
mod delete;
mod discovery;
mod duplicates;
mod embedded;
mod event;
mod field_error;
mod field_selector;
mod identity;
mod kinds;
mod label_selector;
mod list_options;
mod log;
mod meta;
mod names;
mod namespace_lifecycle;
mod negotiate;
mod openapi;
mod options;
mod page;
mod patch;
mod path;
mod propagation;
mod protobuf;
mod query;
mod read;
mod reply;
mod route;
mod schema;
mod selection;
pub mod serve;
mod service;
mod snapshot;
mod state;
mod status;
mod status_fields;
mod strategic;
mod table;
mod terminate;
mod update;
mod value_text;
mod watch;
mod wire;
mod write_options;
mod yaml;

pub use apply::FieldTracking;
pub use body::ClusterBody;
pub use crd::InvalidCrd;
pub use embedded::Cluster;
pub use options::Options;
pub use service::ClusterService;
