//! One suite, two servers: sequences of requests, sent to the embedded API server (in process and over TCP) and to a
//! kube-apiserver with etcd, whose answers must be the same but for what `accepted.yaml` lists.
//!
//! The sequences are in `cases/`; [`case`] says how they are written. `docs/CONFORMANCE.md` is made from the same list:
//! `PROVBENCH_WRITE_CONFORMANCE=1 cargo test --test conformance` writes it anew.

#![cfg(feature = "harness")]
#![allow(unreachable_pub, missing_docs, reason = "the modules of one test")]

mod accepted;
mod answer;
mod case;
mod compaction;
#[path = "../control_plane/mod.rs"]
mod control_plane;
mod difference;
mod document;
mod generated;
mod kubectl;
mod play;
#[path = "../served/mod.rs"]
mod served;
mod server;
mod table;
mod words;
