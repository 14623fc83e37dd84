//! Where the binaries are.

use std::{
    env,
    path::{Path, PathBuf},
};

use super::EnvtestError;

/// The binaries of a control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Programs {
    pub(super) etcd: PathBuf,
    pub(super) server: PathBuf,
    pub(super) controller_manager: Option<PathBuf>,
}

impl Programs {
    /// Looks into `KUBEBUILDER_ASSETS`, and where that is not set or empty, into the folders of `PATH`.
    ///
    /// # Errors
    /// [`EnvtestError::NoProgram`] where etcd or kube-apiserver is missing. kube-controller-manager may be missing.
    pub fn find() -> Result<Self, EnvtestError> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = match env::var_os("KUBEBUILDER_ASSETS") {
            Some(assets) if !assets.is_empty() => vec![PathBuf::from(assets)],
            _ => env::split_paths(&path).collect(),
        };
        Self::find_in(&folders)
    }

    fn find_in(folders: &[PathBuf]) -> Result<Self, EnvtestError> {
        let find = |program| folders.iter().map(|folder| folder.join(program)).find(|file| is_program(file));
        let need = |program| find(program).ok_or(EnvtestError::NoProgram { program });
        Ok(Self {
            etcd: need("etcd")?,
            server: need("kube-apiserver")?,
            controller_manager: find("kube-controller-manager"),
        })
    }
}

fn is_program(file: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.metadata().is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    file.is_file()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[test]
    fn what_is_missing_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, mode| {
            let file = folder.path().join(name);
            fs::write(&file, "").expect("written");
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
        };
        let find = || Programs::find_in(&[folder.path().to_owned()]);
        put("etcd", 0o755);
        put("kube-apiserver", 0o644);
        let error = find().expect_err("not executable").to_string();
        assert!(error.starts_with("kube-apiserver") && error.contains("setup-envtest use -p path"), "{error}");
        put("kube-apiserver", 0o755);
        assert_eq!(find().expect("found").controller_manager, None);
        put("kube-controller-manager", 0o755);
        assert!(find().expect("found").controller_manager.is_some());
    }
}
