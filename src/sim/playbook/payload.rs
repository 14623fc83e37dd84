//! What a job is told about the object that it works for.

use serde::Deserialize;

use crate::record::Word;

/// The parts of `ansible_eda.event.payload` that the playbooks use: the object as the operator saw it at the launch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    /// `metadata.name`.
    pub name: Word,
    /// `metadata.namespace`.
    pub namespace: Word,
    /// `status.desiredConfigVersion`.
    pub desired_config_version: Option<Word>,
    /// `status.tenantReference.name`.
    pub tenant: Option<Word>,
    /// `status.tenantReference.namespace`: where the machine lives.
    pub tenant_namespace: Option<Word>,
}

/// Variables that a playbook cannot work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// A variable is missing or of another type.
    #[error("The task includes an option with an undefined variable. The error was: {0}")]
    Undefined(String),
    /// A name that no object can have.
    #[error("{0} is not a valid name: it must be lower-case letters, digits, '-' or '.'")]
    InvalidName(String),
}

#[derive(Deserialize)]
struct Variables {
    ansible_eda: AnsibleEda,
}

#[derive(Deserialize)]
struct AnsibleEda {
    event: Event,
}

#[derive(Deserialize)]
struct Event {
    payload: Object,
}

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    #[serde(default)]
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Metadata {
    name: Word,
    namespace: Word,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    desired_config_version: Option<Word>,
    tenant_reference: Option<TenantReference>,
}

#[derive(Deserialize)]
struct TenantReference {
    name: Option<Word>,
    namespace: Option<Word>,
}

impl Payload {
    /// From a job's extra variables, a JSON object.
    ///
    /// # Errors
    /// When a variable that every playbook needs is missing, or a name is none.
    pub fn from_extra_vars(json: &str) -> Result<Self, PayloadError> {
        let variables: Variables =
            serde_json::from_str(json).map_err(|error| PayloadError::Undefined(error.to_string()))?;
        let Object { metadata, status } = variables.ansible_eda.event.payload;
        let status = status.unwrap_or_default();
        let (tenant, tenant_namespace) =
            status.tenant_reference.map_or((None, None), |reference| (reference.name, reference.namespace));
        let payload = Self {
            name: metadata.name,
            namespace: metadata.namespace,
            desired_config_version: status.desired_config_version,
            tenant,
            tenant_namespace,
        };
        if let Some(name) = payload.names().find(|name| !is_name(name)) {
            return Err(PayloadError::InvalidName(name.to_string()));
        }
        Ok(payload)
    }

    /// Everything that ends up in a path.
    fn names(&self) -> impl Iterator<Item = &Word> {
        [&self.name, &self.namespace].into_iter().chain(&self.tenant).chain(&self.tenant_namespace)
    }
}

/// Whether a text can be the name of an object (RFC 1123, as the cluster asks): such a name is safe in a path.
pub(super) fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let outer = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    bytes.len() <= 253 && bytes.iter().all(|b| inner(*b)) && outer(bytes.first()) && outer(bytes.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_found_in_the_variables_of_either_provider() {
        let object = r#"{"metadata":{"name":"ci-0001","namespace":"ns","uid":"u"},"spec":{"templateID":"t"},
            "status":{"desiredConfigVersion":"abc","tenantReference":{"name":"tenant-x","namespace":"ns-x"},"jobs":[]}}"#;
        let direct = format!(r#"{{"ansible_eda":{{"event":{{"payload":{object}}}}}}}"#);
        let by_event = format!(
            r#"{{"ansible_eda":{{"ruleset":"r","rule":"r","event":{{"meta":{{"endpoint":"e"}},"payload":{object}}}}}}}"#
        );
        let payload = Payload::from_extra_vars(&direct).expect("valid");
        assert_eq!(payload.name, "ci-0001");
        assert_eq!(payload.desired_config_version.as_deref(), Some("abc"));
        assert_eq!(payload.tenant_namespace.as_deref(), Some("ns-x"));
        assert_eq!(Payload::from_extra_vars(&by_event), Ok(payload));
    }

    #[test]
    fn variables_without_an_object_are_refused() {
        let error = Payload::from_extra_vars(r#"{"src":"vm9"}"#).expect_err("no object");
        assert!(error.to_string().contains("missing field `ansible_eda`"), "{error}");
        let hostile = r#"{"ansible_eda":{"event":{"payload":{"metadata":{"name":"../../secrets","namespace":"ns"}}}}}"#;
        assert_eq!(Payload::from_extra_vars(hostile), Err(PayloadError::InvalidName("../../secrets".to_owned())));
    }
}
