//! Field selectors: by name and namespace, the only fields that every resource can be selected by.

use super::status::Refusal;

/// A parsed field selector; the empty one selects everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FieldSelector(Vec<Requirement>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    field: Field,
    equal: bool,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Name,
    Namespace,
}

impl FieldSelector {
    /// Reads `metadata.name=a,metadata.namespace!=b`.
    ///
    /// # Errors
    /// 400 for other fields and for what is no selector.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        text.split(',')
            .filter(|term| !term.trim().is_empty())
            .map(Requirement::parse)
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Demands a name, beside what is demanded already.
    pub(super) fn require_name(&mut self, name: &str) {
        self.0.push(Requirement { field: Field::Name, equal: true, value: name.to_owned() });
    }

    /// Whether an object of that name and namespace is selected.
    pub(super) fn matches(&self, namespace: &str, name: &str) -> bool {
        self.0.iter().all(|requirement| {
            let actual = match requirement.field {
                Field::Name => name,
                Field::Namespace => namespace,
            };
            (actual == requirement.value) == requirement.equal
        })
    }

    /// Whether everything is selected.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Requirement {
    fn parse(term: &str) -> Result<Self, Refusal> {
        let (field, equal, value) = if let Some((field, value)) = term.split_once("!=") {
            (field, false, value)
        } else if let Some((field, value)) = term.split_once("==") {
            (field, true, value)
        } else if let Some((field, value)) = term.split_once('=') {
            (field, true, value)
        } else {
            return Err(Refusal::bad_request(format!(
                "invalid selector: '{term}'; can't understand '{}'",
                term.trim()
            )));
        };
        let field = match field.trim() {
            "metadata.name" => Field::Name,
            "metadata.namespace" => Field::Namespace,
            other => return Err(Refusal::bad_request(format!("field label not supported: {other}"))),
        };
        Ok(Self { field, equal, value: value.trim().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_selected_by_name_and_namespace() {
        let selector = FieldSelector::parse("metadata.name=a, metadata.namespace!=x").unwrap();
        assert!(selector.matches("y", "a"));
        assert!(!selector.matches("x", "a"));
        assert!(!selector.matches("y", "b"));
        assert!(FieldSelector::parse("metadata.name==a").unwrap().matches("", "a"));
        assert!(FieldSelector::parse("").unwrap().is_empty());
    }

    #[test]
    fn other_fields_are_refused() {
        let refusal = FieldSelector::parse("spec.nodeName=a").unwrap_err();
        assert_eq!((refusal.code().as_u16(), refusal.message()), (400, "field label not supported: spec.nodeName"));
        assert_eq!(FieldSelector::parse("metadata.name").unwrap_err().code(), 400);
    }
}
