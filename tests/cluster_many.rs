//! Ten thousand objects, fifty watchers, and writers at the same time: each watcher sees what it selected exactly once and in
//! order; what is kept for the slow ones is bounded, and nobody waits for them.

#![cfg(feature = "harness")]

#[path = "cluster_support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use provbench::cluster::{Cluster, Options};
use serde_json::{Value, json};
use support::{Asker, INSTANCES, Lines, cluster_with, instance, options, revision};

const OBJECTS: usize = 10_000;
const WATCHERS: usize = 50;
const WRITERS: usize = 4;
/// What is done with the objects when they are there, by each writer.
const CHANGES: usize = 500;

/// What a watcher asked for.
#[derive(Clone, Copy, Debug)]
struct Wish {
    /// Only those labelled so.
    tier: Option<u8>,
    /// Only one of the objects.
    one: Option<usize>,
    /// How much of what was written before is to be seen too, in hundredths.
    from: u8,
    /// How many lines it reads before it lets others run.
    greed: usize,
}

fn wish() -> impl Strategy<Value = Wish> {
    let tier = prop_oneof![2 => Just(None), 3 => (0..3_u8).prop_map(Some)];
    let one = prop_oneof![4 => Just(None), 1 => (0..OBJECTS).prop_map(Some)];
    (tier, one, 0..=100_u8, 1..200_usize).prop_map(|(tier, one, from, greed)| Wish { tier, one, from, greed })
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Label(u8),
    Status,
    Delete,
    Create(u8),
}

fn change() -> impl Strategy<Value = (usize, Change)> {
    let change = prop_oneof![
        3 => (0..3_u8).prop_map(Change::Label),
        3 => Just(Change::Status),
        2 => Just(Change::Delete),
        2 => (0..3_u8).prop_map(Change::Create),
    ];
    // Each writer has objects of its own; on few of them changes meet.
    (0..200_usize, change)
}

/// One thing that happened, as the writer knows it.
#[derive(Clone, Debug)]
struct Happened {
    revision: u64,
    kind: &'static str,
    object: usize,
    was: Option<u8>,
    is: Option<u8>,
}

fn name(object: usize) -> String {
    format!("ci-{object:05}")
}

fn labelled(object: usize, tier: u8) -> Value {
    let mut body = instance(&name(object));
    body["metadata"]["labels"] = json!({"tier": tier.to_string()});
    body
}

/// What a writer does, one after the other, on the objects `own..own + 200`; what it was told is what happened.
async fn write(ask: Asker, own: usize, changes: Vec<(usize, Change)>) -> Vec<Happened> {
    let mut happened = Vec::new();
    let mut tiers: BTreeMap<usize, u8> = (own..own + 200).map(|object| (object, first_tier(object))).collect();
    for (turn, (offset, change)) in changes.into_iter().enumerate() {
        let object = own + offset;
        let path = format!("{INSTANCES}/{}", name(object));
        let was = tiers.get(&object).copied();
        let (code, answer) = match change {
            Change::Label(tier) => ask.merge(&path, &json!({"metadata": {"labels": {"tier": tier.to_string()}}})).await,
            Change::Status => {
                ask.merge(&format!("{path}/status"), &json!({"status": {"desiredConfigVersion": turn.to_string()}}))
                    .await
            }
            Change::Delete => ask.delete(&path).await,
            Change::Create(tier) => ask.post(INSTANCES, &labelled(object, tier)).await,
        };
        let (kind, is) = match (change, was) {
            (Change::Create(tier), None) => ("ADDED", Some(tier)),
            (Change::Label(tier), Some(before)) if tier != before => ("MODIFIED", Some(tier)),
            (Change::Status, Some(before)) => ("MODIFIED", Some(before)),
            (Change::Delete, Some(_)) => ("DELETED", None),
            // Nothing to write, or nothing there.
            (_, was) => {
                let expected = if matches!(change, Change::Create(_)) {
                    409
                } else if was.is_some() {
                    200
                } else {
                    404
                };
                assert_eq!(code, expected, "{change:?}: {answer}");
                continue;
            }
        };
        assert!(code.is_success(), "{change:?}: {answer}");
        // A delete does not say at which revision; the watch has to.
        let revision = if kind == "DELETED" { 0 } else { revision(&answer) };
        happened.push(Happened { revision, kind, object, was, is });
        match is {
            Some(tier) => tiers.insert(object, tier),
            None => tiers.remove(&object),
        };
        tokio::task::yield_now().await;
    }
    happened
}

