//! Whatever is written in whatever order: what a watcher sees from any revision on is what a model says happened.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use http::Method;
use proptest::{collection::vec, prelude::*};
use provbench::cluster::Options;
use serde_json::{Value, json};
use support::{Asker, INSTANCES, Lines, cluster_with, instance, options, revision};

/// Few names, so that the operations meet.
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

#[derive(Clone, Copy, Debug)]
enum Operation {
    Create { name: usize, front: bool, held: bool },
    Label { name: usize, front: bool },
    Spec { name: usize, priority: u8 },
    Status { name: usize, running: bool },
    Delete { name: usize },
    Release { name: usize },
}

fn operation() -> impl Strategy<Value = Operation> {
    let name = 0..NAMES.len();
    prop_oneof![
        4 => (name.clone(), any::<bool>(), any::<bool>()).prop_map(|(name, front, held)| Operation::Create { name, front, held }),
        2 => (name.clone(), any::<bool>()).prop_map(|(name, front)| Operation::Label { name, front }),
        2 => (name.clone(), 0..3_u8).prop_map(|(name, priority)| Operation::Spec { name, priority }),
        3 => (name.clone(), any::<bool>()).prop_map(|(name, running)| Operation::Status { name, running }),
        3 => name.clone().prop_map(|name| Operation::Delete { name }),
        2 => name.prop_map(|name| Operation::Release { name }),
    ]
}

/// What the model says that an object is like.
#[derive(Clone, Debug, PartialEq)]
struct Modelled {
    front: bool,
    held: bool,
    priority: Option<u8>,
    running: Option<bool>,
    deleting: bool,
}

#[derive(Default)]
struct Model {
    objects: BTreeMap<usize, Modelled>,
    /// What happened: `TYPE name`, whether the object was in the selection before and is after, and the revision.
    events: Vec<(String, String, bool, bool, u64)>,
    revision: u64,
}

impl Model {
    /// Applies an operation, which makes at most one event, and says whether the server should accept it.
    fn apply(&mut self, operation: &Operation) -> bool {
        let name = match *operation {
            Operation::Create { name, .. }
            | Operation::Label { name, .. }
            | Operation::Spec { name, .. }
            | Operation::Status { name, .. }
            | Operation::Delete { name }
            | Operation::Release { name } => name,
        };
        let before = self.objects.get(&name).cloned();
        let mut after = before.clone();
        match (*operation, &mut after) {
            (Operation::Create { front, held, .. }, after @ None) => {
                *after = Some(Modelled { front, held, priority: None, running: None, deleting: false });
            }
            (Operation::Create { .. }, Some(_)) | (_, None) => return false,
            (Operation::Label { front, .. }, Some(object)) => object.front = front,
            (Operation::Spec { priority, .. }, Some(object)) => object.priority = Some(priority),
            (Operation::Status { running, .. }, Some(object)) => object.running = Some(running),
            (Operation::Delete { .. }, Some(object)) if object.held => object.deleting = true,
            (Operation::Release { .. }, Some(object)) if !object.deleting => object.held = false,
            (Operation::Delete { .. } | Operation::Release { .. }, after) => *after = None,
        }
        if before == after {
            return true;
        }
        self.revision += 1;
        let front = |object: &Option<Modelled>| object.as_ref().is_some_and(|object| object.front);
        let kind = match (&before, &after) {
            (None, _) => "ADDED",
            (_, None) => "DELETED",
            _ => "MODIFIED",
        };
        self.events.push((kind.to_owned(), NAMES[name].to_owned(), front(&before), front(&after), self.revision));
        match after {
            Some(object) => self.objects.insert(name, object),
            None => self.objects.remove(&name),
        };
        true
    }

