//! The names of a kind beside its plural.

use serde_json::Value;

/// The names of a kind beside its plural.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cluster) struct Aliases {
    /// Of one object.
    pub singular: String,
    /// For people who type.
    pub short: Vec<String>,
    /// Of many kinds together, such as `all`.
    pub categories: Vec<String>,
}

impl Aliases {
    /// Those of a kind that is built in.
    pub(in crate::cluster) fn built_in(kind: &str) -> Self {
        let short: &[&str] = match kind {
            "Namespace" => &["ns"],
            "Event" => &["ev"],
            "ConfigMap" => &["cm"],
            "ServiceAccount" => &["sa"],
            "CustomResourceDefinition" => &["crd", "crds"],
            "VirtualMachine" => &["vm", "vms"],
            "VirtualMachineInstance" => &["vmi", "vmis"],
            "DataVolume" => &["dv", "dvs"],
            _ => &[],
        };
        let short = short.iter().map(|&name| name.to_owned()).collect();
        Self { singular: kind.to_lowercase(), short, categories: Vec::new() }
    }

    /// Those that a definition says (`spec.names`).
    pub(in crate::cluster) fn of_definition(names: &Value, kind: &str) -> Self {
        let all = |field: &str| {
            let texts = names.get(field).and_then(Value::as_array).into_iter().flatten();
            texts.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let singular = names.get("singular").and_then(Value::as_str).filter(|name| !name.is_empty());
        let singular = singular.map_or_else(|| kind.to_lowercase(), str::to_owned);
        Self { singular, short: all("shortNames"), categories: all("categories") }
    }
}
