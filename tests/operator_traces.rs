//! What the operator's own spans and events tell. Every test here listens, and no other does: whether a span is of interest
//! is settled once for a whole process.
#![cfg(feature = "harness")]

mod operator_lab;

use std::{io, sync::Arc};

use operator_lab::{Lab, TOKEN, api::Fault, phase, seconds, states};
use parking_lot::Mutex;
use provbench::{
    api::{ComputeInstance, JobState, Phase, Tenant},
    operator::{config::ProviderKind, trace},
};
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt as _;

const AAP: ProviderKind = ProviderKind::Aap;
const EDA: ProviderKind = ProviderKind::Eda;

/// Counts the passes over objects, as the operator's own spans tell them.
#[derive(Clone, Default)]
struct Passes(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl Passes {
    fn count(&self) -> usize {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Passes {
    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        _: &tracing::span::Id,
        _: tracing_subscriber::layer::Context<'_, S>,
    ) {
        if attributes.metadata().name() == provbench::operator::trace::RECONCILE {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
}

/// Requests an instance, and what the tenant looks like, when so many instances of one tenant run.
async fn crowd(size: usize) -> (f64, Lab, Vec<ComputeInstance>) {
    let lab = Lab::start(EDA).await;
    for n in 0..size {
        lab.create(&format!("vm-{n}")).await;
    }
    lab.sleep(seconds(60)).await;
    let instances = lab.instances().list(&kube::api::ListParams::default()).await.expect("a list").items;
    assert!(instances.iter().all(|instance| phase(Some(instance)) == Some(Phase::Running)), "all run");
    (lab.server.requests().len() as f64 / size as f64, lab, instances)
}

#[tokio::test(start_paused = true)]
async fn defect_17_a_tenant_of_a_thousand_instances_costs_each_no_more() {
    let passes = Passes::default();
    let subscriber = tracing_subscriber::registry().with(passes.clone());
    let _guard = tracing::subscriber::set_default(subscriber);
    let (few, _, _) = crowd(50).await;
    let (many, lab, instances) = crowd(1000).await;
    assert!(many <= few + 0.1 && many < 6.5, "{few} requests an instance of 50, {many} of 1000");
    assert_eq!(instances.len(), 1000);
    let tenants: kube::Api<Tenant> = kube::Api::namespaced(lab.client.clone(), operator_lab::NAMESPACE);
    let tenant = tenants.list(&kube::api::ListParams::default()).await.expect("a list").items.remove(0);
    assert_eq!(tenant.metadata.owner_references.as_ref().map(Vec::len), Some(1), "one owner is enough");
    assert!(passes.count() > 1000, "passes are seen at all");
    // A change of the tenant wakes nobody who runs.
    let before = passes.count();
    let patch = kube::api::Patch::Merge(json!({"metadata": {"labels": {"a": "b"}}}));
    let name = tenant.metadata.name.expect("a name");
    tenants.patch(&name, &kube::api::PatchParams::default(), &patch).await.expect("a patch");
    lab.sleep(seconds(5)).await;
    assert_eq!(passes.count() - before, 0);
    // The owner goes: another takes over.
    let owner = tenant.metadata.owner_references.expect("an owner").remove(0).name;
    lab.delete(&owner).await;
    lab.until_gone(&owner, seconds(30)).await;
    let tenant = tenants.get(&name).await.expect("the tenant");
    let owners = tenant.metadata.owner_references.expect("an owner");
    assert_eq!(owners.len(), 1);
    assert_ne!(owners[0].name, owner);
    let heir = lab.get(&owners[0].name).await.expect("the heir");
    assert_eq!(heir.metadata.uid.as_ref(), Some(&owners[0].uid));
}

/// What an operator's log would show.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn spans_and_events_keep_their_names_and_never_carry_a_token() {
    let written = Written::default();
    let writer = written.clone();
    let format = tracing_subscriber::fmt::layer()
        .with_ansi(false)
        .json()
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::NEW)
        .with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(format));
    let lab = Lab::start(AAP).await;
    lab.backend.behave(|behaviour| behaviour.refuse_launches = (2, 500));
    lab.server.fail(2, Fault::Refuse(500), |line, _| line.ends_with("/status"));
    lab.create("vm-1").await;
    lab.until("vm-1", seconds(60), "at work", |object| states(object) == [JobState::Running]).await;
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(60)).await;
    let text = String::from_utf8(written.0.lock().clone()).expect("text");
    assert!(!text.contains(TOKEN), "a token in the log");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let ours = || lines.iter().filter(|line| line["target"] == trace::TARGET);
    let spans: std::collections::BTreeSet<&str> = ours()
        .filter(|line| line["fields"]["message"] == "new")
        .filter_map(|line| line["span"]["name"].as_str())
        .collect();
    let expected = [trace::API_WRITE, trace::PROVIDER_CALL, trace::RECONCILE, trace::RECONCILE_TENANT];
    assert_eq!(spans.into_iter().collect::<Vec<_>>(), expected);
    for (span, fields) in [
        (trace::RECONCILE, vec!["object", "reconcile_id", "waited_ns"]),
        (trace::RECONCILE_TENANT, vec!["object", "reconcile_id", "waited_ns"]),
        (trace::PROVIDER_CALL, vec!["object", "verb", "job_type"]),
        (trace::API_WRITE, vec!["object", "what", "phase"]),
    ] {
        let line = ours().find(|line| line["span"]["name"] == span).expect("the span");
        for field in fields {
            assert!(!line["span"][field].is_null(), "{span} has no field {field}: {line}");
        }
    }
    // Whatever is said in the course of a pass says of which.
    let warning = lines.iter().find(|line| line["level"] == "WARN").expect("a warning");
    assert!(warning["spans"][0]["reconcile_id"].is_u64(), "{warning}");
    let failed = |line: &&serde_json::Value| line["fields"]["message"] == "failed to reconcile; trying again";
    let failed = lines.iter().find(failed).expect("a pass that failed");
    assert!(failed["span"]["reconcile_id"].is_u64(), "{failed}");
    let ids = || ours().filter(|line| line["fields"]["message"] == "new" && line["span"]["name"] != trace::API_WRITE);
    let ids: Vec<u64> = ids().filter_map(|line| line["span"]["reconcile_id"].as_u64()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]) && ids[0] == 1, "each pass has its own: {ids:?}");
    let changes: Vec<String> = ours()
        .filter(|line| !line["fields"]["to"].is_null())
        .map(|line| {
            let field = |name: &str| line["fields"][name].as_str().expect("text").to_owned();
            format!("{} {} {} {}>{}", field("object"), field("job_type"), field("job_id"), field("from"), field("to"))
        })
        .collect();
    assert_eq!(
        changes,
        [
            "vm-1 provision 1 >Pending",
            "vm-1 provision 1 Pending>Running",
            "vm-1 provision 1 Running>Canceled",
            "vm-1 deprovision 2 >Pending",
            "vm-1 deprovision 2 Pending>Running",
            "vm-1 deprovision 2 Running>Succeeded",
        ],
        "each change once"
    );
}
