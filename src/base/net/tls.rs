//! TLS: the crypto provider, the one store of root certificates, what a client and a server need.

use crate::base::net::cert;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, ServerConfig, SignatureScheme};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Larger files are no certificates, keys or passwords.
const MAX_FILE: u64 = 1 << 20;

/// Text that stands in a file, or in the configuration itself.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Secret {
    File(PathBuf),
    Text(String),
}

/// Never prints the text itself.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Text(_) => f.write_str("Text(<secret>)"),
        }
    }
}

impl Secret {
    /// The text as it stands now; a file is read each time, so that a changed one counts.
    pub fn read(&self) -> Result<String, TlsError> {
        let path = match self {
            Self::Text(text) => return Ok(text.clone()),
            Self::File(path) => path,
        };
        let mut text = String::new();
        std::fs::File::open(path)
            .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
            .map_err(|e| TlsError(format!("{} cannot be read: {e}", path.display())))?;
        Ok(text)
    }
}

/// How a client proves the server, and itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClientTls {
    /// PEM; instead of the system's roots.
    pub ca: Option<Secret>,
    /// PEM; both or none.
    pub cert: Option<Secret>,
    pub key: Option<Secret>,
    /// The name the certificate must carry, where it is not the URL's host.
    pub server_name: Option<String>,
    pub insecure_skip_verify: bool,
    /// TLS 1.2 and 1.3 are spoken, unless one of them is left out.
    pub versions: Versions,
}

/// Which versions of TLS a client speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Versions {
    #[default]
    Both,
    Only12,
    Only13,
}

/// What a listener shows, and what it asks of clients.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServerTls {
    pub cert: Secret,
    pub key: Secret,
    /// PEM: only clients with a certificate signed by one of these may speak.
    pub client_ca: Option<Secret>,
}

/// A sentence about a certificate, a key or a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(pub String);

/// Ring, installed once for the process.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let made = PROVIDER.get_or_init(|| {
        let provider = ring::default_provider();
        // Taken already means that a test or an embedding program chose its own.
        let _ = provider.clone().install_default();
        Arc::new(provider)
    });
    made.clone()
}

/// The process' roots: the system's, or Mozilla's list where the machine has none. Reading them
/// takes 24 to 88 ms, so this is called at the first https use, off the runtime's workers.
pub fn roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let made = ROOTS.get_or_init(|| {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if store.is_empty() {
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Arc::new(store)
    });
    made.clone()
}

impl ClientTls {
    /// Files are read now; the system's roots at the first handshake.
    pub fn config(&self) -> Result<ClientConfig, TlsError> {
        let verifier = Verifier {
            trusted: self
                .ca
                .as_ref()
                .map(certificates)
                .transpose()?
                .unwrap_or_default(),
            own_roots: self.ca.as_ref().map(root_store).transpose()?.map(Arc::new),
            name: self.server_name.as_deref().map(server_name).transpose()?,
            skip: self.insecure_skip_verify,
            ready: OnceLock::new(),
        };
        let versions: &[&rustls::SupportedProtocolVersion] = match self.versions {
            Versions::Both => rustls::DEFAULT_VERSIONS,
            Versions::Only12 => &[&rustls::version::TLS12],
            Versions::Only13 => &[&rustls::version::TLS13],
        };
        let builder = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(versions)
            .map_err(|e| TlsError(e.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => builder
                .with_client_auth_cert(certificates(cert)?, private_key(key)?)
                .map_err(|e| TlsError(format!("the client certificate is refused: {e}"))),
            (None, None) => Ok(builder.with_no_client_auth()),
            _ => Err(TlsError(
                "a client certificate needs both cert_file and key_file".to_owned(),
            )),
        }
    }
}

impl ServerTls {
    pub fn config(&self) -> Result<ServerConfig, TlsError> {
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|e| TlsError(e.to_string()))?;
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(ca) => {
                let roots = Arc::new(root_store(ca)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
                    .build()
                    .map_err(|e| TlsError(format!("client_ca is refused: {e}")))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(certificates(&self.cert)?, private_key(&self.key)?)
            .map_err(|e| TlsError(format!("the certificate is refused: {e}")))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

/// Checks a server against roots that are loaded when first needed, under another name if asked.
#[derive(Debug)]
struct Verifier {
    /// The certificates of `ca`, as they stand there.
    trusted: Vec<CertificateDer<'static>>,
    own_roots: Option<Arc<RootCertStore>>,
    name: Option<ServerName<'static>>,
    skip: bool,
    ready: OnceLock<Option<Arc<WebPkiServerVerifier>>>,
}

impl Verifier {
    /// A self-signed certificate that `ca` names itself, as `openssl req -x509` makes them: webpki
    /// takes no authority's certificate for a server's, Go's library and with it Prometheus does.
    fn trusts_itself(
        &self,
        end_entity: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> bool {
        let ends = cert::not_after(end_entity).unwrap_or_default();
        let is_named = ParsedCertificate::try_from(end_entity)
            .and_then(|parsed| verify_server_name(&parsed, name))
            .is_ok();
        let is_listed = self
            .trusted
            .iter()
            .any(|own| own.as_ref() == end_entity.as_ref());
        is_listed && is_named && ends > now.as_secs() as i64
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.skip {
            return Ok(ServerCertVerified::assertion());
        }
        let ready = self.ready.get_or_init(|| {
            let roots = self.own_roots.clone().unwrap_or_else(roots);
            WebPkiServerVerifier::builder_with_provider(roots, provider())
                .build()
                .ok()
        });
        let Some(verifier) = ready else {
            return Err(rustls::Error::General("no usable root certificate".into()));
        };
        let name = self.name.as_ref().unwrap_or(server_name);
        match verifier.verify_server_cert(end_entity, intermediates, name, ocsp_response, now) {
            Err(_) if self.trusts_itself(end_entity, name, now) => {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &provider().signature_verification_algorithms;
        verify_tls12_signature(message, cert, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &provider().signature_verification_algorithms;
        verify_tls13_signature(message, cert, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(name.to_owned())
        .map_err(|_| TlsError(format!("server_name {name:?} is not a host name")))
}

fn root_store(pem: &Secret) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(pem)? {
        store
            .add(certificate)
            .map_err(|e| TlsError(format!("{} holds no root: {e}", named(pem))))?;
    }
    Ok(store)
}

fn certificates(pem: &Secret) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = pem.read()?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(TlsError(format!("{} holds no PEM certificate", named(pem)))),
    }
}

fn private_key(pem: &Secret) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(pem.read()?.as_bytes())
        .map_err(|_| TlsError(format!("{} holds no PEM private key", named(pem))))
}

fn named(pem: &Secret) -> String {
    match pem {
        Secret::File(path) => path.display().to_string(),
        Secret::Text(_) => "the inline PEM text".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_shows_itself() {
        let secret = Secret::Text("hunter2".into());
        assert!(!format!("{secret:?}").contains("hunter2"));
        assert_eq!(secret.read().as_deref(), Ok("hunter2"));
    }

    #[test]
    fn what_is_missing_is_named() {
        let half = ClientTls {
            cert: Some(Secret::Text("x".into())),
            ..ClientTls::default()
        };
        assert!(half.config().unwrap_err().0.contains("key_file"));
        let gone = ClientTls {
            ca: Some(Secret::File("/nowhere/ca.pem".into())),
            ..ClientTls::default()
        };
        assert!(gone.config().unwrap_err().0.contains("/nowhere/ca.pem"));
        assert!(ClientTls::default().config().is_ok());
    }
}
