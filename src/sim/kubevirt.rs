//! The simulated KubeVirt: virtual machines that become ready some time after they were made.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    time::Duration,
};

use futures::StreamExt;
use http::{Method, Request, header};
use kube::{Client, core::WatchEvent};
use serde::Deserialize;
use tokio::task::{AbortHandle, JoinSet};

use super::profile::{KubeVirtProfile, Latency, key};
use crate::{
    clock::SharedClock,
    record::{Truth, TruthLog, Word},
    units::Seed,
};

const MACHINES: &str = "/apis/kubevirt.io/v1/virtualmachines";

/// How long it waits before it asks a cluster again that did not answer.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// A controller that boots every virtual machine of a cluster.
///
/// It lists the machines, watches them from there on, and lists them again whenever the watch ends.
pub struct KubeVirt;

#[derive(Deserialize)]
struct List {
    metadata: ListMeta,
    items: Vec<Machine>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListMeta {
    resource_version: String,
}

#[derive(Clone, Deserialize)]
struct Machine {
    metadata: Meta,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Clone, Deserialize)]
struct Meta {
    name: Word,
    namespace: Word,
    uid: Word,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    run_strategy: Option<Word>,
}

#[derive(Clone, Default, Deserialize)]
struct Status {
    #[serde(default)]
    ready: bool,
}

/// What is needed to boot one machine.
#[derive(Clone)]
struct Boot {
    client: Client,
    clock: SharedClock,
    truth: TruthLog,
    takes: Duration,
}

/// The machines that are known.
struct Machines {
    client: Client,
    clock: SharedClock,
    seed: Seed,
    boot: Latency,
    truth: TruthLog,
    /// What the namespaces begin with whose machines are booted; all where there is none.
    within: Option<Word>,
    /// By namespace and name.
    known: BTreeMap<(Word, Word), Known>,
    booting: JoinSet<()>,
}

struct Known {
    uid: Word,
    /// How many machines of this name there were before.
    attempt: u32,
    boot: Option<AbortHandle>,
}

impl KubeVirt {
    /// Boots machines until it is dropped. `seed` is the block's.
    pub fn run(
        client: Client,
        clock: SharedClock,
        seed: Seed,
        profile: KubeVirtProfile,
        truth: TruthLog,
    ) -> impl Future<Output = ()> + Send {
        Self::run_within(client, clock, seed, profile, truth, None)
    }

    /// The same for machines in namespaces whose names begin with `within` alone: a cluster that others use too has machines
    /// that are none of ours.
    pub fn run_within(
        client: Client,
        clock: SharedClock,
        seed: Seed,
        profile: KubeVirtProfile,
        truth: TruthLog,
        within: Option<Word>,
    ) -> impl Future<Output = ()> + Send {
        let (known, booting) = (BTreeMap::new(), JoinSet::new());
        let mut machines = Machines { client, clock, seed, boot: profile.boot, truth, within, known, booting };
        async move {
            loop {
                if machines.list_and_watch().await.is_err() {
                    machines.clock.sleep(RETRY_DELAY).await;
                }
            }
        }
    }
}

impl Machines {
    /// One list and the watch that follows, until that ends.
    async fn list_and_watch(&mut self) -> Result<(), kube::Error> {
        let list: List = self.client.request(get(MACHINES.to_owned())?).await?;
        let mut gone: BTreeSet<(Word, Word)> = self.known.keys().cloned().collect();
        for machine in list.items {
            gone.remove(&(machine.metadata.namespace.clone(), machine.metadata.name.clone()));
            self.seen(machine);
        }
        for (namespace, name) in gone {
            self.gone(&namespace, &name);
        }
        let from = list.metadata.resource_version;
        let path = format!("{MACHINES}?watch=1&allowWatchBookmarks=true&resourceVersion={from}");
        let events = self.client.request_events::<Machine>(get(path)?).await?;
        let mut events = std::pin::pin!(events);
        loop {
            let event = tokio::select! {
                biased;
                event = events.next() => event,
                Some(_) = self.booting.join_next() => continue,
            };
            match event {
                Some(Ok(WatchEvent::Added(machine) | WatchEvent::Modified(machine))) => self.seen(machine),
                Some(Ok(WatchEvent::Deleted(machine))) => {
                    self.gone(&machine.metadata.namespace, &machine.metadata.name);
                }
                Some(Ok(WatchEvent::Bookmark(_))) => {}
                // Too old, or over: list again.
                Some(Ok(WatchEvent::Error(_))) | None => return Ok(()),
                Some(Err(error)) => return Err(error),
            }
        }
    }

