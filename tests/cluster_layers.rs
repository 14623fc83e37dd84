//! The embedded cluster knows nothing of the types and the operator that are tested against it.

use std::{fs, path::Path};

const MAY_USE: [&str; 3] = ["cluster", "units", "clock"];

/// The modules that a source file names after `crate::`, alone or in braces.
fn used(source: &str) -> Vec<String> {
    let mut modules = Vec::new();
    for rest in source.split("crate::").skip(1) {
        let list = rest.strip_prefix('{').and_then(|rest| rest.split_once(";")).map(|(list, _)| list);
        let Some(list) = list else {
            modules.push(first_word(rest));
            continue;
        };
        let mut depth = 0;
        for item in list.split(|c: char| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        }) {
            modules.push(first_word(item));
        }
    }
    modules.retain(|module| !module.is_empty());
    modules
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
}

fn check(folder: &Path, files: &mut usize) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            check(&path, files);
            continue;
        }
        *files += 1;
        for module in used(&fs::read_to_string(&path).expect("a source file")) {
            // `pub(in crate::cluster)` and the like name the cluster itself.
            assert!(MAY_USE.contains(&module.as_str()), "{} uses `crate::{module}`", path.display());
        }
    }
}

#[test]
fn modules_are_found_alone_and_in_braces() {
    assert_eq!(used("use crate::clock::{A, B};\nuse crate::{units::{C, D}, api::E};"), ["clock", "units", "api"]);
}

#[test]
fn the_cluster_uses_units_and_clock_only() {
    let mut files = 0;
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cluster"), &mut files);
    assert!(files > 20, "looked at {files} files only");
}
