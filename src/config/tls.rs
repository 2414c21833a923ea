//! Which listeners are encrypted, by which files, and which may speak plain text beyond this machine.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    Bounds, Config, Setting,
    port::{ALL, NONE, Port, ports},
};
use crate::values::Invalid;

pub(super) const CERTIFICATE: Setting = Setting {
    key: "tls_certificate",
    unit: "",
    bounds: Bounds::Text("a file in PEM"),
    get: |config| shown(config.tls_certificate.as_ref()),
    set: |config, text, _| {
        config.tls_certificate = Some(PathBuf::from(text));
        Ok(())
    },
};

pub(super) const KEY: Setting = Setting {
    key: "tls_key",
    unit: "",
    bounds: Bounds::Text("a file in PEM that others cannot read"),
    get: |config| shown(config.tls_key.as_ref()),
    set: |config, text, _| {
        config.tls_key = Some(PathBuf::from(text));
        Ok(())
    },
};

pub(super) const CLIENT_CA: Setting = Setting {
    key: "tls_client_ca",
    unit: "",
    bounds: Bounds::Text("a file in PEM"),
    get: |config| shown(config.tls_client_ca.as_ref()),
    set: |config, text, _| {
        config.tls_client_ca = Some(PathBuf::from(text));
        Ok(())
    },
};

pub(super) const INSECURE: Setting = Setting {
    key: "insecure",
    unit: "",
    bounds: Bounds::Text("`none`, `all`, or some of listen, http, web, board, stock, with commas"),
    get: |config| match config.insecure.as_slice() {
        [] => NONE.to_owned(),
        all if all.len() == Port::ALL.len() => ALL.to_owned(),
        some => some.iter().map(|port| port.name()).collect::<Vec<_>>().join(","),
    },
    set: |config, text, _| {
        config.insecure = ports(text)?;
        Ok(())
    },
};

/// The files of an encrypted server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsPaths {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub client_ca: Option<PathBuf>,
}

impl Config {
    /// The files by which connections are encrypted; `None` where none is.
    ///
    /// # Errors
    /// The setting that is missing or has no effect, or whose address would be served in plain text to
    /// other machines.
    pub fn tls(&self) -> Result<Option<TlsPaths>, Invalid> {
        let tls = match (&self.tls_certificate, &self.tls_key) {
            (Some(certificate), Some(key)) => {
                let (certificate, key) = (certificate.clone(), key.clone());
                Some(TlsPaths { certificate, key, client_ca: self.tls_client_ca.clone() })
            }
            (None, None) if self.tls_client_ca.is_some() => {
                let problem = "has no effect without tls_certificate and tls_key";
                return Err(Invalid::new(CLIENT_CA.key, problem));
            }
            (None, None) => None,
            (Some(_), None) => {
                return Err(Invalid::new(KEY.key, "is missing: tls_certificate is set"));
            }
            (None, Some(_)) => {
                return Err(Invalid::new(CERTIFICATE.key, "is missing: tls_key is set"));
            }
        };
        if tls.is_some() && self.insecure.len() == Port::ALL.len() {
            let problem =
                "names every listener, and tls_certificate would have no effect: set one of both";
            return Err(Invalid::new(INSECURE.key, problem));
        }
        let exposed = self.plain_beyond_this_machine();
        let open = exposed.into_iter().find(|(port, _)| !self.insecure.contains(port));
        match open {
            Some((port, address)) => {
                let name = port.name();
                let problem = format!(
                    "is {address}, which other machines can reach, and what is sent there would be neither \
                     encrypted nor authenticated: set tls_certificate and tls_key, or, where something \
                     else protects it, --insecure {name} (DOORBUSTER_INSECURE={name})"
                );
                Err(Invalid::new(name, problem))
            }
            None => Ok(tls),
        }
    }

    /// Whether connections to that listener are encrypted.
    pub fn is_encrypted(&self, port: Port) -> bool {
        self.tls_certificate.is_some() && !self.insecure.contains(&port)
    }

    /// The listeners in plain text that other machines can reach.
    pub fn plain_beyond_this_machine(&self) -> Vec<(Port, SocketAddr)> {
        let served = Port::ALL.into_iter().filter(|port| !self.is_encrypted(*port));
        let reachable = |port| {
            let address = self.address_of(port)?;
            (!address.ip().to_canonical().is_loopback()).then_some((port, address))
        };
        served.filter_map(reachable).collect()
    }

    fn address_of(&self, port: Port) -> Option<SocketAddr> {
        match port {
            Port::Listen => Some(self.listen),
            Port::Http => self.http,
            Port::Web => self.web,
            Port::Board => self.board,
            Port::Stock => self.stock,
        }
    }
}

fn shown(file: Option<&PathBuf>) -> String {
    file.map_or_else(|| NONE.to_owned(), |file| file.display().to_string())
}
