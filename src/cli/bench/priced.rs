//! `bench --priced`: an item whose orders have steps and an offer, beside a plain one on the same server.

use serde_json::{Value, json};

use super::{
    arguments::Args,
    figures::{CaseFigures, case_table},
    pair,
    server::HotItem,
};
use crate::{
    cli::Common,
    clock::new_request_id,
    crowd::{caller::connect, operator::Operator, sale::UNIT_PRICE_MINOR},
    grpc::{
        proto::{
            OfferDraft, PriceStep, SetOffersRequest, SetPricesRequest,
            item_service_client::ItemServiceClient,
        },
        routed,
    },
};

/// Steps of the ladder: the most that an item can have.
const STEPS: i64 = 20;
/// Units of a step, so that a run goes over several.
const STEP_UNITS: i64 = 50_000;
/// Every order gets a tenth off.
const OFFER_PPM: i64 = 100_000;

const REASON: &str = "to be measured";

/// Measures both items in turns.
pub(super) async fn measure(
    arguments: &Args,
    (url, process): (&str, Option<u32>),
    common: &Common,
) -> anyhow::Result<Vec<CaseFigures>> {
    let operator = arguments.operator()?;
    let mut plain = HotItem::put_up(url, process, operator.clone()).await?;
    let mut priced = HotItem::put_up(url, process, operator.clone()).await?;
    set_terms(url, priced.target.item(0), &operator).await?;
    let sides = [(&mut plain, "the plain item"), (&mut priced, "the priced item")];
    pair::measure(arguments, sides, common).await
}

/// Puts steps and an offer in force that each order of one unit meets.
async fn set_terms(url: &str, item_id: &str, operator: &Operator) -> anyhow::Result<()> {
    let mut items = ItemServiceClient::new(connect(url, &operator.token).await?);
    let step = |number| PriceStep {
        units: STEP_UNITS,
        unit_price_minor: UNIT_PRICE_MINOR - STEPS + number,
    };
    let prices = SetPricesRequest {
        request_id: new_request_id().to_string(),
        item_id: item_id.to_owned(),
        unit_price_minor: UNIT_PRICE_MINOR,
        steps: (0..STEPS).map(step).collect(),
        operator: operator.name.clone(),
        reason: REASON.to_owned(),
        ..Default::default()
    };
    items.set_prices(routed(prices)).await?;
    let offer = OfferDraft {
        name: "tenth".to_owned(),
        from_units: Some(1),
        percent_ppm: Some(OFFER_PPM),
        ..Default::default()
    };
    let offers = SetOffersRequest {
        request_id: new_request_id().to_string(),
        item_id: item_id.to_owned(),
        offers: vec![offer],
        operator: operator.name.clone(),
        reason: REASON.to_owned(),
    };
    items.set_offers(routed(offers)).await?;
    Ok(())
}

/// The figures for people.
pub(super) fn table(cases: &[CaseFigures]) -> String {
    format!("orders of an item with steps and an offer\n{}", case_table("plain", "priced", cases))
}

/// The figures for programs.
pub(super) fn json(cases: &[CaseFigures]) -> Value {
    json!({ "cases": pair::json_cases("plain", cases) })
}
