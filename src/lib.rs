//! provbench: latency benchmarks and experiments for Kubernetes operators that hand long work to job backends.
//!
//! Two binaries share this library: `provbench`, the harness, and `cloudkit-operator`, the operator that it measures by
//! default. Without the feature `harness` only the operator is compiled. `docs/ARCHITECTURE.md` is the map.

pub mod api;
pub mod cli;
pub mod clock;
pub mod units;

#[cfg(feature = "cluster")]
pub mod cluster;
#[cfg(feature = "harness")]
pub mod harness;
pub mod operator;
#[cfg(feature = "harness")]
pub mod record;
#[cfg(feature = "harness")]
pub mod report;
#[cfg(feature = "harness")]
pub mod sim;
#[cfg(feature = "harness")]
pub mod stats;
