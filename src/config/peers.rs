//! Where a node listens for the other nodes on its store, how they reach it, and by which secret they
//! know one another.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    Bounds, Config, Setting,
    addresses::{OFF, address_or_off},
};
use crate::values::{Invalid, peer_address};

/// What says that nothing is set.
const NONE: &str = "none";

pub(super) const LISTEN: Setting = Setting {
    key: "peers_listen",
    unit: "",
    bounds: Bounds::Text("an IP address and a port, or `off`; port 0 takes a free one"),
    get: |config| config.peers_listen.map_or(OFF.to_owned(), |address| address.to_string()),
    set: |config, text, _| {
        config.peers_listen = address_or_off(text, "10.0.0.1:7430")?;
        Ok(())
    },
};

pub(super) const ADDRESS: Setting = Setting {
    key: "peers_address",
    unit: "",
    bounds: Bounds::Text("a host and a port, at most 255 bytes"),
    get: |config| config.peers_address.clone().unwrap_or_else(|| NONE.to_owned()),
    set: |config, text, _| {
        peer_address("", text).map_err(|invalid| invalid.problem)?;
        config.peers_address = Some(text.to_owned());
        Ok(())
    },
};

pub(super) const SECRET_FILE: Setting = Setting {
    key: "peers_secret_file",
    unit: "",
    bounds: Bounds::Text("a file that others cannot read"),
    get: |config| {
        let file = config.peers_secret_file.as_deref();
        file.map_or_else(|| NONE.to_owned(), |file| file.display().to_string())
    },
    set: |config, text, _| {
        config.peers_secret_file = Some(PathBuf::from(text));
        Ok(())
    },
};

/// How a node meets the others on its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peers {
    pub listen: SocketAddr,
    /// That of the listener where absent.
    address: Option<String>,
    pub secret_file: PathBuf,
}

impl Peers {
    /// Host and port by which other nodes reach the listener that is bound there.
    pub fn address(&self, bound: SocketAddr) -> String {
        self.address.clone().unwrap_or_else(|| bound.to_string())
    }
}

impl Config {
    /// How this node meets the others; `None` where it neither forwards commands nor takes any.
    ///
    /// # Errors
    /// The setting that is missing beside `peers_listen`.
    pub fn peers(&self) -> Result<Option<Peers>, Invalid> {
        let Some(listen) = self.peers_listen else { return Ok(None) };
        let address = self.peers_address.clone();
        if address.is_none() && listen.ip().is_unspecified() {
            let problem = format!(
                "is missing: peers_listen is {listen}, which other nodes cannot call; set the host and \
                 port by which they reach this node"
            );
            return Err(Invalid::new(ADDRESS.key, problem));
        }
        let Some(secret_file) = self.peers_secret_file.clone() else {
            let problem =
                "is missing: nodes know one another by the secret in it, and peers_listen is set";
            return Err(Invalid::new(SECRET_FILE.key, problem));
        };
        Ok(Some(Peers { listen, address, secret_file }))
    }
}
