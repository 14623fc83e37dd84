//! The kubeconfig that a program gets.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use data_encoding::BASE64;
use kube::config::{Cluster, Config, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};
use serde_json::Value;

use crate::cluster::serve::{Tls, Token, kubeconfig};

const NAME: &str = "provbench";

/// How the trial's cluster is reached by another process.
#[derive(Clone)]
pub(in crate::harness::target) enum Access {
    /// The embedded one, behind TLS and a token.
    Embedded {
        /// Where.
        address: SocketAddr,
        /// What its certificate is checked against.
        tls: Tls,
        /// What a client has to show.
        token: Token,
    },
    /// One that is there already.
    External(Box<Config>),
}

/// A kubeconfig that only this user can read; it is gone when this is dropped.
#[derive(Debug)]
pub(in crate::harness::target) struct Credentials {
    folder: PathBuf,
    file: PathBuf,
    secrets: Vec<String>,
}

impl Credentials {
    /// Writes it.
    pub(super) fn write(access: &Access, namespace: &str) -> io::Result<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("provbench-operator-{}-{number}", std::process::id()));
        // One that is there already is not ours.
        DirBuilder::new().mode(0o700).create(&folder)?;
        let (config, secrets) = match access {
            Access::Embedded { address, tls, token } => {
                (kubeconfig(*address, Some(tls), Some(token), namespace), vec![token.reveal().to_owned()])
            }
            Access::External(config) => of_config(config, namespace)?,
        };
        let credentials = Self { file: folder.join("kubeconfig"), folder, secrets };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&credentials.file)?;
        file.write_all(config.to_string().as_bytes())?;
        Ok(credentials)
    }

    /// Its path.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Where it is, alone.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What is in it that nobody is to see.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        // What is left in the folder for temporary files is cleared with it.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The same access, as a kubeconfig: JSON, which YAML takes for its own.
fn of_config(config: &Config, namespace: &str) -> io::Result<(Value, Vec<String>)> {
    let authority = config.root_cert.as_ref().map(|certificates| {
        let pem: String = certificates.iter().map(|certificate| pem(certificate)).collect();
        BASE64.encode(pem.as_bytes())
    });
    let cluster = Cluster {
        server: Some(config.cluster_url.to_string()),
        insecure_skip_tls_verify: config.accept_invalid_certs.then_some(true),
        certificate_authority_data: authority,
        certificate_authority: config.root_cert_file.as_ref().map(|path| path.display().to_string()),
        proxy_url: config.proxy_url.as_ref().map(ToString::to_string),
        tls_server_name: config.tls_server_name.clone(),
        ..Cluster::default()
    };
    let kubeconfig = Kubeconfig {
        clusters: vec![NamedCluster { name: NAME.to_owned(), cluster: Some(cluster), ..NamedCluster::default() }],
        auth_infos: vec![NamedAuthInfo {
            name: NAME.to_owned(),
            auth_info: Some(config.auth_info.clone()),
            ..NamedAuthInfo::default()
        }],
        contexts: vec![NamedContext {
            name: NAME.to_owned(),
            context: Some(Context {
                cluster: NAME.to_owned(),
                user: Some(NAME.to_owned()),
                namespace: Some(namespace.to_owned()),
                ..Context::default()
            }),
            ..NamedContext::default()
        }],
        current_context: Some(NAME.to_owned()),
        kind: Some("Config".to_owned()),
        api_version: Some("v1".to_owned()),
        ..Kubeconfig::default()
    };
    let value = serde_json::to_value(&kubeconfig).map_err(io::Error::other)?;
    let user = &value["users"][0]["user"];
    let secrets = ["token", "password", "client-key-data"].iter().filter_map(|name| user[*name].as_str());
    let secrets = secrets.map(str::to_owned).collect();
    Ok((value, secrets))
}

/// A certificate in the form of text (RFC 7468).
fn pem(certificate: &[u8]) -> String {
    let text = BASE64.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(64));
        pem.push_str(line);
        pem.push('\n');
        rest = more;
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use kube::config::AuthInfo;

    use super::*;

    #[tokio::test]
    async fn only_its_owner_reads_it_and_it_says_the_same() {
        let mut config = Config::new("https://127.0.0.1:6443/".parse().expect("a URL"));
        config.root_cert = Some(vec![vec![7; 100]]);
        config.auth_info = AuthInfo { token: Some("very-secret".to_owned().into()), ..AuthInfo::default() };
        let credentials = Credentials::write(&Access::External(Box::new(config)), "ns").expect("written");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!((mode(credentials.file()), mode(credentials.folder())), (0o600, 0o700));
        let read = Kubeconfig::read_from(credentials.file()).expect("a kubeconfig");
        let again =
            Config::from_custom_kubeconfig(read, &kube::config::KubeConfigOptions::default()).await.expect("read");
        assert_eq!(again.root_cert, Some(vec![vec![7; 100]]));
        assert_eq!((again.default_namespace.as_str(), again.cluster_url.host()), ("ns", Some("127.0.0.1")));
        assert_eq!(credentials.secrets().collect::<Vec<_>>(), ["very-secret"]);
        let folder = credentials.folder().to_owned();
        drop(credentials);
        assert!(!folder.exists());
    }
}
