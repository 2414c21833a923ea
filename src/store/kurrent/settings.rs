//! A connection string, checked before anything connects.
//!
//! The official client ignores parameters it does not know, so a slip of the pen in `tls` would go
//! unnoticed; here it is refused by name. Credentials come from the string or from a file and are
//! never part of a message: what is shown of an address has them left out.

use std::{borrow::Cow, fs, path::Path, time::Duration};

use eventstore_client::{Authentication, ClientSettings, NodePreference};
use percent_encoding::percent_decode_str;

use crate::store::{ClusterAddress, address::PARAMETERS};

/// The client waits this long before it connects at all; its default is half a second.
const DISCOVERY_INTERVAL_MS: u64 = 20;

/// A file of credentials is a line, not a book.
const CREDENTIALS_BYTES_MAX: u64 = 4_096;

/// What is needed to connect.
pub(super) struct Settings {
    pub(super) client: ClientSettings,
    pub(super) credentials: Option<Credentials>,
    /// The address without its secrets.
    pub(super) shown: String,
}

/// A user and a password. It has no `Debug`, so that it cannot be printed.
#[derive(Clone)]
pub(super) struct Credentials {
    user: String,
    password: String,
}

impl Settings {
    /// Reads and checks an address.
    ///
    /// # Errors
    /// What is wrong, without repeating anything that may be secret.
    pub(super) fn read(address: &ClusterAddress) -> Result<Self, String> {
        let text = address.secret();
        check(address)?;
        let given = |name: &str| {
            let mut parameters = address.parameters();
            parameters.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        if given("maxDiscoverAttempts") == Some("1") {
            return Err(
                "maxDiscoverAttempts must be at least 2: the client needs one to begin with"
                    .to_owned(),
            );
        }
        let separator = if text.contains('?') { '&' } else { '?' };
        let text = match given("discoveryInterval") {
            Some(_) => Cow::Borrowed(text),
            None => {
                Cow::Owned(format!("{text}{separator}discoveryInterval={DISCOVERY_INTERVAL_MS}"))
            }
        };
        let client: ClientSettings = text.parse().map_err(|error| problem(&error))?;
        if client.is_secure_mode_enabled() && !client.is_tls_certificate_verification_enabled() {
            return Err(
                "tlsVerifyCert=false would trust any server: name the authority's certificate \
                        in tlsCaFile instead"
                    .to_owned(),
            );
        }
        if client.node_preference() != NodePreference::Leader {
            return Err(
                "nodePreference must be leader, which is its default: what is decided here \
                        rests on reads that are up to date"
                    .to_owned(),
            );
        }
        if let Some(file) = client.tls_ca_file() {
            readable("tlsCaFile", file)?;
        }
        if let Some((certificate, key)) = client.user_certificate() {
            readable("userCertFile", certificate)?;
            readable("userKeyFile", key)?;
        }
        let credentials = match &address.credentials_file {
            Some(_) if address.has_credentials() => {
                let both = "credentials stand in the connection string and in a file: give one";
                return Err(both.to_owned());
            }
            Some(file) => Some(Credentials::from_file(file)?),
            None => address.written_credentials().map(Credentials::decode),
        };
        if credentials.is_some() && !client.is_secure_mode_enabled() && !is_local(&client) {
            return Err(
                "credentials are not sent in the clear to another machine: use tls=true".to_owned()
            );
        }
        Ok(Self { client, credentials, shown: address.to_string() })
    }

    /// The credentials to send.
    pub(super) fn authentication(&self) -> Option<Authentication> {
        let Credentials { user, password } = self.credentials.clone()?;
        Some(Authentication::basic(user, password))
    }

    /// Host and port of each seed.
    pub(super) fn seeds(&self) -> impl Iterator<Item = (&str, u16)> {
        let hosts = self.client.hosts().iter();
        hosts.map(|host| (host.host.as_str(), u16::try_from(host.port).unwrap_or(0)))
    }

    /// How long to wait for the identity of a node.
    pub(super) fn greeting_timeout(&self) -> Duration {
        self.client.gossip_timeout()
    }
}

impl Credentials {
    /// The header that carries them.
    pub(super) fn basic(&self) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        format!("Basic {}", STANDARD.encode(format!("{}:{}", self.user, self.password)))
    }

    fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':')?;
        (!user.is_empty()).then(|| Self { user: user.to_owned(), password: password.to_owned() })
    }

    /// From `user:password` as it stands in a connection string, percent-encoded.
    fn decode(written: &str) -> Self {
        let (user, password) = written.split_once(':').unwrap_or((written, ""));
        let decode = |part| percent_decode_str(part).decode_utf8_lossy().into_owned();
        Self { user: decode(user), password: decode(password) }
    }

    fn from_file(file: &Path) -> Result<Self, String> {
        let shown = file.display();
        let found = fs::metadata(file)
            .map_err(|error| format!("store_credentials_file {shown} cannot be read: {error}"))?;
        if !found.is_file() || found.len() > CREDENTIALS_BYTES_MAX {
            return Err(format!("store_credentials_file {shown} is no file with user:password"));
        }
        if is_open_to_others(&found) {
            return Err(format!(
                "store_credentials_file {shown} can be read by other users: chmod 600 it"
            ));
        }
        let text = fs::read_to_string(file)
            .map_err(|error| format!("store_credentials_file {shown} cannot be read: {error}"))?;
        Self::parse(text.lines().next().unwrap_or_default()).ok_or_else(|| {
            format!("store_credentials_file {shown} must hold user:password in its first line")
        })
    }
}

fn is_open_to_others(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    found.permissions().mode() & 0o004 != 0
}

/// What is wrong with the names of the parameters, or with how the credentials are written.
fn check(address: &ClusterAddress) -> Result<(), String> {
    if address.written_credentials().is_some_and(|secret| secret.contains(['/', '?', '#', '@'])) {
        return Err(
            "the credentials are not percent-encoded: / ? # @ must be written %2F %3F %23 \
                    %40, or keep them in a file"
                .to_owned(),
        );
    }
    let unknown = |name: &str| !PARAMETERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    match address.parameters().find(|(name, _)| unknown(name)) {
        Some((name, _)) => {
            Err(format!("{name} is not a known parameter: known are {}", PARAMETERS.join(", ")))
        }
        None => Ok(()),
    }
}

/// What the client complains about. Where the text is no URL at all its message repeats the text,
/// secrets and all.
fn problem(error: &eventstore_client::ClientSettingsParseError) -> String {
    match error.error() {
        Some(error) => format!("is not a connection string: {error}"),
        None => error.message().to_owned(),
    }
}

fn readable(parameter: &str, file: &str) -> Result<(), String> {
    fs::File::open(file)
        .map(drop)
        .map_err(|error| format!("{parameter} {file} cannot be read: {error}"))
}

fn is_local(client: &ClientSettings) -> bool {
    client.hosts().iter().all(|host| {
        host.host == "localhost"
            || host
                .host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    })
}
