//! The life of jobs on the controller.

use provbench::sim::profile::{create_forecast, delete_forecast};
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, machine_path},
    world::{SEED, World, profile, profile_with},
};

const FEBRUARY: &str = "vmaas-dev-2026-02";

/// Each wait rounds up to a millisecond, and a job has less than ten.
fn is_close(seen: f64, foreseen: std::time::Duration) -> bool {
    (0.0..0.01).contains(&(seen - foreseen.as_secs_f64()))
}

#[tokio::test(start_paused = true)]
async fn a_job_takes_what_its_profile_foresees() {
    let world = World::new(profile(FEBRUARY), Cluster::default().with_instance("ci-0001"));
    let machines = world.boot_machines();
    let id = world.launch(7, "ci-0001").await;
    world.aap.idle().await;
    let deleted_at = world.clock.elapsed().as_secs_f64();
    let deprovision = world.launch(8, "ci-0001").await;
    world.aap.idle().await;
    let truth = world.truth.drain();
    let foreseen = create_forecast(&world.profile, SEED, "ci-0001", 0);
    let states = World::states(&truth, id);
    let words: Vec<&str> = states.iter().map(|(word, _)| word.as_str()).collect();
    assert_eq!(words, ["Pending", "Waiting", "Running", "Succeeded"]);
    for ((word, at), foreseen) in states[1..].iter().zip([foreseen.waiting, foreseen.running, foreseen.ended]) {
        assert!(is_close(*at, foreseen), "{word} at {at}, not {foreseen:?}");
    }
    let annotated = truth.iter().find(|entry| entry.event == "annotated").expect("annotated").at_ns.as_secs_f64();
    assert!(is_close(annotated, foreseen.annotated), "{annotated}");

    let foreseen = delete_forecast(&world.profile, SEED, "ci-0001", 0);
    let states = World::states(&truth, deprovision);
    for ((word, at), foreseen) in states[1..].iter().zip([foreseen.waiting, foreseen.running, foreseen.ended]) {
        assert!(is_close(at - deleted_at, foreseen), "{word} at {at}, not {foreseen:?}");
    }
    let job_types: Vec<&str> = truth
        .iter()
        .filter(|entry| entry.event == "job_state" && entry.from.is_empty())
        .map(|entry| entry.job_type.as_str())
        .collect();
    assert_eq!(job_types, ["provision", "deprovision"]);
    assert!(truth.iter().all(|entry| entry.object == "ci-0001"));
    machines.abort();
}

#[tokio::test(start_paused = true)]
async fn a_finished_job_tells_its_times() {
    let world = World::new(profile("instant"), Cluster::default().with_instance("ci-0001"));
    let machines = world.boot_machines();
    let id = world.launch(7, "ci-0001").await;
    world.aap.idle().await;
    let job = world.get(&format!("/api/v2/jobs/{id}/")).await;
    assert_eq!(job["created"], "2026-02-12T00:00:00.000000Z");
    assert_eq!(job["finished"], "2026-02-12T00:00:00.010000Z");
    assert_eq!((&job["elapsed"], &job["canceled_on"], &job["failed"]), (&json!(0.01), &Value::Null, &json!(false)));
    assert_eq!((&job["job_explanation"], &job["result_traceback"]), (&json!(""), &json!("")));
    let variables: Value = serde_json::from_str(job["extra_vars"].as_str().expect("a string")).expect("JSON inside");
    assert_eq!(variables["ansible_eda"]["event"]["payload"]["metadata"]["name"], "ci-0001");
    machines.abort();
}

