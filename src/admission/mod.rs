//! Permissions and the service level, checked before a command reaches a mailbox.
//!
//! It is on the order path, so checks only read memory: no queue and no I/O. The level is decided
//! by `domain::service_level`, and the log is read by `actors`.

mod operators;
mod peer_secret;
mod secret_file;
mod service_level;

pub use operators::{BadOperators, Operators, TokenRefused, read_token};
pub use peer_secret::{BadPeerSecret, PeerSecret};
pub use secret_file::read_secret_text;
pub use service_level::{CurrentServiceLevel, ServicePart};
