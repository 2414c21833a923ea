//! Ids: UUIDs that cannot be mistaken for one another.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Invalid, known_text};

const UUID_CHARS: usize = 36;

/// Longest SKU, in characters.
pub const SKU_CHARS_MAX: usize = 64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident $(, read by $read:ident)?) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// Reads an id that came from outside; `field` is named in the error.
            pub fn parse(field: &str, text: &str) -> Result<Self, Invalid> {
                id!(@read $($read)?)(field, text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
    (@read) => { parse_uuid };
    (@read $read:ident) => { $read };
}

id! {
    /// A sale: a set of items on offer in one window.
    SaleId
}
id! {
    /// An item: one SKU on offer in one sale. It is also named by these two, as `SALE_ID/SKU`.
    ItemId, read by parse_item
}
id! {
    /// An order. It is the id of the event that placed it.
    OrderId
}
id! {
    /// Money that has to go back. It is the id of the event by which it became due.
    DueId
}
id! {
    /// A batch of coupons of a sale.
    BatchId
}
id! {
    /// A coupon of a buyer. It is the id of the event that claimed it.
    CouponId
}
id! {
    /// An alert: one time that one rule fired.
    AlertId
}
id! {
    /// An incident: something that went wrong, from being noticed to being reviewed.
    IncidentId
}
id! {
    /// One life of a node: made anew at each start.
    NodeId
}
id! {
    /// The idempotency key that a client makes for each write.
    RequestId
}

/// UUIDs are read in their hyphenated form only, so that one id has one spelling, and the nil UUID
/// is refused: it is what an unset variable looks like.
fn parse_uuid(field: &str, text: &str) -> Result<Uuid, Invalid> {
    if text.is_empty() {
        return Err(Invalid::new(field, "is missing: it must be a UUID"));
    }
    if text.len() != UUID_CHARS {
        return Err(Invalid::new(field, "must be a UUID of 36 characters with hyphens"));
    }
    match Uuid::try_parse(text) {
        Ok(id) if id.is_nil() => Err(Invalid::new(field, "must not be the nil UUID")),
        Ok(id) => Ok(id),
        Err(_) => Err(Invalid::new(field, "is not a UUID")),
    }
}

/// An item by its id, or as `SALE_ID/SKU`: its id is made of these two, so nothing is looked up.
fn parse_item(field: &str, text: &str) -> Result<Uuid, Invalid> {
    if text.len() == UUID_CHARS || text.is_empty() {
        return parse_uuid(field, text);
    }
    let Some((sale, sku)) = text.split_once('/') else {
        let problem = "must be a UUID of 36 characters with hyphens, or SALE_ID/SKU";
        return Err(Invalid::new(field, problem));
    };
    let sale = SaleId::parse("SALE_ID", sale);
    let sku = known_text("SKU", sku, SKU_CHARS_MAX).map(|()| sku);
    match (sale, sku) {
        (Ok(sale), Ok(sku)) => Ok(sale.item_id(sku).0),
        (Err(part), _) | (_, Err(part)) => {
            Err(Invalid::new(field, format!("as SALE_ID/SKU: {part}")))
        }
    }
}

impl ItemId {
    /// The id of the `index`-th event that a command causes on this item.
    ///
    /// Deterministic, so that a command sent twice makes the same events and the store can tell.
    /// The item's id is part of it: one request id used on two items makes two different events.
    pub fn event_id(self, request: RequestId, index: u8) -> Uuid {
        let mut name = [0; 17];
        name[..16].copy_from_slice(request.0.as_bytes());
        name[16] = index;
        Uuid::new_v5(&self.0, &name)
    }

    /// The order that `request` makes on this item: the id of its `OrderPlaced` event.
    pub fn order_id(self, request: RequestId) -> OrderId {
        OrderId(self.event_id(request, 0))
    }

    /// What has to go back because of `request`: the id of its event.
    pub fn due_id(self, request: RequestId) -> DueId {
        DueId(self.event_id(request, 0))
    }
}

impl IncidentId {
    /// The incident that `request` opens.
    pub fn of_request(request: RequestId) -> Self {
        Self(Uuid::new_v5(&request.0, b"incident"))
    }
}

impl NodeId {
    /// The id of the event about this node at that revision of the roll.
    pub fn event_id(self, revision: u64) -> Uuid {
        Uuid::new_v5(&self.0, format!("roll/{revision}").as_bytes())
    }
}

impl SaleId {
    /// The sale that `request` creates.
    pub fn of_request(request: RequestId) -> Self {
        Self(Uuid::new_v5(&request.0, b"sale"))
    }

    /// The item of this sale with that SKU.
    pub fn item_id(self, sku: &str) -> ItemId {
        ItemId(Uuid::new_v5(&self.0, sku.as_bytes()))
    }

    /// The batch of coupons of this sale with that name.
    pub fn batch_id(self, name: &str) -> BatchId {
        BatchId(Uuid::new_v5(&self.0, format!("coupon:{name}").as_bytes()))
    }

    /// The id of the event by which an order takes its units of the limit over this sale.
    pub fn taken_id(self, order: OrderId) -> Uuid {
        Uuid::new_v5(&self.0, &[order.0.as_bytes(), b"taken".as_slice()].concat())
    }

    /// The id of the event by which an order takes only so many units from now on.
    pub fn given_back_id(self, order: OrderId, units_left: i64) -> Uuid {
        let left = units_left.to_be_bytes();
        Uuid::new_v5(&self.0, &[order.0.as_bytes(), b"left".as_slice(), &left].concat())
    }

    /// The request by which a buyer gets the reward of that batch.
    pub fn earned_request(self, batch: BatchId, buyer: &str) -> RequestId {
        let name = [batch.0.as_bytes(), b"earned".as_slice(), buyer.as_bytes()].concat();
        RequestId(Uuid::new_v5(&self.0, &name))
    }
}

impl BatchId {
    /// The coupon that `request` claims of this batch: the id of its `CouponClaimed` event.
    pub fn coupon_id(self, request: RequestId) -> CouponId {
        CouponId(Uuid::new_v5(&self.0, request.0.as_bytes()))
    }

    /// The id of the event by which an order gets a coupon of this batch.
    pub fn redeemed_id(self, order: OrderId) -> Uuid {
        self.id_of(order, b"redeemed")
    }

    /// The id of the event by which the coupon of an order is free again.
    pub fn returned_id(self, order: OrderId) -> Uuid {
        self.id_of(order, b"returned")
    }

    /// Longer than a request's id, so that no request makes the same.
    fn id_of(self, order: OrderId, what: &[u8]) -> Uuid {
        Uuid::new_v5(&self.0, &[order.0.as_bytes(), what].concat())
    }
}
