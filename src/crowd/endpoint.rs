//! How this process reaches a server: in plain text, or through TLS by the authorities and with the
//! certificate that its command line names.

use std::sync::OnceLock;

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Error, Identity};

/// What is trusted, and shown to servers that ask.
#[derive(Debug, Default)]
pub struct Trust {
    /// The authorities of servers, in PEM; those of this machine where absent.
    pub ca: Option<Vec<u8>>,
    /// A certificate and its key, in PEM.
    pub identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// One process has one command line: connections are opened in many places, and all go by it.
static TRUST: OnceLock<Trust> = OnceLock::new();

/// Goes by that from now on. Only the first call has an effect.
pub fn trust(trust: Trust) {
    let _ = TRUST.set(trust);
}

/// The server at a URL such as `http://127.0.0.1:7420` or `https://shop.example:7420`.
///
/// # Errors
/// When it is no URL, or what is trusted is of no use.
pub fn endpoint(url: &str) -> Result<Endpoint, Error> {
    let endpoint = Endpoint::from_shared(url.to_owned())?;
    if !url.starts_with("https://") {
        return Ok(endpoint);
    }
    let trust = TRUST.get_or_init(Trust::default);
    let tls = match &trust.ca {
        Some(ca) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    let tls = match &trust.identity {
        Some((certificate, key)) => tls.identity(Identity::from_pem(certificate, key)),
        None => tls,
    };
    endpoint.tls_config(tls)
}
