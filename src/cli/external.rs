//! The connection of a run to a cluster that is not embedded.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use tokio::runtime::Runtime;

use crate::{
    cli::exit::{Exit, Failure},
    clock::SystemClock,
    harness::{
        experiment::Subject,
        target::{
            ClusterChoice,
            envtest::{Envtest, EnvtestError, Programs},
            external::{ExternalCluster, ExternalError, ExternalOptions},
            kubeconfig,
        },
    },
    record::ClockKind,
};

/// A cluster that was connected to, and the runtime that its clean-up runs on.
pub(super) struct Connection {
    runtime: Runtime,
    cluster: Arc<ExternalCluster>,
    /// Where the cluster is the run's own: it ends with the connection.
    envtest: Option<Envtest>,
}

impl Connection {
    /// Connects to what was chosen; `None` where that is the embedded cluster, which each trial makes for itself.
    pub(super) fn open(
        choice: &ClusterChoice,
        install_crds: bool,
        clock: ClockKind,
        now: Timestamp,
        subject: Option<Arc<Subject>>,
    ) -> Result<Option<Self>, Failure> {
        if !choice.is_external() {
            return if install_crds {
                Err(Failure::usage(anyhow!("--install-crds is for other clusters; the embedded one has them")))
            } else {
                Ok(None)
            };
        }
        if clock == ClockKind::Virtual {
            return Err(Failure::usage(anyhow!(
                "--cluster {choice} needs --clock real: simulated time jumps over the answers of another process"
            )));
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("failed to start a runtime")
            .map_err(Failure::could_not_run)?;
        let (config, envtest) = match choice {
            ClusterChoice::Embedded => return Ok(None),
            ClusterChoice::Kubeconfig { context } => {
                (runtime.block_on(kubeconfig::config(None, context.as_deref())).map_err(failure)?, None)
            }
            ClusterChoice::Envtest => {
                let started = Programs::find().and_then(|programs| runtime.block_on(Envtest::start(&programs)));
                let envtest = started.map_err(not_started)?;
                (envtest.config().clone(), Some(envtest))
            }
        };
        let options = ExternalOptions {
            run: name(now),
            install_crds: install_crds || envtest.is_some(),
            clock: Arc::new(SystemClock::start()),
            subject,
        };
        let cluster = runtime.block_on(ExternalCluster::connect(config, options)).map_err(failure)?;
        Ok(Some(Self { runtime, cluster, envtest }))
    }

    /// What the trials use.
    pub(super) fn cluster(&self) -> Arc<ExternalCluster> {
        self.cluster.clone()
    }

    /// Removes what is left of the run in the cluster, however it ended; a cluster of its own goes as a whole.
    pub(super) fn close(self) -> Result<(), Failure> {
        if self.envtest.is_some() {
            return Ok(());
        }
        let removed = self.runtime.block_on(self.cluster.remove_all());
        removed.context("the run's namespaces could not all be removed").map_err(Failure::could_not_run)
    }
}

fn not_started(error: EnvtestError) -> Failure {
    let exit = match error {
        EnvtestError::NoProgram { .. } => Exit::Usage,
        _ => Exit::CouldNotRun,
    };
    Failure { exit, error: error.into() }
}

fn failure(error: ExternalError) -> Failure {
    let exit = match error {
        ExternalError::Kubeconfig(_)
        | ExternalError::Missing { .. }
        | ExternalError::Unfit { .. }
        | ExternalError::NotServed(_) => Exit::Usage,
        _ => Exit::CouldNotRun,
    };
    Failure { exit, error: error.into() }
}

/// The milliseconds of its start, in base 32: short, and no other run's but one that began in the same millisecond, whose
/// namespaces would be refused.
fn name(now: Timestamp) -> String {
    let bytes = now.as_millisecond().to_be_bytes();
    // The time needs 41 bits until the year 2039, 42 until 2109.
    data_encoding::BASE32_NOPAD.encode(bytes.get(2..).unwrap_or(&bytes)).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runs_name_fits_into_a_namespaces() {
        let early = name(Timestamp::constant(1_770_854_400, 0));
        let late = name(Timestamp::constant(1_770_854_400, 1_000_000));
        assert_ne!(early, late);
        assert!(early.len() <= 10 && early.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    }
}
