//! `--set PATH=VALUE`: values set over the file, such as `instances=50`, `arms.aap.poll_interval=5s` or
//! `scenarios.0.hold=10s`. A list is entered by index or by the name of an item.

use crate::harness::experiment::{
    ExperimentError,
    places::{Origin, Places, shown},
    raw,
    written::{Content, Field, Node},
};

/// The file's text with the values set over it, and where its lines are from.
pub(super) fn apply<'a>(
    text: &str,
    file: &Places<'a>,
    settings: &'a [String],
) -> Result<(String, Places<'a>), ExperimentError> {
    let mut document = Node::of_file(text).map_err(|error| file.malformed(&error))?;
    let written = |document: &Node| {
        let (text, lines) = document.write();
        (text, Places::of_lines(file.file, lines, settings))
    };
    let is_read = |document: &Node| {
        let (text, places) = written(document);
        raw::parse(&text, &places).is_ok()
    };
    for (number, setting) in settings.iter().enumerate() {
        let wrong = |message: String| ExperimentError::Option { option: shown(setting), message };
        let (path, value) =
            setting.split_once('=').ok_or_else(|| wrong("write it as PATH=VALUE, such as instances=50".to_owned()))?;
        let origin = Origin::Setting(number);
        *find(&mut document, path, origin).map_err(wrong)? = Node::of_setting(value, origin);
        // JSON is a map as well as a text, and only the field knows which it takes.
        if value.starts_with(['[', '{']) && !is_read(&document) {
            let mut other = document.clone();
            *find(&mut other, path, origin).map_err(wrong)? = Node { origin, content: Content::Text(value.to_owned()) };
            if is_read(&other) {
                document = other;
            }
        }
    }
    Ok(written(&document))
}

/// The place that a path leads to; what is missing on the way is made.
fn find<'n>(document: &'n mut Node, path: &str, origin: Origin) -> Result<&'n mut Node, String> {
    let mut place = document;
    let mut rest = Some(path);
    while let Some(ahead) = rest {
        (place, rest) = enter(place, ahead, origin).ok_or_else(|| {
            let (segment, _) = first(ahead);
            format!("there is no `{segment}` on the path {path}; lists are entered by index or by an item's name")
        })?;
    }
    Ok(place)
}

/// The part of a node that a path begins with, and the path from there.
fn enter<'n, 'p>(place: &'n mut Node, path: &'p str, origin: Origin) -> Option<(&'n mut Node, Option<&'p str>)> {
    if place.is_empty() {
        *place = Node { origin, content: Content::Map(Vec::new()) };
    }
    match &mut place.content {
        Content::Map(fields) => {
            let known = named(path, fields.iter().map(|field| Some(field.key.as_str())));
            let (index, rest) = if let Some(known) = known {
                known
            } else {
                let (key, rest) = first(path);
                if key.is_empty() {
                    return None;
                }
                fields.push(Field { key: key.to_owned(), origin, value: Node::empty(origin) });
                (fields.len() - 1, rest)
            };
            Some((&mut fields.get_mut(index)?.value, rest))
        }
        Content::List(items) => {
            // A scenario without a name has that of its kind.
            let names = items.iter().map(|item| item.text_of("name").or_else(|| item.text_of("kind")));
            let (index, rest) = if let Some(known) = named(path, names) {
                known
            } else {
                let (index, rest) = first(path);
                (index.parse().ok()?, rest)
            };
            Some((items.get_mut(index)?, rest))
        }
        Content::Text(_) | Content::Plain(_) => None,
    }
}

/// Which of the names a path begins with, and what follows it. Names may have dots in them, so that the longest is meant.
fn named<'p, 'n>(path: &'p str, names: impl Iterator<Item = Option<&'n str>>) -> Option<(usize, Option<&'p str>)> {
    let fitting = names.enumerate().filter_map(|(index, name)| {
        let name = name?;
        let rest = match path.strip_prefix(name)? {
            "" => None,
            rest => Some(rest.strip_prefix('.')?),
        };
        Some((name.len(), index, rest))
    });
    // Of two with one name the first, which is what an index would find first too.
    fitting.min_by_key(|(length, ..)| std::cmp::Reverse(*length)).map(|(_, index, rest)| (index, rest))
}

/// The first segment of a path, and what follows it.
fn first(path: &str) -> (&str, Option<&str>) {
    path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)))
}

#[cfg(test)]
#[path = "overrides_tests.rs"]
mod tests;
