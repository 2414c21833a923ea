//! The commands of an item. Their fields are validated where they enter and trusted here.

use crate::{
    domain::sale::{ALLOCATED_UNITS_MAX, NAME_CHARS_MAX},
    events::{ItemPlan, WarehouseUnits},
    values::{
        Currency, Fingerprint, Invalid, ItemId, OrderId, RequestId, SaleId, kinds, known_text,
    },
};

/// Everything that can be asked of an item. Questions stand in the same queue as commands, so an
/// answer never shows what is not in the log yet.
#[derive(Debug, Clone)]
pub enum ItemCommand {
    Add(Box<AddItem>),
    PlaceOrder(PlaceOrder),
    RecordPayment(RecordPayment),
    CancelOrder(CancelOrder),
    Steer(Steer),
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
        Self { request_id, order_id, fingerprint, buyer, units, channel }
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
}

fn warehouse_units(warehouse: String, units: i64, min: i64) -> Result<WarehouseUnits, Invalid> {
    known_text("warehouse", &warehouse, NAME_CHARS_MAX)?;
    if !(min..=ALLOCATED_UNITS_MAX).contains(&units) {
        let problem = format!("must be {min} to {ALLOCATED_UNITS_MAX}, not {units}");
        return Err(Invalid::new("units", problem));
    }
    Ok(WarehouseUnits { warehouse, units })
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

fn number(units: i64) -> Vec<u8> {
    units.to_be_bytes().to_vec()
}
