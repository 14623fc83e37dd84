//! What real clients sent is answered as it was answered to them.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    world::{World, call, profile},
};

/// A line of a recording.
#[derive(Deserialize)]
struct Sent {
    at_s: f64,
    method: String,
    path: String,
    authorization: Option<String>,
    body: Value,
    answered: u16,
}

fn recording(name: &str) -> Vec<Sent> {
    let path = format!("{}/tests/fixtures/{name}.ndjson", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("readable");
    text.lines().map(|line| serde_json::from_str(line).expect("a line of a recording")).collect()
}

/// Replays a recording; the recorded jobs began at 100, ours begin at 1.
async fn replay(name: &str, root: &str) -> Vec<Value> {
    let world = World::with(profile("instant"), Cluster::default(), crate::world::templates(), Some("secret"));
    let mut answers = Vec::new();
    let mut now = 0.0;
    for sent in recording(name) {
        world.sleep(sent.at_s - now).await;
        now = sent.at_s;
        let path = sent.path.replace("/100/", "/1/").replace("=100", "=1").replace(",101,102", ",2,3");
        let path = path.replace("/api/", root);
        let request = http::Request::builder().method(sent.method.as_str()).uri(&path);
        let request = match sent.authorization {
            Some(_) => request.header("authorization", "Bearer secret"),
            None => request,
        };
        let body = if sent.body.is_null() { String::new() } else { sent.body.to_string() };
        let request = request.body(body.into()).expect("a request");
        let response = tower::ServiceExt::oneshot(world.service.clone(), request).await.expect("an answer");
        assert_eq!(response.status().as_u16(), sent.answered, "{} {path}", sent.method);
        answers.push(serde_json::from_slice(response.body()).expect("JSON"));
    }
    answers
}

#[tokio::test(start_paused = true)]
async fn the_official_client_is_answered_as_it_was() {
    for root in ["/api/", "/api/controller/"] {
        let answers = replay("awxkit-24.6.1", root).await;
        assert_eq!(answers[0]["available_versions"]["v2"], format!("{root}v2/"));
        assert_eq!(answers[1]["job_templates"], format!("{root}v2/job_templates/"));
        assert!(answers[2]["actions"]["GET"]["name"].is_object());
        assert_eq!(answers[4]["actions"]["POST"]["extra_vars"]["type"], "json");
        assert_eq!((&answers[5]["count"], &answers[5]["results"][0]["id"]), (&json!(1), &json!(7)));
        assert_eq!(answers[7]["related"]["launch"], format!("{root}v2/job_templates/7/launch/"));
        let job = &answers[8];
        assert_eq!((&job["job"], &job["type"], &job["status"]), (&json!(1), &json!("job"), &json!("pending")));
        assert_eq!(job["extra_vars"], r#"{"src": "vm9"}"#, "a string, as it was sent");
        assert_eq!(job["ignored_fields"], json!({}));
        assert_eq!((&job["started"], &job["finished"], &job["elapsed"]), (&Value::Null, &Value::Null, &json!(0.0)));
        assert!(answers[11]["results"][0]["start_line"].is_number(), "{}", answers[11]);
        assert_eq!(answers[13]["results"][0]["start_line"], 2, "{}", answers[13]);
        assert!(answers[14]["finished"].is_string());
    }
}

#[tokio::test(start_paused = true)]
async fn the_rule_engine_is_answered_as_it_was() {
    let answers = replay("ansible-rulebook-1.3.2", "/api/").await;
    assert_eq!(answers[2]["results"][0]["id"], 1);
    assert_eq!(answers[3]["count"], 0);
    assert_eq!((&answers[5]["id"], &answers[5]["organization"]), (&json!(1), &json!(1)));
    assert_eq!(answers[8]["count"], 1, "the label is there now");
    let template = &answers[1]["results"][0];
    assert_eq!(template["type"], "job_template");
    assert_eq!(template["summary_fields"]["organization"]["name"], "Default");
    assert_eq!(template["related"]["launch"], "/api/v2/job_templates/7/launch/");
    assert_eq!(answers[7]["limit"], "all");
    let page = &answers[15];
    let ids: Vec<u64> =
        page["results"].as_array().expect("a list").iter().filter_map(|job| job["id"].as_u64()).collect();
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(page["results"][0].get("extra_vars"), None, "lists leave the variables out");
}

#[tokio::test(start_paused = true)]
async fn a_page_of_templates_links_to_its_neighbours() {
    let templates = (1..=60).map(|id| {
        provbench::sim::aap::Template::job(id, &format!("t-{id}"), provbench::sim::playbook::Playbook::Create)
    });
    let world = World::with(profile("instant"), Cluster::default(), templates.collect(), None);
    let first = world.get("/api/v2/job_templates/").await;
    assert_eq!((&first["count"], &first["previous"]), (&json!(60), &Value::Null));
    assert_eq!(first["next"], "/api/v2/job_templates/?page=2");
    assert_eq!(first["results"].as_array().map(Vec::len), Some(25));
    let middle = world.get("/api/v2/job_templates/?page_size=20&page=2").await;
    assert_eq!(middle["next"], "/api/v2/job_templates/?page=3&page_size=20");
    assert_eq!(middle["previous"], "/api/v2/job_templates/?page=1&page_size=20");
    assert_eq!(middle["results"][0]["id"], 21);
    let capped = world.get("/api/v2/job_templates/?page_size=1000").await;
    assert_eq!((&capped["next"], capped["results"].as_array().map(Vec::len)), (&Value::Null, Some(60)));
    let (status, body) = call(&world.service, "GET", "/api/v2/job_templates/?page=4", &Value::Null).await;
    assert_eq!((status.as_u16(), body), (404, json!({"detail": "Invalid page."})));
}
