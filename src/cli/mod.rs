//! The command lines: the only place that knows clap, the terminal and exit codes.

#[cfg(feature = "harness")]
mod baseline;
#[cfg(feature = "harness")]
mod checks;
#[cfg(feature = "harness")]
mod cluster;
#[cfg(feature = "harness")]
mod compare;
#[cfg(feature = "harness")]
mod crd;
#[cfg(feature = "harness")]
mod created;
mod exit;
#[cfg(feature = "harness")]
mod external;
#[cfg(feature = "harness")]
mod merge;
pub mod operator;
#[cfg(feature = "harness")]
mod progress;
#[cfg(feature = "harness")]
pub mod provbench;
#[cfg(feature = "harness")]
mod report;
#[cfg(feature = "harness")]
mod run;
#[cfg(feature = "harness")]
mod run_folder;
#[cfg(feature = "harness")]
mod run_reader;
#[cfg(feature = "harness")]
mod seed;
#[cfg(feature = "harness")]
mod simulate;
#[cfg(feature = "harness")]
mod stdout;
#[cfg(feature = "harness")]
mod what_if;

pub use exit::Exit;
