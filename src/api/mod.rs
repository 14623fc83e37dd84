//! The API group `cloudkit.openshift.io/v1alpha1`, one file a concept.
