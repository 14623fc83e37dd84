//! What becomes of the dependents of an object that is deleted: the finalizers that stand for it until the garbage collector
//! has done it.

use serde::Deserialize;
use serde_json::json;

use super::field_error::FieldError;

/// The finalizer of an object that waits for its dependents to go.
pub(super) const FOREGROUND: &str = "foregroundDeletion";

/// The finalizer of an object whose dependents are to stay.
pub(super) const ORPHAN: &str = "orphan";

/// What a client wants to become of the dependents. Nothing said means what the object's finalizers say already, and where
/// they say nothing, that the dependents go after it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Propagation {
    /// `Foreground`, `Background` or `Orphan`.
    pub propagation_policy: Option<String>,
    /// The older way to say `Orphan` or `Background`.
    pub orphan_dependents: Option<bool>,
}

impl Propagation {
    /// One of the policies.
    pub(super) fn policy(name: &str) -> Self {
        Self { propagation_policy: Some(name.to_owned()), orphan_dependents: None }
    }

    /// Whether nothing is said.
    pub(super) fn is_silent(&self) -> bool {
        self.propagation_policy.is_none() && self.orphan_dependents.is_none()
    }

    /// What is wrong with it: `ValidateDeleteOptions` of apimachinery.
    pub(super) fn check(&self) -> Option<FieldError> {
        let policy = self.propagation_policy.as_deref()?;
        if self.orphan_dependents.is_some() {
            let rule = "orphanDependents and deletionPropagation cannot be both set";
            return Some(FieldError::invalid_text("propagationPolicy", policy, rule));
        }
        if !matches!(policy, "Foreground" | "Background" | "Orphan") {
            let supported = ["Foreground", "Background", "Orphan", "nil"].map(|policy| json!(policy));
            return Some(FieldError::not_supported("propagationPolicy", &policy.into(), &supported));
        }
        None
    }

    /// The finalizers that an object with these has once it is deleted like this.
    pub(super) fn finalizers(&self, present: &[String]) -> Vec<String> {
        let has = |name: &str| present.iter().any(|own| own == name);
        let policy = self.propagation_policy.as_deref();
        let orphan = match (self.orphan_dependents, policy) {
            (Some(orphan), _) => orphan,
            (None, Some(policy)) => policy == "Orphan",
            (None, None) => has(ORPHAN),
        };
        let foreground = match (self.orphan_dependents, policy) {
            (Some(_), _) => false,
            (None, Some(policy)) => policy == "Foreground",
            (None, None) => has(FOREGROUND),
        };
        let others = present.iter().filter(|own| !matches!(own.as_str(), ORPHAN | FOREGROUND));
        let mut finalizers: Vec<String> = others.cloned().collect();
        finalizers.extend(orphan.then(|| ORPHAN.to_owned()));
        finalizers.extend(foreground.then(|| FOREGROUND.to_owned()));
        finalizers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_on_dependents_counts() {
        let names = |names: &[&str]| -> Vec<String> { names.iter().map(ToString::to_string).collect() };
        let silent = Propagation::default();
        assert_eq!(silent.finalizers(&names(&["x.io/a", ORPHAN])), ["x.io/a", ORPHAN]);
        assert_eq!(Propagation::policy("Background").finalizers(&names(&["x.io/a", FOREGROUND])), ["x.io/a"]);
        assert_eq!(Propagation::policy("Foreground").finalizers(&names(&[ORPHAN])), [FOREGROUND]);
        assert_eq!(Propagation::policy("Orphan").finalizers(&[]), [ORPHAN]);
        let old = |orphan| Propagation { orphan_dependents: Some(orphan), ..Propagation::default() };
        assert_eq!((old(true).finalizers(&[]), old(false).finalizers(&[])), (names(&[ORPHAN]), names(&[])));
        assert!(Propagation::policy("Odd").check().is_some() && Propagation::policy("Orphan").check().is_none());
    }
}
