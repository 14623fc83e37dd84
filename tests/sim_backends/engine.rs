//! The event-driven engine.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use parking_lot::Mutex;
use provbench::sim::HttpService;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    cluster::Cluster,
    world::{World, call, payload, profile, profile_with},
};

const QUIET: &str = "quiet-engine";

type Log = Arc<Mutex<Vec<(f64, String, Value)>>>;

/// The controller behind somebody who writes down what it is asked.
fn tapped(world: &World) -> (HttpService, Log) {
    let log: Log = Log::default();
    let (service, clock, tap) = (world.service.clone(), world.clock.clone(), log.clone());
    let tapped = tower::service_fn(move |request: Request<Bytes>| {
        let body = serde_json::from_slice(request.body()).unwrap_or_default();
        tap.lock().push((clock.elapsed().as_secs_f64(), format!("{} {}", request.method(), request.uri()), body));
        service.clone().oneshot(request)
    });
    (HttpService::new(tapped), log)
}

async fn post(service: &HttpService, endpoint: &str, object: &str) -> StatusCode {
    let (status, body) = call(service, "POST", &format!("/{endpoint}"), &payload(object)).await;
    assert_eq!(body, endpoint);
    status
}

fn events(world: &World, event: &str) -> Vec<(String, f64)> {
    let truth = world.truth.drain();
    let of_kind = truth.iter().filter(|entry| entry.source == "eda" && entry.event == event);
    of_kind.map(|entry| (entry.object.to_string(), entry.at_ns.as_secs_f64())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_webhook_becomes_a_launch_as_the_real_engine_makes_it() {
    let world = World::new(profile(QUIET), Cluster::default().with_instance("ci-0001"));
    let machines = world.boot_machines();
    let (aap, log) = tapped(&world);
    let eda = world.eda_on(aap, None);
    assert_eq!(post(&eda.service(), "create-compute-instance", "ci-0001").await, StatusCode::OK);
    let answered = world.clock.elapsed().as_secs_f64();
    assert!((0.003..0.009).contains(&answered), "{answered}");
    eda.idle().await;
    let log = log.lock().clone();
    assert_eq!(log[0].1, "GET /api/v2/unified_job_templates/?name=create-vm");
    let (launched_at, request, body) = &log[1];
    assert_eq!(request, "POST /api/v2/job_templates/7/launch/");
    assert!((0.02..0.2).contains(launched_at), "{launched_at}");
    assert_eq!(body["limit"], "all");
    let event = &body["extra_vars"]["ansible_eda"];
    assert_eq!((&event["ruleset"], &event["rule"]), (&json!("osac webhook"), &json!("create compute instance")));
    assert_eq!(event["event"]["payload"], payload("ci-0001"));
    let meta = &event["event"]["meta"];
    assert_eq!(meta["endpoint"], "create-compute-instance");
    assert_eq!(meta["source"], json!({"name": "eda.builtin.webhook", "type": "eda.builtin.webhook"}));
    assert_eq!(meta["received_at"], "2026-02-12T00:00:00.000000Z");
    assert_eq!(meta["uuid"].as_str().map(str::len), Some(36));
    assert_eq!(log[2].1, "GET /api/v2/jobs/?id__in=1&page_size=1");
    assert!((log[3].0 - log[2].0 - 10.0).abs() < 0.002, "at once, then every 10 s");
    let job = world.get("/api/v2/jobs/1/").await;
    assert_eq!((&job["status"], &job["limit"]), (&json!("successful"), &json!("all")));
    machines.abort();
}

#[tokio::test(start_paused = true)]
async fn jobs_in_flight_are_asked_for_together() {
    let world = World::new(profile_with(QUIET, &[("max_actions: 25", "max_actions: 0")]), Cluster::default());
    let (aap, log) = tapped(&world);
    let eda = world.eda_on(aap, None);
    for instance in 1..=60 {
        post(&eda.service(), "create-compute-instance", &format!("ci-{instance:04}")).await;
    }
    eda.idle().await;
    let log = log.lock();
    let polls: Vec<usize> = log
        .iter()
        .filter(|(at, request, _)| *at > 5.0 && request.contains("id__in="))
        .map(|(_, request, _)| request.matches(',').count() + 1)
        .collect();
    assert_eq!(polls[..3], [25, 25, 10]);
    assert_eq!(polls.len() % 3, 0, "three requests every 10 s while all are going on");
}

#[tokio::test(start_paused = true)]
async fn the_sequential_strategy_waits_for_each_job() {
    let sequential = [("strategy: parallel", "strategy: sequential")];
    let world = World::new(profile_with(QUIET, &sequential), Cluster::default());
    let eda = world.eda(None);
    for instance in ["ci-0001", "ci-0002"] {
        post(&eda.service(), "create-compute-instance", instance).await;
    }
    eda.idle().await;
    let launched = events(&world, "launched");
    assert!(launched[1].1 - launched[0].1 > 60.0, "{launched:?}");
}

#[tokio::test(start_paused = true)]
async fn more_events_than_places_make_the_next_webhook_wait() {
    let world = World::new(profile_with(QUIET, &[("max_actions: 25", "max_actions: 2")]), Cluster::default());
    let eda = world.eda(None);
    let mut answered = Vec::new();
    for instance in 1..=4 {
        post(&eda.service(), "create-compute-instance", &format!("ci-{instance:04}")).await;
        answered.push(world.clock.elapsed().as_secs_f64());
    }
    assert!(answered[2] < 0.1, "two run, one is queued: {answered:?}");
    assert!(answered[3] > 60.0, "the fourth waits until a job has ended: {answered:?}");
    eda.idle().await;
    assert_eq!(events(&world, "launched").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn webhooks_that_are_not_in_order_are_refused() {
    let world = World::new(profile("instant"), Cluster::default());
    let open = world.eda(None).service();
    let create = "/create-compute-instance";
    let refused = async |service: &HttpService, method: &str, path: &str, body: &str, token: Option<&str>| {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        let request = request.body(Bytes::from(body.to_owned())).expect("a request");
        let response = service.clone().oneshot(request).await.expect("an answer");
        (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
    };
    assert_eq!(refused(&open, "POST", create, "{", None).await, (400, "Invalid JSON payload".into()));
    assert_eq!(refused(&open, "POST", "/nothing", "{}", None).await.0, 404);
    assert_eq!(refused(&open, "GET", create, "", None).await.0, 405);
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    assert_eq!(refused(&open, "POST", create, &large, None).await.0, 413);
    assert_eq!(refused(&open, "POST", create, &large[2..], None).await.0, 400, "one MiB may be");
    let closed = world.eda(Some("secret")).service();
    assert_eq!(refused(&closed, "POST", create, "{}", None).await.0, 401);
    let wrong = refused(&closed, "POST", create, "{}", Some("Bearer public")).await;
    assert_eq!(wrong, (401, "401: Invalid authorization token".into()));
    assert_eq!(refused(&closed, "POST", create, "{}", Some("Bearer secret")).await.0, 200);
}

#[tokio::test(start_paused = true)]
async fn a_launch_is_tried_again_where_that_may_help() {
    for (answers, launches) in [(vec![502, 503, 429], 1), (vec![500], 0), (vec![503; 6], 0)] {
        let world = World::new(profile("instant"), Cluster::default());
        let answers = Arc::new(Mutex::new(answers.into_iter()));
        let service = world.service.clone();
        let flaky = tower::service_fn(move |request: Request<Bytes>| {
            let fault = if request.uri().path().ends_with("/launch/") { answers.lock().next() } else { None };
            let service = service.clone();
            async move {
                match fault {
                    Some(status) => Ok(Response::builder().status(status).body(Bytes::new()).expect("a response")),
                    None => service.oneshot(request).await,
                }
            }
        });
        let eda = world.eda_on(HttpService::new(flaky), None);
        post(&eda.service(), "create-compute-instance", "ci-0001").await;
        eda.idle().await;
        assert_eq!(world.get("/api/v2/jobs/").await["count"], launches);
        let truth = world.truth.drain();
        assert_eq!(truth.iter().any(|entry| entry.event == "launch_failed"), launches == 0);
    }
}
