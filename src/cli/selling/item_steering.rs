//! What all verbs that steer an item share, and the item as they show it.

use tonic::{Request, Response, Status};

use super::terms::{self, place};
use crate::{
    cli::{
        Common,
        decided::Decided,
        json::{amount, short, time},
        output::facts,
        priced,
        write::Steering,
    },
    crowd::channel::Channel,
    grpc::{
        AboutItem,
        proto::{
            Item, ItemOffer, Refusal, ReserveProposal, SupplierUnits, WriteRequest, WriteResponse,
            item_service_client::ItemServiceClient,
        },
        routed,
    },
    values::ItemId,
};

#[derive(Debug, clap::Args)]
pub(super) struct Steer {
    /// The item
    #[arg(value_name = "ITEM")]
    id: String,
    /// Why, for the record, 1 to 500 characters
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    steering: Steering,
}

impl Steer {
    /// Makes the act that the request asks for and shows the item.
    pub(super) fn run<Q, T>(
        self,
        common: &Common,
        request: Q,
        call: impl AsyncFn(ItemServiceClient<Channel>, Request<Q>) -> Result<Response<T>, Status>,
    ) -> anyhow::Result<()>
    where
        Q: WriteRequest + AboutItem + Clone,
        T: WriteResponse<Subject = Item, Refusal = Refusal>,
    {
        let item_id = ItemId::parse("ITEM", &self.id)?.to_string();
        let send =
            async |channel, request| call(ItemServiceClient::new(channel), routed(request)).await;
        let answer = self.steering.act(&item_id, &self.reason, request, send)?;
        Decided::of(answer).show(common, "item", item_text)
    }
}

/// An item as text.
pub(super) fn item_text(item: &Item) -> String {
    let limit = |limit: Option<i64>| limit.map_or("none".to_owned(), |units| units.to_string());
    let warehouses = item.available_by_warehouse.iter().map(place);
    let reserve = item.reserve_by_warehouse.iter().map(place);
    let supplier = |of: &SupplierUnits| {
        let SupplierUnits { supplier, allocated_units, withdrawn_units } = of;
        format!("{supplier} {allocated_units} allocated, {withdrawn_units} withdrawn")
    };
    let suppliers = item.suppliers.iter().map(supplier);
    let proposal = |of: &ReserveProposal| {
        let ReserveProposal { step, warehouse, units, below_units, .. } = of;
        let (step, since) = (step + 1, time(of.propose_time.as_ref()));
        let why = format!("step {step}: fewer than {below_units} were available");
        ("proposed", format!("release {units} in {warehouse} ({why}), since {since}"))
    };
    let mut rows = vec![
        ("item", item.item_id.clone()),
        ("sale", item.sale_id.clone()),
        ("sku", item.sku.clone()),
        ("title", item.title.clone()),
        ("price", amount(item.unit_price.as_ref())),
        ("phase", phase_text(item)),
        ("opens", time(item.open_time.as_ref())),
        ("closes", time(item.close_time.as_ref())),
        ("allocated", item.allocated_units.to_string()),
        ("available", item.available_units.to_string()),
        ("held", item.held_units.to_string()),
        ("sold", item.sold_units.to_string()),
        ("available in", warehouses.collect::<Vec<_>>().join(", ")),
        ("in reserve", reserve.collect::<Vec<_>>().join(", ")),
        ("limit per buyer", limit(item.limit_per_buyer)),
        ("limit per order", limit(item.limit_per_order)),
    ];
    // Only some items have them.
    if !item.suppliers.is_empty() {
        rows.push(("suppliers", suppliers.collect::<Vec<_>>().join(", ")));
    }
    let currency = item.unit_price.as_ref().map_or("", |price| &price.currency_code);
    if let Some(prices) = &item.prices {
        rows.extend(priced::prices_rows(prices, currency));
        terms::time_prices(&mut rows, &prices.time_prices, currency);
        terms::returned_units(&mut rows, prices.returned_units());
    }
    for of in &item.offers {
        terms::offers(&mut rows, of.offer.iter(), currency);
        if of.offer.as_ref().is_some_and(|offer| !offer.gift_sku.is_empty()) {
            let ItemOffer { gift_free_units, gift_held_units, gift_given_units, .. } = of;
            let left =
                format!("{gift_free_units} free, {gift_held_units} held, {gift_given_units} given");
            rows.push(("gifts", left));
        }
    }
    terms::buyers_and_places(&mut rows, item.audience.as_ref(), item.draw());
    terms::regions(&mut rows, &item.regions);
    terms::reserve_plan(&mut rows, &item.reserve_plan);
    rows.extend(item.reserve_proposals.iter().map(proposal));
    facts(&rows)
}

/// The phase, and what pauses the item.
fn phase_text(item: &Item) -> String {
    let phase = short("ITEM_PHASE_", item.phase().as_str_name());
    match (item.paused_itself, item.paused_with_sale) {
        (true, true) => format!("{phase} (itself and with its sale)"),
        (false, true) => format!("{phase} (with its sale)"),
        (true | false, false) => phase.to_owned(),
    }
}