fn first_tier(object: usize) -> u8 {
    u8::try_from(object % 3).expect("small")
}

/// Reads until the last object of all is created.
async fn read(mut lines: Lines, greed: usize) -> Vec<(String, String, u64)> {
    let mut seen = Vec::new();
    loop {
        for _ in 0..greed {
            let event = lines.next().await.expect("a watch goes on");
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let metadata = &event["object"]["metadata"];
            if metadata["name"] == "last" {
                return seen;
            }
            assert_ne!(event["type"], "ERROR", "{event}");
            seen.push((text(&event["type"]), text(&metadata["name"]), revision(&event["object"])));
        }
        tokio::task::yield_now().await;
    }
}

/// What a watcher from `from` on should have seen of what happened; deletions have no revision here.
fn expected(happened: &[Happened], wish: Wish, from: u64) -> Vec<(String, String, u64)> {
    let selects = |object: usize, tier: Option<u8>| {
        tier.is_some_and(|tier| wish.tier.is_none_or(|own| own == tier)) && wish.one.is_none_or(|one| one == object)
    };
    let later = happened.iter().filter(|event| event.revision > from);
    later
        .filter_map(|event| {
            let (was, is) = (selects(event.object, event.was), selects(event.object, event.is));
            let kind = match (was, is) {
                (false, false) => return None,
                (false, true) => "ADDED",
                (true, false) => "DELETED",
                (true, true) => event.kind,
            };
            Some((kind.to_owned(), name(event.object), event.revision))
        })
        .collect()
}