    /// What a watcher from `start` on should have seen, of everything or of the selection.
    fn seen(&self, start: u64, selected: bool) -> Vec<String> {
        let later = self.events.iter().filter(|(.., revision)| *revision > start);
        later
            .filter_map(|(kind, name, was, is, revision)| {
                let kind = match (selected, was, is, kind.as_str()) {
                    (false, _, _, kind) | (true, true, true, kind) => kind,
                    (true, false, false, _) => return None,
                    (true, false, true, _) => "ADDED",
                    (true, true, false, _) => "DELETED",
                };
                Some(format!("{kind} {name} {revision}"))
            })
            .collect()
    }
}

async fn perform(ask: &Asker, operation: &Operation) -> bool {
    let tier = |front: bool| if front { "front" } else { "back" };
    let path = |name: usize| format!("{INSTANCES}/{}", NAMES[name]);
    let (code, answer) = match *operation {
        Operation::Create { name, front, held } => {
            let mut object = instance(NAMES[name]);
            object["metadata"]["labels"] = json!({ "tier": tier(front) });
            object["metadata"]["finalizers"] = if held { json!(["x.io/y"]) } else { json!([]) };
            ask.post(INSTANCES, &object).await
        }
        Operation::Label { name, front } => {
            ask.merge(&path(name), &json!({"metadata": {"labels": {"tier": tier(front)}}})).await
        }
        // A PUT, so that these are covered too.
        Operation::Spec { name, priority } => {
            let mut object = ask.get(&path(name)).await.1;
            if object["kind"] == "Status" {
                return false;
            }
            object["spec"]["priority"] = priority.into();
            ask.put(&path(name), &object).await
        }
        Operation::Status { name, running } => {
            let phase = if running { "Running" } else { "Failed" };
            ask.merge(&format!("{}/status", path(name)), &json!({"status": {"phase": phase}})).await
        }
        Operation::Delete { name } => ask.delete(&path(name)).await,
        Operation::Release { name } => ask.merge(&path(name), &json!({"metadata": {"finalizers": null}})).await,
    };
    assert!(code.is_success() || code == 404 || code == 409, "{operation:?}: {answer}");
    code.is_success()
}

/// Puts what a watcher saw together to the objects that it knows of.
fn replay(known: &mut BTreeMap<String, Value>, event: &Value) {
    let object = &event["object"];
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    match event["type"].as_str() {
        Some("ADDED") => assert!(known.insert(name, object.clone()).is_none(), "{event}"),
        Some("MODIFIED") => assert!(known.insert(name, object.clone()).is_some(), "{event}"),
        Some("DELETED") => assert!(known.remove(&name).is_some(), "{event}"),
        _ => panic!("{event}"),
    }
}

