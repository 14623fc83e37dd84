//! What is generated and kept in the repository is what the code would generate now.

#![cfg(feature = "harness")]

use std::process::Command;

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
