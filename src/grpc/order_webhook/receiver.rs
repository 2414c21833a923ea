//! The receiver of a webhook: where it may be, and one attempt to deliver.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use reqwest::{
    Client, StatusCode, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect::Policy,
};

use super::letter::Letter;
use crate::{actors::SigningKeys, clock::SharedClock};

/// How often it is looked whether the file with the secrets was changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Answers that speak of what was sent, not of the receiver or of who sends.
const OF_EVENT: [StatusCode; 4] = [
    StatusCode::BAD_REQUEST,
    StatusCode::PAYLOAD_TOO_LARGE,
    StatusCode::UNSUPPORTED_MEDIA_TYPE,
    StatusCode::UNPROCESSABLE_ENTITY,
];

/// Why a delivery was not accepted.
#[derive(Debug)]
pub(super) enum Refused {
    /// The receiver wants no more.
    Gone,
    /// This event is not accepted, whatever becomes of others.
    Event(String),
    Other(String),
}

/// Where order events are sent to.
pub(super) struct Receiver {
    pub(super) url: Url,
    client: Client,
    secrets: Mutex<Secrets>,
    clock: SharedClock,
}

/// The keys, read anew when their file was changed.
struct Secrets {
    file: PathBuf,
    keys: SigningKeys,
    changed_at: Option<SystemTime>,
    looked_at: Instant,
}

impl Receiver {
    /// A receiver that is asked without a proxy and whose redirects are not followed: what is sent goes
    /// where the setting says, and nowhere else.
    ///
    /// # Errors
    /// When the URL or the secrets are refused.
    pub(super) fn new(
        url: &str,
        secret_file: PathBuf,
        timeout: Duration,
        may_be_private: bool,
        clock: SharedClock,
    ) -> anyhow::Result<Self> {
        let url = Url::parse(url)?;
        let literal = url.host_str().unwrap_or_default().trim_matches(['[', ']']).parse();
        if !may_be_private && literal.is_ok_and(is_private) {
            anyhow::bail!("it names a private address, which order_webhook_private does not allow");
        }
        let mut client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .timeout(timeout)
            .user_agent(concat!("doorbuster/", env!("CARGO_PKG_VERSION")));
        if !may_be_private {
            client = client.dns_resolver(Arc::new(PublicOnly));
        }
        let secrets = Secrets {
            keys: SigningKeys::read(&secret_file)?,
            changed_at: changed_at(&secret_file),
            file: secret_file,
            looked_at: Instant::now(),
        };
        Ok(Self { url, client: client.build()?, secrets: Mutex::new(secrets), clock })
    }

    /// One attempt.
    pub(super) async fn send(&self, letter: &Letter) -> Result<(), Refused> {
        let timestamp = self.clock.now().second().to_string();
        let signature = self.keys().sign(&letter.event_id, &timestamp, &letter.body);
        let sent = self
            .client
            .post(self.url.clone())
            .header("content-type", "application/json")
            .header("webhook-id", &letter.event_id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(letter.body.clone())
            .send()
            .await;
        match sent {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) if answer.status() == StatusCode::GONE => Err(Refused::Gone),
            Ok(answer) => {
                let why = format!("it answered {}", answer.status());
                Err(if OF_EVENT.contains(&answer.status()) {
                    Refused::Event(why)
                } else {
                    Refused::Other(why)
                })
            }
            // The URL may hold a token.
            Err(error) => Err(Refused::Other(causes(&error.without_url()))),
        }
    }

    /// The keys in force. A file that is wrong leaves those that were there.
    fn keys(&self) -> SigningKeys {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if secrets.looked_at.elapsed() >= LOOK_EVERY {
            secrets.looked_at = Instant::now();
            let changed_at = changed_at(&secrets.file);
            if changed_at != secrets.changed_at {
                secrets.changed_at = changed_at;
                match SigningKeys::read(&secrets.file) {
                    Ok(keys) => secrets.keys = keys,
                    Err(error) => tracing::error!(
                        %error,
                        "order_webhook_secret_file was changed and is refused; the secrets before it stay"
                    ),
                }
            }
        }
        secrets.keys.clone()
    }
}

fn changed_at(file: &std::path::Path) -> Option<SystemTime> {
    file.metadata().and_then(|metadata| metadata.modified()).ok()
}

/// An error with what caused it.
fn causes(error: &dyn std::error::Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let why = error.to_string();
        if !said.contains(&why) {
            said = format!("{said}: {why}");
        }
        cause = error.source();
    }
    said
}

/// Finds addresses that are public, and no others.
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|at| !is_private(at.ip())).collect();
            if public.is_empty() {
                let why =
                    "it has private addresses only, which order_webhook_private does not allow";
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, why).into());
            }
            let addresses: Addrs = Box::new(public.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is one of this machine or of a network of its own. Source: the registries of
/// special-purpose addresses, RFC 6890 and what amends it.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_v4(address),
        IpAddr::V6(address) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    matches!(
        (a, b, c),
        (0 | 10 | 127, ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (198, 18 | 19, _)
            | (198, 51, 100)
            | (203, 0, 113)
            | (224.., ..)
    )
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_private_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        // Mapped, compatible with and translated from IPv4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        [0, 0, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] => true,
        // 6to4.
        [0x2002, high, low, ..] => embedded(high, low),
        // Documentation; of the site, of the link, and multicast.
        [0x2001, 0xdb8, ..] => true,
        [first, ..] => first >= 0xfc00,
    }
}
