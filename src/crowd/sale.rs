//! Creates the sale of the crowd, through the same RPC as an operator.

use prost_types::{Duration, Timestamp};
use tonic::Status;

pub use super::deals::UNIT_PRICE_MINOR;
use super::{channel::Channel, deals, operator::Operator};
use crate::{
    grpc::proto::{
        AlertRule, CloseSaleRequest, CreateSaleRequest, ItemDraft, PlannedUnits, SaleDraft,
        SaleGoals, WarehouseUnits, sale_service_client::SaleServiceClient,
    },
    values::{UnixMs, count_of},
};

/// Most items in one sale; a crowd that wants more gets several sales.
pub const ITEMS_PER_SALE_MAX: usize = 10_000;

/// Largest message that a client takes. The answer to a sale with very many items is long.
pub const ANSWER_BYTES_MAX: usize = 16 << 20;

const WAREHOUSE: &str = "main";
const CURRENCY: &str = "CNY";
/// How long the first rush of a crowd takes.
const RUSH_MS: i64 = 2_000;

/// One item to put on offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Unique among the offers.
    pub sku: String,
    pub title: String,
    pub units: u64,
}

/// What holds for all items of the sale.
#[derive(Debug, Clone)]
pub struct Terms {
    pub name: String,
    pub opens_at: UnixMs,
    pub closes_at: UnixMs,
    pub limit_per_buyer: Option<i64>,
    pub time_to_pay_ms: i64,
    /// Whether items have a ladder of prices, a time price, an offer, a gift and a reserve.
    pub deals: bool,
    /// The operator that creates it.
    pub operator: Operator,
    pub plan: Plan,
}

/// What is wanted of a sale, and how it is watched. Each part may be left out.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    pub goals: Option<SaleGoals>,
    pub curve: Vec<PlannedUnits>,
    pub alerts: Vec<AlertRule>,
}

impl Plan {
    /// To sell all of these units, most of them in the first rush and the rest evenly.
    pub fn to_sell(offers: &[Offer], within_ms: i64) -> Self {
        let units = offers.iter().map(|offer| offer.units).sum::<u64>();
        let units = count_of(units);
        let by = |after_ms, units| PlannedUnits { after: Some(duration(after_ms)), units };
        let goals = SaleGoals {
            units: Some(units),
            revenue_minor: Some(units.saturating_mul(deals::GOAL_UNIT_MINOR)),
            ..SaleGoals::default()
        };
        Self {
            goals: Some(goals),
            curve: vec![by(0, 0), by(RUSH_MS, units / 4), by(within_ms.max(RUSH_MS), units)],
            alerts: Vec::new(),
        }
    }
}

/// An item on sale.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnSale {
    pub item_id: String,
    pub units: u64,
}

/// The sales that were put up, and their items in the order of the offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutUp {
    pub sale_ids: Vec<String>,
    pub items: Vec<OnSale>,
}

/// Creates as many sales as the offers need. `request_id` makes the id of the n-th request.
pub async fn put_up(
    channel: Channel,
    offers: &[Offer],
    terms: &Terms,
    mut request_id: impl FnMut(u16) -> String,
) -> Result<PutUp, Status> {
    let mut client = SaleServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
    let mut up = PutUp { sale_ids: Vec::new(), items: Vec::with_capacity(offers.len()) };
    for (nth, offers) in (0..).zip(offers.chunks(ITEMS_PER_SALE_MAX)) {
        let request = CreateSaleRequest {
            request_id: request_id(nth),
            sale: Some(draft(offers, terms)),
            operator: terms.operator.name.clone(),
        };
        let sale = client.create_sale(request).await?.into_inner().sale.unwrap_or_default();
        if sale.items.len() != offers.len() {
            return Err(Status::internal(format!(
                "the sale has {} items instead of {}",
                sale.items.len(),
                offers.len()
            )));
        }
        up.sale_ids.push(sale.sale_id);
        // Items come back in the order of the draft; the SKU is checked all the same.
        for (offer, item) in offers.iter().zip(sale.items) {
            if item.draft.is_none_or(|draft| draft.sku != offer.sku) {
                return Err(Status::internal("the sale's items are not in the draft's order"));
            }
            up.items.push(OnSale { item_id: item.item_id, units: offer.units });
        }
    }
    Ok(up)
}

/// Closes sales for good and returns the position of the last event of that. `request_id` makes the
/// id of each request.
pub async fn close(
    channel: Channel,
    sales: &PutUp,
    operator: &Operator,
    mut request_id: impl FnMut() -> String,
) -> Result<u64, Status> {
    let mut client = SaleServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
    let mut position = 0;
    for sale_id in &sales.sale_ids {
        let request = CloseSaleRequest {
            request_id: request_id(),
            sale_id: sale_id.clone(),
            operator: operator.name.clone(),
            reason: "the crowd has left".to_owned(),
        };
        position = client.close_sale(request).await?.into_inner().position.max(position);
    }
    Ok(position)
}

fn draft(offers: &[Offer], terms: &Terms) -> SaleDraft {
    let items = offers.iter().map(|offer| item(offer, terms));
    SaleDraft {
        name: terms.name.clone(),
        currency_code: CURRENCY.to_owned(),
        open_time: Some(timestamp(terms.opens_at)),
        close_time: Some(timestamp(terms.closes_at)),
        items: items.collect(),
        goals: terms.plan.goals,
        curve: terms.plan.curve.clone(),
        alerts: terms.plan.alerts.clone(),
        coupons: Vec::from_iter(terms.deals.then(deals::coupons)),
        ..Default::default()
    }
}

fn item(offer: &Offer, terms: &Terms) -> ItemDraft {
    let units = count_of(offer.units);
    let mut draft = ItemDraft {
        sku: offer.sku.clone(),
        title: offer.title.clone(),
        unit_price_minor: UNIT_PRICE_MINOR,
        open_time: None,
        close_time: None,
        limit_per_buyer: terms.limit_per_buyer,
        limit_per_order: None,
        time_to_pay: Some(duration(terms.time_to_pay_ms)),
        units: vec![WarehouseUnits { warehouse: WAREHOUSE.to_owned(), units }],
        reserve: Vec::new(),
        ..Default::default()
    };
    if terms.deals {
        deals::add(&mut draft, units, |after_ms| timestamp(terms.opens_at.plus(after_ms)));
    }
    draft
}

pub(super) fn duration(ms: i64) -> Duration {
    Duration { seconds: ms / 1_000, nanos: nanos(ms % 1_000) }
}

pub(super) fn timestamp(moment: UnixMs) -> Timestamp {
    Timestamp { seconds: moment.second(), nanos: nanos(moment.0.rem_euclid(1_000)) }
}

fn nanos(ms: i64) -> i32 {
    i32::try_from(ms * 1_000_000).unwrap_or(0)
}
