//! The simulated backends against a small fake cluster: what they answer, what they do, and when.

#![cfg(feature = "harness")]

#[path = "sim_backends/cluster.rs"]
mod cluster;
#[path = "sim_backends/controller.rs"]
mod controller;
#[path = "sim_backends/engine.rs"]
mod engine;
#[path = "sim_backends/errors.rs"]
mod errors;
#[path = "sim_backends/machines.rs"]
mod machines;
#[path = "sim_backends/playbooks.rs"]
mod playbooks;
#[path = "sim_backends/replay.rs"]
mod replay;
#[path = "sim_backends/scheduling.rs"]
mod scheduling;
#[path = "sim_backends/socket.rs"]
mod socket;
#[path = "sim_backends/together.rs"]
mod together;
#[path = "sim_backends/world.rs"]
mod world;
