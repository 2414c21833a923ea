//! Connections as a server takes them: a bounded number, none of which may be silent, slow or unread
//! for ever.
//!
//! Each listener has its own [`Peers`]. Where all places are taken, a new connection gets the place
//! of one that has not asked anything yet, or of one that is idle; whoever has a call under way
//! keeps its place. So whoever asks something is answered, whatever else connects.

mod accept;
mod calls;
mod descriptors;
mod host;
pub mod http1;
pub mod http2;
mod peers;
mod phase;
mod serving;
mod watched;

pub use accept::accept;
pub use descriptors::{Descriptors, descriptors};
pub use host::{is_address, names_this_machine};
pub use peers::{CallGuard, Peer, Peers, Seat};
pub use phase::Phase;
pub use serving::Limits;
