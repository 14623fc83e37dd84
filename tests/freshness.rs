//! What is generated and kept in the repository is what the code would generate now.

#![cfg(feature = "harness")]

use std::{fs, path::Path, process::Command};

fn provbench() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR"));
    command
}

#[test]
fn the_definitions_in_deploy_are_what_the_types_say() {
    let output = provbench().args(["crd", "--check"]).output().expect("provbench runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_definition_that_is_not_fresh_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().to_str().expect("a path");
    let output = provbench().args(["crd", "--check", "--out", out]).output().expect("provbench runs");
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("run `provbench crd`"));
}

#[test]
fn the_example_report_and_the_readme_are_what_a_run_gives() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("run");
    let run = ["run", "experiments/aap-vs-eda.yaml", "--no-plots", "--out"];
    let output = provbench().args(run).arg(&out).output().expect("provbench runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let example = root.join("reports/aap-vs-eda/example");
    for file in ["summary.json", "comparison.json", "comparison.md"] {
        let (kept, fresh) = (fs::read(example.join(file)).expect(file), fs::read(out.join(file)).expect(file));
        assert!(kept == fresh, "{file}: run the experiment with --out reports/aap-vs-eda/example");
    }
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    let table = table.trim_end().rsplit_once('\n').map(|(table, _)| table.trim_end().to_owned()).expect("a table");
    let readme = fs::read_to_string(root.join("README.md")).expect("the README");
    assert!(readme.contains(&table), "README.md shows another table than\n{table}");
}
