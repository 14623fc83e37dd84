//! Many instances at once: the same seed gives the same run, and arms meet the same latencies.

use std::collections::BTreeMap;

use provbench::record::Truth;

use crate::{
    cluster::{Cluster, instance_path},
    world::{World, call, payload, profile},
};

const INSTANCES: u32 = 40;

fn name(instance: u32) -> String {
    format!("ci-{instance:04}")
}

fn cluster() -> Cluster {
    (1..=INSTANCES).fold(Cluster::default(), |cluster, instance| cluster.with_instance(&name(instance)))
}

fn run(work: impl AsyncFnOnce(&World)) -> Vec<Truth> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let world = World::new(profile("vmaas-dev-2026-02"), cluster());
        let machines = world.boot_machines();
        work(&world).await;
        machines.abort();
        let annotated = (1..=INSTANCES).filter(|instance| {
            let object = world.cluster.get(&instance_path(&name(*instance))).expect("an object");
            object["metadata"]["annotations"]["cloudkit.openshift.io/reconciled-config-version"].is_string()
        });
        assert_eq!(annotated.count(), INSTANCES as usize);
        world.truth.drain()
    })
}

fn by_event() -> Vec<Truth> {
    run(async |world| {
        let eda = world.eda(None);
        let service = eda.service();
        let webhooks = (1..=INSTANCES).map(|instance| {
            let service = service.clone();
            async move { call(&service, "POST", "/create-compute-instance", &payload(&name(instance))).await }
        });
        futures::future::join_all(webhooks).await;
        eda.idle().await;
    })
}

fn direct() -> Vec<Truth> {
    run(async |world| {
        for instance in 1..=INSTANCES {
            world.launch(7, &name(instance)).await;
        }
        world.aap.idle().await;
    })
}

/// How long each object's job ran.
fn running(truth: &[Truth]) -> BTreeMap<String, u64> {
    let at = |object: &str, to: &str| {
        let mut states = truth.iter().filter(|entry| entry.event == "job_state" && entry.object == object);
        states.find(|entry| entry.to == to).expect("a state").at_ns.get()
    };
    (1..=INSTANCES)
        .map(name)
        .map(|object| (object.clone(), at(&object, "Succeeded") - at(&object, "Running")))
        .collect()
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let (first, second) = (by_event(), by_event());
    assert_eq!(serde_json::to_string(&first).expect("serialises"), serde_json::to_string(&second).expect("serialises"));
    assert!(first.len() > INSTANCES as usize * 8);
}

#[test]
fn an_instances_job_takes_the_same_in_every_arm() {
    let (by_event, direct) = (running(&by_event()), running(&direct()));
    for (object, ns) in by_event {
        let difference = ns.abs_diff(direct[&object]);
        assert!(difference < 10_000_000, "{object}: {difference} ns, more than rounding to milliseconds explains");
    }
}
