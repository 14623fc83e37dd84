//! Bodies in YAML, which is read into what JSON would have said.

use serde_json::Value;

/// Reads one document.
///
/// # Errors
/// What is wrong with it, and where.
pub(super) fn read(body: &[u8]) -> Result<Value, serde_saphyr::Error> {
    serde_saphyr::from_slice(body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn yaml_says_what_json_says() {
        let text = b"metadata:\n  name: x\n  labels: {a: \"1\"}\nspec:\n  n: 3\n  f: 1.5\n  yes: true\n  none: null\n  list:\n  - a\n  - b: c\n";
        let expected = json!({
            "metadata": {"name": "x", "labels": {"a": "1"}},
            "spec": {"n": 3, "f": 1.5, "yes": true, "none": null, "list": ["a", {"b": "c"}]},
        });
        assert_eq!(read(text).expect("YAML"), expected);
        assert_eq!(read(br#"{"metadata": {"name": "x"}}"#).expect("JSON is YAML"), json!({"metadata": {"name": "x"}}));
        assert!(read(b"a: [b").is_err());
    }
}
