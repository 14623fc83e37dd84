//! Which objects of a resource a list, a watch or a collection delete is about.

use bytes::Bytes;

use super::{
    event::Labels, field_selector::FieldSelector, kinds::Kind, label_selector::LabelSelector, query::Query,
    status::Refusal,
};

/// A namespace, or all of them, and selectors.
#[derive(Clone, Debug, Default)]
pub(super) struct Selection {
    /// All namespaces where there is none.
    pub namespace: Option<String>,
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Selection {
    /// Reads the selectors of a query.
    ///
    /// # Errors
    /// 400 where one of them is malformed.
    pub(super) fn new(kind: &Kind, namespace: Option<&str>, query: &Query<'_>) -> Result<Self, Refusal> {
        Ok(Self {
            namespace: namespace.map(str::to_owned),
            labels: query.label_selector.as_deref().map(LabelSelector::parse).transpose()?.unwrap_or_default(),
            fields: query
                .field_selector
                .as_deref()
                .map(|text| FieldSelector::parse(text, kind))
                .transpose()?
                .unwrap_or_default(),
        })
    }

    /// Leaves one name only.
    pub(super) fn narrow(&mut self, name: &str) {
        self.fields.require_name(name);
    }

    /// Whether an object of that namespace and name can be selected, whatever its labels are.
    pub(super) fn covers(&self, namespace: &str, name: &str) -> bool {
        self.namespace.as_deref().is_none_or(|own| own == namespace) && self.fields.matches(namespace, name)
    }

    /// Whether an object that is covered is selected with these labels, and with what is in it.
    pub(super) fn picks(&self, labels: &Labels, object: impl FnOnce() -> Bytes) -> bool {
        (self.labels.is_empty() || self.labels.matches(labels))
            && (self.fields.is_empty() || self.fields.picks(&object()))
    }

    /// Whether there is any selector.
    pub(super) fn has_selectors(&self) -> bool {
        !self.labels.is_empty() || !self.fields.is_empty()
    }
}
