//! What a user sees: the watch of the instances, as it delivers.

use std::borrow::Cow;

use futures::{Stream, StreamExt};
use kube::{
    Api, Client, Resource,
    api::ObjectMeta,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event},
    },
};
use serde::{Deserialize, Deserializer};

use crate::{api::names, record::Word, units::InstanceId};

/// As much of the status as is measured, in the words that stand there.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct ObservedStatus {
    #[serde(default)]
    pub(crate) phase: Option<Word>,
    #[serde(default)]
    pub(crate) jobs: Vec<ObservedJob>,
}

/// One job in the status.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ObservedJob {
    #[serde(rename = "jobID")]
    pub(crate) job_id: Word,
    #[serde(rename = "type")]
    pub(crate) job_type: Word,
    pub(crate) state: Word,
}

/// An instance with nothing of it but what is measured: a user's watch costs the harness as little as it can.
#[derive(Clone, Debug)]
struct Observed {
    meta: ObjectMeta,
    status: ObservedStatus,
}

impl<'de> Deserialize<'de> for Observed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Wire {
            #[serde(default)]
            metadata: WireMeta,
            #[serde(default)]
            status: ObservedStatus,
        }
        #[derive(Default, Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct WireMeta {
            name: Option<String>,
            resource_version: Option<String>,
        }
        let wire = Wire::deserialize(deserializer)?;
        let WireMeta { name, resource_version } = wire.metadata;
        Ok(Self { meta: ObjectMeta { name, resource_version, ..ObjectMeta::default() }, status: wire.status })
    }
}

impl Resource for Observed {
    type DynamicType = ();
    type Scope = kube::core::NamespaceResourceScope;

    fn kind((): &()) -> Cow<'_, str> {
        "ComputeInstance".into()
    }

    fn group((): &()) -> Cow<'_, str> {
        names::GROUP.into()
    }

    fn version((): &()) -> Cow<'_, str> {
        "v1alpha1".into()
    }

    fn plural((): &()) -> Cow<'_, str> {
        "computeinstances".into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}

/// One thing that the watch showed.
#[derive(Debug)]
pub(crate) enum Sight {
    /// An instance as it is now.
    Present { instance: InstanceId, status: ObservedStatus },
    /// An instance that is gone, as it last was.
    Gone { instance: InstanceId, status: ObservedStatus },
    /// A list begins: what is not in it is gone.
    ListBegins,
    /// The list is complete.
    ListEnds,
    /// The watch broke off and begins again.
    Broken(String),
}

/// The sights of a namespace, in the order of the watch.
pub(crate) fn sights(client: Client, namespace: &str) -> impl Stream<Item = Sight> + use<> {
    let api: Api<Observed> = Api::namespaced(client, namespace);
    kube::runtime::watcher(api, watcher::Config::default()).default_backoff().filter_map(|event| {
        std::future::ready(match event {
            Ok(Event::Apply(object) | Event::InitApply(object)) => {
                named(object).map(|(instance, status)| Sight::Present { instance, status })
            }
            Ok(Event::Delete(object)) => named(object).map(|(instance, status)| Sight::Gone { instance, status }),
            Ok(Event::Init) => Some(Sight::ListBegins),
            Ok(Event::InitDone) => Some(Sight::ListEnds),
            Err(error) => Some(Sight::Broken(error.to_string())),
        })
    })
}

/// Objects that the harness did not create are none of its business.
fn named(object: Observed) -> Option<(InstanceId, ObservedStatus)> {
    let instance = object.meta.name?.parse().ok()?;
    Some((instance, object.status))
}