async fn together(cluster: Cluster, wishes: Vec<Wish>, changes: Vec<Vec<(usize, Change)>>) {
    let ask = Asker::new(&cluster);
    let mut happened = Vec::with_capacity(OBJECTS);
    for object in 0..OBJECTS {
        let tier = first_tier(object);
        let created = ask.created(INSTANCES, &labelled(object, tier)).await;
        happened.push(Happened { revision: revision(&created), kind: "ADDED", object, was: None, is: Some(tier) });
    }
    let first = happened[0].revision - 1;
    let mut readers = Vec::new();
    let mut starts = Vec::new();
    for wish in &wishes {
        let from = first + (OBJECTS as u64) * u64::from(wish.from) / 100;
        // `last` is for everybody.
        let selector = wish.tier.map_or_else(String::new, |tier| format!("&labelSelector=tier%20in%20({tier},all)"));
        let path = format!("{INSTANCES}?watch=1&resourceVersion={from}{selector}");
        readers.push((ask.watch(&path).await, wish.greed));
        starts.push(from);
    }
    let readers: Vec<_> = readers.into_iter().map(|(lines, greed)| tokio::spawn(read(lines, greed))).collect();
    let everything = tokio::spawn(read(ask.watch(&format!("{INSTANCES}?watch=1&resourceVersion={first}")).await, 100));
    let writers: Vec<_> = changes
        .into_iter()
        .enumerate()
        .map(|(number, changes)| tokio::spawn(write(Asker::new(&cluster), number * 200, changes)))
        .collect();
    let mut written = Vec::new();
    for writer in writers {
        written.push(writer.await.expect("it wrote"));
    }
    let mut last = instance("last");
    last["metadata"]["labels"] = json!({"tier": "all"});
    ask.created(INSTANCES, &last).await;

    // One watch of everything tells when objects were deleted; all the rest is held against what the writers were told.
    let everything = everything.await.expect("it read");
    let mut deletions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (kind, name, revision) in &everything {
        if kind == "DELETED" {
            deletions.entry(name.clone()).or_default().push(*revision);
        }
    }
    for event in written.iter_mut().flatten().filter(|event| event.kind == "DELETED") {
        let of_object = deletions.get_mut(&name(event.object)).expect("a deletion");
        event.revision = of_object.remove(0);
    }
    assert!(deletions.values().all(Vec::is_empty), "deletions that nobody asked for: {deletions:?}");
    for own in &written {
        assert!(own.windows(2).all(|pair| pair[0].revision < pair[1].revision), "a writer's own order");
    }
    happened.extend(written.into_iter().flatten());
    happened.sort_by_key(|event| event.revision);
    let all = Wish { tier: None, one: None, from: 0, greed: 1 };
    assert_eq!(everything, expected(&happened, all, first));
    for (reader, (wish, from)) in readers.into_iter().zip(wishes.into_iter().zip(starts)) {
        let mut seen = reader.await.expect("it read");
        // Names are selected on this side, so that one line ends all watches.
        if let Some(one) = wish.one {
            seen.retain(|(_, own, _)| *own == name(one));
        }
        assert_eq!(seen, expected(&happened, wish, from), "{wish:?} from {from}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 0, ..ProptestConfig::with_cases(2) })]

    #[test]
    fn no_event_of_ten_thousand_objects_is_lost_doubled_or_out_of_order(
        wishes in vec(wish(), WATCHERS),
        changes in vec(vec(change(), CHANGES), WRITERS),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build();
        let runtime = runtime.map_err(|error| TestCaseError::fail(error.to_string()))?;
        let cluster = cluster_with(Options { history: 2 * OBJECTS, replay: 2 * OBJECTS, ..options() });
        runtime.block_on(together(cluster, wishes, changes));
    }
}

/// The memory of this process, in bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("a count of pages");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4096
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_is_kept_for_slow_watchers_is_bounded_and_they_are_told_410() {
    const HISTORY: usize = 500;
    const WRITES: usize = 10_000;
    /// What an update writes: all of them would be 160 MB.
    const SIZE: usize = 16_384;
    let ask = Asker::new(&cluster_with(Options { history: HISTORY, ..options() }));
    ask.instances(&["a", "b"]).await;
    let start = revision(&ask.get(INSTANCES).await.1);
    let mut slow = Vec::new();
    for _ in 0..WATCHERS {
        slow.push(ask.watch(&format!("{INSTANCES}?watch=1&resourceVersion={start}")).await);
    }
    let before = resident();
    for turn in 0..WRITES {
        let text = format!("{turn:05}{}", "x".repeat(SIZE));
        let patch = json!({"spec": {"templateParameters": text}});
        let (code, answer) = ask.merge(&format!("{INSTANCES}/{}", ["a", "b"][turn % 2]), &patch).await;
        assert_eq!(code, 200, "{answer}");
    }
    let grown = resident().saturating_sub(before);
    // The history is 8 MB; the rest is what allocators keep.
    assert!(grown < 60_000_000, "{grown} bytes more, of {} that were written", WRITES * SIZE);
    for watch in &mut slow {
        let event = watch.next().await.expect("a word");
        assert_eq!((&event["type"], &event["object"]["code"]), (&json!("ERROR"), &json!(410)), "{event}");
        assert_eq!(event["object"]["reason"], "Expired");
        assert_eq!(watch.next().await, None, "it ends there");
    }
    // Who begins anew goes on.
    let (_, list) = ask.get(INSTANCES).await;
    let mut anew = ask.watch(&format!("{INSTANCES}?watch=1&resourceVersion={}", revision(&list))).await;
    ask.instances(&["c"]).await;
    assert!(anew.brief().await.is_some_and(|line| line.starts_with("ADDED c ")));
}
