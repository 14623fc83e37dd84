//! The version of an instance's configuration: an opaque word that a playbook echoes when it has made it.

use serde::Serialize;

use crate::{api::compute_instance::ComputeInstanceSpec, units::fnv1a_64};

/// The version as the field's operator computes it: hex FNV-1a 64 of the spec's JSON.
///
/// Two objects with one spec share it, so that a late playbook of a deleted object could declare its namesake Running.
#[must_use]
pub fn of_spec(spec: &ComputeInstanceSpec) -> String {
    hash(spec)
}

/// The version of one object: the object's UID is in the hash, the wish to restart is not.
#[must_use]
pub fn of_object(spec: &ComputeInstanceSpec, uid: &str) -> String {
    let spec = ComputeInstanceSpec { restart_requested_at: None, ..spec.clone() };
    hash(&(uid, spec))
}

/// The version that an object should have: [`of_object`], unless `recorded` shows that an older operator provisioned this
/// very spec by the other rule; then that one, so that an upgrade does not provision everything again.
#[must_use]
pub fn desired(spec: &ComputeInstanceSpec, uid: &str, recorded: Option<&str>) -> String {
    let by_spec = of_spec(spec);
    if recorded == Some(by_spec.as_str()) { by_spec } else { of_object(spec, uid) }
}

fn hash(value: &impl Serialize) -> String {
    let json = serde_json::to_vec(value).unwrap_or_default();
    format!("{:016x}", fnv1a_64(&json))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(template: &str) -> ComputeInstanceSpec {
        ComputeInstanceSpec { template_id: template.into(), ..ComputeInstanceSpec::default() }
    }

    #[test]
    fn the_fields_version_is_the_hash_of_the_specs_json() {
        let expected = format!("{:016x}", fnv1a_64(br#"{"templateID":"osac.vm"}"#));
        assert_eq!(of_spec(&spec("osac.vm")), expected);
    }

    #[test]
    fn defect_18_a_namesake_with_the_same_spec_has_another_version() {
        assert_ne!(of_object(&spec("a"), "uid-1"), of_object(&spec("a"), "uid-2"));
        assert_eq!(of_object(&spec("a"), "uid-1"), of_object(&spec("a"), "uid-1"));
        assert_ne!(of_object(&spec("a"), "uid-1"), of_object(&spec("b"), "uid-1"));
    }

    #[test]
    fn an_upgrade_keeps_the_version_that_an_older_operator_recorded() {
        let old = of_spec(&spec("a"));
        assert_eq!(desired(&spec("a"), "uid-1", Some(&old)), old);
        assert_eq!(desired(&spec("b"), "uid-1", Some(&old)), of_object(&spec("b"), "uid-1"));
        assert_eq!(desired(&spec("a"), "uid-1", None), of_object(&spec("a"), "uid-1"));
    }
}
