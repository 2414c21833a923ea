//! An authority of the tests, and what it signs: files as a server and its clients have them.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use doorbuster::config::Config;
use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use tempfile::TempDir;

/// An authority that signs for servers and clients.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "the authority of the tests");
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// A certificate for this machine that is valid to the end of that year, and its key.
    pub fn signed(&self, until: i32) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 12, 31);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    pub fn pem(&self) -> &str {
        &self.certificate
    }
}

/// The files of a server with a certificate, and those of a client.
pub struct Files {
    pub directory: TempDir,
    pub authority: Authority,
}

impl Files {
    /// A certificate that is valid.
    pub fn new() -> Self {
        Self::valid_to(2049)
    }

    pub fn valid_to(year: i32) -> Self {
        let files = Self { directory: tempfile::tempdir().unwrap(), authority: Authority::new() };
        files.write("ca.crt", files.authority.pem());
        let (certificate, key) = files.authority.signed(2049);
        files.write("client.crt", &certificate);
        files.write("client.key", &key);
        files.renew(year);
        files
    }

    /// Another certificate for the server.
    pub fn renew(&self, until: i32) {
        let (certificate, key) = self.authority.signed(until);
        self.write("server.crt", &certificate);
        self.write("server.key", &key);
    }

    pub fn write(&self, name: &str, text: &str) {
        let file = self.path(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Serves everything through TLS.
    pub fn secure(&self, config: &mut Config) {
        let free = ([127, 0, 0, 1], 0).into();
        (config.http, config.web, config.board) = (Some(free), Some(free), Some(free));
        config.stock = Some(free);
        config.tls_certificate = Some(self.path("server.crt"));
        config.tls_key = Some(self.path("server.key"));
    }

    /// A client of HTTP that trusts this authority only.
    pub fn client(&self) -> reqwest::Client {
        trusting(&self.path("ca.crt")).build().unwrap()
    }
}

pub fn trusting(ca: &Path) -> reqwest::ClientBuilder {
    let ca = reqwest::Certificate::from_pem(&fs::read(ca).unwrap()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_built_in_root_certs(false);
    client.add_root_certificate(ca)
}
