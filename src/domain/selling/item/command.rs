//! The commands of an item. Their fields are validated where they enter and trusted here.

use crate::{
    domain::{
        limits::{ALLOCATED_UNITS_MAX, NAME_CHARS_MAX},
        price::{DraftOffer, check_offers, check_prices},
    },
    events::{ItemPlan, Offer, OrderShopper, Prices, WarehouseUnits},
    values::{
        Currency, Fingerprint, Invalid, ItemId, OrderId, RequestId, SaleId, UnixMs, kinds,
        known_text,
    },
};

/// Any time: the window of the item is known where the act is decided.
const ALWAYS: (UnixMs, UnixMs) = (UnixMs(i64::MIN), UnixMs::LATEST);

/// Everything that can be asked of an item. Questions stand in the same queue as commands, so an
/// answer never shows what is not in the log yet.
#[derive(Debug, Clone)]
pub enum ItemCommand {
    Add(Box<AddItem>),
    PlaceOrder(PlaceOrder),
    RecordPayment(RecordPayment),
    CancelOrder(CancelOrder),
    Steer(Steer),
    /// What an order of so many units would cost.
    Quote {
        units: i64,
    },
    /// What the item looks like.
    Show,
    /// One order of that buyer.
    ShowOrder {
        order_id: OrderId,
        buyer: String,
    },
}

kinds! { ItemCommand {
    Self::Add(_) => "add_item",
    Self::PlaceOrder(_) => "place_order",
    Self::RecordPayment(_) => "record_payment",
    Self::CancelOrder(_) => "cancel_order",
    Self::Steer(Steer { action: SteerAction::Allocate(_), .. }) => "allocate_stock",
    Self::Steer(Steer { action: SteerAction::SetReserve(_), .. }) => "set_reserve",
    Self::Steer(Steer { action: SteerAction::ReleaseReserve(_), .. }) => "release_reserve",
    Self::Steer(Steer { action: SteerAction::SetPurchaseLimit { .. }, .. }) => "set_purchase_limit",
    Self::Steer(Steer { action: SteerAction::Pause | SteerAction::PauseWithSale, .. }) => "pause_item",
    Self::Steer(Steer { action: SteerAction::Resume | SteerAction::ResumeWithSale, .. }) => "resume_item",
    Self::Steer(Steer { action: SteerAction::Close, .. }) => "close_item",
    Self::Steer(Steer { action: SteerAction::SetPrices(_), .. }) => "set_prices",
    Self::Steer(Steer { action: SteerAction::SetOffers(_), .. }) => "set_offers",
    Self::Steer(Steer { action: SteerAction::SetGiftUnits { .. }, .. }) => "set_gift_units",
    Self::Quote { .. } => "quote_price",
    Self::Show => "show_item",
    Self::ShowOrder { .. } => "show_order",
} }

/// Puts the item on offer. Sent by the sale that planned it.
#[derive(Debug, Clone)]
pub struct AddItem {
    pub request_id: RequestId,
    pub sale_id: SaleId,
    pub currency: Currency,
    /// Names at least one warehouse: what was allocated remembers the request. At most
    /// `sale::WAREHOUSES_PER_ITEM_MAX`: the events are numbered in one octet.
    pub plan: ItemPlan,
    pub operator: String,
}

/// Holds units for a buyer.
#[derive(Debug, Clone)]
pub struct PlaceOrder {
    pub request_id: RequestId,
    /// [`ItemId::order_id`] of the request, computed before the command enters the mailbox.
    pub order_id: OrderId,
    pub fingerprint: Fingerprint,
    pub buyer: String,
    pub units: i64,
    pub channel: String,
    /// What only some orders say; not allocated for the others.
    pub more: Option<Box<PlaceMore>>,
}

/// What an order may say besides buyer, units and channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlaceMore {
    /// It is to cost at most so many minor units; at least 1.
    pub max_total_minor: Option<i64>,
    /// Whose warehouses are preferred; empty where none are.
    pub region: String,
    /// What is said of the buyer, if anything is.
    pub shopper: Option<OrderShopper>,
}

