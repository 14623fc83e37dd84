//! The cases, on both servers.

use std::{collections::BTreeSet, fmt::Write};

use futures::{StreamExt, stream};

use super::{
    accepted::{self, Reason},
    answer::Answer,
    case::{self, Case},
    control_plane,
    difference::{Difference, differences},
    play::play,
    server::{Server, definitions},
};

/// How many cases are played at once: most of their time is waiting.
pub const AT_ONCE: usize = 8;

/// The answers of a server to all cases.
async fn answers(server: &Server, cases: &[Case]) -> Vec<Vec<Answer>> {
    for definition in definitions() {
        server.install(&definition).await;
    }
    let play = |(index, case)| async move {
        let answers = play(server, case, &format!("case-{index}")).await;
        answers.iter().map(Answer::comparable).collect()
    };
    let (together, alone): (Vec<_>, Vec<_>) = cases.iter().enumerate().partition(|(_, case)| !case.alone);
    let mut answers: Vec<_> = stream::iter(together.into_iter().map(play)).buffered(AT_ONCE).collect().await;
    for case in alone {
        answers.push(play(case).await);
    }
    answers
}

/// Each step whose answers differ: the case, the step from 1, and where.
fn compare<'a>(
    cases: &'a [Case],
    ours: &[Vec<Answer>],
    theirs: &[Vec<Answer>],
) -> Vec<(&'a Case, usize, Vec<Difference>)> {
    let mut found = Vec::new();
    for (case, (ours, theirs)) in cases.iter().zip(ours.iter().zip(theirs)) {
        for (step, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            let differences = differences(ours, theirs);
            if !differences.is_empty() {
                found.push((case, step + 1, differences));
            }
        }
    }
    found
}

fn report(found: &[&(&Case, usize, Vec<Difference>)]) -> String {
    let mut text = String::new();
    for (case, step, differences) in found {
        let _ = writeln!(text, "== {}\n   step {step}: {}", case.name, case.steps[step - 1].line);
        for difference in differences {
            let _ = writeln!(text, "     {difference}");
        }
    }
    text
}

#[test]
fn there_are_hundreds_of_cases_each_with_a_name_of_its_own() {
    let cases = case::all();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), cases.len(), "two cases have the same name");
    let steps: usize = cases.iter().map(|case| case.steps.len()).sum();
    assert!(cases.len() >= 200 && steps >= 600, "{} cases, {steps} steps", cases.len());
}

#[tokio::test]
async fn in_process_and_over_tcp_the_embedded_server_answers_the_same() {
    let cases = case::all();
    let in_process = answers(&Server::embedded(), &cases).await;
    let over_tcp = answers(&Server::over_tcp().await, &cases).await;
    let found = compare(&cases, &in_process, &over_tcp);
    assert!(found.is_empty(), "{}", report(&found.iter().collect::<Vec<_>>()));
}

#[tokio::test]
async fn the_embedded_server_answers_as_kube_apiserver_does() {
    let Some(envtest) = control_plane::shared("the_embedded_server_answers_as_kube_apiserver_does") else { return };
    let cases = case::all();
    let reasons = accepted::list(&cases);
    let accepted: BTreeSet<(&str, usize)> = reasons.iter().flat_map(Reason::steps).collect();
    let embedded = answers(&Server::embedded(), &cases).await;
    let real = answers(&Server::at(envtest.config()), &cases).await;
    let found = compare(&cases, &embedded, &real);
    let is_accepted = |case: &Case, step: usize| accepted.contains(&(case.name.as_str(), step));
    let new: Vec<_> = found.iter().filter(|(case, step, _)| !is_accepted(case, *step)).collect();
    assert!(new.is_empty(), "{} steps differ that are not accepted:\n{}", new.len(), report(&new));
    let differ: BTreeSet<(&str, usize)> = found.iter().map(|(case, step, _)| (case.name.as_str(), *step)).collect();
    let stale: Vec<_> = accepted.difference(&differ).collect();
    assert!(stale.is_empty(), "these differ no more; take them out of accepted.yaml: {stale:?}");
}
