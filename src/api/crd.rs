//! The CustomResourceDefinitions, made from the types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

use crate::api::{compute_instance::ComputeInstance, tenant::Tenant};

/// The group's definitions, each with the name of its file.
///
/// # Errors
/// Never in practice: when a definition can't be written as JSON.
pub fn all() -> Result<Vec<(&'static str, Value)>, serde_json::Error> {
    Ok(vec![
        ("cloudkit.openshift.io_computeinstances.yaml", cleaned(&ComputeInstance::crd())?),
        ("cloudkit.openshift.io_tenants.yaml", cleaned(&Tenant::crd())?),
    ])
}

fn cleaned(crd: &CustomResourceDefinition) -> Result<Value, serde_json::Error> {
    let mut value = serde_json::to_value(crd)?;
    drop_null_from_enums(&mut value);
    Ok(value)
}

/// An optional enum must not carry `null`: servers before 1.25 refuse the definition with a misleading message.
fn drop_null_from_enums(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(values)) = map.get_mut("enum") {
                values.retain(|value| !value.is_null());
            }
            map.values_mut().for_each(drop_null_from_enums);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_null_from_enums),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(index: usize) -> Value {
        all().expect("definitions")[index].1.clone()
    }

    #[test]
    fn the_schema_says_what_is_required_and_allowed() {
        let crd = schema(0);
        let version = &crd["spec"]["versions"][0];
        let properties = &version["schema"]["openAPIV3Schema"]["properties"];
        assert_eq!(properties["spec"]["required"], serde_json::json!(["templateID"]));
        assert_eq!(properties["spec"]["properties"]["templateID"]["pattern"], "^[a-zA-Z_][a-zA-Z0-9._]*$");
        assert_eq!(properties["spec"]["properties"]["restartRequestedAt"]["format"], "date-time");
        let status = &properties["status"]["properties"];
        assert_eq!(status["phase"]["enum"], serde_json::json!(["Starting", "Running", "Failed", "Deleting"]));
        let job = &status["jobs"]["items"];
        let mut required: Vec<&str> =
            job["required"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        required.sort_unstable();
        assert_eq!(required, ["jobID", "state", "timestamp", "type"]);
        assert_eq!(job["properties"]["type"]["enum"], serde_json::json!(["provision", "deprovision"]));
        assert_eq!(
            job["properties"]["state"]["enum"],
            serde_json::json!(["Pending", "Waiting", "Running", "Succeeded", "Failed", "Canceled", "Unknown"])
        );
        assert_eq!(job["properties"]["timestamp"]["format"], "date-time");
        assert!(
            status["provisionJob"]["properties"]["jobID"].is_object(),
            "an older operator's job must not be pruned"
        );
        assert_eq!(crd["spec"]["names"]["shortNames"], serde_json::json!(["ci"]));
        assert_eq!(version["subresources"]["status"], serde_json::json!({}));
        let columns: Vec<(&str, &str)> = version["additionalPrinterColumns"]
            .as_array()
            .expect("columns")
            .iter()
            .map(|column| (column["name"].as_str().unwrap_or(""), column["jsonPath"].as_str().unwrap_or("")))
            .collect();
        assert_eq!(columns, [("Template", ".spec.templateID"), ("Phase", ".status.phase")]);
    }

    #[test]
    fn the_tenants_schema_has_its_phases() {
        let crd = schema(1);
        let properties = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
        assert_eq!(
            properties["status"]["properties"]["phase"]["enum"],
            serde_json::json!(["Progressing", "Ready", "Failed", "Deleting"])
        );
        assert_eq!(properties["spec"]["required"], serde_json::json!(["name"]));
    }

    #[test]
    fn no_enum_carries_null() {
        fn check(value: &Value) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::Array(values)) = map.get("enum") {
                        assert!(values.iter().all(|value| !value.is_null()), "{values:?}");
                    }
                    map.values().for_each(check);
                }
                Value::Array(items) => items.iter().for_each(check),
                _ => {}
            }
        }
        (0..2).for_each(|index| check(&schema(index)));
    }
}
