//! Connections as a server takes them: a bounded number, none of which may be silent, slow or unread
//! for ever.
//!
//! Each listener has its own [`Peers`]. At the limit, a new connection replaces one that has not
//! sent a request yet, or one that is idle; a connection with a call in flight keeps its place.
//! Requests are therefore answered, whatever else connects.

mod accept;
mod calls;
mod descriptors;
mod gathered;
mod host;
pub mod http1;
pub mod http2;
mod peers;
mod phase;
mod security;
mod serving;
mod short_calls;
mod tls;
mod validity;
mod watched;

pub use accept::accept;
pub use descriptors::{Descriptors, descriptors};
pub use host::{is_address, names_this_machine};
pub use peers::{CallGuard, Peer, Peers, Seat};
pub use phase::Phase;
pub use security::{Secured, Security};
pub use serving::Limits;
pub use short_calls::IsShort;
pub use tls::{Spoken, Tls, TlsCounts, TlsFiles};
