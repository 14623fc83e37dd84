//! A VirtualMachine as the watch shows it: whoever made it, and whatever is in it.
//!
//! **Guarantee:** no machine stops the watch. Machines of the whole cluster pass here, and a watch that can't read one of
//! them shows none: so only the metadata must be there, and a status that is not as expected counts as none.

use std::borrow::Cow;

use kube::{Resource, api::ObjectMeta};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{
    api::{VirtualMachine, VirtualMachineStatus, virtual_machine::VirtualMachineSpec},
    operator::lean::LeanMeta,
};

/// A VirtualMachine, of which as much is read as can be.
#[derive(Clone, Debug)]
pub(crate) struct Machine(pub(crate) VirtualMachine);

/// What is read of it.
#[derive(Deserialize)]
struct Parts {
    metadata: LeanMeta,
    #[serde(default)]
    status: Value,
}

impl<'de> Deserialize<'de> for Machine {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Parts { metadata, status } = Parts::deserialize(deserializer)?;
        let status: Option<VirtualMachineStatus> = serde_json::from_value(status).unwrap_or_default();
        Ok(Self(VirtualMachine { metadata: metadata.into(), spec: VirtualMachineSpec {}, status }))
    }
}

impl Resource for Machine {
    type DynamicType = <VirtualMachine as Resource>::DynamicType;
    type Scope = <VirtualMachine as Resource>::Scope;

    fn kind(of: &Self::DynamicType) -> Cow<'_, str> {
        VirtualMachine::kind(of)
    }

    fn group(of: &Self::DynamicType) -> Cow<'_, str> {
        VirtualMachine::group(of)
    }

    fn version(of: &Self::DynamicType) -> Cow<'_, str> {
        VirtualMachine::version(of)
    }

    fn plural(of: &Self::DynamicType) -> Cow<'_, str> {
        VirtualMachine::plural(of)
    }

    fn meta(&self) -> &ObjectMeta {
        &self.0.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.0.metadata
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_machine_is_read_whatever_is_in_it() {
        let metadata = json!({"name": "vm", "namespace": "x"});
        let whole = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        for (spec, status, is_ready) in [
            (json!({"running": true}), whole.clone(), true),
            (Value::Null, whole, true),
            (json!({}), Value::Null, false),
            (json!("odd"), json!({"conditions": null}), false),
            (json!({}), json!({"conditions": "odd"}), false),
        ] {
            let Machine(machine) =
                serde_json::from_value(json!({"metadata": metadata, "spec": spec, "status": status})).expect("read");
            assert_eq!((machine.metadata.name.as_deref(), machine.is_ready()), (Some("vm"), is_ready));
        }
        let Machine(bare) = serde_json::from_value(json!({"metadata": metadata})).expect("read");
        assert!(!bare.is_ready());
    }
}
