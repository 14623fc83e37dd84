//! The handle to an embedded cluster.

use std::{fmt, future::Future, sync::Arc};

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{
    apply::tracking::Writer,
    call::Call,
    collect,
    crd::InvalidCrd,
    create::create,
    identity::Identities,
    kinds,
    log::Kept,
    options::Options,
    serve::{self, ServeOptions},
    service::ClusterService,
    state::State,
    status::Refusal,
};

/// What all handles and services of one cluster share.
#[derive(Debug)]
pub(super) struct Shared {
    /// What the cluster was made with.
    pub options: Options,
    /// The objects. Never held across an await.
    pub state: Mutex<State>,
}

impl Shared {
    /// Does something with the state, then wakes who waited for what it did: after the lock is free, so that they
    /// do not run into it.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.state.lock();
        let result = act(&mut state);
        let woken = std::mem::take(&mut state.woken);
        drop(state);
        for waker in woken {
            waker.wake();
        }
        result
    }
}

/// An API server in memory. Cloning gives another handle to the same one.
#[derive(Clone)]
pub struct Cluster {
    shared: Arc<Shared>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

impl Cluster {
    /// A cluster with the namespace `default`, the built-in kinds and nothing else.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let kept = Kept { all: options.history, read: options.replay };
        let state = State::new(kinds::built_in(), Identities::new(options.uid_seed), kept);
        let cluster = Self { shared: Arc::new(Shared { options, state: Mutex::new(state) }) };
        // The kind is built in and the name is fine: there is nothing that could be refused.
        let _ = cluster.create("", "namespaces", json!({"metadata": {"name": "default"}}));
        cluster
    }

    /// Installs a custom resource definition, as a POST of it through the API does.
    ///
    /// # Errors
    /// [`InvalidCrd`] where the API server would refuse it: it makes no sense, or is there already.
    pub fn install_crd(&self, crd: &Value) -> Result<(), InvalidCrd> {
        self.create("apiextensions.k8s.io", "customresourcedefinitions", crd.clone())
            .map_err(|refusal| InvalidCrd { message: refusal.message().to_owned() })
    }

    /// Creates a namespace.
    ///
    /// # Errors
    /// What the API server says where it refuses it.
    pub fn create_namespace(&self, name: &str) -> Result<(), String> {
        let namespace = json!({"metadata": {"name": name}});
        self.create("", "namespaces", namespace).map_err(|refusal| refusal.message().to_owned())
    }

    /// Creates a cluster-scoped object of a built-in kind.
    fn create(&self, group: &str, plural: &str, object: Value) -> Result<(), Refusal> {
        let now = self.shared.options.clock.now();
        self.shared.with(|state| {
            let found = state.find(group, plural).and_then(|at| Some((at, state.resources.get(at)?.kind.clone())));
            let Some((at, kind)) = found else { return Ok(()) };
            let call = Call {
                at,
                kind,
                namespace: "",
                now,
                dry_run: false,
                strict: false,
                warnings: None,
                writer: Writer::default(),
            };
            create(state, &call, object).map(|_| ())
        })
    }

    /// A client that talks to this cluster in memory.
    ///
    /// # Panics
    /// Outside of a tokio runtime, where the client's queue has nowhere to run.
    #[must_use]
    pub fn client(&self, default_namespace: &str) -> kube::Client {
        kube::Client::new(self.service(), default_namespace)
    }

    /// The API as a service.
    #[must_use]
    pub fn service(&self) -> ClusterService {
        ClusterService::new(self.shared.clone())
    }

    /// Serves the API over HTTP/1.1, plain and to everybody, until `shutdown` is done, then ends all connections, watches
    /// included.
    ///
    /// # Errors
    /// When the listener cannot accept connections any more.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()> + Send) -> std::io::Result<()> {
        self.serve_with(listener, ServeOptions::default(), shutdown).await
    }

    /// The same, as the options say.
    ///
    /// # Errors
    /// When the listener cannot accept connections any more.
    pub async fn serve_with(
        self,
        listener: TcpListener,
        options: ServeOptions,
        shutdown: impl Future<Output = ()> + Send,
    ) -> std::io::Result<()> {
        serve::serve(self.service(), listener, options, shutdown).await
    }

    /// Collects garbage until it is dropped: dependents go when their owners have gone, and owners that are deleted in the
    /// foreground, or whose dependents are to be orphaned, are let go. Runs beside the server, as kube-controller-manager
    /// does; where nobody runs it, dependents stay.
    pub fn collect_garbage(&self) -> impl Future<Output = ()> + Send + use<> {
        collect::collect(self.shared.clone())
    }

    /// Forgets what was before the present state, as a compaction of etcd does: lists of an earlier state, and the rest of lists
    /// that were begun, expire, and so do watches from there. What running watches have yet to read stays.
    pub fn compact(&self) {
        self.shared.with(State::compact);
    }

    /// Whether a kind is served, under that version and that name of its collection, with objects in namespaces.
    #[must_use]
    pub fn serves(&self, api_version: &str, kind: &str, plural: &str) -> bool {
        let group = api_version.split_once('/').map_or("", |(group, _)| group);
        let state = self.shared.state.lock();
        let resource = state.find(group, plural).and_then(|at| state.resources.get(at));
        resource.is_some_and(|resource| {
            let found = &resource.kind;
            found.api_version() == api_version && found.name == kind && found.namespaced
        })
    }

    /// How many objects a resource has, over all namespaces; 0 where there is no such resource.
    #[must_use]
    pub fn count(&self, group: &str, plural: &str) -> usize {
        let state = self.shared.state.lock();
        state.find(group, plural).and_then(|at| state.resources.get(at)).map_or(0, |resource| resource.count)
    }

    /// The objects of a resource, sorted by namespace and name; none where there is no such resource.
    #[must_use]
    pub fn list(&self, group: &str, plural: &str) -> Vec<Value> {
        let state = self.shared.state.lock();
        let resource = state.find(group, plural).and_then(|at| state.resources.get(at));
        resource.into_iter().flat_map(|resource| resource.iter(None)).map(|(_, _, stored)| stored.value()).collect()
    }
}