#[tokio::test(start_paused = true)]
async fn a_workflow_job_is_never_waiting_and_not_a_job() {
    let world = World::new(profile("instant"), Cluster::default().with_instance("ci-0001"));
    let machines = world.boot_machines();
    let launched =
        world.call("POST", "/api/v2/workflow_job_templates/create-vm-workflow++Default/launch/", &json!({})).await;
    let (code, job) = launched;
    assert_eq!((code.as_u16(), &job["workflow_job"], &job["type"]), (201, &json!(1), &json!("workflow_job")));
    world.aap.idle().await;
    assert_eq!(world.call("GET", "/api/v2/jobs/1/", &Value::Null).await.0.as_u16(), 404);
    assert_eq!(world.call("POST", "/api/v2/jobs/1/cancel/", &Value::Null).await.0.as_u16(), 404);
    assert_eq!(world.get("/api/v2/workflow_jobs/1/").await["status"], "failed", "it had no object");
    assert_eq!(world.get("/api/v2/unified_jobs/?id__in=1").await["count"], 1);
    let states: Vec<String> = World::states(&world.truth.drain(), 1).into_iter().map(|(word, _)| word).collect();
    assert_eq!(states, ["Pending", "Running", "Failed"]);
    let bare = world.call("POST", "/api/v2/workflow_job_templates/create-vm-workflow/launch/", &json!({})).await;
    assert_eq!(bare.0.as_u16(), 404, "a bare name is for job templates only");
    let (code, job) = world.call("POST", "/api/v2/job_templates/create-vm/launch/", &json!({})).await;
    assert_eq!((code.as_u16(), &job["job"]), (201, &json!(2)));
    machines.abort();
}

#[tokio::test(start_paused = true)]
async fn a_job_that_has_not_started_is_canceled_at_once() {
    let world = World::new(profile(FEBRUARY), Cluster::default().with_instance("ci-0001"));
    let id = world.launch(7, "ci-0001").await;
    let cancel = format!("/api/v2/jobs/{id}/cancel/");
    assert_eq!(world.get(&cancel).await, json!({"can_cancel": true}));
    assert_eq!(world.call("POST", &cancel, &Value::Null).await, (http::StatusCode::ACCEPTED, json!("")));
    let job = world.get(&format!("/api/v2/jobs/{id}/")).await;
    assert_eq!((&job["status"], &job["started"], &job["failed"]), (&json!("canceled"), &Value::Null, &json!(true)));
    assert!(job["canceled_on"].is_string());
    assert!(world.aap.quiesced());
    assert_eq!(world.get(&cancel).await, json!({"can_cancel": false}));
    let again = world.call("POST", &cancel, &Value::Null).await;
    assert_eq!(again, (http::StatusCode::METHOD_NOT_ALLOWED, json!({"detail": "Method \"POST\" not allowed."})));
    world.sleep(300.0).await;
    assert!(world.cluster.requests().is_empty(), "its playbook never ran");
    let states: Vec<String> = World::states(&world.truth.drain(), id).into_iter().map(|(word, _)| word).collect();
    assert_eq!(states, ["Pending", "Canceled"]);
}

#[tokio::test(start_paused = true)]
async fn a_waiting_job_is_canceled_at_once_too() {
    let slow_worker = [("uniform: {min: 400ms, max: 1200ms}", "fixed: 60s")];
    let world = World::new(profile_with(FEBRUARY, &slow_worker), Cluster::default().with_instance("ci-0001"));
    let id = world.launch(7, "ci-0001").await;
    world.sleep(5.0).await;
    assert_eq!(world.status(id).await, "waiting");
    world.call("POST", &format!("/api/v2/jobs/{id}/cancel/"), &Value::Null).await;
    assert_eq!(world.status(id).await, "canceled");
    world.sleep(300.0).await;
    let states: Vec<String> = World::states(&world.truth.drain(), id).into_iter().map(|(word, _)| word).collect();
    assert_eq!(states, ["Pending", "Waiting", "Canceled"]);
}

