//! Which store a command works on, as people write it: `embedded`, or the connection string of a
//! cluster.
//!
//! A connection string may hold a password. It must never be shown whole: `Display` and `Debug`
//! leave the credentials out, and the text itself is seen only by whoever connects.

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

    /// Whether the string itself holds credentials.
    pub fn has_credentials(&self) -> bool {
        self.credentials().is_some()
    }

    /// Where in the string the credentials stand.
    fn credentials(&self) -> Option<std::ops::Range<usize>> {
        let start = self.connection.find("://")? + 3;
        let authority = self.connection[start..].split(['/', '?']).next().unwrap_or_default();
        let end = start + authority.rfind('@')?;
        Some(start..end)
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
        match self.credentials() {
            None => f.write_str(&self.connection),
            Some(secret) => {
                let (before, after) =
                    (&self.connection[..secret.start], &self.connection[secret.end..]);
                write!(f, "{before}***{after}")
            }
        }
    }
}

impl fmt::Debug for ClusterAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
