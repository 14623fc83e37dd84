//! What jobs do to the cluster.

use serde_json::json;

use crate::{
    cluster::{Cluster, instance_path, machine_path},
    world::{World, profile, profile_with},
};

/// Method and path of what touched the cluster, without the machines' own controller.
fn sequence(cluster: &Cluster) -> Vec<String> {
    let requests = cluster.requests().into_iter();
    let of_playbook = requests.filter(|(_, path, _)| !path.contains("watch") && !path.ends_with("/status"));
    let of_playbook = of_playbook.filter(|(_, path, _)| path != "/apis/kubevirt.io/v1/virtualmachines");
    of_playbook
        .map(|(method, path, _)| {
            let path = path.replace("/apis/cloudkit.openshift.io/v1alpha1/namespaces/", "");
            format!("{method} {}", path.replace("/namespaces/", " "))
        })
        .collect()
}

fn body_of(cluster: &Cluster, method: &str, nth: usize) -> serde_json::Value {
    cluster
        .requests()
        .into_iter()
        .filter(|(m, path, _)| m == method && !path.ends_with("/status"))
        .nth(nth)
        .expect("a request")
        .2
}

#[tokio::test(start_paused = true)]
async fn a_create_job_does_to_the_cluster_what_the_playbook_does() {
    let world = World::new(profile("instant"), Cluster::default().with_instance("ci-0001"));
    let machines = world.boot_machines();
    let id = world.launch(7, "ci-0001").await;
    world.aap.idle().await;
    assert_eq!(world.status(id).await, "successful");
    assert_eq!(
        sequence(&world.cluster),
        [
            "GET ns/tenants/tenant-x",
            "GET ns/computeinstances/ci-0001",
            "PATCH ns/computeinstances/ci-0001",
            "POST /api/v1 ns-x/secrets",
            "POST /apis/cdi.kubevirt.io/v1beta1 ns-x/datavolumes",
            "POST /apis/kubevirt.io/v1 ns-x/virtualmachines",
            "GET /apis/kubevirt.io/v1 ns-x/virtualmachines/ci-0001",
            "GET /apis/kubevirt.io/v1 ns-x/virtualmachines/ci-0001",
            "PATCH ns/computeinstances/ci-0001",
        ]
    );
    let finalizers = json!(["operator", "cloudkit.openshift.io/computeinstance-aap"]);
    assert_eq!(body_of(&world.cluster, "PATCH", 0), json!({"metadata": {"finalizers": finalizers}}));
    let annotation = json!({"cloudkit.openshift.io/reconciled-config-version": "deadbeef00000000"});
    assert_eq!(body_of(&world.cluster, "PATCH", 1), json!({"metadata": {"annotations": annotation}}));
    let machine = world.cluster.get(&machine_path("ci-0001")).expect("a machine");
    assert_eq!(machine["metadata"]["labels"], json!({"cloudkit.openshift.io/computeinstance": "ci-0001"}));
    assert_eq!(machine["spec"]["runStrategy"], "Always");
    assert!(world.cluster.get("/apis/cdi.kubevirt.io/v1beta1/namespaces/ns-x/datavolumes/ci-0001-root-disk").is_some());
    machines.abort();
}

#[tokio::test(start_paused = true)]
async fn a_delete_job_removes_everything_and_its_finalizer_last() {
    let world = World::new(profile("instant"), Cluster::default().with_instance("ci-0001"));
    let machines = world.boot_machines();
    world.launch(7, "ci-0001").await;
    world.aap.idle().await;
    world.cluster.patch(&instance_path("ci-0001"), &json!({"metadata": {"deletionTimestamp": "2026-02-12T00:00:00Z"}}));
    let before = sequence(&world.cluster).len();
    let id = world.launch(8, "ci-0001").await;
    world.aap.idle().await;
    assert_eq!(world.status(id).await, "successful");
    assert_eq!(
        sequence(&world.cluster)[before..],
        [
            "PATCH /apis/kubevirt.io/v1 ns-x/virtualmachines/ci-0001",
            "DELETE /apis/kubevirt.io/v1 ns-x/virtualmachines/ci-0001",
            "DELETE /apis/cdi.kubevirt.io/v1beta1 ns-x/datavolumes/ci-0001-root-disk",
            "DELETE /api/v1 ns-x/secrets/ci-0001-user-data",
            "GET ns/computeinstances/ci-0001",
            "PATCH ns/computeinstances/ci-0001",
        ]
    );
    assert_eq!(body_of(&world.cluster, "PATCH", 2), json!({"spec": {"runStrategy": "Halted"}}));
    assert_eq!(body_of(&world.cluster, "PATCH", 3), json!({"metadata": {"finalizers": ["operator"]}}));

    world.cluster.patch(
        &instance_path("ci-0001"),
        &json!({"metadata": {"finalizers": ["cloudkit.openshift.io/computeinstance-aap"]}}),
    );
    world.launch(8, "ci-0001").await;
    world.aap.idle().await;
    assert_eq!(body_of(&world.cluster, "PATCH", 5), json!({"metadata": {"finalizers": null}}), "none is left");
    assert_eq!(world.cluster.get(&instance_path("ci-0001")), None);
    let id = world.launch(8, "ci-0001").await;
    world.aap.idle().await;
    assert_eq!(world.status(id).await, "successful", "nothing left to delete is fine");
    machines.abort();
}

