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

/// What of a spec decides what a playbook makes, in the order in which a spec is written. The wish to restart does not.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made<'a> {
    #[serde(rename = "templateID")]
    template_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_parameters: Option<&'a str>,
}

/// The version of one object: the object's UID is in the hash, the wish to restart is not.
#[must_use]
pub fn of_object(spec: &ComputeInstanceSpec, uid: &str) -> String {
    let made = Made { template_id: &spec.template_id, template_parameters: spec.template_parameters.as_deref() };
    hash(&(uid, made))
}

/// The version that an object should have: [`of_object`], unless `recorded` shows that an older operator provisioned this
/// very spec by the other rule; then that one, so that an upgrade does not provision everything again.
#[must_use]
pub fn desired(spec: &ComputeInstanceSpec, uid: &str, recorded: Option<&str>) -> String {
    let by_object = of_object(spec, uid);
    match recorded {
        Some(recorded) if recorded != by_object && recorded == of_spec(spec) => recorded.to_owned(),
        _ => by_object,
    }
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
    fn the_wish_to_restart_changes_no_version_and_everything_else_does() {
        let with = |parameters: Option<&str>| ComputeInstanceSpec {
            template_parameters: parameters.map(str::to_owned),
            ..spec("a")
        };
        let restarted = ComputeInstanceSpec {
            restart_requested_at: serde_json::from_str("\"2026-02-12T00:00:00Z\"").expect("a time"),
            ..with(Some("{}"))
        };
        assert_eq!(of_object(&restarted, "uid-1"), of_object(&with(Some("{}")), "uid-1"));
        assert_ne!(of_object(&with(Some("{}")), "uid-1"), of_object(&with(None), "uid-1"));
        let json = serde_json::to_vec(&("uid-1", with(Some("{}")))).expect("JSON");
        assert_eq!(of_object(&with(Some("{}")), "uid-1"), format!("{:016x}", fnv1a_64(&json)));
    }

    #[test]
    fn an_upgrade_keeps_the_version_that_an_older_operator_recorded() {
        let old = of_spec(&spec("a"));
        assert_eq!(desired(&spec("a"), "uid-1", Some(&old)), old);
        assert_eq!(desired(&spec("b"), "uid-1", Some(&old)), of_object(&spec("b"), "uid-1"));
        assert_eq!(desired(&spec("a"), "uid-1", None), of_object(&spec("a"), "uid-1"));
    }
}
