//! YAML as a tree that can be changed and written again: what is not changed keeps the text that it was written with, so that
//! `1.10` stays an arm's name and `007` an experiment's. What a text means is decided by the type that it is read into.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{NonFiniteFloatPolicy, Spanned};

use crate::harness::experiment::places::Origin;

/// A part of a document.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) content: Content,
}

#[derive(Clone, Debug)]
pub(super) enum Content {
    /// A text, whatever it looks like.
    Text(String),
    /// What may be a number, a truth, nothing or a text, as it was written.
    Plain(String),
    List(Vec<Node>),
    Map(Vec<Field>),
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) key: String,
    pub(super) origin: Origin,
    pub(super) value: Node,
}

impl Node {
    /// Reads a text whose parts are in the file, at their places in it.
    pub(super) fn of_file(text: &str) -> Result<Self, serde_saphyr::Error> {
        let at = |line, column| Origin::File { line, column };
        Ok(node(read(text)?, text, &at))
    }

    /// Reads a value that was set: a list, a map or a quoted text as in YAML, anything else as the text that it is.
    pub(super) fn of_setting(value: &str, origin: Origin) -> Self {
        let is_meant = |read: &Spanned<Read>| match &read.value {
            Read::Text(_) => value.starts_with(['"', '\'']),
            Read::List(_) | Read::Map(_) => value.starts_with(['[', '{']),
            Read::Scalar(_) => false,
        };
        match read(value) {
            Ok(read) if is_meant(&read) => node(read, value, &|_, _| origin),
            _ => Self { origin, content: Content::of_text(value) },
        }
    }

    /// Nothing, to be filled.
    pub(super) fn empty(origin: Origin) -> Self {
        Self { origin, content: Content::Plain(String::new()) }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(&self.content, Content::Plain(text) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of a field.
    pub(super) fn text_of(&self, key: &str) -> Option<&str> {
        let Content::Map(fields) = &self.content else { return None };
        let value = &fields.iter().find(|field| field.key == key)?.value;
        match &value.content {
            Content::Text(text) | Content::Plain(text) if !value.is_empty() => Some(text),
            _ => None,
        }
    }

    /// The document as YAML, and where each of its lines is from. Keys and values have lines of their own.
    pub(super) fn write(&self) -> (String, Vec<Origin>) {
        let mut lines = Lines::default();
        lines.node(self);
        (lines.text, lines.origins)
    }
}

impl Content {
    fn of_text(text: &str) -> Self {
        if is_plain(text) { Self::Plain(text.to_owned()) } else { Self::Text(text.to_owned()) }
    }
}

/// Whether a text can stand without quotes wherever a value can. What looks like anything but a text always can.
fn is_plain(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '+' | '-' | '~');
    text.is_empty() || text == "~" || (text.chars().all(fits) && text.contains(|c: char| c.is_ascii_alphanumeric()))
}

/// What the library reads, where nothing is known of types.
enum Read {
    Text(String),
    /// Not a text; how it would be written if it were not written yet.
    Scalar(String),
    List(Vec<Spanned<Read>>),
    Map(Vec<(Spanned<String>, Spanned<Read>)>),
}

fn read(text: &str) -> Result<Spanned<Read>, serde_saphyr::Error> {
    // As a name it is as good as any other.
    let options = serde_saphyr::options! {
        with_snippet: false,
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
    };
    serde_saphyr::from_str_with_options(text, options)
}

fn node(read: Spanned<Read>, text: &str, at: &dyn Fn(u64, u64) -> Origin) -> Node {
    let content = match read.value {
        Read::Text(text) => Content::Text(text),
        Read::Scalar(shown) => {
            // Behind an alias it stands where it is defined.
            let span = read.defined.span();
            let written = span.byte_offset().zip(span.byte_len()).and_then(|(start, len)| {
                let start = usize::try_from(start).ok()?;
                text.get(start..start.checked_add(usize::try_from(len).ok()?)?)
            });
            Content::Plain(written.filter(|written| is_plain(written)).map_or(shown, str::to_owned))
        }
        Read::List(items) => Content::List(items.into_iter().map(|item| node(item, text, at)).collect()),
        Read::Map(fields) => {
            let field = |(key, value): (Spanned<String>, Spanned<Read>)| Field {
                origin: at(key.referenced.line(), key.referenced.column()),
                key: key.value,
                value: node(value, text, at),
            };
            Content::Map(fields.into_iter().map(field).collect())
        }
    };
    Node { origin: at(read.referenced.line(), read.referenced.column()), content }
}

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Anything;

