//! A compiled schema: one node for each place in an object.

use regex::Regex;
use serde_json::{Number, Value};

use super::{cel::CelRule, format::Format};

/// The type that a value must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::cluster) enum Type {
    /// No matter.
    #[default]
    Any,
    /// A map.
    Object,
    /// A list.
    Array,
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// `x-kubernetes-int-or-string`.
    IntOrString,
}

/// What may be at one place.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a keyword of its own")]
pub(in crate::cluster) struct Node {
    /// The type of the value.
    pub kind: Type,
    /// Whether null is a value too.
    pub nullable: bool,
    /// Whether unknown fields stay.
    pub preserve: bool,
    /// Whether this is an object with `apiVersion`, `kind` and `metadata` of its own.
    pub embedded: bool,
    /// The known fields, sorted by name, as the keys of an object are: one walk over both matches them.
    pub properties: Vec<(String, Node)>,
    /// The fields that must be there.
    pub required: Vec<String>,
    /// What other fields hold.
    pub additional: Additional,
    /// What a list holds.
    pub items: Option<Box<Node>>,
    /// What goes here where nothing is.
    pub default: Option<Value>,
    /// Whether this node or one below it has a default: where none has, there is nothing to fill in.
    pub has_defaults: bool,
    /// The rules beyond the type.
    pub rules: Vec<Rule>,
    /// The rules of `x-kubernetes-validations`.
    pub validations: Vec<CelRule>,
    /// How the items of a list are told apart: `x-kubernetes-list-type`.
    pub list: ListType,
    /// Whether a map belongs to one owner as a whole: `x-kubernetes-map-type` is `atomic`.
    pub atomic: bool,
}

/// How the items of a list are told apart when it is merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cluster) enum ListType {
    /// Not at all: the list is one value.
    #[default]
    Atomic,
    /// Each by itself.
    Set,
    /// By the values of these fields, `x-kubernetes-list-map-keys`.
    Map(Vec<String>),
}

/// What the fields hold that are not among the properties.
#[derive(Debug, Default)]
pub(in crate::cluster) enum Additional {
    /// There are none.
    #[default]
    None,
    /// Anything.
    Any,
    /// Values of one form.
    Of(Box<Node>),
}

/// One rule about a value.
#[derive(Debug)]
pub(in crate::cluster) enum Rule {
    /// One of these.
    Enum(Vec<Value>),
    /// A match, and the pattern as it was written.
    Pattern(Regex, String),
    /// A form of text.
    Format(Format),
    /// At least this many characters.
    MinLength(u64),
    /// At most this many characters.
    MaxLength(u64),
    /// At least this many items.
    MinItems(u64),
    /// At most this many items.
    MaxItems(u64),
    /// At least this many fields.
    MinProperties(u64),
    /// At most this many fields.
    MaxProperties(u64),
    /// At least, or more than where exclusive.
    Minimum(Number, bool),
    /// At most, or less than where exclusive.
    Maximum(Number, bool),
    /// A whole multiple of it.
    MultipleOf(Number),
    /// All of these hold.
    AllOf(Vec<Node>),
    /// At least one of these holds.
    AnyOf(Vec<Node>),
    /// Exactly one of these holds.
    OneOf(Vec<Node>),
    /// This does not hold.
    Not(Box<Node>),
}

impl Node {
    /// The node of a field, where it is known by name.
    pub(in crate::cluster) fn property(&self, name: &str) -> Option<&Self> {
        let at = self.properties.binary_search_by(|(property, _)| property.as_str().cmp(name)).ok()?;
        self.properties.get(at).map(|(_, node)| node)
    }
}