impl PlaceOrder {
    /// A command with its derived fields.
    pub fn new(
        item: ItemId,
        request_id: RequestId,
        buyer: String,
        units: i64,
        channel: String,
    ) -> Self {
        let fingerprint =
            Fingerprint::of([buyer.as_bytes(), &units.to_be_bytes(), channel.as_bytes()]);
        let order_id = item.order_id(request_id);
        Self { request_id, order_id, fingerprint, buyer, units, channel, more: None }
    }

    /// The same with what only some orders say. The fingerprint covers each field that is set, by
    /// its name, so that requests of earlier versions keep theirs.
    #[must_use]
    pub fn with(mut self, more: PlaceMore) -> Self {
        if more == PlaceMore::default() {
            return self;
        }
        let units = self.units.to_be_bytes();
        let mut fields: Vec<&[u8]> = vec![self.buyer.as_bytes(), &units, self.channel.as_bytes()];
        let most = more.max_total_minor.map(i64::to_be_bytes);
        if let Some(most) = &most {
            fields.extend([b"max_total_minor".as_slice(), most]);
        }
        if !more.region.is_empty() {
            fields.extend([b"region".as_slice(), more.region.as_bytes()]);
        }
        for (name, value) in more.shopper.iter().flat_map(OrderShopper::told) {
            fields.extend([name.as_bytes(), value.as_bytes()]);
        }
        self.fingerprint = Fingerprint::of(fields);
        self.more = Some(Box::new(more));
        self
    }
}

/// Records that a payment arrived.
#[derive(Debug, Clone)]
pub struct RecordPayment {
    pub request_id: RequestId,
    pub order_id: OrderId,
    pub payment_reference: String,
    pub amount_minor: i64,
    pub currency: Currency,
}

impl RecordPayment {
    /// Tells this payment from another one under the same request id.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of([
            b"pay".as_slice(),
            self.order_id.0.as_bytes(),
            self.payment_reference.as_bytes(),
            &self.amount_minor.to_be_bytes(),
            self.currency.code().as_bytes(),
        ])
    }
}

/// Gives a held order up.
#[derive(Debug, Clone)]
pub struct CancelOrder {
    pub request_id: RequestId,
    pub order_id: OrderId,
    pub buyer: String,
}

impl CancelOrder {
    /// Tells this command from another one under the same request id.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of([b"cancel".as_slice(), self.order_id.0.as_bytes(), self.buyer.as_bytes()])
    }
}

/// An operator's hand on the item.
#[derive(Debug, Clone)]
pub struct Steer {
    pub request_id: RequestId,
    pub operator: String,
    pub reason: String,
    pub action: SteerAction,
    /// The action may name a warehouse that the item does not have yet.
    pub new_warehouse: bool,
}

/// What the operator does.
#[derive(Debug, Clone)]
pub enum SteerAction {
    /// 1 to `sale::ALLOCATED_UNITS_MAX` units.
    Allocate(WarehouseUnits),
    /// 0 to `sale::ALLOCATED_UNITS_MAX` units lie there beside those on offer.
    SetReserve(WarehouseUnits),
    /// 1 to `sale::ALLOCATED_UNITS_MAX` units of the reserve go on offer.
    ReleaseReserve(WarehouseUnits),
    /// Each at least 1; none where absent.
    SetPurchaseLimit {
        per_buyer: Option<i64>,
        per_order: Option<i64>,
    },
    /// Another ladder, checked but for the window of the item.
    SetPrices(Box<Prices>),
    /// Other offers, checked but for the window of the item.
    SetOffers(Vec<Offer>),
    /// All units of the gift of that offer: 1 to `sale::ALLOCATED_UNITS_MAX`.
    SetGiftUnits {
        offer: String,
        units: i64,
    },
    Pause,
    Resume,
    /// Its sale was paused. Sent by the sale, as is the next.
    PauseWithSale,
    ResumeWithSale,
    Close,
}

impl SteerAction {
    /// Puts units on offer.
    pub fn allocate(warehouse: String, units: i64) -> Result<Self, Invalid> {
        warehouse_units(warehouse, units, 1).map(Self::Allocate)
    }

    /// Says how many units lie in reserve.
    pub fn set_reserve(warehouse: String, units: i64) -> Result<Self, Invalid> {
        warehouse_units(warehouse, units, 0).map(Self::SetReserve)
    }

    /// Puts units of the reserve on offer.
    pub fn release_reserve(warehouse: String, units: i64) -> Result<Self, Invalid> {
        warehouse_units(warehouse, units, 1).map(Self::ReleaseReserve)
    }

