//! The controller of machines.

use provbench::sim::profile::Latency;
use serde_json::json;

use crate::{
    cluster::{Cluster, machine_path},
    world::{World, profile_with},
};

fn machine(name: &str, uid: &str) -> serde_json::Value {
    json!({"metadata": {"name": name, "namespace": "ns-x", "uid": uid}, "spec": {"runStrategy": "Always"}})
}

fn world() -> World {
    World::new(profile_with("instant", &[("boot: {fixed: 0s}", "boot: {fixed: 30s}")]), Cluster::default())
}

fn is_ready(world: &World, name: &str) -> bool {
    world.cluster.get(&machine_path(name)).is_some_and(|machine| machine["status"]["ready"] == true)
}

async fn create(world: &World, name: &str) {
    let machines = "/apis/kubevirt.io/v1/namespaces/ns-x/virtualmachines";
    let request = http::Request::post(machines).body(machine(name, "").to_string().into_bytes()).expect("a request");
    world.cluster.client().request::<serde_json::Value>(request).await.expect("created");
}

#[tokio::test(start_paused = true)]
async fn a_machine_is_ready_after_its_boot_whether_it_was_there_before_or_not() {
    let world = world();
    create(&world, "before").await;
    let machines = world.boot_machines();
    world.sleep(1.0).await;
    create(&world, "after").await;
    world.sleep(29.1).await;
    assert_eq!((is_ready(&world, "before"), is_ready(&world, "after")), (true, false));
    world.sleep(1.0).await;
    assert!(is_ready(&world, "after"));
    let status = &world.cluster.get(&machine_path("after")).expect("a machine")["status"];
    assert_eq!((&status["printableStatus"], &status["conditions"][0]["status"]), (&json!("Running"), &json!("True")));
    let ready: Vec<String> =
        world.truth.drain().iter().map(|entry| format!("{} {}", entry.event, entry.object)).collect();
    assert_eq!(ready, ["vm_ready before", "vm_ready after"]);
    machines.abort();
}

#[tokio::test(start_paused = true)]
async fn a_machine_made_anew_boots_anew() {
    let world = world();
    let machines = world.boot_machines();
    world.sleep(1.0).await;
    create(&world, "ci-0001").await;
    world.sleep(20.0).await;
    world.cluster.remove(&machine_path("ci-0001"));
    create(&world, "ci-0001").await;
    world.sleep(15.0).await;
    assert!(!is_ready(&world, "ci-0001"), "the first boot is over, but not this one");
    world.sleep(15.1).await;
    assert!(is_ready(&world, "ci-0001"));
    machines.abort();
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_is_begun_again_with_a_list() {
    let world = world();
    let machines = world.boot_machines();
    world.sleep(1.0).await;
    create(&world, "one").await;
    world.sleep(1.0).await;
    world.cluster.end_watches();
    create(&world, "two").await;
    world.sleep(31.0).await;
    assert!(is_ready(&world, "one") && is_ready(&world, "two"));
    machines.abort();
}

#[tokio::test(start_paused = true)]
async fn a_halted_machine_is_not_booted() {
    let world = world();
    let machines = world.boot_machines();
    world.sleep(1.0).await;
    create(&world, "ci-0001").await;
    world.cluster.patch(&machine_path("ci-0001"), &json!({"spec": {"runStrategy": "Halted"}}));
    world.sleep(60.0).await;
    assert!(!is_ready(&world, "ci-0001"));
    machines.abort();
}

#[test]
fn a_boot_is_drawn_from_its_profile() {
    let boot = Latency::fixed(std::time::Duration::from_secs(30));
    assert_eq!(world_free_draw(&boot), 30);
}

fn world_free_draw(latency: &Latency) -> u64 {
    latency.draw(crate::world::SEED).as_secs()
}
