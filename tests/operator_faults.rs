//! What the operator does when something around it breaks: the API server, the watches, a backend, the process itself.
#![cfg(feature = "harness")]

mod operator_lab;

use kube::{
    Api,
    api::{DeleteParams, ListParams, Patch, PatchParams},
};
use operator_lab::{Lab, NAMESPACE, api::Fault, config, job_ids, millis, phase, reason, seconds, states};
use provbench::{
    api::{JobState, JobType, Phase, Tenant, TenantPhase, names, tenant::tenant_object_name},
    operator::{Operator, OperatorParts, config::ProviderKind},
};
use serde_json::json;

const AAP: ProviderKind = ProviderKind::Aap;
const EDA: ProviderKind = ProviderKind::Eda;

#[tokio::test(start_paused = true)]
async fn a_fault_of_any_single_request_delays_and_does_no_more() {
    let faults = [
        (AAP, Fault::Refuse(500)),
        (AAP, Fault::Lose(500)),
        (AAP, Fault::Hang),
        (EDA, Fault::Refuse(409)),
        (EDA, Fault::Lose(409)),
    ];
    for (provider, fault) in faults {
        for nth in 0..14 {
            let lab = Lab::start(provider).await;
            let mut passed = 0;
            lab.server.fail(1, fault, move |_, _| {
                passed += 1;
                passed == nth + 1
            });
            lab.create("vm-1").await;
            lab.until_running("vm-1", seconds(120)).await;
            lab.delete("vm-1").await;
            lab.until_gone("vm-1", seconds(120)).await;
            let launched = (lab.backend.launches("vm-1", false), lab.backend.launches("vm-1", true));
            assert_eq!(launched, (1, 1), "{provider}, {fault:?} at request {nth}");
            assert_eq!((lab.vms(), lab.backend.overlaps().len()), (0, 0), "{provider}, {fault:?} at request {nth}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_at_any_time_leaves_nothing_behind() {
    for provider in [AAP, EDA] {
        for step in 0..30 {
            let mut lab = Lab::start(provider).await;
            lab.create("vm-1").await;
            if step >= 15 {
                lab.until_running("vm-1", seconds(60)).await;
                lab.delete("vm-1").await;
            }
            lab.sleep(millis((step % 15) * 7)).await;
            lab.kill_operator().await;
            lab.sleep(millis(500)).await;
            lab.start_operator();
            if step < 15 {
                lab.until_running("vm-1", seconds(60)).await;
                lab.delete("vm-1").await;
            }
            lab.until_gone("vm-1", seconds(120)).await;
            lab.sleep(seconds(30)).await;
            assert_eq!(lab.vms(), 0, "{provider}, killed at step {step}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_for_the_launch_in_work_and_records_it() {
    let mut lab = Lab::start(AAP).await;
    lab.backend.behave(|behaviour| behaviour.launch_latency = seconds(5));
    lab.create("vm-1").await;
    lab.sleep(seconds(1)).await;
    assert_eq!(lab.backend.launched(), []);
    lab.stop_operator().await;
    let object = lab.get("vm-1").await;
    assert_eq!(job_ids(object.as_ref(), JobType::Provision), ["1"]);
    let requests = lab.server.requests().len();
    lab.sleep(seconds(60)).await;
    assert_eq!(lab.server.requests().len(), requests, "and nothing goes on afterwards");
}

/// Twelve statuses are written at once; who waits for a turn must not wait for one hanging write after the other.
#[tokio::test(start_paused = true)]
async fn the_wait_for_a_turn_to_write_a_status_ends_too() {
    let lab = Lab::start(AAP).await;
    let name = |number: u32| format!("vm-{number}");
    for number in 1..=36 {
        lab.create(&name(number)).await;
    }
    for number in 1..=36 {
        lab.until_running(&name(number), seconds(60)).await;
    }
    lab.sleep(seconds(10)).await;
    let edit = |number: u32| (name(number), json!({"spec": {"templateParameters": format!("{{\"n\": {number}}}")}}));
    lab.backend.behave(|behaviour| behaviour.refuse_launches = (usize::MAX, 503));
    lab.server.fail(usize::MAX, Fault::Hang, |line, _| line.starts_with("PATCH") && line.ends_with("/status"));
    for (name, changes) in (1..=12).map(edit) {
        lab.patch(&name, changes).await;
    }
    lab.sleep(seconds(10)).await;
    for (name, changes) in (13..=36).map(edit) {
        lab.patch(&name, changes).await;
    }
    // After 30 s the first twelve give up and others have their turns; the last twelve give up after 40 s.
    lab.sleep(seconds(35)).await;
    let text = lab.probes.metrics.text();
    let failed = "cloudkit_reconcile_duration_seconds_count{result=\"error\"} ";
    let failed: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(failed)).collect();
    assert_eq!(failed, ["24"], "{text}");
    lab.server.heal();
    lab.backend.behave(|behaviour| behaviour.refuse_launches = (0, 0));
    lab.sleep(seconds(600)).await;
    for number in 1..=36 {
        let object = lab.get(&name(number)).await;
        assert_eq!((phase(object.as_ref()), lab.backend.launches(&name(number), false)), (Some(Phase::Running), 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_before_the_caches_are_filled_is_heeded() {
    let mut lab = Lab::without_operator(config(AAP)).await;
    lab.server.fail(usize::MAX, Fault::Hang, |line, _| line.starts_with("GET"));
    lab.start_operator();
    lab.sleep(seconds(1)).await;
    lab.stop_operator().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_on_half_a_cache() {
    for plural in ["computeinstances", "tenants", "virtualmachines"] {
        let mut lab = Lab::without_operator(config(EDA)).await;
        lab.server.fail(3, Fault::Refuse(500), move |line, _| line.starts_with("GET") && line.ends_with(plural));
        lab.create("vm-1").await;
        lab.start_operator();
        lab.sleep(millis(700)).await;
        let writes = lab.server.requests().iter().filter(|(line, _)| !line.starts_with("GET")).count();
        assert_eq!(writes, 0, "{plural} are not known yet");
        lab.until_running("vm-1", seconds(60)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_kubevirt_is_no_obstacle() {
    let mut lab = Lab::without_operator(config(EDA)).await;
    lab.server.fail(usize::MAX, Fault::Refuse(404), |line, _| line.contains("virtualmachines"));
    lab.server.fail(usize::MAX, Fault::Refuse(404), |line, _| line.contains("userdefinednetworks"));
    lab.start_operator();
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(60)).await;
    assert_eq!(lab.vms(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_fails_starts_again_and_misses_nothing() {
    let mut lab = Lab::without_operator(config(EDA)).await;
    lab.server.fail(9, Fault::Refuse(500), |line, _| line.starts_with("WATCH"));
    lab.start_operator();
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(120)).await;
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(120)).await;
    assert_eq!((lab.backend.launches("vm-1", false), lab.backend.launches("vm-1", true)), (1, 1));
}

/// Webhooks that a busy engine answers late hold no more than half of the workers: what jobs report, and deletions, go on.
#[tokio::test(start_paused = true)]
async fn an_engine_without_room_does_not_hold_up_everything() {
    let mut settings = config(EDA);
    settings.workers = 8;
    let lab = Lab::start_with(settings).await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    lab.create_annotated("vm-2", &[(names::TENANT_ANNOTATION, "acme")]).await;
    lab.sleep(millis(100)).await;
    lab.backend.behave(|behaviour| behaviour.launch_latency = seconds(200));
    for number in 3..=40 {
        lab.create(&format!("vm-{number}")).await;
    }
    lab.until_running("vm-2", seconds(60)).await;
    lab.patch("vm-1", json!({"metadata": {"annotations": {names::MANAGEMENT_STATE_ANNOTATION: "manual"}}})).await;
    lab.delete("vm-1").await;
    lab.until("vm-1", seconds(10), "let go", |object| {
        object.is_none_or(|object| !object.has_finalizer(names::FINALIZER))
    })
    .await;
    lab.backend.behave(|behaviour| behaviour.launch_latency = seconds(1));
    for number in 3..=40 {
        lab.until_running(&format!("vm-{number}"), seconds(600)).await;
        assert_eq!(lab.backend.launches(&format!("vm-{number}"), false), 1);
    }
}

/// A list of more than 500 objects comes in pages, and the cache shows it when the last is there.
#[tokio::test(start_paused = true)]
async fn what_changed_during_a_gap_shows_also_where_the_list_has_pages() {
    let mut lab = Lab::start(EDA).await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    for number in 0..600 {
        let unmanaged = [(names::MANAGEMENT_STATE_ANNOTATION, "unmanaged")];
        lab.create_annotated(&format!("zz-{number}"), &unmanaged).await;
    }
    lab.kill_operator().await;
    // Its watch hears nothing, and when it gives up on it, the server has forgotten what was to be heard.
    lab.server.fail(1, Fault::Hang, |line, _| line.starts_with("WATCH") && line.ends_with("computeinstances"));
    lab.start_operator();
    lab.sleep(seconds(1)).await;
    let lists =
        |lab: &Lab| lab.server.asked().iter().filter(|(_, path)| path.contains("computeinstances?&limit")).count();
    // Of the operator before one, of this one two.
    let before = lists(&lab);
    lab.delete("vm-1").await;
    lab.cluster.compact();
    lab.until_gone("vm-1", seconds(600)).await;
    assert_eq!((before, lists(&lab)), (3, 5), "it was listed anew, in two pages");
}

#[tokio::test(start_paused = true)]
async fn an_object_removed_by_force_during_its_launch_ends_quietly() {
    let lab = Lab::start(AAP).await;
    lab.backend.behave(|behaviour| behaviour.launch_latency = seconds(1));
    lab.create("vm-1").await;
    lab.sleep(millis(500)).await;
    lab.remove_by_force("vm-1").await;
    lab.sleep(seconds(60)).await;
    let launches = (lab.backend.launches("vm-1", false), lab.backend.launches("vm-1", true));
    let requests = lab.server.requests().len();
    assert_eq!((launches, lab.vms()), ((1, 1), 0), "what it may have made is removed");
    assert_eq!(lab.backend.cancels(), [1]);
    lab.sleep(seconds(600)).await;
    assert_eq!(lab.server.requests().len(), requests, "nobody goes on about it");
}

#[tokio::test(start_paused = true)]
async fn a_record_is_not_refused_for_what_others_wrote_during_the_launch() {
    let lab = Lab::start(AAP).await;
    lab.backend.behave(|behaviour| behaviour.launch_latency = seconds(1));
    lab.create("vm-1").await;
    lab.sleep(millis(500)).await;
    lab.patch("vm-1", serde_json::json!({"metadata": {"annotations": {"example.com/note": "hello"}}})).await;
    lab.sleep(millis(600)).await;
    let requests = lab.server.requests();
    let of_status: Vec<_> =
        requests.iter().filter(|(what, _)| what.starts_with("PATCH") && what.ends_with("/vm-1/status")).collect();
    assert_eq!(of_status.len(), 1, "{of_status:?}");
    let object = lab.get("vm-1").await.expect("an instance");
    assert_eq!(job_ids(Some(&object), JobType::Provision), ["1"]);
    assert!(object.metadata.annotations.is_some_and(|all| all.contains_key("example.com/note")));
}

/// A condition of somebody else's, put beside those that are there.
async fn add_condition(lab: &Lab, name: &str) {
    let object = lab.get(name).await.expect("an instance");
    let mut status = serde_json::to_value(object.status.unwrap_or_default()).expect("JSON");
    let theirs = json!({
        "type": "Audited", "status": "True", "reason": "Theirs", "message": "",
        "lastTransitionTime": "2026-02-12T00:00:00Z",
    });
    match status["conditions"].as_array_mut() {
        Some(conditions) => conditions.push(theirs),
        None => status["conditions"] = json!([theirs]),
    }
    let patch = Patch::Merge(json!({"status": {"conditions": status["conditions"]}}));
    lab.instances().patch_status(name, &PatchParams::default(), &patch).await.expect("a patch");
}

#[tokio::test(start_paused = true)]
async fn what_others_wrote_to_the_status_during_a_launch_is_kept() {
    for delay in [millis(0), seconds(5)] {
        let lab = Lab::start(AAP).await;
        // The operator may not have seen it when it writes.
        lab.server.delay_watches(delay);
        lab.backend.behave(|behaviour| behaviour.launch_latency = seconds(1));
        lab.create("vm-1").await;
        lab.sleep(delay + millis(500)).await;
        add_condition(&lab, "vm-1").await;
        lab.until_running("vm-1", seconds(120)).await;
        assert_eq!(reason(lab.get("vm-1").await.as_ref(), "Audited"), "Theirs", "{delay:?}, provisioning");
        let patch = Patch::Merge(json!({"status": {"conditions": []}}));
        lab.instances().patch_status("vm-1", &PatchParams::default(), &patch).await.expect("a patch");
        lab.sleep(seconds(20)).await;
        lab.hold("vm-1").await;
        lab.delete("vm-1").await;
        lab.sleep(delay + millis(500)).await;
        add_condition(&lab, "vm-1").await;
        lab.until("vm-1", seconds(120), "let go", |object| {
            object.is_some_and(|object| object.metadata.finalizers.iter().flatten().eq(["test/hold"]))
        })
        .await;
        assert_eq!(reason(lab.get("vm-1").await.as_ref(), "Audited"), "Theirs", "{delay:?}, deprovisioning");
        assert_eq!((lab.backend.launches("vm-1", false), lab.backend.launches("vm-1", true)), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_namesake_made_during_the_launch_is_not_given_the_job() {
    let lab = Lab::start(AAP).await;
    lab.backend.behave(|behaviour| behaviour.launch_latency = seconds(1));
    lab.create("vm-1").await;
    lab.sleep(millis(500)).await;
    lab.remove_by_force("vm-1").await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    let object = lab.get("vm-1").await;
    assert_eq!(job_ids(object.as_ref(), JobType::Provision), ["2"], "the first was another object's");
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(60)).await;
    assert_eq!(lab.vms(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_namesake_is_not_touched_on_the_word_of_a_stale_cache() {
    let mut lab = Lab::without_operator(config(EDA)).await;
    lab.server.delay_watches(seconds(2));
    lab.start_operator();
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    lab.delete("vm-1").await;
    lab.sleep(seconds(1)).await;
    lab.remove_by_force("vm-1").await;
    let namesake = lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    let object = lab.get("vm-1").await;
    assert_eq!(object.as_ref().and_then(|object| object.metadata.uid.clone()), namesake.metadata.uid);
    assert_eq!(states(object.as_ref()), [JobState::Succeeded]);
    lab.sleep(seconds(10)).await;
    assert_eq!(phase(lab.get("vm-1").await.as_ref()), Some(Phase::Running));
    assert_eq!(lab.backend.launches("vm-1", true), 1, "the server had said that it is gone");
}

#[tokio::test(start_paused = true)]
async fn what_the_provider_was_changed_under_goes_on_where_it_was() {
    for (before, after) in [(AAP, EDA), (EDA, AAP)] {
        let mut lab = Lab::start(before).await;
        lab.create("vm-1").await;
        lab.until("vm-1", seconds(10), "launched", |object| states(object).len() == 1).await;
        lab.stop_operator().await;
        lab.set_provider(after);
        lab.start_operator();
        lab.until_running("vm-1", seconds(60)).await;
        assert_eq!(lab.backend.launches("vm-1", false), 1);
        lab.delete("vm-1").await;
        lab.until_gone("vm-1", seconds(60)).await;
        assert_eq!((lab.vms(), lab.backend.launches("vm-1", true)), (0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn objects_out_of_the_operators_hands_are_left_alone() {
    let lab = Lab::start(AAP).await;
    for (name, state) in [("by-hand", "manual"), ("not-ours", "unmanaged")] {
        lab.create_annotated(name, &[(names::TENANT_ANNOTATION, "acme"), (names::MANAGEMENT_STATE_ANNOTATION, state)])
            .await;
    }
    lab.create_annotated("nobodys", &[]).await;
    lab.sleep(seconds(60)).await;
    assert_eq!(lab.backend.launched(), []);
    assert_eq!(reason(lab.get("by-hand").await.as_ref(), "Progressing"), "ManagedByHand");
    assert_eq!(reason(lab.get("nobodys").await.as_ref(), "Accepted"), "TenantMissing");
    assert_eq!(lab.get("not-ours").await.and_then(|object| object.status), None);
    let requests = lab.server.requests().len();
    lab.sleep(seconds(600)).await;
    assert_eq!(lab.server.requests().len(), requests, "at rest means at rest");
    lab.patch("nobodys", json!({"metadata": {"annotations": {names::TENANT_ANNOTATION: "acme"}}})).await;
    lab.until_running("nobodys", seconds(60)).await;
    lab.delete("by-hand").await;
    lab.until_gone("by-hand", seconds(10)).await;
}

fn tenants(lab: &Lab) -> Api<Tenant> {
    Api::namespaced(lab.client.clone(), NAMESPACE)
}

async fn phase_of_tenant(lab: &Lab, tenant: &str) -> Option<TenantPhase> {
    tenants(lab).get_opt(&tenant_object_name(tenant)).await.expect("an answer")?.status?.phase
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_made_once_and_unmade_in_the_reverse_order() {
    let lab = Lab::start(EDA).await;
    lab.create("vm-1").await;
    lab.create("vm-2").await;
    lab.create_for("vm-3", "umbrella").await;
    for name in ["vm-1", "vm-2", "vm-3"] {
        lab.until_running(name, seconds(60)).await;
    }
    assert_eq!(phase_of_tenant(&lab, "acme").await, Some(TenantPhase::Ready));
    assert_eq!(lab.cluster.count("k8s.ovn.org", "userdefinednetworks"), 2);
    let namespaces = lab.cluster.count("", "namespaces");
    lab.delete("vm-3").await;
    lab.until_gone("vm-3", seconds(60)).await;
    let name = tenant_object_name("umbrella");
    tenants(&lab).delete(&name, &DeleteParams::default()).await.expect("a deletion");
    lab.sleep(seconds(10)).await;
    assert_eq!(tenants(&lab).get_opt(&name).await.expect("an answer"), None);
    assert_eq!(lab.cluster.count("k8s.ovn.org", "userdefinednetworks"), 1);
    assert_eq!(lab.cluster.count("", "namespaces"), namespaces - 1);
    let log = lab.log.lock().clone();
    let place = |text: &str| log.iter().rposition(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text}"));
    assert!(place("DELETE /apis/k8s.ovn.org") < place("api DELETE /api/v1/namespaces/"));
    assert_eq!(phase_of_tenant(&lab, "acme").await, Some(TenantPhase::Ready), "the other tenant stays");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_can_not_be_made_yet_is_made_later() {
    let lab = Lab::start(EDA).await;
    for plural in ["tenants", "/namespaces", "userdefinednetworks"] {
        lab.server.fail(4, Fault::Refuse(500), move |line, _| line.starts_with("POST") && line.ends_with(plural));
    }
    lab.server.fail(2, Fault::Refuse(500), |line, _| line.contains("/tenants/") && line.ends_with("/status"));
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_tenant_makes_it_when_its_maker_is_gone() {
    let lab = Lab::start(EDA).await;
    lab.server.fail(1, Fault::Hang, |line, _| line.starts_with("POST") && line.ends_with("/tenants"));
    lab.create("vm-1").await;
    lab.sleep(millis(50)).await;
    lab.create("vm-2").await;
    lab.sleep(millis(50)).await;
    lab.remove_by_force("vm-1").await;
    lab.until_running("vm-2", seconds(60)).await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_tenant_shows_in_the_status_of_who_waits_for_it() {
    let lab = Lab::start(EDA).await;
    lab.server.fail(11, Fault::Refuse(500), |line, _| line.starts_with("POST") && line.ends_with("/namespaces"));
    lab.create("vm-1").await;
    lab.sleep(seconds(6)).await;
    let object = lab.get("vm-1").await;
    assert_eq!(
        (phase(object.as_ref()), reason(object.as_ref(), "Progressing")),
        (Some(Phase::Starting), "TenantNotReady".into())
    );
    lab.until_running("vm-1", seconds(60)).await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_whose_last_instance_is_gone_is_taken_over_before_it_is_used() {
    let lab = Lab::start(EDA).await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(60)).await;
    // The garbage collector has not been here yet.
    let instance = lab.create("vm-2").await;
    lab.until_running("vm-2", seconds(60)).await;
    let tenant = tenants(&lab).get(&tenant_object_name("acme")).await.expect("the tenant");
    let owners: Vec<_> = tenant.metadata.owner_references.into_iter().flatten().map(|own| Some(own.uid)).collect();
    assert_eq!(owners, [instance.metadata.uid]);
    let log = lab.log.lock().clone();
    let place = |text: &str| log.iter().rposition(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text}"));
    assert!(place("\"ownerReferences\"") < place("backend POST"), "before anything is launched in it");
}

/// An owner that went without having been asked takes nobody else's machine with it: the Tenant has another owner before the
/// garbage collector comes, which is a second behind the objects.
#[tokio::test(start_paused = true)]
async fn an_owner_that_goes_by_force_leaves_the_tenant_to_another() {
    let lab = Lab::start(EDA).await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    lab.create("vm-2").await;
    lab.until_running("vm-2", seconds(60)).await;
    lab.remove_by_force("vm-1").await;
    lab.sleep(millis(500)).await;
    tokio::spawn(lab.cluster.collect_garbage());
    lab.sleep(seconds(3600)).await;
    assert_eq!((phase_of_tenant(&lab, "acme").await, lab.vms()), (Some(TenantPhase::Ready), 1));
    lab.delete("vm-2").await;
    lab.until_gone("vm-2", seconds(60)).await;
    lab.sleep(seconds(60)).await;
    assert_eq!(phase_of_tenant(&lab, "acme").await, None, "the last takes it along");
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_is_removed_while_its_instances_have_machines_waits_for_them() {
    let lab = Lab::start(EDA).await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    tenants(&lab).delete(&tenant_object_name("acme"), &DeleteParams::default()).await.expect("a deletion");
    lab.sleep(seconds(600)).await;
    assert_eq!((phase_of_tenant(&lab, "acme").await, lab.vms()), (Some(TenantPhase::Deleting), 1));
    assert_eq!(lab.cluster.count("k8s.ovn.org", "userdefinednetworks"), 1);
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(60)).await;
    lab.sleep(seconds(60)).await;
    assert_eq!(phase_of_tenant(&lab, "acme").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_tenant_on_its_way_out_is_waited_for_and_made_anew() {
    let lab = Lab::start(EDA).await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(60)).await;
    let name = tenant_object_name("acme");
    let hold = Patch::Merge(json!({"metadata": {"finalizers": [names::TENANT_FINALIZER, "test/hold"]}}));
    tenants(&lab).patch(&name, &PatchParams::default(), &hold).await.expect("a patch");
    tenants(&lab).delete(&name, &DeleteParams::default()).await.expect("a deletion");
    lab.sleep(seconds(5)).await;
    lab.create("vm-2").await;
    lab.sleep(seconds(20)).await;
    assert_eq!(lab.backend.launches("vm-2", false), 0, "there is no place for it");
    let release = Patch::Merge(json!({"metadata": {"finalizers": []}}));
    tenants(&lab).patch(&name, &PatchParams::default(), &release).await.expect("a patch");
    lab.until_running("vm-2", seconds(60)).await;
}

/// Everything that went over the wire in a run of its own.
fn run_of_twenty() -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let lab = Lab::start(AAP).await;
        lab.server.fail(5, Fault::Refuse(500), |line, _| line.ends_with("/status"));
        for n in 0..20 {
            lab.create(&format!("vm-{n}")).await;
        }
        lab.sleep(seconds(10)).await;
        for instance in lab.instances().list(&ListParams::default()).await.expect("a list").items {
            lab.delete(instance.metadata.name.as_deref().expect("a name")).await;
        }
        lab.sleep(seconds(60)).await;
        std::mem::take(&mut *lab.log.lock())
    })
}

#[test]
fn two_runs_of_the_same_events_send_the_same_requests() {
    let (first, second) = (run_of_twenty(), run_of_twenty());
    assert!(first.len() > 200, "{} requests", first.len());
    for (first, second) in first.iter().zip(&second) {
        assert_eq!(first, second);
    }
    assert_eq!(first.len(), second.len());
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_ends_the_operator_instead_of_starving_its_objects() {
    let lab = Lab::without_operator(config(AAP)).await;
    let transport = provbench_transport_that_panics();
    let operator = Operator::start(OperatorParts {
        client: lab.server.client(NAMESPACE),
        clock: lab.clock.clone(),
        config: config(AAP),
        transport,
    });
    lab.create("vm-1").await;
    let ended = tokio::spawn(operator.run(std::future::pending())).await;
    assert!(ended.expect_err("an end").is_panic());
}

fn provbench_transport_that_panics() -> provbench::operator::provider::http::Transport {
    tower::util::BoxCloneService::new(tower::service_fn(|_: http::Request<bytes::Bytes>| async {
        panic!("a defect of the transport's")
    }))
}
