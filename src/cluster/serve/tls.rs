//! Certificates of a served cluster: an authority of its own, made anew each time, and a server's certificate by it.

use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, SanType,
};
use rustls::{
    ServerConfig,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

/// How long before they are made certificates are good already: clocks differ.
const BEFORE: Duration = Duration::from_secs(86_400);

/// How long they are good. They go with the process.
const AFTER: Duration = Duration::from_secs(365 * 86_400);

/// What a server needs to speak TLS, and what its clients need to trust it.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    authority_pem: String,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// The certificates could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// Making a key or a certificate failed.
    #[error("failed to make the certificates: {0}")]
    Certificate(#[from] rcgen::Error),
    /// They do not make a server.
    #[error("the certificates can't be used: {0}")]
    Server(#[from] rustls::Error),
}

impl Tls {
    /// Makes an authority, and a certificate for this machine's own names and `address`.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub fn generate(now: Timestamp, address: IpAddr) -> Result<Self, TlsError> {
        let mut parameters = dated(now);
        parameters.distinguished_name.push(DnType::CommonName, "provbench-ca");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority = CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)?;

        let mut parameters = dated(now);
        parameters.distinguished_name.push(DnType::CommonName, "provbench-apiserver");
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        parameters.use_authority_key_identifier_extension = true;
        let own = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])];
        let mut names = vec![SanType::DnsName("localhost".try_into()?)];
        names.extend(own.map(SanType::IpAddress));
        if !own.contains(&address) {
            names.push(SanType::IpAddress(address));
        }
        parameters.subject_alt_names = names;
        let key = KeyPair::generate()?;
        let certificate = parameters.signed_by(&key, &authority)?;

        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), authority_pem: authority.pem() })
    }

    /// What clients verify the server by (PEM).
    #[must_use]
    pub fn authority_pem(&self) -> &str {
        &self.authority_pem
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }
}

fn dated(now: Timestamp) -> CertificateParams {
    let date = |at: Timestamp| {
        let date = at.to_zoned(TimeZone::UTC).date();
        let part = |number: i8| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(i32::from(date.year()), part(date.month()), part(date.day()))
    };
    let mut parameters = CertificateParams::default();
    parameters.not_before = date(now - BEFORE);
    parameters.not_after = date(now + AFTER);
    parameters
}
