//! The objects that a job makes, and the patches that it writes, as JSON.
//!
//! Names and namespaces are checked before they come here (`payload::is_name`), so none needs an escape, and text is the
//! cheapest way to make JSON that never changes.

use serde::Serialize;

use super::LABEL;
use crate::record::Word;

/// The volume of an object's machine.
pub(super) fn volume_name(name: &str) -> String {
    format!("{name}-root-disk")
}

/// The secret of an object's machine.
pub(super) fn secret_name(name: &str) -> String {
    format!("{name}-user-data")
}

/// The secret with the machine's first configuration.
pub(super) fn secret(name: &str, namespace: &str) -> String {
    let secret = secret_name(name);
    format!(
        r##"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"{secret}","namespace":"{namespace}","labels":{{"{LABEL}":"{name}"}}}},"type":"Opaque","stringData":{{"userdata":"#cloud-config\n"}}}}"##
    )
}

/// The volume with the machine's image.
pub(super) fn volume(name: &str, namespace: &str) -> String {
    let volume = volume_name(name);
    format!(
        r#"{{"apiVersion":"cdi.kubevirt.io/v1beta1","kind":"DataVolume","metadata":{{"name":"{volume}","namespace":"{namespace}","labels":{{"{LABEL}":"{name}"}}}},"spec":{{"source":{{"registry":{{"url":"docker://quay.io/containerdisks/fedora:latest"}}}},"storage":{{"resources":{{"requests":{{"storage":"10Gi"}}}}}}}}}}"#
    )
}

/// The machine.
pub(super) fn machine(name: &str, namespace: &str) -> String {
    let volume = volume_name(name);
    format!(
        r#"{{"apiVersion":"kubevirt.io/v1","kind":"VirtualMachine","metadata":{{"name":"{name}","namespace":"{namespace}","labels":{{"{LABEL}":"{name}"}}}},"spec":{{"runStrategy":"Always","template":{{"metadata":{{"labels":{{"{LABEL}":"{name}"}}}},"spec":{{"domain":{{"devices":{{}},"memory":{{"guest":"2Gi"}}}},"volumes":[{{"name":"root-disk","dataVolume":{{"name":"{volume}"}}}}]}}}}}}}}"#
    )
}

/// Stops a machine.
pub(super) const HALT: &str = r#"{"spec":{"runStrategy":"Halted"}}"#;

#[derive(Serialize)]
struct FinalizersPatch<'a> {
    metadata: Finalizers<'a>,
}

#[derive(Serialize)]
struct Finalizers<'a> {
    /// `None` is written as `null`, which removes the list.
    finalizers: Option<&'a [Word]>,
}

/// Replaces the list of an object's finalizers.
pub(super) fn finalizers_patch(finalizers: &[Word]) -> String {
    let finalizers = (!finalizers.is_empty()).then_some(finalizers);
    json(&FinalizersPatch { metadata: Finalizers { finalizers } })
}

/// Says which version is true now.
pub(super) fn version_patch(annotation: &str, version: &str) -> String {
    format!(r#"{{"metadata":{{"annotations":{{{}:{}}}}}}}"#, json(&annotation), json(&version))
}

/// Our own types serialise.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sim::playbook::{FINALIZER, VERSION_ANNOTATION};

    fn parsed(text: &str) -> Value {
        serde_json::from_str(text).expect(text)
    }

    #[test]
    fn what_is_made_is_labelled_and_in_its_namespace() {
        for (text, name) in [
            (secret("ci-0001", "ns-x"), "ci-0001-user-data"),
            (volume("ci-0001", "ns-x"), "ci-0001-root-disk"),
            (machine("ci-0001", "ns-x"), "ci-0001"),
        ] {
            let metadata = &parsed(&text)["metadata"];
            assert_eq!(*metadata, json!({"name": name, "namespace": "ns-x", "labels": {LABEL: "ci-0001"}}));
        }
        let machine = parsed(&machine("ci-0001", "ns-x"));
        assert_eq!(machine["spec"]["template"]["spec"]["volumes"][0]["dataVolume"]["name"], "ci-0001-root-disk");
    }

    #[test]
    fn patches_escape_what_others_wrote() {
        let finalizers = [Word::const_new("a\"b"), Word::const_new(FINALIZER)];
        assert_eq!(parsed(&finalizers_patch(&finalizers)), json!({"metadata": {"finalizers": finalizers}}));
        assert_eq!(finalizers_patch(&[]), r#"{"metadata":{"finalizers":null}}"#);
        assert_eq!(
            parsed(&version_patch(VERSION_ANNOTATION, "a\"b")),
            json!({"metadata": {"annotations": {VERSION_ANNOTATION: "a\"b"}}})
        );
    }
}
