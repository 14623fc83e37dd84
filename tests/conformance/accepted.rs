//! The differences that are accepted, each with its reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Deserialize;

use super::{case::Case, words::yaml};

/// Why a difference is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The embedded server follows a later release than the real one is.
    Release,
    /// On purpose.
    Chosen,
    /// Not there yet.
    Open,
}

/// Differences of one reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    pub kind: Kind,
    pub why: String,
    /// `name of a case: steps`, counted from 1.
    pub at: BTreeMap<String, Vec<usize>>,
}

/// The list.
///
/// # Panics
/// Where it makes no sense, or names what is not there.
pub fn list(cases: &[Case]) -> Vec<Reason> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/accepted.yaml");
    let text = std::fs::read_to_string(file).expect("a file");
    let reasons: Vec<Reason> = yaml(&text);
    let mut seen = BTreeSet::new();
    for (name, steps) in reasons.iter().flat_map(|reason| &reason.at) {
        let case = cases.iter().find(|case| case.name == *name).unwrap_or_else(|| panic!("no case is called `{name}`"));
        for step in steps {
            assert!((1..=case.steps.len()).contains(step), "`{name}` has no step {step}");
            assert!(seen.insert((name, step)), "step {step} of `{name}` is accepted twice");
        }
    }
    reasons
}