        impl<'de> Visitor<'de> for Anything {
            type Value = Read;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_str<E>(self, text: &str) -> Result<Read, E> {
                Ok(Read::Text(text.to_owned()))
            }

            fn visit_bool<E>(self, truth: bool) -> Result<Read, E> {
                Ok(Read::Scalar(truth.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Read, E> {
                Ok(Read::Scalar(number.to_string()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Read, E> {
                Ok(Read::Scalar(number.to_string()))
            }

            fn visit_f64<E>(self, number: f64) -> Result<Read, E> {
                Ok(Read::Scalar(number.to_string()))
            }

            fn visit_unit<E>(self) -> Result<Read, E> {
                Ok(Read::Scalar(String::new()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Read, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Read::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Read::Map(fields))
            }
        }

        deserializer.deserialize_any(Anything)
    }
}

#[derive(Default)]
struct Lines {
    text: String,
    origins: Vec<Origin>,
}

impl Lines {
    fn push(&mut self, line: &str, origin: Origin) {
        self.text.push_str(line);
        self.text.push('\n');
        self.origins.push(origin);
    }

    /// Flow style: brackets give a list and a map a beginning of their own.
    fn node(&mut self, node: &Node) {
        match &node.content {
            Content::Text(text) => self.push(&quoted(text), node.origin),
            Content::Plain(text) => self.push(text, node.origin),
            Content::List(items) => {
                self.push("[", node.origin);
                for item in items {
                    if item.is_empty() {
                        // A list has no items without a text.
                        self.push("~", item.origin);
                    } else {
                        self.node(item);
                    }
                    self.push(",", item.origin);
                }
                self.push("]", node.origin);
            }
            Content::Map(fields) => {
                self.push("{", node.origin);
                for field in fields {
                    self.push(&format!("{}:", quoted(&field.key)), field.origin);
                    self.node(&field.value);
                    self.push(",", field.origin);
                }
                self.push("}", node.origin);
            }
        }
    }
}

/// A text in quotes; what JSON escapes, YAML reads the same way.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a document says once it was read and written again, and the same without that.
    fn both<T: serde::de::DeserializeOwned>(text: &str) -> (T, T) {
        let (written, origins) = Node::of_file(text).expect(text).write();
        assert_eq!(written.lines().count(), origins.len(), "{written}");
        let read = |text: &str| serde_saphyr::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        (read(&written), read(text))
    }

    #[test]
    fn what_is_read_and_written_again_keeps_its_text() {
        type Texts = std::collections::BTreeMap<String, Vec<Option<String>>>;
        for text in [
            "a: [1.10, 007, 1_0, 010, 0x1F, 0o17, 1e3, +5, -5, -0, .inf, 1e999, .nan, yes, on, True]",
            "a: [~, null, '', '~', \"null\", 'on', \"1.10\", '5']\n1.10: []\n'007': []",
            "a:\n- plain # comment\n- a b:c#d\n- |\n  two\n  lines\n- >-\n  folded\n  text\n- folded\n  plain\n",
            "a: [\"\\t\\n\\u00e9\\\"\\\\\", 'it''s', é, 5%, 1m30s, '{a}', '[', ',', '- x', '#', ': ', '---', '--', '-']",
            "a: &x [1.10, &y 007]\nb: *x\nc: [*y, !!str 5]",
            "\u{feff}a: [é, 1.10, 007]\r\nb:\r\n- 1_0\r\n-\r\n",
        ] {
            let (again, once) = both::<Texts>(text);
            assert_eq!(again, once, "{text}");
        }
        for text in ["a: [1.10, 007, 0x1F, 1e3, ~, on, 'on', x, {}, {b: , c: [[]]}]", "a: &x {b: 1}\nc: {<<: *x, d: 2}"]
        {
            let (again, once) = both::<serde_json::Value>(text);
            assert_eq!(again, once, "{text}");
        }
    }

    #[test]
    fn a_value_that_was_set_is_the_text_that_was_typed_unless_it_is_written_as_yaml() {
        let origin = Origin::Setting(0);
        for (value, expected) in [
            ("007", "007\n"),
            ("on", "on\n"),
            ("", "\n"),
            ("-5s", "-5s\n"),
            ("note: x # y", "\"note: x # y\"\n"),
            (" x", "\" x\"\n"),
            ("*x", "\"*x\"\n"),
            ("'tis", "\"'tis\"\n"),
            ("'007'", "\"007\"\n"),
            ("\"a\": b", "\"\\\"a\\\": b\"\n"),
            ("{a", "\"{a\"\n"),
            ("[1.10]", "[\n1.10\n,\n]\n"),
        ] {
            assert_eq!(Node::of_setting(value, origin).write().0, expected, "{value}");
        }
    }
}
