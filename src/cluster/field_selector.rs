//! Field selectors: by name and namespace, as every resource can be selected, and by those fields of Secrets and Events that
//! Kubernetes lets them be selected by.

use serde_json::Value;

use super::{kinds::Kind, status::Refusal, wire};

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
    /// A text at one of these places in the object: the first that is not empty.
    At(&'static [&'static str]),
}

/// The fields that objects of a kind can be selected by beside name and namespace.
fn fields(kind: &Kind) -> &'static [(&'static str, &'static [&'static str])] {
    match (kind.group.as_str(), kind.name.as_str()) {
        ("", "Secret") => &[("type", &["/type"])],
        ("", "Event") => &[
            ("involvedObject.kind", &["/involvedObject/kind"]),
            ("involvedObject.namespace", &["/involvedObject/namespace"]),
            ("involvedObject.name", &["/involvedObject/name"]),
            ("involvedObject.uid", &["/involvedObject/uid"]),
            ("involvedObject.apiVersion", &["/involvedObject/apiVersion"]),
            ("involvedObject.resourceVersion", &["/involvedObject/resourceVersion"]),
            ("involvedObject.fieldPath", &["/involvedObject/fieldPath"]),
            ("reason", &["/reason"]),
            ("reportingComponent", &["/reportingComponent"]),
            ("source", &["/source/component", "/reportingComponent"]),
            ("type", &["/type"]),
        ],
        _ => &[],
    }
}

impl FieldSelector {
    /// Reads `metadata.name=a,metadata.namespace!=b`.
    ///
    /// # Errors
    /// 400 for other fields and for what is no selector.
    pub(super) fn parse(text: &str, kind: &Kind) -> Result<Self, Refusal> {
        text.split(',')
            .filter(|term| !term.trim().is_empty())
            .map(|term| Requirement::parse(term, kind))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Demands a name, beside what is demanded already.
    pub(super) fn require_name(&mut self, name: &str) {
        self.0.push(Requirement { field: Field::Name, equal: true, value: name.to_owned() });
    }

    /// Whether an object of that name and namespace can be selected, whatever is in it.
    pub(super) fn matches(&self, namespace: &str, name: &str) -> bool {
        self.0.iter().all(|requirement| match requirement.field {
            Field::Name => requirement.accepts(name),
            Field::Namespace => requirement.accepts(namespace),
            Field::At(_) => true,
        })
    }

    /// Whether an object, as JSON, is selected by what is in it.
    pub(super) fn picks(&self, object: &[u8]) -> bool {
        let mut inside = self.0.iter().filter_map(|requirement| match requirement.field {
            Field::At(places) => Some((requirement, places)),
            Field::Name | Field::Namespace => None,
        });
        let Some(first) = inside.next() else { return true };
        let object: Value = wire::read(object).unwrap_or_default();
        std::iter::once(first).chain(inside).all(|(requirement, places)| {
            let texts = places.iter().filter_map(|place| object.pointer(place).and_then(Value::as_str));
            requirement.accepts(texts.into_iter().find(|text| !text.is_empty()).unwrap_or_default())
        })
    }

    /// Whether everything is selected.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Requirement {
    fn accepts(&self, actual: &str) -> bool {
        (actual == self.value) == self.equal
    }

    fn parse(term: &str, kind: &Kind) -> Result<Self, Refusal> {
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
            other => match fields(kind).iter().find(|(name, _)| *name == other) {
                Some((_, places)) => Field::At(places),
                None => return Err(Refusal::bad_request(format!("field label not supported: {other}"))),
            },
        };
        Ok(Self { field, equal, value: value.trim().to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::kinds::Role, *};

    fn parse(text: &str, kind: &str) -> Result<FieldSelector, Refusal> {
        FieldSelector::parse(text, &Kind::new("", "v1", kind, "things", Role::Plain))
    }

    #[test]
    fn objects_are_selected_by_name_and_namespace() {
        let selector = parse("metadata.name=a, metadata.namespace!=x", "Thing").unwrap();
        assert!(selector.matches("y", "a"));
        assert!(!selector.matches("x", "a"));
        assert!(!selector.matches("y", "b"));
        assert!(parse("metadata.name==a", "Thing").unwrap().matches("", "a"));
        assert!(parse("", "Thing").unwrap().is_empty());
    }

    #[test]
    fn events_and_secrets_are_selected_by_what_is_in_them() {
        let event =
            br#"{"involvedObject":{"name":"a"},"source":{"component":""},"reportingComponent":"me","type":"Normal"}"#;
        for (selector, picks) in [
            ("involvedObject.name=a", true),
            ("involvedObject.name=a,type=Warning", false),
            ("involvedObject.name!=a", false),
            ("involvedObject.uid=", true),
            ("source=me", true),
            ("metadata.name=x", true),
        ] {
            assert_eq!(parse(selector, "Event").unwrap().picks(event), picks, "{selector}");
        }
        assert!(parse("type=Opaque", "Secret").unwrap().picks(br#"{"type":"Opaque"}"#));
    }

    #[test]
    fn other_fields_are_refused() {
        let refusal = parse("spec.nodeName=a", "Event").unwrap_err();
        assert_eq!((refusal.code().as_u16(), refusal.message()), (400, "field label not supported: spec.nodeName"));
        assert_eq!(parse("type=a", "Thing").unwrap_err().code(), 400);
        assert_eq!(parse("metadata.name", "Thing").unwrap_err().code(), 400);
    }
}
