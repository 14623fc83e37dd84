//! kubectl and jq against `provbench cluster` and against a kube-apiserver: one script, whose output must be the same.

mod compare;
mod script;
mod terminal;

pub use script::steps;
