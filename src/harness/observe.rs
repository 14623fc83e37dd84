//! What a user sees: the watch of the instances, as it delivers.

use futures::{Stream, StreamExt};
use kube::{
    Api, Client, ResourceExt,
    api::{ApiResource, Object},
    runtime::{
        WatchStreamExt,
        watcher::{self, Event},
    },
};
use serde::{Deserialize, de::IgnoredAny};

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

type Observed = Object<IgnoredAny, ObservedStatus>;

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
    let resource = ApiResource {
        group: names::GROUP.to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: format!("{}/v1alpha1", names::GROUP),
        kind: "ComputeInstance".to_owned(),
        plural: "computeinstances".to_owned(),
    };
    let api: Api<Observed> = Api::namespaced_with(client, namespace, &resource);
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
    let instance = object.name_any().parse().ok()?;
    Some((instance, object.status.unwrap_or_default()))
}
