//! How each program is started. The flags hold for every release from 1.20 on; what differs is told by the version.

use std::{
    fmt::Write,
    io,
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
};

use k8s_openapi::apimachinery::pkg::version::Info;

use super::{
    credentials::{ACCOUNTS_KEY, ACCOUNTS_PUBLIC_KEY, CERTIFICATE, KEY, KUBECONFIG, TOKENS},
    programs::Programs,
};

/// The first minor version whose kube-controller-manager has no port without TLS left to close.
const NO_INSECURE_PORT: u32 = 24;

/// Where the programs listen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) etcd: u16,
    pub(super) server: u16,
}

impl Ports {
    /// Two that nobody uses now. Somebody may take one before the program does: that shows, and others are tried.
    pub(super) fn free() -> io::Result<Self> {
        let bind = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let (etcd, server) = (bind()?, bind()?);
        Ok(Self { etcd: etcd.local_addr()?.port(), server: server.local_addr()?.port() })
    }
}

/// A program and its arguments. It runs in the control plane's folder, so that paths are names there.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) name: &'static str,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
}

impl Command {
    fn new(name: &'static str, program: &std::path::Path, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { name, program: program.to_owned(), arguments }
    }

    fn with(mut self, argument: String) -> Self {
        self.arguments.push(argument);
        self
    }

    /// Without fsync: the data dies with the process. etcd chooses a port for its peers, of which there are none.
    pub(super) fn etcd(programs: &Programs, ports: Ports) -> Self {
        let url = format!("http://{}:{}", Ipv4Addr::LOCALHOST, ports.etcd);
        Self::new(
            "etcd",
            &programs.etcd,
            &[
                "--data-dir=etcd",
                "--listen-peer-urls=http://127.0.0.1:0",
                "--unsafe-no-fsync",
                // What fills it up is a long run against one control plane: 8 GiB is the most that etcd recommends.
                "--quota-backend-bytes=8589934592",
            ],
        )
        .with(format!("--listen-client-urls={url}"))
        .with(format!("--advertise-client-urls={url}"))
    }

    /// With RBAC, without what needs a kubelet or a service account of each pod.
    pub(super) fn server(programs: &Programs, ports: Ports) -> Self {
        Self::new(
            "kube-apiserver",
            &programs.server,
            &[
                "--bind-address=127.0.0.1",
                "--advertise-address=127.0.0.1",
                "--endpoint-reconciler-type=none",
                "--service-cluster-ip-range=10.0.0.0/24",
                "--authorization-mode=RBAC",
                "--disable-admission-plugins=ServiceAccount",
                "--service-account-issuer=https://envtest.invalid",
                "--cert-dir=certificates",
            ],
        )
        .with(format!("--secure-port={}", ports.server))
        .with(format!("--etcd-servers=http://{}:{}", Ipv4Addr::LOCALHOST, ports.etcd))
        .with(format!("--tls-cert-file={CERTIFICATE}"))
        .with(format!("--tls-private-key-file={KEY}"))
        .with(format!("--token-auth-file={TOKENS}"))
        .with(format!("--service-account-signing-key-file={ACCOUNTS_KEY}"))
        .with(format!("--service-account-key-file={ACCOUNTS_PUBLIC_KEY}"))
    }

    /// The controllers that objects of any kind need: what owners leave behind goes, and so do namespaces.
    pub(super) fn controller_manager(programs: &Programs, version: &Info) -> Option<Self> {
        let command = Self::new(
            "kube-controller-manager",
            programs.controller_manager.as_deref()?,
            &["--controllers=garbagecollector,namespace", "--leader-elect=false", "--secure-port=0"],
        )
        .with(format!("--kubeconfig={KUBECONFIG}"));
        let minor: u32 = version.minor.trim_end_matches(|letter: char| !letter.is_ascii_digit()).parse().ok()?;
        Some(if minor < NO_INSECURE_PORT { command.with("--port=0".to_owned()) } else { command })
    }

    /// A shell script that becomes the program.
    pub(super) fn script(&self) -> String {
        let mut script = format!("exec {}", quoted(&self.program.to_string_lossy()));
        for argument in &self.arguments {
            let _ = write!(script, " {}", quoted(argument));
        }
        script.push('\n');
        script
    }
}

/// A word that a shell takes as it is.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_as_they_are_in_the_shell() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }

    #[test]
    fn a_port_without_tls_is_closed_where_there_is_one() {
        let programs = Programs { etcd: "e".into(), server: "s".into(), controller_manager: Some("m".into()) };
        let closes = |minor: &str| {
            let version = Info { minor: minor.to_owned(), ..Info::default() };
            let command = Command::controller_manager(&programs, &version).expect("a command");
            command.arguments.iter().any(|argument| argument == "--port=0")
        };
        assert!(closes("20") && closes("23+") && !closes("24") && !closes("33"));
    }
}
