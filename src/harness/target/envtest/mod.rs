//! A real control plane of one's own: etcd, kube-apiserver and, where there is one, kube-controller-manager, on loopback.
//!
//! # Flow
//! `Programs` says where the binaries are, `credentials` makes a certificate and a token that live as long as the
//! control plane, `command` writes down how each program is started, `Guard` starts them and ends them, and `ready`
//! waits until each answers.
//!
//! # Guarantees
//! - Whatever happens to this process (an error, a panic, Ctrl-C, `kill -9`), the programs end and their folder goes:
//!   a shell that is no part of this process's group holds the other end of a pipe, and acts when the pipe closes.
//! - Nothing is shared with another control plane: ports, data, certificates and tokens are made for each anew.
//!
//! # Assumptions
//! A POSIX `sh`. The clock of the runtime is the machine's: in paused time every wait would be over at once. etcd asks
//! nobody who they are, as everywhere in tests of this kind: whoever is on this machine can read it.

mod command;
mod credentials;
mod folder;
mod guard;
mod programs;
mod ready;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
};

use kube::{Client, Config};

pub use self::programs::Programs;
use self::{
    command::{Command, Ports},
    credentials::Credentials,
    folder::Folder,
    guard::Guard,
};

/// How often other ports are tried where somebody else took one in between.
const ATTEMPTS: u32 = 3;

/// Why there is no control plane.
#[derive(Debug, thiserror::Error)]
pub enum EnvtestError {
    /// A binary is missing.
    #[error(
        "{program} is neither in KUBEBUILDER_ASSETS nor on PATH: set KUBEBUILDER_ASSETS (setup-envtest use -p path)"
    )]
    NoProgram {
        /// Its name.
        program: &'static str,
    },
    /// The folder, the ports or the shell could not be had.
    #[error("failed to {what}: {source}")]
    Machine {
        /// What was tried.
        what: &'static str,
        /// The reason.
        source: std::io::Error,
    },
    /// No certificate.
    #[error("failed to make a certificate: {0}")]
    Certificate(#[from] rcgen::Error),
    /// A program ended or never got ready.
    #[error("{program} {what}; the end of what it wrote:\n{log}")]
    Program {
        /// Its name.
        program: &'static str,
        /// What happened to it.
        what: String,
        /// The last lines that it wrote.
        log: String,
    },
    /// The server can't be talked to.
    #[error("failed to connect to the API server: {0}")]
    Connect(#[from] Box<kube::Error>),
}

impl EnvtestError {
    fn machine(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Machine { what, source }
    }
}

/// A control plane that runs. It ends when this is dropped.
#[derive(Debug)]
pub struct Envtest {
    config: Config,
    version: String,
    collects: bool,
    etcd: SocketAddr,
    // Last, so that it is dropped last.
    guard: Guard,
}

impl Envtest {
    /// Starts a control plane and waits until it answers, at most a minute for each program.
    ///
    /// # Errors
    /// [`EnvtestError`], with the end of the log of the program that failed; nothing is left behind then.
    pub async fn start(programs: &Programs) -> Result<Self, EnvtestError> {
        let mut attempt = 1;
        loop {
            match Self::attempt(programs).await {
                Err(EnvtestError::Program { log, .. })
                    if attempt < ATTEMPTS && log.contains("address already in use") =>
                {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn attempt(programs: &Programs) -> Result<Self, EnvtestError> {
        let ports = Ports::free().map_err(EnvtestError::machine("find a free port"))?;
        let credentials = Credentials::generate()?;
        let folder = Folder::create().map_err(EnvtestError::machine("make a temporary folder"))?;
        credentials.write(folder.path(), ports.server).map_err(EnvtestError::machine("write the credentials"))?;
        let mut guard = Guard::start(folder).map_err(EnvtestError::machine("start sh"))?;

        let etcd = Command::etcd(programs, ports);
        guard.run(&etcd).map_err(EnvtestError::machine("start etcd"))?;
        ready::etcd(&guard, ports.etcd).await?;

        guard.run(&Command::server(programs, ports)).map_err(EnvtestError::machine("start kube-apiserver"))?;
        let config = credentials.config((Ipv4Addr::LOCALHOST, ports.server).into())?;
        let client = Client::try_from(config.clone()).map_err(Box::new)?;
        let version = ready::server(&guard, &client).await?;

        let mut collects = false;
        if let Some(manager) = Command::controller_manager(programs, &version) {
            guard.run(&manager).map_err(EnvtestError::machine("start kube-controller-manager"))?;
            collects = true;
        }
        let etcd = (Ipv4Addr::LOCALHOST, ports.etcd).into();
        Ok(Self { config, version: version.git_version, collects, etcd, guard })
    }

    /// How to reach it, as a user who may do everything.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What the server calls itself: `v1.20.2`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether namespaces that are deleted go, and what they and other owners held: that is kube-controller-manager's work.
    #[must_use]
    pub fn collects(&self) -> bool {
        self.collects
    }

    /// Where its etcd listens, without TLS.
    #[must_use]
    pub fn etcd(&self) -> SocketAddr {
        self.etcd
    }

    /// Where its data, credentials and logs are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.guard.folder()
    }
}
