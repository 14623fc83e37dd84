//! The messages: which number is which field. The numbers are those of the `generated.proto` files of Kubernetes 1.33.

/// A message: number, name in JSON, and how it is read.
pub(super) type Message = &'static [(u64, &'static str, Reads)];

/// How a field is read.
#[derive(Debug)]
pub(super) enum Reads {
    /// What only the server writes.
    Ignored,
    Text,
    Truth,
    Number,
    /// Seconds and nanoseconds.
    Time,
    One(Message),
    Texts,
    Many(Message),
    /// From texts to texts, or to bytes that JSON has in base64.
    Map {
        of_bytes: bool,
    },
}

use Reads::{Ignored, Many, Map, Number, One, Text, Texts, Time, Truth};

/// The message of a kind.
pub(super) fn of(api_version: &str, kind: &str) -> Option<Message> {
    Some(match (api_version, kind) {
        ("v1", "Namespace") => NAMESPACE,
        ("v1", "Secret") => SECRET,
        ("v1", "ConfigMap") => CONFIG_MAP,
        ("authorization.k8s.io/v1", "SelfSubjectAccessReview") => ACCESS_REVIEW,
        ("authorization.k8s.io/v1", "SelfSubjectRulesReview") => RULES_REVIEW,
        ("authentication.k8s.io/v1", "SelfSubjectReview") => SUBJECT_REVIEW,
        _ => return None,
    })
}

const OBJECT_META: Message = &[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (4, "selfLink", Ignored),
    (5, "uid", Text),
    (6, "resourceVersion", Text),
    (7, "generation", Ignored),
    (8, "creationTimestamp", Time),
    (9, "deletionTimestamp", Time),
    (10, "deletionGracePeriodSeconds", Number),
    (11, "labels", Map { of_bytes: false }),
    (12, "annotations", Map { of_bytes: false }),
    (13, "ownerReferences", Many(OWNER_REFERENCE)),
    (14, "finalizers", Texts),
];

const OWNER_REFERENCE: Message = &[
    (1, "kind", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "controller", Truth),
    (7, "blockOwnerDeletion", Truth),
];

const NAMESPACE: Message =
    &[(1, "metadata", One(OBJECT_META)), (2, "spec", One(&[(1, "finalizers", Texts)])), (3, "status", Ignored)];

const SECRET: Message = &[
    (1, "metadata", One(OBJECT_META)),
    (2, "data", Map { of_bytes: true }),
    (3, "type", Text),
    (4, "stringData", Map { of_bytes: false }),
    (5, "immutable", Truth),
];

const CONFIG_MAP: Message = &[
    (1, "metadata", One(OBJECT_META)),
    (2, "data", Map { of_bytes: false }),
    (3, "binaryData", Map { of_bytes: true }),
    (4, "immutable", Truth),
];

const ACCESS_REVIEW: Message = &[
    (1, "metadata", One(OBJECT_META)),
    (
        2,
        "spec",
        One(&[
            (1, "resourceAttributes", One(RESOURCE_ATTRIBUTES)),
            (2, "nonResourceAttributes", One(&[(1, "path", Text), (2, "verb", Text)])),
        ]),
    ),
    (3, "status", Ignored),
];

const RESOURCE_ATTRIBUTES: Message = &[
    (1, "namespace", Text),
    (2, "verb", Text),
    (3, "group", Text),
    (4, "version", Text),
    (5, "resource", Text),
    (6, "subresource", Text),
    (7, "name", Text),
];

const RULES_REVIEW: Message =
    &[(1, "metadata", One(OBJECT_META)), (2, "spec", One(&[(1, "namespace", Text)])), (3, "status", Ignored)];

const SUBJECT_REVIEW: Message = &[(1, "metadata", One(OBJECT_META)), (2, "status", Ignored)];
