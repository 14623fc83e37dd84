//! A cluster that is not ours to make: it is there already, and other things may live in it.
//!
//! # Flow
//! Whoever knows such a cluster makes a [`kube::Config`] for it and hands that to [`ExternalCluster::connect`], once a
//! run, which checks that the kinds are there. Each trial makes a namespace of its own with the run's label; the operator
//! and the simulators run in our process against it. [`ExternalCluster::remove_all`] takes away what is left, whatever
//! happened in between.
//!
//! # Guarantees
//! - Nothing is changed outside of namespaces with the run's label, their tenants' namespaces, and (where it is asked
//!   for) the definitions. A namespace that is there already is refused.

mod definitions;
mod error;
mod namespaces;

use std::{fmt, sync::Arc};

use kube::{Client, Config, client::ClientBuilder};

use super::meter::ApiMeter;
use crate::{clock::SharedClock, harness::experiment::Subject};

pub use error::ExternalError;

/// What a run does with a cluster beside connecting to it.
#[derive(Clone, Debug)]
pub struct ExternalOptions {
    /// Names the run in labels and namespaces: a few lower-case letters and digits that no other run has.
    pub run: String,
    /// Whether definitions that are missing are installed.
    pub install_crds: bool,
    /// What waiting for the cluster goes by.
    pub clock: SharedClock,
    /// What is created, where it is not our own ComputeInstance; its definitions are looked after as ours are.
    pub subject: Option<Arc<Subject>>,
}

/// A cluster that was connected to and has the kinds that are needed.
#[derive(Clone)]
pub struct ExternalCluster {
    config: Config,
    run: String,
    clock: SharedClock,
    /// What is created, where it is not our own ComputeInstance.
    subject: Option<Arc<Subject>>,
}

impl fmt::Debug for ExternalCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The configuration has credentials in it.
        f.debug_struct("ExternalCluster")
            .field("url", &self.config.cluster_url)
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}

impl ExternalCluster {
    /// Connects to a cluster, and checks or installs the definitions.
    ///
    /// # Errors
    /// When it does not answer, a definition is missing, or can't be installed.
    pub async fn connect(config: Config, options: ExternalOptions) -> Result<Arc<Self>, ExternalError> {
        let cluster = Self { config, run: options.run, clock: options.clock, subject: options.subject };
        let client = cluster.client("default")?;
        let more = cluster.subject.as_ref().map_or(&[][..], |subject| subject.definitions());
        definitions::ensure(&client, &*cluster.clock, more, options.install_crds).await?;
        if let Some(subject) = &cluster.subject {
            definitions::ensure_subject(&client, subject).await?;
        }
        Ok(Arc::new(cluster))
    }

    /// A client; it works on the runtime that this is called on.
    ///
    /// # Errors
    /// When the configuration makes no client.
    pub fn client(&self, namespace: &str) -> Result<Client, ExternalError> {
        Client::try_from(self.config_for(namespace)).map_err(|source| ExternalError::Connect(Box::new(source)))
    }

    /// A client whose requests are counted.
    pub(super) fn metered_client(&self, namespace: &str, meter: &ApiMeter) -> Result<Client, ExternalError> {
        let layer = tower::layer::layer_fn(|service| meter.around(service));
        let builder = ClientBuilder::try_from(self.config_for(namespace))
            .map_err(|source| ExternalError::Connect(Box::new(source)))?;
        Ok(builder.with_layer(&layer).build())
    }

    /// How it is connected to.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    fn config_for(&self, namespace: &str) -> Config {
        let mut config = self.config.clone();
        namespace.clone_into(&mut config.default_namespace);
        config
    }

    /// The name of a trial's namespace.
    #[must_use]
    pub fn namespace(&self, trial: &str) -> String {
        format!("provbench-{}-{trial}", self.run)
    }
}
