//! The kubeconfig on disk.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde_json::Value;

use crate::cli::exit::Failure;

/// A kubeconfig that was written. One in a folder of its own goes with it; one where the user wanted it stays.
#[derive(Debug)]
pub(super) struct KubeconfigFile {
    path: PathBuf,
    folder: Option<PathBuf>,
}

impl KubeconfigFile {
    pub(super) fn write(wanted: Option<&Path>, config: &Value) -> Result<Self, Failure> {
        let written = match wanted {
            Some(path) => Ok(Self { path: path.to_owned(), folder: None }),
            None => own_folder().map(|folder| Self { path: folder.join("kubeconfig"), folder: Some(folder) }),
        };
        let file = written.context("failed to make a folder for the kubeconfig").map_err(Failure::could_not_run)?;
        let yaml = serde_saphyr::to_string(config).map_err(Failure::could_not_run)?;
        replace(&file.path, yaml.as_bytes())
            .with_context(|| format!("failed to write {}", file.path.display()))
            .map_err(Failure::could_not_run)?;
        Ok(file)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for KubeconfigFile {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // Where it can't be removed it is of no use to anybody: its cluster is gone.
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// A new folder that only its owner may enter. One that is there already is somebody else's.
fn own_folder() -> io::Result<PathBuf> {
    let base = std::env::temp_dir();
    let process = std::process::id();
    let mut attempt = 0;
    loop {
        let folder = base.join(format!("provbench-cluster-{process}-{attempt}"));
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 100 => attempt += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Writes a file that is nobody else's to read at any moment, also where there was one that was.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let new = path.with_file_name(name);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
    let written = file.write_all(bytes).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_kubeconfig_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("config");
        fs::write(&path, "old").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        let file = KubeconfigFile::write(Some(&path), &json!({"kind": "Config"})).expect("written");
        assert_eq!(fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
        assert!(fs::read_to_string(&path).expect("a file").contains("Config"));
        drop(file);
        assert!(path.exists(), "what the user named stays");

        let own = KubeconfigFile::write(None, &json!({})).expect("written");
        let (path, parent) = (own.path().to_owned(), own.path().parent().expect("a folder").to_owned());
        assert_eq!(fs::metadata(&parent).expect("a folder").permissions().mode() & 0o777, 0o700);
        drop(own);
        assert!(!path.exists() && !parent.exists());
    }
}
