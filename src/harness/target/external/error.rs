//! Why a cluster can't be used.

use crate::harness::experiment::NotServed;

/// Why a cluster can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ExternalError {
    /// The kubeconfig can't be read, or has no such context.
    #[error("the kubeconfig can't be used: {0}; set KUBECONFIG, or name a context as in `kubeconfig=CONTEXT`")]
    Kubeconfig(#[from] Box<kube::config::KubeconfigError>),
    /// No client, or no answer.
    #[error("failed to connect to the cluster: {0}")]
    Connect(#[source] Box<kube::Error>),
    /// Kinds that are needed are not there.
    #[error("the cluster does not have {}; install them (deploy/crds/), or let `--install-crds` do it", .missing.join(", "))]
    Missing {
        /// The names of the definitions.
        missing: Vec<String>,
    },
    /// A kind is served, by a definition that is not as it must be; it is somebody's, so it is not replaced.
    #[error(
        "the cluster serves {name} otherwise than needed: {lacks}; replace its definition by the one in deploy/crds/"
    )]
    Unfit {
        /// The definition.
        name: String,
        /// What it lacks.
        lacks: String,
    },
    /// The subject is of no kind that the cluster serves.
    #[error(transparent)]
    NotServed(#[from] NotServed),
    /// A definition was installed and is not served.
    #[error("{name} was installed and is not established: {why}")]
    NotEstablished {
        /// The definition.
        name: String,
        /// What its conditions say.
        why: String,
    },
    /// Our own definitions can't be written.
    #[error("the definitions can't be written: {0}")]
    Definitions(String),
    /// A namespace of that name is there, and is not this run's.
    #[error("the namespace {0} is there already and was not made by this run; it is not touched")]
    NotOurs(String),
    /// The API server said no.
    #[error("failed to {what}: {source}")]
    Api {
        /// What was tried.
        what: String,
        /// The reason.
        source: Box<kube::Error>,
    },
}

impl ExternalError {
    /// For `map_err`: what was tried when the API server said no.
    pub(super) fn api(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        move |source| Self::Api { what: what.into(), source: Box::new(source) }
    }
}
