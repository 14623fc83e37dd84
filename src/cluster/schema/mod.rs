//! The schemas of custom resources: compiled once, then cheap to prune, default and validate by.
//!
//! What is understood is the part of OpenAPI v3 that structural schemas may use, CEL rules included as far as `cel` says.

mod cel;
mod compile;
mod format;
pub(super) mod node;
mod place;
mod prune;
mod ratchet;
pub(super) mod structural;
mod validate;

use serde_json::Value;

use super::field_error::FieldError;

use node::Node;
use place::Place;

/// What the objects of a kind may contain.
#[derive(Debug, Default)]
pub(super) struct Schema {
    root: Node,
    /// Whether there are rules that see more than one place, and what was there before.
    has_validations: bool,
}

impl Schema {
    /// What the object as a whole may contain.
    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    /// Drops the fields that the schema does not know and fills in defaults. The paths of what was dropped go to
    /// `unknown`, where there is one.
    pub(super) fn prune(&self, object: &mut Value, unknown: Option<&mut Vec<String>>) {
        prune::prune(&self.root, object, unknown);
    }

    /// The same for the field `status` alone, which the root's schema may not have.
    pub(super) fn prune_status(&self, status: &mut Value, unknown: Option<&mut Vec<String>>) -> bool {
        prune::prune_field(&self.root, "status", status, unknown)
    }

    /// Whether a field of the status is known, has nothing unknown in it and is valid, and the schema has no defaults for the
    /// status and no rules that concern it as a whole. False is no verdict: then the whole status has to be looked at.
    pub(super) fn takes_status_field(&self, field: &str, value: &Value) -> bool {
        let Some(status) = self.root.property("status") else { return false };
        let Some(node) = status.property(field) else { return false };
        let mut errors = Vec::new();
        let mut place = Place::default();
        !self.has_validations && status.rules.is_empty() && !status.has_defaults && prune::is_known(node, value) && {
            validate::validate(node, value, &mut place, &mut errors);
            errors.is_empty()
        }
    }

    /// Whether the metadata are bound by the general rules for metadata alone.
    pub(super) fn leaves_metadata_alone(&self) -> bool {
        !self.has_validations
            && self.root.rules.is_empty()
            && !self.root.has_defaults
            && self.root.property("metadata").is_none_or(|metadata| {
                metadata.rules.is_empty() && metadata.properties.is_empty() && metadata.required.is_empty()
            })
    }

    /// The fields that a status must have.
    pub(super) fn status_requires(&self) -> &[String] {
        self.root.property("status").map(|status| status.required.as_slice()).unwrap_or_default()
    }

    /// What is wrong with an object. A value that is as it was in `old` is not complained about: a schema that became
    /// stricter must not stop others from being changed.
    pub(super) fn validate(&self, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        validate::validate(&self.root, object, &mut Place::default(), &mut errors);
        if self.has_validations {
            // Rules may rely on what the schema says: they are not asked where that does not hold.
            if errors.iter().any(FieldError::blocks_rules) {
                errors.push(FieldError::rules_not_checked());
            } else {
                cel::check(&self.root, object, old, &mut Place::default(), &mut errors);
            }
        }
        if let Some(old) = old.filter(|_| !errors.is_empty()) {
            ratchet::forgive_unchanged(&mut errors, object, old);
        }
        errors
    }

    /// Whether a part of an object cannot be validated by itself.
    pub(super) fn has_validations(&self) -> bool {
        self.has_validations
    }

    /// The same for the field `status` alone.
    pub(super) fn validate_status(&self, status: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if let Some(node) = self.root.property("status") {
            let mut place = Place::default();
            place.within_field("status", |place| validate::validate(node, status, place, &mut errors));
        }
        if let Some(old) = old.filter(|_| !errors.is_empty()) {
            ratchet::forgive_unchanged_below(&mut errors, "status", status, old);
        }
        errors
    }
}

#[cfg(test)]
mod tests;
