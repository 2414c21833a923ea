//! Which events of orders are asked for.

use std::collections::HashSet;

use crate::{
    events::{Category, OrderEvent, StreamName},
    grpc::proto::{FollowOrdersRequest, OrderEventKind},
    projections::{orders, stock},
    values::{Invalid, ItemId, SaleId},
};

/// The kind of an event, by its name in the contract.
pub(super) fn kind_of(event: &OrderEvent) -> OrderEventKind {
    match event {
        OrderEvent::Placed(_) => OrderEventKind::Placed,
        OrderEvent::LimitGranted(_) => OrderEventKind::LimitGranted,
        OrderEvent::CouponApplied(_) => OrderEventKind::CouponApplied,
        OrderEvent::CouponDenied(_) => OrderEventKind::CouponDenied,
        OrderEvent::Paid(_) => OrderEventKind::Paid,
        OrderEvent::PaymentFailed(_) => OrderEventKind::PaymentFailed,
        OrderEvent::HoldExtended(_) => OrderEventKind::HoldExtended,
        OrderEvent::Cancelled(_) => OrderEventKind::Cancelled,
        OrderEvent::Expired(_) => OrderEventKind::Expired,
        OrderEvent::Reinstated(_) => OrderEventKind::Reinstated,
        OrderEvent::RefundDue(_) => OrderEventKind::RefundDue,
        OrderEvent::Refunded(_) => OrderEventKind::Refunded,
        OrderEvent::RefundSettled(_) => OrderEventKind::RefundSettled,
    }
}

/// The kind that has this name in lower case.
pub(in crate::grpc) fn kind_named(name: &str) -> Option<OrderEventKind> {
    let known = (1..).map_while(|number| OrderEventKind::try_from(number).ok());
    let full = format!("ORDER_EVENT_KIND_{}", name.to_uppercase());
    let mut known = known.filter(|kind| kind.as_str_name() == full);
    known.next().filter(|_| name == name.to_lowercase())
}

/// Conditions that all hold for an event that is told.
pub(super) struct Filter {
    sale: Option<SaleId>,
    item: Option<ItemId>,
    /// All kinds if empty.
    kinds: HashSet<OrderEventKind>,
}

impl Filter {
    pub(super) fn read(request: &FollowOrdersRequest) -> Result<Self, Invalid> {
        let FollowOrdersRequest { sale_id, item_id, kinds, .. } = request;
        let sale = (!sale_id.is_empty()).then(|| SaleId::parse("sale_id", sale_id));
        let item = (!item_id.is_empty()).then(|| ItemId::parse("item_id", item_id));
        let kind = |(at, kind): (usize, &i32)| match OrderEventKind::try_from(*kind) {
            Ok(known) if known != OrderEventKind::Unspecified => Ok(known),
            _ => Err(Invalid::new(format!("kinds[{at}]"), format!("is no kind of event: {kind}"))),
        };
        Ok(Self {
            sale: sale.transpose()?,
            item: item.transpose()?,
            kinds: kinds.iter().enumerate().map(kind).collect::<Result<_, _>>()?,
        })
    }

    /// The item of a stream whose events are asked for.
    pub(super) fn item_of(&self, stream: StreamName) -> Option<ItemId> {
        let item = (stream.category == Category::Item).then_some(ItemId(stream.id))?;
        self.item.is_none_or(|wanted| wanted == item).then_some(item)
    }

    /// Whether sold-outs are asked for.
    pub(super) fn has_sold_outs(&self) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&OrderEventKind::SoldOut)
    }

    /// The read models that what is told is read from.
    pub(super) fn read_models(&self) -> impl Iterator<Item = &'static str> + use<> {
        let stock = self.has_sold_outs().then_some(stock::NAME);
        std::iter::once(orders::NAME).chain(stock)
    }

    pub(super) fn has_kind(&self, event: &OrderEvent) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind_of(event))
    }

    pub(super) fn has_sale(&self, sale: SaleId) -> bool {
        self.sale.is_none_or(|wanted| wanted == sale)
    }
}
