//! How a case is written.
//!
//! ```text
//! == what must hold
//! POST ci @ci a
//! PUT ci/a @ci a {metadata: {resourceVersion: $1.rv}, spec: {templateID: large}}
//! ```
//! A case begins with `==` and its name. Each line is a step: a verb, a target, and what is sent. A line that begins with a
//! space goes on with the one before; `#` begins a line that nobody reads.
//!
//! - Verbs: those of HTTP; `MERGE`, `JSONPATCH`, `STRATEGIC` and `APPLY` are patches by their content type, which any verb
//!   can have in brackets (`POST[text/plain]`). `RACE n` before a verb sends it n times at once. `WATCH n` opens a watch
//!   there and reads n events at the end of the case. `GONE` asks until there is nothing, `THERE` until there is something, for
//!   ten seconds.
//! - Targets: `ci/a/status?x=y` in the case's namespace, `all/ci` in all, `other:ci` in another; or a path.
//! - Sent: `@kind name` is an object of that kind with that name (`-` for none), a mapping after it is merged into it; a
//!   mapping or list alone is JSON or YAML in its flow style; what follows `<<` is sent as it is, `NOTHING` is nothing.
//! - `$3MiB` is that many bytes of text, which is as much as a body may have.
//! - `$ns` is the case's namespace; `$2.rv`, `$2.uid`, `$2.name`, `$2.continue` are of the answer to step 2.

use std::path::Path;

use super::words::path;

/// A sequence of requests to a namespace of its own.
#[derive(Debug)]
pub struct Case {
    pub name: String,
    /// Whether nothing else may go on: what is in `99-alone.case`.
    pub alone: bool,
    pub steps: Vec<Step>,
}

#[derive(Debug)]
pub struct Step {
    pub action: Action,
    pub method: String,
    pub content_type: String,
    pub path: String,
    /// As written; empty for nothing.
    pub body: String,
    /// As written, for messages.
    pub line: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Send,
    Race(usize),
    Watch(usize),
    /// Ask until the answer has this code.
    Until(u16),
}

/// All cases, in the order of their files.
///
/// # Panics
/// Where a file can't be read or a line makes no sense.
pub fn all() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases");
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).expect("cases").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let cases = files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "case"));
    cases
        .flat_map(|file| {
            let alone = file.ends_with("99-alone.case");
            parse(&std::fs::read_to_string(file).expect("a file"), alone)
        })
        .collect()
}

/// The cases of a text.
pub fn parse(text: &str, alone: bool) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match line.chars().next() {
            None | Some('#') => {}
            Some(' ') => lines.last_mut().expect("a line before").push_str(line),
            Some(_) => lines.push(line.to_owned()),
        }
    }
    for line in lines {
        if let Some(name) = line.strip_prefix("== ") {
            cases.push(Case { name: name.to_owned(), alone, steps: Vec::new() });
        } else {
            cases.last_mut().expect("a case before its steps").steps.push(step(line));
        }
    }
    cases
}

fn step(line: String) -> Step {
    let (mut verb, mut rest) = word(&line);
    let mut action = Action::Send;
    if matches!(verb, "RACE" | "WATCH") {
        let (count, after) = word(rest);
        let count = count.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        rest = after;
        if verb == "RACE" {
            action = Action::Race(count);
            (verb, rest) = word(after);
        } else {
            action = Action::Watch(count);
            verb = "GET";
        }
    } else if matches!(verb, "GONE" | "THERE") {
        action = Action::Until(if verb == "GONE" { 404 } else { 200 });
        verb = "GET";
    }
    let (target, body) = word(rest);
    let (verb, bracketed) = verb.split_once('[').unwrap_or((verb, ""));
    let (method, content_type) = match verb {
        "MERGE" => ("PATCH", "application/merge-patch+json"),
        "JSONPATCH" => ("PATCH", "application/json-patch+json"),
        "STRATEGIC" => ("PATCH", "application/strategic-merge-patch+json"),
        "APPLY" => ("PATCH", "application/apply-patch+yaml"),
        "GET" | "DELETE" | "HEAD" => (verb, ""),
        other => (other, "application/json"),
    };
    let content_type = if bracketed.is_empty() { content_type } else { bracketed.trim_end_matches(']') };
    // Deleting with options says what they are.
    let content_type = if content_type.is_empty() && !body.is_empty() { "application/json" } else { content_type };
    let mut path = path(target);
    if matches!(action, Action::Watch(_)) {
        path += if path.contains('?') { "&watch=true" } else { "?watch=true" };
    }
    let body = if body == "NOTHING" { "" } else { body };
    Step { action, method: method.to_owned(), content_type: content_type.to_owned(), path, body: body.to_owned(), line }
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    let end = text.find(' ').unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}
