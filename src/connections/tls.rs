//! What a server shows and asks for when a connection is encrypted, replaced while it runs.
//!
//! A connection goes by what was there when it began; a replacement is for the connections after it.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio_rustls::rustls::{
    Error, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
};

use super::validity::not_after;
use crate::values::Invalid;

/// The settings that name the files.
const CERTIFICATE: &str = "tls_certificate";
const KEY: &str = "tls_key";
const CLIENT_CA: &str = "tls_client_ca";

/// How often handshakes that failed are logged.
const SAID_EVERY: Duration = Duration::from_secs(10);

/// What the files hold, in PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate of the server, and those that lead to its authority.
    pub certificate: Vec<u8>,
    /// The key of the first of them.
    pub key: Vec<u8>,
    /// The authorities of clients, where these need a certificate.
    pub client_ca: Option<Vec<u8>>,
}

impl fmt::Debug for TlsFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsFiles")
    }
}

/// What is spoken on a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// HTTP/2; clients show a certificate where authorities of clients are named.
    Http2,
    /// HTTP/1.1, with the same.
    Http1,
    /// HTTP/1.1 for probes and browsers of shoppers, which have no certificate.
    Anyone,
}

/// The certificate of a server, as it is now.
pub struct Tls {
    current: RwLock<Current>,
    /// The files hold what cannot be used; what was there before is in use.
    stale: AtomicBool,
    done: AtomicU64,
    failed: AtomicU64,
    unfinished: AtomicU64,
    said: Mutex<Option<Instant>>,
}

struct Current {
    http2: Arc<ServerConfig>,
    http1: Arc<ServerConfig>,
    anyone: Arc<ServerConfig>,
    expires_s: i64,
}

/// What became of handshakes so far, and until when the certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsCounts {
    pub done: u64,
    /// Of something else than TLS, or refused by one side.
    pub failed: u64,
    /// Given up by the client, or closed because it took too long.
    pub unfinished: u64,
    /// Seconds since 1970.
    pub expires_s: i64,
    /// The files hold what cannot be used.
    pub stale: bool,
}

impl Tls {
    /// # Errors
    /// The setting whose file is of no use, and why.
    pub fn new(files: &TlsFiles) -> Result<Arc<Self>, Invalid> {
        Ok(Arc::new(Self {
            current: RwLock::new(Current::of(files)?),
            stale: AtomicBool::new(false),
            done: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            unfinished: AtomicU64::new(0),
            said: Mutex::new(None),
        }))
    }

    /// Uses other files for connections that begin from now on. A certificate that has expired does not
    /// replace one that is valid.
    ///
    /// # Errors
    /// As of [`Tls::new`]; what was in use stays in use.
    pub fn replace(&self, files: &TlsFiles, now_s: i64) -> Result<(), Invalid> {
        let replaced = Current::of(files).and_then(|new| {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            if new.expires_s <= now_s && current.expires_s > now_s {
                return Err(Invalid::new(CERTIFICATE, "has expired"));
            }
            *current = new;
            Ok(())
        });
        self.stale.store(replaced.is_err(), Ordering::Relaxed);
        replaced
    }

    /// The files cannot be read.
    pub fn cannot_read(&self) {
        self.stale.store(true, Ordering::Relaxed);
    }

    /// What was counted, and the certificate in use.
    pub fn counts(&self) -> TlsCounts {
        TlsCounts {
            done: self.done.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
            unfinished: self.unfinished.load(Ordering::Relaxed),
            expires_s: self.current.read().unwrap_or_else(PoisonError::into_inner).expires_s,
            stale: self.stale.load(Ordering::Relaxed),
        }
    }

    pub(super) fn config(&self, spoken: Spoken) -> Arc<ServerConfig> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(match spoken {
            Spoken::Http2 => &current.http2,
            Spoken::Http1 => &current.http1,
            Spoken::Anyone => &current.anyone,
        })
    }

    pub(super) fn shook_hands(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn unfinished(&self) {
        self.unfinished.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn failed(&self, error: &std::io::Error) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|said| said.elapsed() >= SAID_EVERY) {
            tracing::warn!(%error, "a TLS handshake failed");
            *said = Some(Instant::now());
        } else {
            tracing::debug!(%error, "a TLS handshake failed");
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl Current {
    fn of(files: &TlsFiles) -> Result<Self, Invalid> {
        let chain = certificates(CERTIFICATE, &files.certificate)?;
        let mut expires_s = i64::MAX;
        for certificate in &chain {
            let until = not_after(certificate)
                .ok_or_else(|| Invalid::new(CERTIFICATE, "holds what is no certificate"))?;
            expires_s = expires_s.min(until);
        }
        let key = PrivateKeyDer::from_pem_slice(&files.key)
            .map_err(|error| Invalid::new(KEY, format!("holds no private key in PEM: {error}")))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let key = CertifiedKey::from_der(chain, key, &provider).map_err(refused)?;
        let clients = match &files.client_ca {
            Some(ca) => Some(verifier(ca, &provider)?),
            None => None,
        };
        let key = Arc::new(key);
        Ok(Self {
            http2: config(&provider, &key, clients.clone(), b"h2")?,
            http1: config(&provider, &key, clients, b"http/1.1")?,
            anyone: config(&provider, &key, None, b"http/1.1")?,
            expires_s,
        })
    }
}

/// The certificates in a file, at least one.
fn certificates(setting: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Invalid> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = found
        .map_err(|error| Invalid::new(setting, format!("holds no certificate in PEM: {error}")))?;
    if found.is_empty() {
        return Err(Invalid::new(setting, "holds no certificate in PEM"));
    }
    Ok(found)
}

/// Asks clients for a certificate of one of these authorities.
fn verifier(
    pem: &[u8],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, Invalid> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(CLIENT_CA, pem)? {
        let added = roots.add(certificate);
        added.map_err(|error| Invalid::new(CLIENT_CA, format!("is of no use: {error}")))?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let built = verifier.build();
    built.map_err(|error| Invalid::new(CLIENT_CA, format!("is of no use: {error}")))
}

fn config(
    provider: &Arc<CryptoProvider>,
    key: &Arc<CertifiedKey>,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    protocol: &[u8],
) -> Result<Arc<ServerConfig>, Invalid> {
    let builder = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(refused)?;
    let builder = match clients {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_cert_resolver(Arc::new(Only(Arc::clone(key))));
    config.alpn_protocols = vec![protocol.to_vec()];
    // Connections are few and long: a session that is kept for the next one would only take memory.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}

/// The one certificate, whatever name a client asks for.
#[derive(Debug)]
struct Only(Arc<CertifiedKey>);

impl tokio_rustls::rustls::server::ResolvesServerCert for Only {
    fn resolve(
        &self,
        _hello: tokio_rustls::rustls::server::ClientHello<'_>,
    ) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn refused(error: Error) -> Invalid {
    match error {
        Error::InconsistentKeys(_) => {
            Invalid::new(KEY, "does not belong to the certificate in tls_certificate")
        }
        error @ Error::InvalidCertificate(_) => {
            Invalid::new(CERTIFICATE, format!("is of no use: {error}"))
        }
        error => Invalid::new(KEY, format!("is of no use: {error}")),
    }
}
