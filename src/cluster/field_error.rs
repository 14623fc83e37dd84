//! Complaints about one field of an object, worded as kube-apiserver words them.

use serde_json::Value;

/// What is wrong with one field; many of them make a 422 Invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FieldError {
    /// The machine-readable kind of fault, `FieldValueInvalid` and the like.
    pub reason: &'static str,
    /// The sentence, without the field.
    pub message: String,
    /// Where, as `spec.disks[0].name`.
    pub field: String,
}

impl FieldError {
    /// A field that must be there and is not.
    pub(super) fn required(field: impl Into<String>, detail: &str) -> Self {
        let message = if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        Self { reason: "FieldValueRequired", message, field: field.into() }
    }

    /// A value that breaks a rule.
    pub(super) fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {}: {detail}", shown(value)),
            field: field.into(),
        }
    }

    /// A text that breaks a rule.
    pub(super) fn invalid_text(field: impl Into<String>, value: &str, detail: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            message: format!("Invalid value: {value:?}: {detail}"),
            field: field.into(),
        }
    }

    /// A value of the wrong type; `found` is the name of its type, or the text that is not of a format.
    pub(super) fn wrong_type(field: impl Into<String>, found: &str, detail: &str) -> Self {
        Self {
            reason: "FieldValueTypeInvalid",
            message: format!("Invalid value: {found:?}: {detail}"),
            field: field.into(),
        }
    }

    /// A value outside of an enumeration.
    pub(super) fn not_supported(field: impl Into<String>, value: &Value, supported: &[Value]) -> Self {
        let supported: Vec<String> = supported
            .iter()
            .map(|value| value.as_str().map_or_else(|| format!("{:?}", value.to_string()), |text| format!("{text:?}")))
            .collect();
        Self {
            reason: "FieldValueNotSupported",
            message: format!("Unsupported value: {}: supported values: {}", shown(value), supported.join(", ")),
            field: field.into(),
        }
    }

    /// A change that the present state does not allow.
    pub(super) fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        Self { reason: "FieldValueForbidden", message: format!("Forbidden: {detail}"), field: field.into() }
    }

    /// A value that may be there once and is there again.
    pub(super) fn duplicate(field: impl Into<String>, value: &Value) -> Self {
        Self {
            reason: "FieldValueDuplicate",
            message: format!("Duplicate value: {}", shown(value)),
            field: field.into(),
        }
    }

    /// Said beside faults that kept the rules in CEL from being asked; it stands at no field.
    pub(super) fn rules_not_checked() -> Self {
        let rule = "some validation rules were not checked because the object was invalid; correct the existing errors to \
                    complete validation";
        Self::invalid("<nil>", &Value::Null, rule)
    }

    /// Whether the rules in CEL cannot be asked of a value with this fault.
    pub(super) fn blocks_rules(&self) -> bool {
        const BLOCKING: &[&str] = &[
            "FieldValueNotSupported",
            "FieldValueRequired",
            "FieldValueTooLong",
            "FieldValueTooMany",
            "FieldValueTypeInvalid",
        ];
        BLOCKING.contains(&self.reason)
    }

    /// A text that is too long; the text itself is left out.
    pub(super) fn too_long(field: impl Into<String>, limit: u64) -> Self {
        let unit = if limit == 1 { "byte" } else { "bytes" };
        Self {
            reason: "FieldValueTooLong",
            message: format!("Too long: may not be more than {limit} {unit}"),
            field: field.into(),
        }
    }

    /// A list or a map with too many items.
    pub(super) fn too_many(field: impl Into<String>, actual: usize, limit: u64) -> Self {
        Self {
            reason: "FieldValueTooMany",
            message: format!("Too many: {actual}: must have at most {limit} items"),
            field: field.into(),
        }
    }
}

/// A value as Go's `field.Error` prints it: texts quoted, null as a quoted word, the rest as JSON.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Null => "\"null\"".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn complaints_are_worded_as_the_real_servers() {
        assert_eq!(
            FieldError::invalid("spec.templateID", &json!("9x"), "must match").message,
            "Invalid value: \"9x\": must match"
        );
        assert_eq!(
            FieldError::not_supported("status.phase", &json!("X"), &[json!("A"), json!("B")]).message,
            "Unsupported value: \"X\": supported values: \"A\", \"B\""
        );
        assert_eq!(FieldError::required("spec.x", "").message, "Required value");
        assert_eq!(FieldError::too_long("spec.x", 1).message, "Too long: may not be more than 1 byte");
    }
}
