//! Who the server is and who may talk to it: a certificate, a key for service accounts and a token, for one life.

use std::{
    fs::{self, File},
    io::{self, Read},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
};

use data_encoding::HEXLOWER;
use kube::{Config, config::AuthInfo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

use super::EnvtestError;

/// What the files are called in the control plane's folder.
pub(super) const CERTIFICATE: &str = "server.crt";
pub(super) const KEY: &str = "server.key";
pub(super) const ACCOUNTS_KEY: &str = "accounts.key";
pub(super) const ACCOUNTS_PUBLIC_KEY: &str = "accounts.pub";
pub(super) const TOKENS: &str = "tokens.csv";
pub(super) const KUBECONFIG: &str = "kubeconfig";

/// All that identifies somebody.
pub(super) struct Credentials {
    authority_pem: String,
    authority_der: Vec<u8>,
    certificate_pem: String,
    key_pem: String,
    accounts: KeyPair,
    token: String,
}

impl Credentials {
    pub(super) fn generate() -> Result<Self, EnvtestError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "envtest authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;

        let mut params = CertificateParams::new(vec!["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string()])?;
        params.distinguished_name.push(DnType::CommonName, "envtest");
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &authority)?;
        Ok(Self {
            authority_pem: authority.pem(),
            authority_der: authority.der().to_vec(),
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            accounts: KeyPair::generate()?,
            token: token().map_err(EnvtestError::machine("draw a token"))?,
        })
    }

    /// Puts them where the programs read them. The folder is this user's alone.
    pub(super) fn write(&self, folder: &Path, port: u16) -> io::Result<()> {
        fs::write(folder.join(CERTIFICATE), &self.certificate_pem)?;
        fs::write(folder.join(KEY), &self.key_pem)?;
        fs::write(folder.join(ACCOUNTS_KEY), self.accounts.serialize_pem())?;
        fs::write(folder.join(ACCOUNTS_PUBLIC_KEY), self.accounts.public_key_pem())?;
        fs::write(folder.join(TOKENS), format!("{},admin,admin,system:masters\n", self.token))?;
        fs::write(folder.join("authority.crt"), &self.authority_pem)?;
        let kubeconfig = serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "envtest",
            "clusters": [{"name": "envtest", "cluster": {
                "server": format!("https://{}", SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
                "certificate-authority": folder.join("authority.crt"),
            }}],
            "users": [{"name": "admin", "user": {"token": self.token}}],
            "contexts": [{"name": "envtest", "context": {"cluster": "envtest", "user": "admin"}}],
        });
        fs::write(folder.join(KUBECONFIG), kubeconfig.to_string())
    }

    /// How a client reaches the server at an address.
    pub(super) fn config(&self, address: SocketAddr) -> Result<Config, EnvtestError> {
        let url = http::Uri::builder().scheme("https").authority(address.to_string()).path_and_query("/").build();
        let url = url.map_err(|error| EnvtestError::Connect(Box::new(kube::Error::HttpError(error))))?;
        let mut config = Config::new(url);
        config.root_cert = Some(vec![self.authority_der.clone()]);
        config.auth_info = AuthInfo { token: Some(self.token.clone().into()), ..AuthInfo::default() };
        debug_assert_eq!(address.ip(), IpAddr::V4(Ipv4Addr::LOCALHOST), "the certificate names no other");
        Ok(config)
    }
}

/// 128 bits that nobody else knows. Not from the run's seed: no record shows them.
fn token() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(HEXLOWER.encode(&bytes))
}
