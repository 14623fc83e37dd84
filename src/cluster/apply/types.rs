//! What the fields of an object are to those who own them: values, maps of fields that have owners of their own, lists
//! whose items have.
//!
//! Custom resources say it in their schemas. The types that Kubernetes brings say it by markers at their Go fields
//! (`+listType`, `+structType`), of which `built_in` has what matters. Of what has no schema, maps are
//! merged and lists are values, as the API server deduces it too.

use serde_json::{Map, Value};

use super::{
    super::{
        built_in,
        schema::node::{Additional, ListType, Node, Type as Shape},
    },
    field_set::Step,
};

/// The type of one place; deduced from the values where there is no schema for it.
#[derive(Clone, Copy, Debug)]
pub(in crate::cluster) struct Type<'a>(Option<&'a Node>);

/// A field's type, and whether the schema knows the field by name; keys of maps are not known by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field<'a> {
    /// What it holds.
    pub holds: Type<'a>,
    /// Whether it is a property of its own.
    pub named: bool,
}

/// How a value is owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ownership {
    /// As one.
    Whole,
    /// Field by field.
    Fields,
    /// Item by item.
    Items,
}

/// By what the items of a list are told apart in a strategic merge patch, which knows one key at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cluster) enum ListItems<'a> {
    /// Not at all.
    Together,
    /// By what they are.
    Value,
    /// By the value of this field.
    Key(&'a str),
}

/// Why an item of a list cannot be told from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoIdentity {
    /// It has no fields.
    NotAnObject,
    /// It lacks this key and the schema gives it no default.
    Without(String),
}

impl<'a> Type<'a> {
    /// The type of a whole object with this schema.
    pub(in crate::cluster) fn root(schema: &'a Node) -> Self {
        Self(Some(schema))
    }

    /// How a value of this type is owned.
    pub(super) fn ownership(self, value: &Value) -> Ownership {
        match (value, self.0) {
            (Value::Object(_), Some(node)) if node.atomic => Ownership::Whole,
            (Value::Object(_), _) => Ownership::Fields,
            (Value::Array(_), Some(node)) if node.list != ListType::Atomic => Ownership::Items,
            _ => Ownership::Whole,
        }
    }

    /// The type of a field, where there may be one of that name.
    pub(super) fn field(self, name: &str) -> Option<Field<'a>> {
        let Some(node) = self.0 else { return Some(Field { holds: Self(None), named: false }) };
        if node.embedded {
            match name {
                "metadata" => return Some(Field { holds: Self(Some(built_in::metadata())), named: true }),
                "apiVersion" | "kind" => return Some(Field { holds: Self(None), named: true }),
                _ => {}
            }
        }
        if let Some(property) = node.property(name) {
            return Some(Field { holds: Self(Some(property)), named: true });
        }
        match &node.additional {
            Additional::Of(values) => Some(Field { holds: Self(Some(values)), named: false }),
            Additional::Any => Some(Field { holds: Self(None), named: false }),
            Additional::None if node.preserve || Self::says_nothing(node) => {
                Some(Field { holds: Self(None), named: false })
            }
            Additional::None => None,
        }
    }

    /// A place whose schema asks for nothing.
    fn says_nothing(node: &Node) -> bool {
        node.kind == Shape::Any && node.properties.is_empty()
    }

    /// What a field holds, known or not.
    pub(in crate::cluster) fn holds(self, name: &str) -> Self {
        self.field(name).map_or(Self(None), |field| field.holds)
    }

    /// By what the items of a list of this type are told apart.
    pub(in crate::cluster) fn items_by(self) -> ListItems<'a> {
        match self.0.map(|node| &node.list) {
            Some(ListType::Set) => ListItems::Value,
            Some(ListType::Map(keys)) => keys.first().map_or(ListItems::Together, |key| ListItems::Key(key)),
            Some(ListType::Atomic) | None => ListItems::Together,
        }
    }

    /// The type of a list's items.
    pub(in crate::cluster) fn item(self) -> Self {
        Self(self.0.and_then(|node| node.items.as_deref()))
    }

    /// The name of the type that a value must have and has not.
    pub(super) fn refuses(self, value: &Value) -> Option<&'static str> {
        let node = self.0?;
        match (node.kind, value) {
            (_, Value::Null)
            | (Shape::Any | Shape::IntOrString, _)
            | (Shape::Object, Value::Object(_))
            | (Shape::Array, Value::Array(_))
            | (Shape::String, Value::String(_))
            | (Shape::Integer | Shape::Number, Value::Number(_))
            | (Shape::Boolean, Value::Bool(_)) => None,
            (Shape::Object, _) => Some("map"),
            (Shape::Array, _) => Some("list"),
            (Shape::String, _) => Some("string"),
            (Shape::Integer | Shape::Number, _) => Some("numeric (int or float)"),
            (Shape::Boolean, _) => Some("boolean"),
        }
    }

    /// The step that leads to an item of a list that is owned item by item.
    pub(super) fn step(self, item: &Value) -> Result<Step, NoIdentity> {
        let Some(Node { list: ListType::Map(keys), items, .. }) = self.0 else { return Ok(Step::value(item)) };
        let Value::Object(fields) = item else { return Err(NoIdentity::NotAnObject) };
        let mut identity = Map::new();
        for key in keys {
            let default = || items.as_ref().and_then(|node| node.property(key)?.default.clone());
            let value = fields.get(key).filter(|value| !value.is_null()).cloned().or_else(default);
            identity.insert(key.clone(), value.ok_or_else(|| NoIdentity::Without(key.clone()))?);
        }
        Ok(Step::key(identity))
    }
}
