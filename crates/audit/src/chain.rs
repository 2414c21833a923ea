//! Hash chains and derived ids, computed anew from their documented definitions.
//!
//! Each stream is a chain of SHA-256 sums that starts from its name. Ids of events follow from the
//! command that caused them, so an event that was slipped in has the wrong id even where its hash
//! is right.

use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A link of a chain.
pub(super) type Hash = [u8; 32];

/// What is hashed of one event.
pub(super) struct Link<'a> {
    pub revision: u64,
    pub id: &'a [u8],
    pub recorded_at_ms: i64,
    pub kind: &'a [u8],
    pub data: &'a [u8],
    /// The data is stored as bytes, not as text.
    pub binary: bool,
    pub metadata: &'a [u8],
}

/// What stands before the first event of a stream.
pub(super) fn start(stream_name: &str) -> Hash {
    let mut hash = Sha256::new();
    hash.update(b"doorbuster chain 1\n");
    hash.update(stream_name.as_bytes());
    hash.finalize().into()
}

/// The hash of an event that follows `previous`.
pub(super) fn link(previous: &Hash, link: &Link<'_>) -> Hash {
    let mut hash = Sha256::new();
    hash.update(previous);
    hash.update(link.revision.to_be_bytes());
    hash.update(link.id);
    hash.update(link.recorded_at_ms.to_be_bytes());
    for part in [link.kind, link.data, link.metadata] {
        // SQLite holds no value of 4 GiB.
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part);
    }
    if link.binary {
        hash.update([1]);
    }
    hash.finalize().into()
}

/// The id of the `index`-th event that `request` causes on an item.
pub(super) fn event_id(item: Uuid, request: Uuid, index: u8) -> Uuid {
    let mut name = [index; 17];
    name[..16].copy_from_slice(request.as_bytes());
    Uuid::new_v5(&item, &name)
}

/// The id of the event that ends an unpaid hold.
pub(super) fn expiry_id(order: Uuid) -> Uuid {
    Uuid::new_v5(&order, b"expired")
}

/// The id of an event about what an order waited for.
pub(super) fn awaited_id(order: Uuid, name: &str) -> Uuid {
    Uuid::new_v5(&order, name.as_bytes())
}

/// The id of an event that `request` causes on a sale.
pub(super) fn sale_event_id(sale: Uuid, request: Uuid) -> Uuid {
    Uuid::new_v5(&sale, request.as_bytes())
}

/// The id of an event under the name of the writer that made it.
pub(super) fn id_by(writer: Uuid, made: Uuid) -> Uuid {
    Uuid::new_v5(&writer, made.as_bytes())
}

/// The sale that `request` creates.
pub(super) fn sale_id(request: Uuid) -> Uuid {
    Uuid::new_v5(&request, b"sale")
}

/// The item of a sale with that SKU.
pub(super) fn item_id(sale: Uuid, sku: &str) -> Uuid {
    Uuid::new_v5(&sale, sku.as_bytes())
}
