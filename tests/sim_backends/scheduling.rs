//! The task manager.

use provbench::sim::{aap::Template, playbook::Playbook};
use serde_json::json;

use crate::{
    cluster::Cluster,
    world::{CREATE, World, profile, profile_with},
};

/// Jobs of 10 s that fail for want of a tenant, so that no cluster is needed.
const TEN_SECONDS: (&str, &str) = ("create:\n    setup: {fixed: 0s}", "create:\n    setup: {fixed: 10s}");

fn world(changes: &[(&str, &str)], template: Template) -> World {
    let changes = [&[TEN_SECONDS], changes].concat();
    World::with(profile_with("instant", &changes), Cluster::default(), vec![template], None)
}

/// When each of the jobs began to run, in whole seconds.
async fn starts(world: &World, jobs: u64) -> Vec<u64> {
    for job in 1..=jobs {
        world.launch(7, &format!("ci-{job:04}")).await;
    }
    world.aap.idle().await;
    let truth = world.truth.drain();
    let running = truth.iter().filter(|entry| entry.event == "job_state" && entry.to == "Running");
    running.map(|entry| entry.at_ns.get() / 1_000_000_000).collect()
}

#[tokio::test(start_paused = true)]
async fn a_template_that_allows_no_two_jobs_runs_them_one_after_the_other() {
    let template = Template { allow_simultaneous: Some(false), ..Template::job(7, CREATE, Playbook::Create) };
    let world = world(&[], template);
    assert_eq!(starts(&world, 4).await, [0, 10, 20, 30], "each end lets the next one in");
}

#[tokio::test(start_paused = true)]
async fn capacity_holds_jobs_back_until_others_end() {
    let world =
        world(&[("max_concurrent_jobs: 0", "max_concurrent_jobs: 2")], Template::job(7, CREATE, Playbook::Create));
    assert_eq!(starts(&world, 5).await, [0, 0, 10, 10, 20]);
}

#[tokio::test(start_paused = true)]
async fn one_run_starts_no_more_than_it_may_and_the_rest_follows() {
    let slow_commit = ("commit_delay: {fixed: 0s}", "commit_delay: {fixed: 1s}\n  starts_per_run: 3");
    let world = world(&[slow_commit], Template::job(7, CREATE, Playbook::Create));
    // All eight are launched at once, so each of the first runs at 1 s starts three.
    assert_eq!(starts(&world, 8).await, [1; 8]);
    let world = self::world(
        &[("commit_delay: {fixed: 0s}", "commit_delay: {uniform: {min: 1s, max: 20s}}\n  starts_per_run: 3")],
        Template::job(7, CREATE, Playbook::Create),
    );
    let starts = starts(&world, 8).await;
    assert_eq!(starts[0], starts[2], "the first run starts three: {starts:?}");
    assert!(starts[3] > starts[2], "and no fourth: {starts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_project_update_runs_in_front_of_the_jobs_that_ask_for_it() {
    let template = Template { update_on_launch: true, ..Template::job(7, CREATE, Playbook::Create) };
    let update = ("allow_simultaneous: true", "allow_simultaneous: true\n  project_update: {fixed: 5s}");
    let world = world(&[update], template);
    assert_eq!(starts(&world, 2).await, [5, 5], "its end lets them in");
    let updates = world.get("/api/v2/project_updates/").await;
    assert_eq!(
        (&updates["count"], &updates["results"][0]["status"]),
        (&json!(1), &json!("successful")),
        "one for both"
    );
    assert_eq!(updates["results"][0]["id"], 3, "ids are one sequence");
    assert_eq!(world.get("/api/v2/jobs/?order_by=-id").await["results"][0]["id"], 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_is_looked_at_every_twenty_seconds() {
    let template = Template { allow_simultaneous: Some(false), ..Template::job(7, CREATE, Playbook::Create) };
    let world = world(&[("commit_delay: {fixed: 0s}", "commit_delay: {fixed: 50s}")], template);
    world.launch(7, "ci-0001").await;
    world.sleep(40.0).await;
    world.launch(7, "ci-0002").await;
    world.aap.idle().await;
    // The first runs from 50 s to 60 s. The second would be looked at 50 s after its launch, or after the first one's end.
    let truth = world.truth.drain();
    let at = |id| World::states(&truth, id)[2].1.floor();
    assert_eq!((at(1), at(2)), (50.0, 80.0));
}

#[tokio::test(start_paused = true)]
async fn a_controller_at_rest_has_no_timer() {
    let world = World::new(profile("vmaas-dev-2026-02"), Cluster::default());
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    world.launch(7, "ci-0001").await;
    assert!(tasks() > before);
    world.aap.idle().await;
    world.sleep(1.0).await;
    assert_eq!(tasks(), before, "no task is left that could have one");
}
