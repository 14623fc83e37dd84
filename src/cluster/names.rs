//! What names, labels and finalizers may look like.

use super::field_error::FieldError;

/// The form of an object's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameRule {
    /// Lower-case letters, digits and dashes, at most 63 of them.
    Label,
    /// Labels joined by dots, at most 253 characters in all.
    Subdomain,
}

impl NameRule {
    /// What is wrong with `name`, if anything is.
    pub(super) fn check(self, field: &str, name: &str) -> Option<FieldError> {
        let (fits, limit, rule) = match self {
            Self::Label => (is_label(name), 63, LABEL_RULE),
            Self::Subdomain => (name.split('.').all(is_label), 253, SUBDOMAIN_RULE),
        };
        if name.len() > limit {
            return Some(FieldError::invalid_text(field, name, &format!("must be no more than {limit} bytes")));
        }
        (!fits).then(|| FieldError::invalid_text(field, name, rule))
    }
}

const LABEL_RULE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
    start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

const SUBDOMAIN_RULE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or \
    '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

const QUALIFIED_RULE: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
    with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is \
    '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

const LABEL_VALUE_RULE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or \
    '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used \
    for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    bytes.first().is_some_and(inner)
        && bytes.last().is_some_and(inner)
        && bytes.iter().all(|byte| inner(byte) || *byte == b'-')
}

fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// What is wrong with `name` as a label key, an annotation key or a finalizer: a word with an optional domain before it.
pub(super) fn check_qualified(field: &str, name: &str) -> Option<FieldError> {
    let fits = match name.split_once('/') {
        Some((prefix, word)) => prefix.len() <= 253 && prefix.split('.').all(is_label) && is_word(word),
        None => is_word(name),
    };
    (!fits).then(|| FieldError::invalid_text(field, name, QUALIFIED_RULE))
}

/// What is wrong with `value` as the value of a label.
pub(super) fn check_label_value(field: &str, value: &str) -> Option<FieldError> {
    (!value.is_empty() && !is_word(value)).then(|| FieldError::invalid_text(field, value, LABEL_VALUE_RULE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_rfc_1123() {
        for good in ["a", "ci-0001", "a.b-c.d", "0"] {
            assert_eq!(NameRule::Subdomain.check("metadata.name", good), None, "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a..b", "a_b", "a/b"] {
            assert!(NameRule::Subdomain.check("metadata.name", bad).is_some(), "{bad}");
        }
        assert!(NameRule::Label.check("metadata.name", "a.b").is_some());
        assert!(NameRule::Label.check("metadata.name", &"a".repeat(64)).is_some());
        assert!(NameRule::Subdomain.check("metadata.name", &"a".repeat(254)).is_some());
    }

    #[test]
    fn keys_have_an_optional_domain() {
        for good in ["app", "cloudkit.openshift.io/tenant", "a/B_c.d"] {
            assert_eq!(check_qualified("metadata.labels", good), None, "{good}");
        }
        for bad in ["", "/a", "a/", "a b", "A.b/c", "a/b/c"] {
            assert!(check_qualified("metadata.labels", bad).is_some(), "{bad}");
        }
        assert_eq!(check_label_value("metadata.labels", ""), None);
        assert!(check_label_value("metadata.labels", "a b").is_some());
    }
}