#[tokio::test(start_paused = true)]
async fn a_second_create_job_finds_everything_there() {
    let world = World::new(profile("instant"), Cluster::default().with_instance("ci-0001"));
    let machines = world.boot_machines();
    for _ in 0..2 {
        let id = world.launch(7, "ci-0001").await;
        world.aap.idle().await;
        assert_eq!(world.status(id).await, "successful");
    }
    let added = world.truth.drain().iter().filter(|entry| entry.event == "finalizer_added").count();
    assert_eq!(added, 1);
    machines.abort();
}

#[tokio::test(start_paused = true)]
async fn a_create_job_fails_where_the_playbook_would() {
    type Break = fn(&Cluster);
    let cases: [(&str, Break, &str); 4] = [
        (
            "no tenant",
            |cluster| cluster.remove("/apis/cloudkit.openshift.io/v1alpha1/namespaces/ns/tenants/tenant-x"),
            "Read the tenant: \"tenant-x\" not found",
        ),
        (
            "no instance",
            |cluster| cluster.remove(&instance_path("ci-0001")),
            "Read the instance: \"ci-0001\" not found",
        ),
        (
            "an instance that is being deleted",
            |cluster| {
                cluster.patch(
                    &instance_path("ci-0001"),
                    &json!({"metadata": {"deletionTimestamp": "2026-02-12T00:00:00Z"}}),
                );
            },
            "Add the finalizer: metadata.finalizers: Forbidden",
        ),
        (
            "a broken cluster",
            |cluster| cluster.break_path("/api/v1/namespaces/ns-x/secrets"),
            "Create the secret: etcd is down",
        ),
    ];
    for (case, break_it, explanation) in cases {
        let world = World::new(profile("instant"), Cluster::default().with_instance("ci-0001"));
        break_it(&world.cluster);
        let id = world.launch(7, "ci-0001").await;
        world.aap.idle().await;
        let job = world.get(&format!("/api/v2/jobs/{id}/")).await;
        assert_eq!((job["status"].as_str(), job["failed"].as_bool()), (Some("failed"), Some(true)), "{case}");
        let said = job["job_explanation"].as_str().unwrap_or_default();
        assert!(said.starts_with(explanation), "{case}: {said}");
        assert!(job["result_traceback"].as_str().unwrap_or_default().contains("FAILED!"), "{case}");
        assert_eq!(world.cluster.get(&machine_path("ci-0001")), None, "{case}: no machine was made");
        assert!(world.truth.drain().iter().any(|entry| entry.source == "playbook" && entry.event == "failed"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_never_gets_ready_fails_the_job_after_ten_minutes() {
    let limits = [("check_interval: 10ms", "check_interval: 5s"), ("check_limit: 60s", "check_limit: 600s")];
    let world = World::new(profile_with("instant", &limits), Cluster::default().with_instance("ci-0001"));
    let id = world.launch(7, "ci-0001").await;
    world.aap.idle().await;
    let job = world.get(&format!("/api/v2/jobs/{id}/")).await;
    assert_eq!(job["status"], "failed");
    assert_eq!(job["elapsed"], 600.0);
    let checks = sequence(&world.cluster).iter().filter(|request| request.starts_with("GET /apis/kubevirt.io")).count();
    assert_eq!(checks, 121, "at once and then every 5 s");
}

#[tokio::test(start_paused = true)]
async fn a_job_without_an_object_fails_and_says_so() {
    let world = World::new(profile("instant"), Cluster::default());
    let (_, job) = world.call("POST", "/api/v2/job_templates/7/launch/", &json!({"extra_vars": {"src": "vm9"}})).await;
    world.aap.idle().await;
    let job = world.get(job["url"].as_str().expect("a url")).await;
    assert_eq!(job["status"], "failed");
    assert!(job["job_explanation"].as_str().unwrap_or_default().contains("ansible_eda"), "{job}");
    assert!(world.cluster.requests().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_something_still_holds_is_waited_for() {
    let intervals = [("check_interval: 10ms", "check_interval: 5s")];
    let world = World::new(profile_with("instant", &intervals), Cluster::default().with_instance("ci-0001"));
    let machines = world.boot_machines();
    world.launch(7, "ci-0001").await;
    world.aap.idle().await;
    world.cluster.patch(&machine_path("ci-0001"), &json!({"metadata": {"finalizers": ["kubevirt.io/protection"]}}));
    let id = world.launch(8, "ci-0001").await;
    world.sleep(12.0).await;
    assert_eq!(world.status(id).await, "running");
    let volume = "/apis/cdi.kubevirt.io/v1beta1/namespaces/ns-x/datavolumes/ci-0001-root-disk";
    assert!(world.cluster.get(volume).is_some(), "first the machine");
    world.cluster.remove(&machine_path("ci-0001"));
    world.sleep(4.0).await;
    assert_eq!(world.status(id).await, "successful", "seen by the check at 15 s");
    machines.abort();
}