    /// Limits what one buyer, and one order, may have. `fields` are what the caller calls the two.
    pub fn set_purchase_limit(
        fields: [&str; 2],
        per_buyer: Option<i64>,
        per_order: Option<i64>,
    ) -> Result<Self, Invalid> {
        for (field, limit) in fields.into_iter().zip([per_buyer, per_order]) {
            if let Some(units) = limit.filter(|&units| units < 1) {
                return Err(Invalid::new(field, format!("must be at least 1, not {units}")));
            }
        }
        Ok(Self::SetPurchaseLimit { per_buyer, per_order })
    }

    /// Puts another ladder of prices in force.
    pub fn set_prices(prices: Prices) -> Result<Self, Invalid> {
        check_prices(&prices, ALWAYS)?;
        Ok(Self::SetPrices(Box::new(prices)))
    }

    /// Puts other offers in force.
    pub fn set_offers(drafts: Vec<DraftOffer>) -> Result<Self, Invalid> {
        check_offers(drafts, ALWAYS).map(Self::SetOffers)
    }

    /// Gives the gift of an offer another number of units.
    pub fn set_gift_units(offer: String, units: i64) -> Result<Self, Invalid> {
        known_text("offer", &offer, NAME_CHARS_MAX)?;
        within("units", units, 1)?;
        Ok(Self::SetGiftUnits { offer, units })
    }
}

fn warehouse_units(warehouse: String, units: i64, min: i64) -> Result<WarehouseUnits, Invalid> {
    known_text("warehouse", &warehouse, NAME_CHARS_MAX)?;
    within("units", units, min)?;
    Ok(WarehouseUnits { warehouse, units })
}

fn within(field: &str, units: i64, min: i64) -> Result<(), Invalid> {
    if (min..=ALLOCATED_UNITS_MAX).contains(&units) {
        return Ok(());
    }
    Err(Invalid::new(field, format!("must be {min} to {ALLOCATED_UNITS_MAX}, not {units}")))
}

impl Steer {
    /// Tells this command from another one under the same request id.
    pub fn fingerprint(&self) -> Fingerprint {
        let place = |at: &WarehouseUnits| [at.warehouse.as_bytes().to_vec(), number(at.units)];
        let nowhere = || [Vec::new(), number(0)];
        // A limit that is absent is no number at all.
        let limit = |limit: &Option<i64>| limit.map_or_else(Vec::new, number);
        let (verb, [first, second]) = match &self.action {
            SteerAction::Allocate(added) => ("allocate", place(added)),
            SteerAction::SetReserve(reserve) => ("set_reserve", place(reserve)),
            SteerAction::ReleaseReserve(released) => ("release_reserve", place(released)),
            SteerAction::SetPurchaseLimit { per_buyer, per_order } => {
                ("set_purchase_limit", [limit(per_buyer), limit(per_order)])
            }
            SteerAction::SetPrices(prices) => ("set_prices", [stored(prices), Vec::new()]),
            SteerAction::SetOffers(offers) => ("set_offers", [stored(offers), Vec::new()]),
            SteerAction::SetGiftUnits { offer, units } => {
                ("set_gift_units", [offer.as_bytes().to_vec(), number(*units)])
            }
            SteerAction::Pause => ("pause", nowhere()),
            SteerAction::Resume => ("resume", nowhere()),
            SteerAction::PauseWithSale => ("pause_with_sale", nowhere()),
            SteerAction::ResumeWithSale => ("resume_with_sale", nowhere()),
            SteerAction::Close => ("close", nowhere()),
        };
        let mut fields = vec![
            verb.as_bytes(),
            &first,
            &second,
            self.operator.as_bytes(),
            self.reason.as_bytes(),
        ];
        // Only where it is said: acts of earlier versions keep their fingerprints.
        if self.new_warehouse {
            fields.push(b"new_warehouse");
        }
        Fingerprint::of(fields)
    }
}

/// The stored form, which is equal for equal values only.
fn stored(value: &impl serde::Serialize) -> Vec<u8> {
    // Plain structs with string keys: there is nothing serde_json could refuse.
    serde_json::to_vec(value).unwrap_or_default()
}

fn number(units: i64) -> Vec<u8> {
    units.to_be_bytes().to_vec()
}
