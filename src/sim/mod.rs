//! Simulated backends.
