//! Ratcheting: what was wrong before and has not been touched is not complained about.

use serde_json::Value;

use super::super::field_error::FieldError;

/// Drops the complaints about values of `new` that are the same in `old`.
pub(super) fn forgive_unchanged(errors: &mut Vec<FieldError>, new: &Value, old: &Value) {
    errors.retain(|error| !unchanged(&error.field, new, old));
}

/// The same where both values stand in the field `root` of the object.
pub(super) fn forgive_unchanged_below(errors: &mut Vec<FieldError>, root: &str, new: &Value, old: &Value) {
    errors.retain(|error| {
        let below = error.field.strip_prefix(root).unwrap_or(&error.field);
        !unchanged(below.strip_prefix('.').unwrap_or(below), new, old)
    });
}

/// Follows the field down both objects. Items of lists have no identity of their own, so a list counts as one value;
/// of a field that is missing, what counts is the object that it is missing from.
fn unchanged(field: &str, new: &Value, old: &Value) -> bool {
    let (mut new, mut old) = (new, old);
    for step in field.split('.').filter(|step| !step.is_empty()) {
        let (name, in_list) = step.split_once('[').map_or((step, false), |(name, _)| (name, true));
        let Some(below_new) = new.get(name) else { break };
        let Some(below_old) = old.get(name) else { return false };
        (new, old) = (below_new, below_old);
        if in_list {
            break;
        }
    }
    new == old
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_that_was_wrong_before_may_stay() {
        let (old, new) = (json!({"spec": {"a": 1, "b": 2}}), json!({"spec": {"a": 1, "b": 3}}));
        assert!(unchanged("spec.a", &new, &old));
        assert!(!unchanged("spec.b", &new, &old));
        assert!(!unchanged("spec.c", &new, &old));
        assert!(unchanged("spec.c", &old, &old));
        assert!(!unchanged("spec.l[0].x", &json!({"spec": {"l": [1]}}), &json!({"spec": {"l": [2]}})));
    }
}
