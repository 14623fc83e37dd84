//! Several operators, of which one works.
#![cfg(feature = "harness")]

mod operator_lab;

use std::sync::Arc;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use operator_lab::{Lab, NAMESPACE, api::Fault, config, millis, seconds};
use parking_lot::Mutex;
use provbench::operator::{config::ProviderKind, leader::Election};

async fn lab() -> Lab {
    Lab::without_operator(config(ProviderKind::Aap)).await
}

fn candidate(lab: &Lab, identity: &str) -> Election {
    Election::new(lab.server.client(NAMESPACE), lab.clock.clone(), NAMESPACE, "cloudkit-operator", identity)
}

async fn lease(lab: &Lab) -> Lease {
    Api::<Lease>::namespaced(lab.client.clone(), NAMESPACE).get("cloudkit-operator").await.expect("a Lease")
}

async fn holder(lab: &Lab) -> String {
    lease(lab).await.spec.and_then(|spec| spec.holder_identity).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn the_first_holds_the_lease_for_as_long_as_it_renews_it() {
    let lab = lab().await;
    let (mut first, mut second) = (candidate(&lab, "first"), candidate(&lab, "second"));
    first.acquire().await;
    let keeping = tokio::spawn(async move { first.keep().await });
    let waiting = tokio::spawn(async move { second.acquire().await });
    lab.sleep(seconds(300)).await;
    assert!(!keeping.is_finished() && !waiting.is_finished());
    assert_eq!(holder(&lab).await, "first");
    // It dies: the second takes over once the Lease is no longer valid.
    keeping.abort();
    let died = lab.clock.now();
    waiting.await.expect("the Lease");
    let took = lab.clock.now().duration_since(died).as_secs();
    assert!((13..=20).contains(&took), "{took} s");
    assert_eq!(holder(&lab).await, "second");
    assert_eq!(lease(&lab).await.spec.and_then(|spec| spec.lease_transitions), Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_given_back_is_taken_at_once() {
    let lab = lab().await;
    let (mut first, mut second) = (candidate(&lab, "first"), candidate(&lab, "second"));
    first.acquire().await;
    second.release().await;
    assert_eq!(holder(&lab).await, "first", "nobody gives back what is somebody else's");
    first.release().await;
    let before = lab.clock.now();
    second.acquire().await;
    assert_eq!(lab.clock.now(), before);
    assert_eq!(holder(&lab).await, "second");
}

#[tokio::test(start_paused = true)]
async fn who_can_not_renew_stops_before_the_lease_is_somebody_elses() {
    for fault in [Fault::Refuse(500), Fault::Hang] {
        let lab = lab().await;
        let mut first = candidate(&lab, "first");
        first.acquire().await;
        lab.server.fail(usize::MAX, fault, |line, _| line.contains("/leases"));
        let renewed = lab.clock.now();
        first.keep().await;
        let stopped = lab.clock.now().duration_since(renewed).as_secs();
        assert_eq!(stopped, 10, "{fault:?}, and the Lease is valid for 15 s");
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_that_try_at_once_one_succeeds() {
    let lab = lab().await;
    let holders: Arc<Mutex<Vec<usize>>> = Arc::default();
    for n in 0..10 {
        let mut candidate = candidate(&lab, &format!("candidate-{n}"));
        let holders = holders.clone();
        tokio::spawn(async move {
            candidate.acquire().await;
            holders.lock().push(n);
            candidate.keep().await;
        });
    }
    lab.sleep(seconds(120)).await;
    assert_eq!(holders.lock().len(), 1, "{:?}", holders.lock());
    lab.sleep(millis(1)).await;
    assert_eq!(holder(&lab).await, format!("candidate-{}", holders.lock()[0]));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_taken_away_ends_the_work() {
    let lab = lab().await;
    let mut first = candidate(&lab, "first");
    first.acquire().await;
    let mut taken = lease(&lab).await;
    taken.spec.get_or_insert_default().holder_identity = Some("somebody".into());
    let api: Api<Lease> = Api::namespaced(lab.client.clone(), NAMESPACE);
    api.replace("cloudkit-operator", &kube::api::PostParams::default(), &taken).await.expect("a write");
    first.keep().await;
    assert_eq!(holder(&lab).await, "somebody");
}

#[tokio::test(start_paused = true)]
async fn who_stands_by_is_ready_to_take_over() {
    let lab = lab().await;
    let readiness = |lab: &Lab| lab.probes.answer(&http::Method::GET, "/readyz").status().as_u16();
    let mut first = candidate(&lab, "first");
    let mut second = candidate(&lab, "second").told_by(lab.probes.clone());
    first.acquire().await;
    let keeping = tokio::spawn(async move { first.keep().await });
    assert_eq!(readiness(&lab), 503, "it has not looked yet");
    let waiting = tokio::spawn(async move { second.acquire().await });
    lab.sleep(seconds(5)).await;
    assert_eq!(readiness(&lab), 200);
    keeping.abort();
    waiting.await.expect("the Lease");
    assert_eq!(readiness(&lab), 503, "it has its caches to fill now");
}

#[tokio::test(start_paused = true)]
async fn who_can_not_see_the_lease_is_not_ready() {
    let lab = lab().await;
    lab.server.fail(usize::MAX, Fault::Refuse(500), |line, _| line.contains("/leases"));
    let mut candidate = candidate(&lab, "first").told_by(lab.probes.clone());
    let waiting = tokio::spawn(async move { candidate.acquire().await });
    lab.sleep(seconds(5)).await;
    assert_eq!(lab.probes.answer(&http::Method::GET, "/readyz").status().as_u16(), 503);
    waiting.abort();
}
