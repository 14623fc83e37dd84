//! A cluster of the user's kubeconfig.

use std::path::Path;

use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};

use super::external::ExternalError;

/// The configuration of a context, or of the current one. Without a file it is where kubectl looks: `KUBECONFIG`, then
/// `~/.kube/config`.
///
/// # Errors
/// When there is no such file or context, or it makes no sense.
pub async fn config(file: Option<&Path>, context: Option<&str>) -> Result<Config, ExternalError> {
    let options = KubeConfigOptions { context: context.map(str::to_owned), ..KubeConfigOptions::default() };
    let kubeconfig = match file {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    let config = Config::from_custom_kubeconfig(kubeconfig.map_err(Box::new)?, &options).await.map_err(Box::new)?;
    Ok(config)
}
