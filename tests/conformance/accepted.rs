//! The differences that are accepted, each with its reason.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Deserialize;

use super::{case::Case, kubectl, words::yaml};

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

impl Reason {
    /// The name and the number of each step that it is about.
    pub fn steps(&self) -> impl Iterator<Item = (&str, usize)> {
        self.at.iter().flat_map(|(name, steps)| steps.iter().map(|&step| (name.as_str(), step)))
    }
}

/// The list of the cases.
///
/// # Panics
/// Where it makes no sense, or names what is not there.
pub fn list(cases: &[Case]) -> Vec<Reason> {
    let known: Vec<_> = cases.iter().map(|case| (case.name.clone(), case.steps.len())).collect();
    read("accepted.yaml", &known)
}

/// The list of kubectl's commands.
///
/// # Panics
/// Where it makes no sense, or names what is not there.
pub fn kubectl() -> Vec<Reason> {
    read("kubectl/accepted.yaml", &kubectl::steps())
}

/// A list about what has these names and numbers of steps.
fn read(file: &str, known: &[(String, usize)]) -> Vec<Reason> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance").join(file);
    let text = std::fs::read_to_string(file).expect("a file");
    let reasons: Vec<Reason> = yaml(&text);
    let mut seen = BTreeSet::new();
    for (name, step) in reasons.iter().flat_map(Reason::steps) {
        let (_, steps) =
            known.iter().find(|known| known.0 == name).unwrap_or_else(|| panic!("nothing is called `{name}`"));
        assert!((1..=*steps).contains(&step), "`{name}` has no step {step}");
        assert!(seen.insert((name, step)), "step {step} of `{name}` is accepted twice");
    }
    reasons
}
