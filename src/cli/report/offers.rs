//! `report offers`: orders, discounts and gifts by offer.

use crate::{
    cli::{
        Common,
        json::shape,
        question::{Fresh, paged},
        rows::Column::{self, Money, Number, Text},
        whose::Whose,
    },
    grpc::proto::{
        GetOfferFiguresRequest, GetOfferFiguresResponse, OfferFigures,
        report_service_client::ReportServiceClient,
    },
};

/// Arguments of `report offers`.
#[derive(Debug, clap::Args)]
pub struct Offers {
    #[command(flatten)]
    whose: Whose,
    #[command(flatten)]
    fresh: Fresh,
}

paged!(GetOfferFiguresRequest => ReportServiceClient.get_offer_figures,
    GetOfferFiguresResponse.offers: OfferFigures);

const COLUMNS: &[Column<OfferFigures>] = &[
    Text("SKU", |offer| (&offer.sku).into()),
    Text("OFFER", |offer| (&offer.offer).into()),
    Number("ORDERS", |offer| offer.orders_placed.into()),
    Number("PAID", |offer| offer.orders_paid.into()),
    Money("DISCOUNT", |offer| (&offer.discount).into()),
    Money("REVENUE", |offer| (&offer.revenue).into()),
    Money("AVERAGE WITH", |offer| (&offer.average_with).into()),
    Money("AVERAGE WITHOUT", |offer| (&offer.average_without).into()),
    Text("GIFT", |offer| (&offer.gift_sku).into()),
    Number("GIFTS", |offer| offer.gift_units.into()),
    Number("HELD", |offer| offer.gift_held_units.into()),
    Number("GIVEN", |offer| offer.gift_given_units.into()),
    Number("LEFT", |offer| offer.gift_left_units.into()),
    Number("GIFT GONE", |offer| offer.gift_gone_orders.into()),
];

impl Offers {
    /// Asks and shows.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let found = self.fresh.pages(GetOfferFiguresRequest {
            sale_id: self.whose.sale_id()?,
            item_id: self.whose.item_id()?,
            min_position: self.fresh.min_position(),
            as_of: self.fresh.as_of()?,
            ..Default::default()
        })?;
        common.show_rows(|| shape(&found), COLUMNS, &found.offers)?;
        common.note_freshness(found.freshness.as_ref());
        Ok(())
    }
}
