//! The hash chain that ties the events of a stream together.
//!
//! It makes damage and tampering detectable: changing, dropping or reordering an event breaks every
//! link after it. These are pure functions over bytes, and the bytes are documented here so that a
//! script in any language can repeat them. It must never change: every log holds its output.
//!
//! All integers are big-endian. With `||` for concatenation:
//!
//! ```text
//! genesis = SHA-256( "doorbuster chain 1\n" || stream name, for example "item-6f9619ff-..." )
//! link    = SHA-256( previous hash, 32 bytes     (genesis for revision 0)
//!                 || revision, 8 bytes unsigned
//!                 || event id, 16 bytes
//!                 || recorded_at_ms, 8 bytes signed
//!                 || length of kind, 4 bytes     || kind
//!                 || length of data, 4 bytes     || data
//!                 || length of metadata, 4 bytes || metadata
//!                 || one byte, 1                 (only where data is a BLOB, not TEXT) )
//! ```
//!
//! Data is a BLOB only in events that a client of EventStoreDB wrote through `devstore` and that it
//! did not call JSON.
//!
//! The chain proves that nothing was changed in the middle. It does not detect truncation at the
//! end, nor a rewrite of a whole stream: for that, keep a copy of the heads elsewhere.

use std::fmt;

use crate::values::short;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// One link of the chain.
pub type Hash = [u8; 32];

/// What is hashed of one event. Texts are shorter than 4 GiB: SQLite itself holds no longer ones.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    pub revision: u64,
    pub id: &'a Uuid,
    pub recorded_at_ms: i64,
    pub kind: &'a [u8],
    pub data: &'a [u8],
    /// Data is a BLOB.
    pub binary: bool,
    pub metadata: &'a [u8],
}

/// The link before the first event of a stream.
pub fn genesis(stream: &impl fmt::Display) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"doorbuster chain 1\n");
    hash.update(stream.to_string().as_bytes());
    hash.finalize().into()
}

/// The link of one event.
pub fn link(previous: &Hash, event: &Link<'_>) -> Hash {
    // The fixed part goes in as one piece: this is done for every event of every order.
    let mut fixed = [0; 68];
    fixed[..32].copy_from_slice(previous);
    fixed[32..40].copy_from_slice(&event.revision.to_be_bytes());
    fixed[40..56].copy_from_slice(event.id.as_bytes());
    fixed[56..64].copy_from_slice(&event.recorded_at_ms.to_be_bytes());
    fixed[64..].copy_from_slice(&length(event.kind));
    let mut hash = Sha256::new();
    hash.update(fixed);
    hash.update(event.kind);
    hash.update(length(event.data));
    hash.update(event.data);
    hash.update(length(event.metadata));
    hash.update(event.metadata);
    if event.binary {
        hash.update([1]);
    }
    hash.finalize().into()
}

fn length(text: &[u8]) -> [u8; 4] {
    short(text.len()).to_be_bytes()
}
