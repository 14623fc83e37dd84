//! Sequences that nobody thought of: random operations on a few names, the same on both servers.

use std::fmt::Write;

use futures::{StreamExt, stream};
use proptest::{
    collection::vec,
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use super::{
    answer::Answer,
    case::{Case, parse},
    control_plane,
    difference::differences,
    play::play,
    server::{Server, definitions},
    table::AT_ONCE,
};

/// How many sequences are played.
const SEQUENCES: u8 = 60;
/// How many operations one may have.
const LONGEST: usize = 25;

/// One step, as a line of a case. A version is that of the answer to an earlier step: the present one, an older one, or none
/// where that step failed.
fn line() -> impl Strategy<Value = String> {
    let name = prop_oneof![Just("a"), Just("b"), Just("c")];
    let template = prop_oneof![4 => Just("small"), 4 => Just("large"), 1 => Just("\"9\"")];
    let finalizers = prop_oneof![Just("null"), Just("[x.io/y]"), Just("[x.io/y, x.io/z]"), Just("[]")];
    let label = prop_oneof![Just("null"), Just("one"), Just("two")];
    let phase = prop_oneof![4 => Just("Running"), 4 => Just("Failed"), 1 => Just("Asleep"), 1 => Just("null")];
    let back = 1..=4_usize;
    (0..15_u8, name, template, finalizers, label, phase, back).prop_map(
        |(verb, name, template, finalizers, label, phase, back)| match verb {
            0 | 1 => format!("POST ci @ci {name} {{spec: {{templateID: {template}}}, metadata: {{finalizers: {finalizers}}}}}"),
            2 => format!("PUT ci/{name} @ci {name} {{spec: {{templateID: {template}}}, metadata: {{resourceVersion: $-{back}.rv, labels: {{x: {label}}}}}}}"),
            3 => format!("PUT ci/{name}/status @ci {name} {{metadata: {{resourceVersion: $-{back}.rv}}, status: {{phase: {phase}}}}}"),
            4 => format!("MERGE ci/{name} {{spec: {{templateID: {template}}}}}"),
            5 => format!("MERGE ci/{name} {{metadata: {{labels: {{x: {label}}}}}}}"),
            6 => format!("MERGE ci/{name} {{metadata: {{finalizers: {finalizers}}}}}"),
            7 => format!("MERGE ci/{name}/status {{status: {{phase: {phase}}}}}"),
            8 => format!("MERGE ci/{name} {{metadata: {{resourceVersion: $-{back}.rv}}, spec: {{templateID: {template}}}}}"),
            9 => format!("JSONPATCH ci/{name} [{{op: replace, path: /spec/templateID, value: {template}}}]"),
            10 => format!("JSONPATCH ci/{name} [{{op: add, path: /metadata/labels, value: {{x: y}}}}, {{op: test, path: /spec/templateID, value: {template}}}]"),
            11 => format!("DELETE ci/{name}"),
            12 => format!("DELETE ci/{name} {{preconditions: {{resourceVersion: $-{back}.rv}}}}"),
            13 => format!("GET ci?labelSelector=x={label}"),
            _ => format!("GET ci/{name}"),
        },
    )
}

/// A sequence that always is the same for a number, and a watch of all of it.
fn sequence(number: u8) -> Case {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[number; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let lines = vec(line(), 5..=LONGEST).new_tree(&mut runner).expect("a sequence").current();
    let mut text = format!("== generated {number}\nPOST ci @ci first\n");
    for (index, line) in lines.iter().enumerate() {
        // The first step is the one above; there is always one to refer to.
        let mut line = line.clone();
        for back in 1..=4 {
            let step = (index + 2).saturating_sub(back).max(1);
            // A list's version is that of the whole server, which other sequences change meanwhile.
            let is_list = step > 1 && lines[step - 2].starts_with("GET ci?");
            line = line.replace(&format!("$-{back}."), &format!("${}.", if is_list { 1 } else { step }));
        }
        text.push_str(&line);
        text.push('\n');
    }
    // What a watcher sees of it ends with an object that is made last.
    text.push_str("POST ci @ci last\nWATCH 200 ci?resourceVersion=$1.rv&timeoutSeconds=1\nGET ci\n");
    parse(&text, false).remove(0)
}

async fn answers(server: &Server, number: u8) -> Vec<Answer> {
    let answers = play(server, &sequence(number), &format!("generated-{number}")).await;
    answers.iter().map(Answer::comparable).collect()
}

#[tokio::test]
async fn generated_sequences_end_the_same_on_both_servers() {
    let Some(envtest) = control_plane::shared("generated_sequences_end_the_same_on_both_servers") else { return };
    let (embedded, real) = (Server::embedded(), Server::at(envtest.config()));
    for server in [&embedded, &real] {
        for definition in definitions() {
            server.install(&definition).await;
        }
    }
    let mut failures = String::new();
    let played = (0..SEQUENCES).map(|number| futures::future::join(answers(&embedded, number), answers(&real, number)));
    let played: Vec<_> = stream::iter(played).buffered(AT_ONCE).collect().await;
    for (number, (ours, theirs)) in (0..SEQUENCES).zip(played) {
        let case = sequence(number);
        for (step, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            for difference in differences(ours, theirs) {
                let _ =
                    writeln!(failures, "{} step {}: {}\n   {difference}", case.name, step + 1, case.steps[step].line);
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
}
