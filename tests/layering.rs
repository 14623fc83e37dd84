//! Which module uses which: every `crate::` path in `src/` is read and held against the table of docs/ARCHITECTURE.md.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const TABLE: &[(&str, &[&str])] = &[
    ("units", &[]),
    ("clock", &["units"]),
    ("api", &["units"]),
    ("record", &["units"]),
    ("stats", &["units"]),
    ("cluster", &["units", "clock"]),
    ("sim", &["units", "clock", "record"]),
    ("operator", &["api", "units", "clock"]),
    ("report", &["record", "stats", "units"]),
    ("harness", &["units", "clock", "api", "record", "cluster", "sim", "operator"]),
    ("cli", &["units", "clock", "api", "record", "cluster", "sim", "operator", "stats", "report", "harness"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The top-level module that a file belongs to; `None` for the crate's root and the binaries.
fn module_of(path: &Path, src: &Path) -> Option<String> {
    let first = path.strip_prefix(src).ok()?.components().next()?;
    let name = first.as_os_str().to_str()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (!matches!(name, "lib" | "bin")).then(|| name.to_owned())
}

/// Code without its comments: a path in a comment is no edge.
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The modules that `crate::name` and `crate::{name, other::{…}}` name.
fn edges(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            let mut at_start = true;
            for c in list.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => at_start = true,
                    c if depth == 0 && at_start && is_word(c) => {
                        word.push(c);
                        continue;
                    }
                    _ => {}
                }
                if !word.is_empty() {
                    found.insert(std::mem::take(&mut word));
                    at_start = c == ',';
                }
            }
            if !word.is_empty() {
                found.insert(word);
            }
        } else {
            found.insert(rest.chars().take_while(|c| is_word(*c)).collect());
        }
    }
    found
}

#[test]
fn every_edge_between_modules_is_in_the_table() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let table: BTreeMap<&str, &[&str]> = TABLE.iter().copied().collect();
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    let mut seen = BTreeSet::new();
    for path in files {
        let Some(module) = module_of(&path, &src) else { continue };
        let allowed = table.get(module.as_str()).unwrap_or_else(|| panic!("{module} is not in the table"));
        seen.insert(module.clone());
        let code = without_comments(&fs::read_to_string(&path).expect("a source file"));
        for edge in edges(&code) {
            if edge != module && table.contains_key(edge.as_str()) && !allowed.contains(&edge.as_str()) {
                wrong.push(format!("{}: {module} may not use {edge}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(seen.len(), table.len(), "the table names modules that are not there");
}

#[test]
fn edges_are_found_in_every_form() {
    let code = "use crate::api::X; use crate::{\n    units::{Nanos, fnv}, record,\n    sim::profile::{self, Y},\n}; crate::clock::now();";
    let expected = ["api", "clock", "record", "sim", "units"].map(str::to_owned);
    assert_eq!(edges(code).into_iter().collect::<Vec<_>>(), expected);
    assert!(edges(&without_comments("// crate::operator::x\nlet y = 1; // crate::cli")).is_empty());
}
