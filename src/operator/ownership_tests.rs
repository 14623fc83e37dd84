use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;
use crate::api::ComputeInstanceSpec;

fn key(name: &str) -> ObjectKey {
    ObjectKey { namespace: "vms".into(), name: name.into() }
}

fn instance(name: &str, tenant: &str) -> ComputeInstance {
    let mut instance = ComputeInstance::new(name, ComputeInstanceSpec::default());
    instance.metadata.uid = Some(format!("uid-{name}"));
    instance.metadata.annotations = Some([(names::TENANT_ANNOTATION.to_owned(), tenant.to_owned())].into());
    instance
}

fn with(members: &[(&str, &str)]) -> Ownership {
    let ownership = Ownership::default();
    for (name, tenant) in members {
        ownership.observe(&key(name), &instance(name, tenant));
    }
    ownership
}

fn heir(ownership: &Ownership, tenant: &str, not: &str) -> Option<String> {
    ownership.another_member(&tenant_object_name(tenant), &key(not)).map(|(key, uid)| format!("{} {uid}", key.name))
}

#[test]
fn another_member_of_the_same_tenant_is_found() {
    let ownership = with(&[("a", "acme"), ("b", "acme"), ("c", "umbrella")]);
    assert_eq!(heir(&ownership, "acme", "a"), Some("b uid-b".into()));
    assert_eq!(heir(&ownership, "umbrella", "c"), None);
    assert_eq!(heir(&ownership, "nobody", "a"), None);
}

#[test]
fn who_passes_a_tenant_on_when_it_goes_is_the_better_heir() {
    let ownership = with(&[("a", "acme"), ("b", "acme"), ("c", "acme")]);
    let mut unmanaged = instance("b", "acme");
    unmanaged.metadata.finalizers = Some(vec![names::FINALIZER.to_owned()]);
    let mut managed = instance("c", "acme");
    managed.metadata.finalizers.clone_from(&unmanaged.metadata.finalizers);
    let annotations = unmanaged.metadata.annotations.get_or_insert_default();
    annotations.insert(names::MANAGEMENT_STATE_ANNOTATION.to_owned(), "unmanaged".to_owned());
    ownership.observe(&key("b"), &unmanaged);
    assert_eq!(heir(&ownership, "acme", "a"), Some("b uid-b".into()), "better than none");
    ownership.observe(&key("c"), &managed);
    assert_eq!(heir(&ownership, "acme", "a"), Some("c uid-c".into()));
    assert_eq!(heir(&ownership, "acme", "c"), Some("a uid-a".into()));
}

#[test]
fn an_instance_that_is_deleted_or_gone_is_no_heir() {
    let ownership = with(&[("a", "acme"), ("b", "acme"), ("c", "acme")]);
    let mut deleted = instance("b", "acme");
    deleted.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
    ownership.observe(&key("b"), &deleted);
    assert_eq!(heir(&ownership, "acme", "a"), Some("c uid-c".into()));
    ownership.remove(&key("c"));
    assert_eq!(heir(&ownership, "acme", "a"), None);
}

#[test]
fn an_instance_that_changes_its_tenant_leaves_the_old_one() {
    let ownership = with(&[("a", "acme"), ("b", "acme")]);
    ownership.observe(&key("b"), &instance("b", "umbrella"));
    assert_eq!(heir(&ownership, "acme", "a"), None);
    assert_eq!(heir(&ownership, "umbrella", "a"), Some("b uid-b".into()));
}

#[test]
fn what_a_new_list_does_not_show_is_gone() {
    let ownership = with(&[("a", "acme"), ("b", "acme")]);
    assert_eq!(ownership.retain(&[key("a")].into()), [key("b")]);
    assert_eq!(heir(&ownership, "acme", "a"), None);
    assert_eq!(ownership.retain(&[key("a")].into()), []);
}

#[test]
fn who_waits_is_woken_once() {
    let ownership = Ownership::default();
    for name in ["b", "a", "b"] {
        ownership.wait_for("tenant-x", &key(name));
    }
    ownership.wait_for("tenant-y", &key("c"));
    assert_eq!(ownership.awaited(), ["tenant-x", "tenant-y"]);
    assert_eq!(ownership.take_waiting("tenant-x"), [key("a"), key("b")].into());
    assert_eq!(ownership.take_waiting("tenant-x"), [].into());
    assert_eq!(ownership.awaited(), ["tenant-y"]);
}
