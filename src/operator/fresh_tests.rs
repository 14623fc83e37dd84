use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;

use super::*;

fn key() -> ObjectKey {
    ObjectKey { namespace: "vms".into(), name: "a".into() }
}

fn object(uid: &str, version: &str, finalizers: &[&str]) -> Arc<ConfigMap> {
    let finalizers: Vec<String> = finalizers.iter().map(|name| (*name).to_owned()).collect();
    Arc::new(ConfigMap {
        metadata: ObjectMeta {
            uid: Some(uid.into()),
            resource_version: Some(version.into()),
            finalizers: Some(finalizers),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    })
}

fn version(object: Option<&Arc<ConfigMap>>) -> Option<&str> {
    object?.metadata.resource_version.as_deref()
}

#[test]
fn what_was_written_counts_until_the_cache_has_caught_up() {
    let fresh = Fresh::default();
    fresh.remember(&key(), &object("u", "10", &[]));
    assert_eq!(version(fresh.newest(&key(), Some(object("u", "9", &[]))).as_ref()), Some("10"), "numbers, not text");
    assert_eq!(version(fresh.newest(&key(), Some(object("u", "10", &[]))).as_ref()), Some("10"));
    assert!(fresh.written(&key()).is_none(), "it is not kept beyond that");
    assert_eq!(version(fresh.newest(&key(), Some(object("u", "9", &[]))).as_ref()), Some("9"));
}

#[test]
fn an_object_that_the_cache_does_not_show_is_gone() {
    let fresh = Fresh::default();
    fresh.remember(&key(), &object("u", "10", &[]));
    assert!(fresh.newest(&key(), None).is_none());
    assert_eq!(version(fresh.written(&key()).as_ref()), Some("10"), "unless who asks knows better");
    fresh.forget(&key());
    assert!(fresh.written(&key()).is_none());
}

#[test]
fn what_was_written_to_a_namesake_does_not_count() {
    let fresh = Fresh::default();
    fresh.remember(&key(), &object("old", "10", &[]));
    assert_eq!(version(fresh.newest(&key(), Some(object("new", "9", &[]))).as_ref()), Some("9"));
}

#[test]
fn of_two_answers_the_later_write_counts_in_whatever_order_they_come() {
    let fresh = Fresh::default();
    fresh.remember(&key(), &object("u", "11", &[]));
    fresh.remember(&key(), &object("u", "10", &[]));
    assert_eq!(version(fresh.written(&key()).as_ref()), Some("11"));
    fresh.remember(&key(), &object("new", "5", &[]));
    assert_eq!(version(fresh.written(&key()).as_ref()), Some("5"), "another object's numbers mean nothing");
}

#[test]
fn a_finalizer_that_was_taken_off_is_off_although_the_version_is_the_same() {
    let fresh = Fresh::default();
    fresh.remember(&key(), &object("u", "10", &[]));
    let newest = fresh.newest(&key(), Some(object("u", "10", &["ours"]))).expect("an object");
    assert_eq!(newest.metadata.finalizers, Some(vec![]));
}

#[test]
fn versions_that_are_no_numbers_are_not_compared() {
    let fresh = Fresh::default();
    fresh.remember(&key(), &object("u", "b", &[]));
    assert_eq!(version(fresh.newest(&key(), Some(object("u", "a", &[]))).as_ref()), Some("a"));
}