async fn known_by(watch: &mut Lines) -> BTreeMap<String, Value> {
    let mut known = BTreeMap::new();
    while let Some(event) = watch.ready().await {
        replay(&mut known, &event);
    }
    known
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn a_watcher_from_any_revision_sees_every_event_once_and_in_order(operations in vec(operation(), 1..60), cut in 0..60_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let ask = Asker::new(&cluster_with(options()));
            let start = revision(&ask.get(INSTANCES).await.1);
            let mut model = Model { revision: start, ..Model::default() };
            // One that is there from the start, one that reads as it goes, one that comes in between.
            let mut patient = ask.watch(&format!("{INSTANCES}?watch=1&resourceVersion={start}")).await;
            let mut eager = ask.watch(&format!("{INSTANCES}?watch=1")).await;
            let mut eager_saw = Vec::new();
            let mut late = None;
            for (at, operation) in operations.iter().enumerate() {
                if at == cut {
                    late = Some((ask.watch(&format!("{INSTANCES}?watch=1")).await, model.revision));
                }
                assert_eq!(perform(&ask, operation).await, model.apply(operation), "{operation:?}");
                eager_saw.extend(eager.all_ready().await);
            }
            assert_eq!(patient.all_ready().await, model.seen(start, false));
            assert_eq!(eager_saw, model.seen(start, false));
            for from in start..=model.revision {
                let mut watch = ask.watch(&format!("{INSTANCES}?watch=1&resourceVersion={from}")).await;
                assert_eq!(watch.all_ready().await, model.seen(from, false), "from {from}");
                let selected = format!("{INSTANCES}?watch=1&labelSelector=tier%3Dfront&resourceVersion={from}");
                let mut watch = ask.watch(&selected).await;
                assert_eq!(watch.all_ready().await, model.seen(from, true), "the selection from {from}");
            }
            // Put together, the events are the present state.
            let (_, list) = ask.get(INSTANCES).await;
            let mut whole = ask.watch(&format!("{INSTANCES}?watch=1&resourceVersion={start}")).await;
            let known: Vec<Value> = known_by(&mut whole).await.into_values().collect();
            assert_eq!(&list["items"], &json!(known));
            if let Some((mut late, _)) = late {
                let known: Vec<Value> = known_by(&mut late).await.into_values().collect();
                assert_eq!(&list["items"], &json!(known));
            }
        });
    }

    #[test]
    fn a_history_that_is_too_short_is_told_and_never_skipped(operations in vec(operation(), 1..60), history in 1..20_usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let ask = Asker::new(&cluster_with(Options { history, ..options() }));
            let start = revision(&ask.get(INSTANCES).await.1);
            let mut model = Model { revision: start, ..Model::default() };
            for operation in &operations {
                perform(&ask, operation).await;
                model.apply(operation);
            }
            for from in start..=model.revision {
                let mut watch = ask.watch(&format!("{INSTANCES}?watch=1&resourceVersion={from}")).await;
                let expected = model.seen(from, false);
                let seen = watch.all_ready().await;
                if expected.len() <= history {
                    assert_eq!(seen, expected, "from {from}");
                } else {
                    assert_eq!(seen, ["ERROR - -"], "from {from}");
                }
            }
        });
    }

    #[test]
    fn no_request_makes_the_server_panic(
        method in prop_oneof![Just(Method::GET), Just(Method::POST), Just(Method::PUT), Just(Method::PATCH), Just(Method::DELETE)],
        path in prop_oneof![
            "/(api|apis)(/[a-z.%0-9]{0,8}){0,8}",
            Just(INSTANCES.to_owned()),
            Just(format!("{INSTANCES}/a")),
            Just(format!("{INSTANCES}/a/status")),
            Just("/api/v1/namespaces/default".to_owned()),
            Just("/apis/apiextensions.k8s.io/v1/customresourcedefinitions".to_owned()),
        ],
        query in "(\\?(watch|limit|continue|labelSelector|fieldSelector|resourceVersion|timeoutSeconds)=[a-z0-9%=,!() ]{0,6})?",
        content_type in prop_oneof![
            Just("application/json"), Just("application/merge-patch+json"), Just("application/json-patch+json"),
        ],
        body in any_json(),
    ) {
        let target = format!("{path}{query}").replace(' ', "+");
        prop_assume!(target.parse::<http::Uri>().is_ok());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let ask = Asker::new(&cluster_with(options()));
            ask.instances(&["a"]).await;
            let response = ask.send(method, &target, content_type, body.to_string().as_bytes()).await;
            let _ = Lines(response.into_body()).0;
            // Still alive, and still consistent.
            assert!(ask.get("/api/v1/namespaces").await.0.is_success());
        });
    }
}

/// JSON that looks like objects and patches, in parts.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("a".to_owned()),
        Just("ComputeInstance".to_owned()),
        Just("cloudkit.openshift.io/v1alpha1".to_owned()),
        Just("/spec".to_owned()),
        Just("add".to_owned()),
        Just("/metadata/finalizers".to_owned()),
        "[a-zA-Z/.]{0,6}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.prop_map(Value::from)
    ];
    let key = prop_oneof![
        Just("metadata"),
        Just("spec"),
        Just("status"),
        Just("kind"),
        Just("apiVersion"),
        Just("name"),
        Just("labels"),
        Just("finalizers"),
        Just("op"),
        Just("path"),
        Just("value"),
        Just("from"),
        Just("templateID"),
        Just("versions"),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key.clone(), inner), 0..6).prop_map(|pairs| pairs
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect::<serde_json::Map<_, _>>()
                .into()),
        ]
    })
}
