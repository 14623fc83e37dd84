//! Which cluster an experiment runs against.

use std::{fmt, str::FromStr};

/// The cluster that an experiment runs against, in the words of `--cluster`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClusterChoice {
    /// The embedded API server, made anew for each trial.
    #[default]
    Embedded,
    /// A kube-apiserver and etcd of the run's own.
    Envtest,
    /// A cluster of the user's kubeconfig.
    Kubeconfig {
        /// The context; the current one where there is none.
        context: Option<String>,
    },
}

/// A word that names no cluster.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no cluster; use `embedded`, `envtest`, `kubeconfig`, or `kubeconfig=CONTEXT`")]
pub struct UnknownCluster(String);

impl FromStr for ClusterChoice {
    type Err = UnknownCluster;

    fn from_str(text: &str) -> Result<Self, UnknownCluster> {
        match text.split_once('=') {
            None if text == "embedded" => Ok(Self::Embedded),
            None if text == "envtest" => Ok(Self::Envtest),
            None if text == "kubeconfig" => Ok(Self::Kubeconfig { context: None }),
            Some(("kubeconfig", context)) if !context.is_empty() => {
                Ok(Self::Kubeconfig { context: Some(context.to_owned()) })
            }
            _ => Err(UnknownCluster(text.to_owned())),
        }
    }
}

impl fmt::Display for ClusterChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str("embedded"),
            Self::Envtest => f.write_str("envtest"),
            Self::Kubeconfig { context: None } => f.write_str("kubeconfig"),
            Self::Kubeconfig { context: Some(context) } => write!(f, "kubeconfig={context}"),
        }
    }
}

impl ClusterChoice {
    /// Whether it is another process's, so that only real time will do.
    #[must_use]
    pub fn is_external(&self) -> bool {
        *self != Self::Embedded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_read_as_it_is_written() {
        for text in ["embedded", "envtest", "kubeconfig", "kubeconfig=dev", "kubeconfig=a=b"] {
            assert_eq!(text.parse::<ClusterChoice>().expect("a cluster").to_string(), text);
        }
        for text in ["", "kubeconfig=", "embedded=x", "envtest=x", "kind"] {
            assert!(text.parse::<ClusterChoice>().is_err(), "{text}");
        }
    }
}
