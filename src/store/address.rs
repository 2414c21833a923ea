//! Which store a command works on, as people write it: `embedded`, or the connection string of a
//! cluster.
//!
//! A connection string may hold a password. It must never be shown whole: `Display` and `Debug`
//! leave the credentials out, and only the connecting code reads the text itself.

use std::{fmt, path::PathBuf, str::FromStr};

/// The word for the log in the data directory.
const EMBEDDED: &str = "embedded";

/// Schemes of connection strings, as the official clients write them.
const SCHEMES: [&str; 8] = [
    "esdb",
    "esdb+discover",
    "kurrentdb",
    "kurrentdb+discover",
    "kurrent",
    "kurrent+discover",
    "kdb",
    "kdb+discover",
];

/// Parameters of a connection string, as the official clients write them.
pub(super) const PARAMETERS: [&str; 14] = [
    "connectionName",
    "defaultDeadline",
    "discoveryInterval",
    "gossipTimeout",
    "keepAliveInterval",
    "keepAliveTimeout",
    "maxDiscoverAttempts",
    "nodePreference",
    "throwOnAppendFailure",
    "tls",
    "tlsCaFile",
    "tlsVerifyCert",
    "userCertFile",
    "userKeyFile",
];

/// A store, not opened yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StoreAddress {
    /// The log in the data directory of this machine.
    #[default]
    Embedded,
    /// EventStoreDB, today named KurrentDB, or `doorbuster devstore`.
    Cluster(ClusterAddress),
}

/// The connection string of a cluster.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterAddress {
    connection: String,
    /// A file with `user:password` in its first line, instead of credentials in the string.
    pub(super) credentials_file: Option<PathBuf>,
}

impl StoreAddress {
    /// The address with all that is secret in it, for another process. Never to be shown.
    pub fn secret(&self) -> &str {
        match self {
            Self::Embedded => EMBEDDED,
            Self::Cluster(cluster) => cluster.secret(),
        }
    }

    /// The same store, with the credentials that stand in a file.
    #[must_use]
    pub fn with_credentials_file(self, file: Option<PathBuf>) -> Self {
        match self {
            Self::Cluster(cluster) => {
                Self::Cluster(ClusterAddress { credentials_file: file, ..cluster })
            }
            Self::Embedded => Self::Embedded,
        }
    }
}

impl ClusterAddress {
    /// The connection string with all that is secret in it.
    pub(super) fn secret(&self) -> &str {
        &self.connection
    }

    /// What stands before the host, as it was written.
    pub(super) fn written_credentials(&self) -> Option<&str> {
        self.credentials().map(|secret| &self.connection[secret])
    }

    /// Whether the string itself holds credentials.
    pub fn has_credentials(&self) -> bool {
        self.credentials().is_some()
    }

    /// Where in the string the credentials stand: up to the last `@`, so that a password that was
    /// not encoded as it should be is not taken for something else and shown.
    fn credentials(&self) -> Option<std::ops::Range<usize>> {
        let start = self.connection.find("://")? + 3;
        let end = start + self.connection[start..].rfind('@')?;
        Some(start..end)
    }

    /// The parameters of the string, as they stand there.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        let start = self.credentials().map_or(0, |secret| secret.end);
        let query = self.connection[start..].split_once('?').map_or("", |(_, query)| query);
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

impl FromStr for StoreAddress {
    type Err = String;

    /// The error says what an address must be and never repeats the text, which may be secret.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == EMBEDDED {
            return Ok(Self::Embedded);
        }
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        if scheme.is_some_and(|scheme| SCHEMES.contains(&scheme)) {
            let connection = text.to_owned();
            return Ok(Self::Cluster(ClusterAddress { connection, credentials_file: None }));
        }
        Err("must be embedded or a connection string such as esdb://127.0.0.1:2113?tls=false"
            .to_owned())
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded => f.write_str(EMBEDDED),
            Self::Cluster(cluster) => cluster.fmt(f),
        }
    }
}

impl fmt::Display for ClusterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = self.credentials();
        let start = self.connection.find("://").map_or(0, |at| at + 3);
        let open = secret.as_ref().map_or(start, |secret| secret.end);
        let hosts = self.connection[open..].split('?').next().unwrap_or_default();
        let hidden = if secret.is_some() { "***" } else { "" };
        write!(f, "{}{hidden}{hosts}", &self.connection[..start])?;
        for (nth, (name, value)) in self.parameters().enumerate() {
            let known = PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name));
            let value = if known { value } else { "***" };
            write!(f, "{}{name}={value}", if nth == 0 { '?' } else { '&' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for ClusterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