    /// A machine is there: boots it, unless it is up, or being booted, or shall not run.
    fn seen(&mut self, machine: Machine) {
        if self.within.as_ref().is_some_and(|within| !machine.metadata.namespace.starts_with(within.as_str())) {
            return;
        }
        let Meta { name, namespace, uid } = machine.metadata;
        let known = self.known.entry((namespace.clone(), name.clone())).or_insert_with(|| Known {
            uid: Word::default(),
            attempt: 0,
            boot: None,
        });
        if known.uid != uid {
            if let Some(boot) = known.boot.take() {
                boot.abort();
            }
            known.attempt += u32::from(!known.uid.is_empty());
            known.uid = uid;
        }
        if machine.status.ready || machine.spec.run_strategy.as_deref() == Some("Halted") {
            if let Some(boot) = known.boot.take() {
                boot.abort();
            }
            return;
        }
        if known.boot.is_none() {
            let takes = self.boot.draw(key(self.seed, &name, "boot", known.attempt));
            let boot =
                Boot { client: self.client.clone(), clock: self.clock.clone(), truth: self.truth.clone(), takes };
            known.boot = Some(self.booting.spawn(boot.run(namespace, name)));
        }
    }

    /// A machine is gone; one of the same name may come.
    fn gone(&mut self, namespace: &Word, name: &Word) {
        if let Some(known) = self.known.get_mut(&(namespace.clone(), name.clone()))
            && let Some(boot) = known.boot.take()
        {
            boot.abort();
        }
    }
}

impl Boot {
    async fn run(self, namespace: Word, name: Word) {
        if !self.takes.is_zero() {
            self.clock.sleep(self.takes).await;
        }
        while let Err(error) = self.make_ready(&namespace, &name).await {
            // A machine that is gone needs no boot; anything else is tried again.
            if matches!(&error, kube::Error::Api(status) if status.code == 404) {
                return;
            }
            self.clock.sleep(RETRY_DELAY).await;
        }
        self.truth.push(Truth {
            at_ns: self.clock.elapsed(),
            source: Word::const_new("kubevirt"),
            event: Word::const_new("vm_ready"),
            object: name,
            ..Truth::default()
        });
    }

    async fn make_ready(&self, namespace: &str, name: &str) -> Result<(), kube::Error> {
        let now = format!("{:.0}", self.clock.now());
        let patch = format!(
            r#"{{"status":{{"created":true,"ready":true,"printableStatus":"Running","conditions":[{{"type":"Ready","status":"True","lastTransitionTime":"{now}"}}]}}}}"#
        );
        let request = Request::builder()
            .method(Method::PATCH)
            .uri(format!("/apis/kubevirt.io/v1/namespaces/{namespace}/virtualmachines/{name}/status"))
            .header(header::CONTENT_TYPE, "application/merge-patch+json")
            .body(patch.into_bytes())
            .map_err(kube::Error::HttpError)?;
        // On the heap: what boots would carry the room for it around.
        Box::pin(self.client.request_text(request)).await.map(drop)
    }
}

fn get(path: String) -> Result<Request<Vec<u8>>, kube::Error> {
    Request::get(path).body(Vec::new()).map_err(kube::Error::HttpError)
}
