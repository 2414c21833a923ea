//! Permissions and the service level, checked before a command reaches a mailbox.
//!
//! It is on the order path, so checks only read memory: no queue and no I/O. The level is decided
//! by `domain::service_level`, and the log is read by `actors`.

mod peer_secret;
mod pseudonyms;
mod roles;
mod secret_file;
mod service_level;
mod token;
mod tokens;
mod tokens_file;

pub use peer_secret::{BadPeerSecret, PeerSecret};
pub use pseudonyms::Pseudonyms;
pub use roles::{Role, Roles};
pub use secret_file::{read_secret_file, read_secret_text};
pub use service_level::{CurrentServiceLevel, ServicePart};
pub use token::{TokenId, TokenRecord, TokenRefused};
pub use tokens::{Changes, Tokens, is_in_url};
pub use tokens_file::{BadTokens, LIFE_DAYS_MAX, TokensFile, check_name, read_token};
