//! `cloudkit-operator --help`: every setting, with its environment variable.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The variables of the environment that a source names, as texts of their own.
fn variables(code: &str) -> impl Iterator<Item = String> {
    let literals = code.split('"').skip(1).step_by(2);
    let is_name = |text: &&str| {
        let known = ["CLOUDKIT_", "POD_", "KUBE"].iter().any(|prefix| text.starts_with(prefix));
        known && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    };
    literals.filter(is_name).map(str::to_owned).collect::<Vec<_>>().into_iter()
}

#[test]
fn every_variable_that_the_operator_reads_is_in_its_help() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = vec![src.join("cli/operator.rs")];
    sources(&src.join("operator"), &mut files);
    files.retain(|path| !path.to_string_lossy().contains("test"));
    let read = |path: &PathBuf| fs::read_to_string(path).expect("readable");
    let known: BTreeSet<String> = files.iter().flat_map(|path| variables(&read(path)).collect::<Vec<_>>()).collect();
    assert!(known.len() > 20, "{known:?}");
    let output = Command::new(env!("CARGO_BIN_EXE_cloudkit-operator")).arg("--help").output().expect("it runs");
    assert!(output.status.success());
    let help = String::from_utf8_lossy(&output.stdout);
    for variable in known.iter().map(String::as_str).chain(["KUBECONFIG"]) {
        assert!(help.contains(variable), "{variable} is not in\n{help}");
    }
    for option in
        ["--log-format", "--log", "--bind-address", "--leader-elect", "--lease-namespace", "--identity", "--ca-file"]
    {
        assert!(help.contains(option), "{option} is not in\n{help}");
    }
}
