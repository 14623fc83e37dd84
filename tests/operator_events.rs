//! Kubernetes Events on each change of a job: told, and in nobody's way.
#![cfg(feature = "harness")]

mod operator_lab;

use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::ListParams};
use operator_lab::{Lab, api::Fault, config, millis, seconds};
use provbench::{api::ComputeInstance, operator::config::ProviderKind};

const AAP: ProviderKind = ProviderKind::Aap;
const EDA: ProviderKind = ProviderKind::Eda;

async fn with_events(provider: ProviderKind, events: bool) -> Lab {
    let mut settings = config(provider);
    settings.events = events;
    settings.instance = String::from("operator-0");
    Lab::start_with(settings).await
}

async fn told(lab: &Lab) -> Vec<Event> {
    let api: Api<Event> = Api::namespaced(lab.client.clone(), operator_lab::NAMESPACE);
    let mut events = api.list(&ListParams::default()).await.expect("a list").items;
    events.sort_by_key(|event| event.event_time.as_ref().map(|time| time.0));
    events
}

/// A life, and how long it took; the object as it was when its job was launched.
async fn life(lab: &Lab, name: &str) -> (std::time::Duration, ComputeInstance) {
    let began = lab.clock.elapsed();
    lab.backend.behave(|behaviour| behaviour.tail = millis(300));
    let object = lab.create(name).await;
    lab.until_running(name, seconds(60)).await;
    lab.sleep(seconds(5)).await;
    lab.delete(name).await;
    lab.until_gone(name, seconds(60)).await;
    assert_eq!((lab.backend.launches(name, false), lab.backend.launches(name, true), lab.vms()), (1, 1, 0));
    ((lab.clock.elapsed() - began).into(), object)
}

#[tokio::test(start_paused = true)]
async fn each_change_of_a_job_is_an_event_of_its_instance() {
    for (provider, expected) in [
        (
            AAP,
            vec![
                "Normal JobPending Provision: provision job 1 was launched: Pending",
                "Normal JobRunning Provision: provision job 1 is Running, Pending before",
                "Normal JobSucceeded Provision: provision job 1 is Succeeded, Running before",
                "Normal JobPending Deprovision: deprovision job 2 was launched: Pending",
                "Normal JobRunning Deprovision: deprovision job 2 is Running, Pending before",
                "Normal JobSucceeded Deprovision: deprovision job 2 is Succeeded, Running before",
            ],
        ),
        (
            EDA,
            vec![
                "Normal JobRunning Provision: provision job eda-webhook-1 was launched: Running",
                "Normal JobSucceeded Provision: provision job eda-webhook-1 is Succeeded, Running before",
                "Normal JobRunning Deprovision: deprovision job eda-webhook-2 was launched: Running",
                "Normal JobSucceeded Deprovision: deprovision job eda-webhook-2 is Succeeded, Running before",
            ],
        ),
    ] {
        let lab = with_events(provider, true).await;
        let (_, object) = life(&lab, "vm-1").await;
        lab.sleep(seconds(1)).await;
        let events = told(&lab).await;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let lines: Vec<String> = events
            .iter()
            .map(|event| {
                let [kind, reason, action, note] = [&event.type_, &event.reason, &event.action, &event.note].map(text);
                format!("{kind} {reason} {action}: {note}")
            })
            .collect();
        assert_eq!(lines, expected, "{provider}");
        for event in &events {
            let regarding = event.regarding.as_ref().expect("an object");
            assert_eq!((&regarding.uid, &regarding.name), (&object.metadata.uid, &object.metadata.name));
            assert_eq!(regarding.kind.as_deref(), Some("ComputeInstance"));
            assert_eq!(event.reporting_instance.as_deref(), Some("operator-0"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_is_a_warning_with_its_reason() {
    let lab = with_events(AAP, true).await;
    lab.backend.behave(|behaviour| behaviour.fail_jobs = 1);
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(120)).await;
    lab.sleep(seconds(1)).await;
    let events = told(&lab).await;
    let warning = events.iter().find(|event| event.type_.as_deref() == Some("Warning")).expect("a warning");
    assert_eq!(warning.reason.as_deref(), Some("JobFailed"));
}

/// The operator's requests in a life, without those of its Events.
fn others(lab: &Lab) -> Vec<String> {
    let requests = lab.server.requests().into_iter().map(|(line, _)| line);
    requests.filter(|line| !line.contains("/events.k8s.io/")).collect()
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_events_nor_fails_with_them() {
    for provider in [AAP, EDA] {
        let silent = with_events(provider, false).await;
        let (undisturbed, _) = life(&silent, "vm-1").await;
        assert_eq!(others(&silent).len(), silent.server.requests().len(), "nothing is told of");
        for fault in
            [None, Some(Fault::Refuse(403)), Some(Fault::Refuse(404)), Some(Fault::Refuse(500)), Some(Fault::Hang)]
        {
            let lab = with_events(provider, true).await;
            if let Some(fault) = fault {
                lab.server.fail(usize::MAX, fault, |line, _| line.contains("/events.k8s.io/"));
            }
            let (took, _) = life(&lab, "vm-1").await;
            assert_eq!(took, undisturbed, "{provider}, {fault:?}");
            assert_eq!(others(&lab), others(&silent), "{provider}, {fault:?}");
            let told = lab.server.requests().len() - others(&lab).len();
            let most = if fault.is_some() { 1 } else { 6 };
            assert!(
                (1..=most).contains(&told),
                "{provider}, {fault:?}: {told}, a server that refuses is left in peace"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_crowd_gets_its_events_without_holding_up_anybody() {
    let lab = with_events(EDA, true).await;
    // From the first change on the server does not answer, and then refuses everything: more than the queue holds.
    lab.server.fail(usize::MAX, Fault::Hang, |line, _| line.contains("/events.k8s.io/"));
    for n in 0..1_200 {
        lab.create(&format!("vm-{n}")).await;
    }
    lab.sleep(seconds(30)).await;
    let instances = lab.instances().list(&ListParams::default()).await.expect("a list").items;
    assert!(
        instances.iter().all(|instance| operator_lab::phase(Some(instance)) == Some(provbench::api::Phase::Running))
    );
    lab.server.heal();
    lab.sleep(seconds(60)).await;
    let events = told(&lab).await.len();
    assert!((1_000..2_400).contains(&events), "what fitted is told: {events}");
}
