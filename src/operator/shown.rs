//! An instance as the watch shows it, shared from there on: the cache, a decision and a write all look at the same one.

use std::{borrow::Cow, sync::Arc};

use kube::{Resource, api::ObjectMeta};
use serde::{Deserialize, Deserializer};

use crate::{
    api::{ComputeInstance, ComputeInstanceSpec, ComputeInstanceStatus},
    operator::lean::LeanMeta,
};

/// A ComputeInstance that is cheap to hand on and to keep.
#[derive(Clone, Debug)]
pub(crate) struct Shown(pub(crate) Arc<ComputeInstance>);

/// What is read of it.
#[derive(Deserialize)]
struct Parts {
    metadata: LeanMeta,
    spec: ComputeInstanceSpec,
    #[serde(default)]
    status: Option<ComputeInstanceStatus>,
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Parts { metadata, spec, status } = Parts::deserialize(deserializer)?;
        Ok(Self(Arc::new(ComputeInstance { metadata: metadata.into(), spec, status })))
    }
}

impl Resource for Shown {
    type DynamicType = <ComputeInstance as Resource>::DynamicType;
    type Scope = <ComputeInstance as Resource>::Scope;

    fn kind(of: &Self::DynamicType) -> Cow<'_, str> {
        ComputeInstance::kind(of)
    }

    fn group(of: &Self::DynamicType) -> Cow<'_, str> {
        ComputeInstance::group(of)
    }

    fn version(of: &Self::DynamicType) -> Cow<'_, str> {
        ComputeInstance::version(of)
    }

    fn plural(of: &Self::DynamicType) -> Cow<'_, str> {
        ComputeInstance::plural(of)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.0.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut Arc::make_mut(&mut self.0).metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// By the pattern of `date-time` in go-openapi/strfmt it is one, so that a server takes it.
    #[test]
    fn an_offset_that_no_clock_has_keeps_no_instance_from_being_read() {
        let read = |time: &str| {
            let spec = json!({"templateID": "t", "restartRequestedAt": time});
            let Shown(instance) =
                serde_json::from_value(json!({"metadata": {"name": "a"}, "spec": spec})).expect("read");
            instance.spec.restart_requested_at.as_ref().map(|time| time.0.to_string())
        };
        assert_eq!(read("2026-02-12T00:00:00+99:99"), None);
        assert_eq!(read("2026-02-12T00:00:00+01:00").as_deref(), Some("2026-02-11T23:00:00Z"));
    }
}
