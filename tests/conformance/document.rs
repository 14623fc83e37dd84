//! `docs/CONFORMANCE.md`, made from the list of accepted differences.

use std::{fmt::Write, fs, path::Path};

use super::{
    accepted::{self, Kind, Reason},
    case, kubectl,
};

const HEAD: &str = "# Conformance

The embedded API server is held against a kube-apiserver with etcd by `tests/conformance`: sequences of requests are sent to
both, and the answers must agree in code, in a `Status`'s reason, details and causes, and in the object, but for `uid`,
`creationTimestamp`, `resourceVersion`, `managedFields`, the wording of messages, causes that are told twice, and an empty
`continue`. The sequences also go to the embedded server over TCP, and others are generated
(`tests/conformance/generated.rs`), and what expires by a compaction is in `tests/conformance/compaction.rs`.

Below is every difference that is accepted, with its reason. This page is made from `tests/conformance/accepted.yaml`, which
the suite reads too: a difference that is not in it fails, and so does one that is in it and does not occur any more.
`PROVBENCH_WRITE_CONFORMANCE=1 cargo test --test conformance` writes this page anew.

Not served, and so not compared: the subresource `scale` of a definition (404), `selectableFields` (400 for a
selector of them), conversion webhooks (versions are the same but for their names), answers in YAML or protobuf (406), and
admission. CEL is of releases after the real server's: a rule that can't be parsed is refused with its definition, one that
names a field that is not there is refused only when it is used.
";

const KUBECTL: &str = "
## kubectl and jq

`tests/conformance/kubectl/commands.script` is what people and scripts type: kubectl in all of its ways, and the jq queries that
test infrastructures run on what it gets. It is played against `provbench cluster` and the real server, and exit code, stdout and
stderr must be the same, but for ages, times, UIDs, versions, addresses, and the widths of columns.
";

fn document() -> String {
    let cases = case::all();
    let steps: usize = cases.iter().map(|case| case.steps.len()).sum();
    let mut text = HEAD.to_owned();
    let reasons = accepted::list(&cases);
    let differing: usize = reasons.iter().flat_map(|reason| reason.at.values()).map(Vec::len).sum();
    let _ = writeln!(
        text,
        "\n{} sequences with {steps} requests; {differing} answers differ, for these reasons.",
        cases.len()
    );
    write_reasons(&mut text, "##", &reasons);
    let (reasons, parts) = (accepted::kubectl(), kubectl::steps());
    let commands: usize = parts.iter().map(|(_, commands)| commands).sum();
    let differing: usize = reasons.iter().flat_map(Reason::steps).count();
    let _ = write!(text, "{KUBECTL}\n{} parts with {commands} commands; {differing} differ.\n", parts.len());
    write_reasons(&mut text, "###", &reasons);
    text
}

fn write_reasons(text: &mut String, level: &str, reasons: &[Reason]) {
    for (kind, title) in [
        (Kind::Chosen, "On purpose"),
        (Kind::Release, "Because the real server is of another release (1.20; the embedded one follows 1.33)"),
        (Kind::Open, "Open"),
    ] {
        let of_kind: Vec<_> = reasons.iter().filter(|reason| reason.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{level} {title}\n");
        for reason in of_kind {
            let _ = writeln!(text, "- {}", reason.why.trim());
            for (name, steps) in &reason.at {
                let steps: Vec<String> = steps.iter().map(usize::to_string).collect();
                let _ = writeln!(text, "  - {name} (step {})", steps.join(", "));
            }
        }
    }
}

#[test]
fn the_document_is_what_the_list_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CONFORMANCE.md");
    if std::env::var_os("PROVBENCH_WRITE_CONFORMANCE").is_some() {
        fs::write(&file, document()).expect("written");
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == document(),
        "docs/CONFORMANCE.md is not fresh: PROVBENCH_WRITE_CONFORMANCE=1 cargo test --test conformance"
    );
}
