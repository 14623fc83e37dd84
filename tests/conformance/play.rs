//! Plays a case on a server.

use std::{sync::LazyLock, time::Duration};

use futures::{StreamExt, future::join_all};
use http_body_util::BodyExt;
use provbench::clock::{SystemClock, timeout};
use regex::Regex;
use serde_json::{Value, json};

use super::{
    answer::{Answer, comparable},
    case::{Action, Case, Step},
    server::{Server, namespace, request, wait},
    words::{NAMESPACE, object, yaml},
};

/// What stands for a part of an earlier answer: a text, though it may look like a number.
static QUOTED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\$\d+\.[a-z]+").expect("an expression"));

/// What stands for as many bytes as a body may have, 3 MiB.
const LARGEST: &str = "$3MiB";

/// How long a watch may take to say what it has to.
const WATCH_LIMIT: Duration = Duration::from_secs(5);

/// The answers to the steps of a case, in a namespace of that name.
pub async fn play(server: &Server, case: &Case, own: &str) -> Vec<Answer> {
    namespace(server, own).await;
    let mut answers: Vec<Answer> = Vec::new();
    let mut watches = Vec::new();
    for step in &case.steps {
        let filled = |text: &str| fill(text, own, &answers);
        let path = filled(&step.path).replace(' ', "%20");
        let body = sent(step, &filled);
        let send = || server.send(request(&step.method, &path, &step.content_type, body.clone()));
        let answer = match step.action {
            // What a server would say if it could: over the wire there is nothing.
            Action::Send if step.method == "HEAD" => Answer { body: Value::Null, ..send().await },
            Action::Send => send().await,
            Action::Race(count) => outcomes(&join_all((0..count).map(|_| send())).await),
            Action::Until(code) => until(server, &path, code).await,
            Action::Watch(count) => {
                let response = server.open(request("GET", &path, "", "")).await;
                watches.push((answers.len(), count, response));
                Answer { code: 0, body: Value::Null }
            }
        };
        answers.push(answer);
    }
    for (at, count, response) in watches {
        answers[at] = read(response, count).await;
    }
    answers
}

/// The body of a step: raw text, an object to begin with, JSON or YAML.
fn sent(step: &Step, filled: &impl Fn(&str) -> String) -> Vec<u8> {
    let body = step.body.as_str();
    if let Some(raw) = body.strip_prefix("<<") {
        return filled(raw).into_bytes();
    }
    if body.is_empty() {
        return Vec::new();
    }
    let value = |text: &str| -> Value { yaml(&filled(&QUOTED.replace_all(text, "\"$0\""))) };
    let Some(rest) = body.strip_prefix('@') else { return value(body).to_string().into_bytes() };
    let mut words = rest.splitn(3, ' ');
    let (kind, name) = (words.next().unwrap_or_default(), words.next().unwrap_or("-"));
    let mut object = object(kind, &filled(name));
    let text = filled(&object.to_string());
    object = serde_json::from_str(&text).expect("JSON");
    if let Some(more) = words.next() {
        json_patch::merge(&mut object, &value(more));
    }
    object.to_string().into_bytes()
}

/// A text with what earlier answers said in the place of the signs for it.
fn fill(text: &str, own: &str, answers: &[Answer]) -> String {
    let mut filled = text.replace(NAMESPACE, own);
    if filled.contains(LARGEST) {
        filled = filled.replace(LARGEST, &"x".repeat(3 * 1024 * 1024));
    }
    // From the last, so that $1 does not take the beginning of $12.
    for (index, answer) in answers.iter().enumerate().rev() {
        let metadata = &answer.body["metadata"];
        for (sign, field) in [("rv", "resourceVersion"), ("uid", "uid"), ("name", "name"), ("continue", "continue")] {
            // What failed has no version; the first is nobody's any more.
            let none = if sign == "rv" { "1" } else { "none" };
            filled = filled.replace(&format!("${}.{sign}", index + 1), metadata[field].as_str().unwrap_or(none));
        }
    }
    filled
}

/// How many requests of a race ended how: who was first is nobody's business.
fn outcomes(answers: &[Answer]) -> Answer {
    let mut outcomes: Vec<String> = answers
        .iter()
        .map(|answer| format!("{} {}", answer.code, answer.body["reason"].as_str().unwrap_or_default()))
        .collect();
    outcomes.sort();
    Answer { code: 0, body: json!({"outcomes": outcomes}) }
}

async fn until(server: &Server, path: &str, code: u16) -> Answer {
    let mut answer = server.send(request("GET", path, "", "")).await;
    for _ in 0..200 {
        if answer.code == code {
            break;
        }
        wait(50).await;
        answer = server.send(request("GET", path, "", "")).await;
    }
    answer
}

/// The first events of a watch, or what there was instead of one.
async fn read(response: http::Response<kube::client::Body>, count: usize) -> Answer {
    let code = response.status().as_u16();
    let mut body = response.into_body().into_data_stream();
    let mut buffer = Vec::new();
    let mut events = Vec::new();
    let mut ended = false;
    let clock = SystemClock::start();
    while events.len() < count && code == 200 {
        if let Some(end) = buffer.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            let event: Value = serde_json::from_slice(&line).expect("an event");
            events.push(json!({"type": event["type"], "object": comparable(&event["object"])}));
            continue;
        }
        match timeout(&clock, WATCH_LIMIT, body.next()).await {
            Ok(Some(Ok(bytes))) => buffer.extend_from_slice(&bytes),
            Ok(_) => {
                ended = true;
                break;
            }
            Err(_) => break,
        }
    }
    if code == 200 {
        let missing = count - events.len();
        return Answer { code, body: json!({"events": events, "missing": missing, "ended": ended}) };
    }
    while let Some(Ok(bytes)) = body.next().await {
        buffer.extend_from_slice(&bytes);
    }
    Answer::new(code, &buffer)
}
