//! The way between nodes of one service: commands go to the node that owns what they are for.
//!
//! Each node that listens for others calls every announced one and keeps that call: commands go out on
//! it and answers come back under their tags, pipelined. Pings on the same call tell whether the other
//! one answers; they are answered by the runtime, not by threads on which something is decided. A node
//! that does not answer is suspected by this one alone, and called again after growing pauses.

mod handshake;
mod link;
mod network;
mod server;

pub use self::{
    handshake::WIRE,
    link::WARM_WITHIN,
    network::PeerNetwork,
    server::{PeerServer, serve},
};
