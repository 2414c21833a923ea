//! The commands of an item. Their fields are validated where they enter and trusted here.
//!
//! Nodes send them to one another: how their JSON may change is said at [`Decider::Command`]. That of
//! [`PlaceOrder`] is kept short, because most of what is sent are orders.
//!
//! [`Decider::Command`]: crate::domain::Decider::Command

use serde::{Deserialize, Serialize};

use super::{OrderAct, OrderAction, PaymentFailure, SettleAwait, Steer, SteerAction};
use crate::{
    events::{CouponAsked, CouponNamed, IfDenied, ItemPlan, OrderReferences, OrderShopper},
    values::{Currency, Fingerprint, ItemId, OrderId, RequestId, SaleId, kinds},
};

/// Everything that can be asked of an item. Questions stand in the same queue as commands, so an
/// answer never shows what is not in the log yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemCommand {
    Add(Box<AddItem>),
    PlaceOrder(PlaceOrder),
    RecordPayment(RecordPayment),
    CancelOrder(CancelOrder),
    PaymentFailed(PaymentFailure),
    SettleAwait(SettleAwait),
    OrderAct(OrderAct),
    Steer(Steer),
    /// What an order of so many units would cost, and whether it would be taken.
    Quote {
        units: i64,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        more: Option<Box<PlaceMore>>,
    },
    /// What the item looks like.
    Show,
    /// One order, of that buyer where one is named.
    ShowOrder {
        order_id: OrderId,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        buyer: Option<String>,
    },
}

kinds! { ItemCommand {
    Self::Add(_) => "add_item",
    Self::PlaceOrder(_) => "place_order",
    Self::RecordPayment(_) => "record_payment",
    Self::CancelOrder(_) => "cancel_order",
    Self::SettleAwait(_) => "settle_await",
    Self::PaymentFailed(_) => "record_payment_failure",
    Self::OrderAct(OrderAct { action: OrderAction::Cancel(_), .. }) => "cancel_order_by_operator",
    Self::OrderAct(OrderAct { action: OrderAction::ExtendHold { .. }, .. }) => "extend_hold",
    Self::OrderAct(OrderAct { action: OrderAction::Refund { .. }, .. }) => "refund_order",
    Self::OrderAct(OrderAct { action: OrderAction::SettleRefund { .. }, .. }) => "settle_refund",
    Self::Steer(Steer { action: SteerAction::Allocate(_), .. }) => "allocate_stock",
    Self::Steer(Steer { action: SteerAction::Withdraw(_), .. }) => "withdraw_stock",
    Self::Steer(Steer { action: SteerAction::Move { .. }, .. }) => "move_stock",
    Self::Steer(Steer { action: SteerAction::SetReserve(_), .. }) => "set_reserve",
    Self::Steer(Steer { action: SteerAction::ReleaseReserve(_), .. }) => "release_reserve",
    Self::Steer(Steer { action: SteerAction::SetPurchaseLimit { .. }, .. }) => "set_purchase_limit",
    Self::Steer(Steer { action: SteerAction::Pause | SteerAction::PauseWithSale, .. }) => "pause_item",
    Self::Steer(Steer { action: SteerAction::Resume | SteerAction::ResumeWithSale, .. }) => "resume_item",
    Self::Steer(Steer { action: SteerAction::Close, .. }) => "close_item",
    Self::Steer(Steer { action: SteerAction::Schedule(_), .. }) => "schedule_item",
    Self::Steer(Steer { action: SteerAction::SetPrices(_), .. }) => "set_prices",
    Self::Steer(Steer { action: SteerAction::SetOffers(_), .. }) => "set_offers",
    Self::Steer(Steer { action: SteerAction::SetGiftUnits { .. }, .. }) => "set_gift_units",
    Self::Steer(Steer { action: SteerAction::SetAudience(_), .. }) => "set_audience",
    Self::Steer(Steer { action: SteerAction::SetReservePlan(_), .. }) => "set_reserve_plan",
    Self::Quote { .. } => "quote_price",
    Self::Show => "show_item",
    Self::ShowOrder { .. } => "show_order",
} }

/// Puts the item on offer. Sent by the sale that planned it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddItem {
    pub request_id: RequestId,
    pub sale_id: SaleId,
    pub currency: Currency,
    /// Names at least one warehouse: what was allocated remembers the request. At most
    /// `sale::WAREHOUSES_PER_ITEM_MAX`: the events are numbered in one octet.
    pub plan: ItemPlan,
    /// Most units of one buyer in held and paid orders of all items of the sale.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sale_limit_per_buyer: Option<i64>,
    pub operator: String,
}

/// Holds units for a buyer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlaceOrder {
    #[serde(rename = "request")]
    pub request_id: RequestId,
    /// [`ItemId::order_id`] of the request, computed before the command enters the mailbox.
    #[serde(rename = "order")]
    pub order_id: OrderId,
    #[serde(rename = "print")]
    pub fingerprint: Fingerprint,
    pub buyer: String,
    pub units: i64,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub channel: String,
    /// What only some orders say; not allocated for the others.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub more: Option<Box<PlaceMore>>,
}

/// What an order may say besides buyer, units and channel.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PlaceMore {
    /// It is to cost at most so many minor units; at least 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub max_total_minor: Option<i64>,
    /// Whose warehouses are preferred; empty where none are.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub region: String,
    /// What is said of the buyer, if anything is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shopper: Option<OrderShopper>,
    /// The coupon that it asks for, without the most that it may cost.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub coupon: Option<CouponAsked>,
    /// What the shop calls it.
    #[serde(skip_serializing_if = "OrderReferences::is_empty", default)]
    pub references: OrderReferences,
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
        let asked = more.coupon.as_ref().map(asked_fields);
        if let Some(asked) = &asked {
            fields.extend(asked.iter().map(Vec::as_slice));
        }
        let OrderReferences { shop_order_id, labels } = &more.references;
        if !shop_order_id.is_empty() {
            fields.extend([b"shop_order_id".as_slice(), shop_order_id.as_bytes()]);
        }
        // No other field's name has a colon.
        let labels: Vec<_> =
            labels.iter().map(|(name, value)| (format!("label:{name}"), value)).collect();
        for (name, value) in &labels {
            fields.extend([name.as_bytes(), value.as_bytes()]);
        }
        self.fingerprint = Fingerprint::of(fields);
        self.more = Some(Box::new(more));
        self
    }
}

/// The name of each field that a coupon's request sets, and its value. Whether offers are left out
/// follows from the batch.
fn asked_fields(asked: &CouponAsked) -> Vec<Vec<u8>> {
    let (name, value) = match &asked.named {
        CouponNamed::Id(id) => ("coupon_id", id.0.as_bytes().to_vec()),
        CouponNamed::Code(code) => ("coupon_code", code.as_bytes().to_vec()),
    };
    let batch = asked.batch_id.0.as_bytes().to_vec();
    let mut fields = vec![b"coupon_batch".to_vec(), batch, name.as_bytes().to_vec(), value];
    if asked.if_denied == IfDenied::Keep {
        fields.extend([b"if_denied".to_vec(), b"keep".to_vec()]);
    }
    fields
}

/// Records that a payment arrived.
#[derive(Debug, Clone, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Serialize, Deserialize)]
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
