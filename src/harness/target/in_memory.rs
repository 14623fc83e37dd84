//! A target without sockets, for virtual time: a socket's answer would come after the clock has jumped over it.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tower::{BoxError, ServiceExt, util::BoxCloneService};

use crate::{
    harness::{
        experiment::Endpoints,
        target::{Blueprint, Reach, Servers, TargetError, backends::Backends, cluster},
    },
    operator::provider::http::Transport,
};

const AAP_HOST: &str = "aap.simulated";
const EDA_HOST: &str = "eda.simulated";

pub(super) fn reach(blueprint: &Blueprint) -> Result<Reach, TargetError> {
    let cluster = cluster(&blueprint.clock, blueprint.seed)?;
    let (backends, kubevirt) = Backends::start(blueprint, cluster.client("default"));
    let (service, namespace) = (cluster.service(), blueprint.namespace.clone());
    Ok(Reach {
        client: cluster.client(&blueprint.namespace),
        connect: Box::new(move |meter| Ok(kube::Client::new(meter.around(service), namespace))),
        transport: transport(&backends),
        endpoints: endpoints(&blueprint.namespace),
        access: None,
        backends: Some(backends),
        live: None,
        servers: Servers::InMemory { kubevirt },
    })
}

/// Where the operator finds the backends in memory.
pub(super) fn endpoints(namespace: &str) -> Endpoints {
    Endpoints {
        namespace: namespace.to_owned(),
        aap_url: format!("http://{AAP_HOST}/api/controller"),
        eda_url: format!("http://{EDA_HOST}"),
    }
}

/// What carries the operator's requests to the backend that their host names.
pub(super) fn transport(backends: &Backends) -> Transport {
    let (aap, eda) = (backends.aap.service(), backends.eda.service());
    // The services are not to be shared between threads, so that each request gets a clone of its own.
    let services = parking_lot::Mutex::new((aap, eda));
    let services = std::sync::Arc::new(services);
    BoxCloneService::new(tower::service_fn(move |request: Request<Bytes>| {
        let service = {
            let services = services.lock();
            match request.uri().host() {
                Some(AAP_HOST) => Some(services.0.clone()),
                Some(EDA_HOST) => Some(services.1.clone()),
                _ => None,
            }
        };
        async move {
            if let Some(service) = service {
                return service.oneshot(request).await;
            }
            let mut nowhere = Response::new(Bytes::new());
            *nowhere.status_mut() = StatusCode::BAD_GATEWAY;
            Ok::<_, BoxError>(nowhere)
        }
    }))
}
