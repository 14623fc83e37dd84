//! The embedded cluster knows nothing of the types and the operator that are tested against it.

use std::{fs, path::Path};

const MAY_USE: [&str; 3] = ["cluster", "units", "clock"];

fn check(folder: &Path, files: &mut usize) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            check(&path, files);
            continue;
        }
        *files += 1;
        let source = fs::read_to_string(&path).expect("a source file");
        for used in source.split("use crate::").skip(1) {
            let module: String = used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            assert!(MAY_USE.contains(&module.as_str()), "{} uses `crate::{module}`", path.display());
        }
    }
}

#[test]
fn the_cluster_uses_units_and_clock_only() {
    let mut files = 0;
    check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cluster"), &mut files);
    assert!(files > 20, "looked at {files} files only");
}
