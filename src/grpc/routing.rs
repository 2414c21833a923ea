//! The metadata by which a load balancer can send all calls about one item to one node.
//!
//! It is for speed only: an item's state is in the memory of the node that served it last. No
//! server reads it, and correctness must not depend on it: any node serves any item.

use tonic::{Request, metadata::MetadataValue};

use super::rpcs::AboutItem;

/// Holds the item's id. `deploy/nginx/nginx.conf` knows it by this name.
pub const ITEM_ID: &str = "x-item-id";

/// The call that sends this message, with the item's id in its metadata, too.
pub fn routed<T: AboutItem>(message: T) -> Request<T> {
    // An act on an order need not name its item: any node looks it up.
    let named = Some(message.item_id()).filter(|item| !item.is_empty());
    let value = named.map(MetadataValue::try_from);
    let mut request = Request::new(message);
    // What no header can hold is no item's id; the server says so when it reads the message.
    if let Some(Ok(value)) = value {
        request.metadata_mut().insert(ITEM_ID, value);
    }
    request
}