#[tokio::test(start_paused = true)]
async fn a_running_job_is_canceled_some_time_later_and_between_two_steps() {
    let latency = [("lognormal: {mean: 4s, sd: 2s, min: 500ms, max: 20s}", "fixed: 3s")];
    let world = World::new(profile_with(FEBRUARY, &latency), Cluster::default().with_instance("ci-0001"));
    let machines = world.boot_machines();
    let id = world.launch(7, "ci-0001").await;
    world.sleep(90.0).await;
    assert!(world.cluster.get(&machine_path("ci-0001")).is_some(), "it waits for the machine");
    let cancel = format!("/api/v2/jobs/{id}/cancel/");
    for _ in 0..3 {
        assert_eq!(world.call("POST", &cancel, &Value::Null).await.0.as_u16(), 202);
    }
    assert_eq!(world.status(id).await, "running");
    world.sleep(3.1).await;
    let job = world.get(&format!("/api/v2/jobs/{id}/")).await;
    assert_eq!(job["status"], "canceled");
    assert!(job["started"].is_string() && job["canceled_on"] == job["finished"]);
    assert_eq!(world.call("POST", &cancel, &Value::Null).await.0.as_u16(), 405);
    let requests = world.cluster.requests().iter().filter(|(_, path, _)| !path.ends_with("/status")).count();
    world.sleep(300.0).await;
    let later = world.cluster.requests().iter().filter(|(_, path, _)| !path.ends_with("/status")).count();
    assert_eq!(requests, later, "the playbook does nothing more");
    assert!(world.truth.drain().iter().all(|entry| entry.event != "annotated"));
    machines.abort();
}

#[tokio::test(start_paused = true)]
async fn a_job_that_ends_before_its_cancellation_takes_hold_has_succeeded() {
    let latency = [("lognormal: {mean: 4s, sd: 2s, min: 500ms, max: 20s}", "fixed: 1h")];
    let world = World::new(profile_with(FEBRUARY, &latency), Cluster::default().with_instance("ci-0001"));
    let machines = world.boot_machines();
    let id = world.launch(7, "ci-0001").await;
    world.sleep(90.0).await;
    world.call("POST", &format!("/api/v2/jobs/{id}/cancel/"), &Value::Null).await;
    world.aap.idle().await;
    assert_eq!(world.status(id).await, "successful");
    machines.abort();
}

#[tokio::test(start_paused = true)]
async fn the_jobs_of_a_template_are_listed_under_it() {
    let world = World::new(profile("instant"), Cluster::default());
    for template in [7, 8, 7] {
        world.launch(template, "ci-0001").await;
    }
    world.aap.idle().await;
    let ids = |page: Value| -> Vec<u64> {
        page["results"].as_array().expect("a list").iter().filter_map(|job| job["id"].as_u64()).collect()
    };
    assert_eq!(ids(world.get("/api/v2/job_templates/7/jobs/").await), [1, 3]);
    assert_eq!(ids(world.get("/api/v2/job_templates/7/jobs/?id=3").await), [3]);
    assert_eq!(ids(world.get("/api/v2/jobs/?status=successful&name=delete-vm").await), [2]);
    assert_eq!(ids(world.get("/api/v2/jobs/?id__in=3,1,9").await), [1, 3], "in order, and only those there are");
    assert_eq!(ids(world.get("/api/v2/job_templates/7/jobs/?id__gt=1&order_by=-id").await), [3]);
    let since = |at: &str| format!("/api/v2/jobs/?created__gte={}", at.replace('+', "%2B").replace(':', "%3A"));
    let created = world.get("/api/v2/jobs/2/").await["created"].as_str().expect("a time").to_owned();
    assert_eq!(ids(world.get(&since(&created)).await).last(), Some(&3));
    assert!(ids(world.get(&since("2100-01-01T00:00:00Z")).await).is_empty());
    let (status, refused) = world.call("GET", "/api/v2/jobs/?extra_vars__icontains=uid", &Value::Null).await;
    assert_eq!((status.as_u16(), &refused["detail"]), (403, &json!("Filtering on extra_vars is not allowed.")));
    let listed = &world.get("/api/v2/jobs/?id=3").await["results"][0];
    assert_eq!((listed.get("extra_vars"), listed.get("result_traceback")), (None, None));
    let listed = &world.get("/api/v2/jobs/?id=3&include=extra_vars").await["results"][0];
    assert!(listed["extra_vars"].as_str().expect("a string").contains("ci-0001"));
    let job = world.get("/api/v2/jobs/3/").await;
    assert_eq!(job["event_processing_finished"], true, "without it the official client waits for ever");
}
