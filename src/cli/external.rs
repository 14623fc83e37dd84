//! The connection of a run to a cluster that is not embedded.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use tokio::runtime::Runtime;

use crate::{
    cli::exit::{Exit, Failure},
    clock::SystemClock,
    harness::target::{
        ClusterChoice,
        external::{ExternalCluster, ExternalError, ExternalOptions},
        kubeconfig,
    },
    record::ClockKind,
};

/// A cluster that was connected to, and the runtime that its clean-up runs on.
pub(super) struct Connection {
    runtime: Runtime,
    cluster: Arc<ExternalCluster>,
}

impl Connection {
    /// Connects to what was chosen; `None` where that is the embedded cluster, which each trial makes for itself.
    pub(super) fn open(
        choice: &ClusterChoice,
        install_crds: bool,
        clock: ClockKind,
        now: Timestamp,
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
        let cluster = runtime.block_on(async {
            let config = match choice {
                ClusterChoice::Embedded => return Ok(None),
                ClusterChoice::Kubeconfig { context } => kubeconfig::config(None, context.as_deref()).await?,
            };
            let clock = Arc::new(SystemClock::start());
            let options = ExternalOptions { run: name(now), install_crds, clock };
            ExternalCluster::connect(config, options).await.map(Some)
        });
        let cluster = cluster.map_err(failure)?;
        Ok(cluster.map(|cluster| Self { runtime, cluster }))
    }

    /// What the trials use.
    pub(super) fn cluster(&self) -> Arc<ExternalCluster> {
        self.cluster.clone()
    }

    /// Removes what is left of the run in the cluster, however it ended.
    pub(super) fn close(self) -> Result<(), Failure> {
        let removed = self.runtime.block_on(self.cluster.remove_all());
        removed.context("the run's namespaces could not all be removed").map_err(Failure::could_not_run)
    }
}

fn failure(error: ExternalError) -> Failure {
    let exit = match error {
        ExternalError::Kubeconfig(_) | ExternalError::Missing { .. } => Exit::Usage,
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
