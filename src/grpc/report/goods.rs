//! What items sold by price and with each offer.

use super::{figures::whose, paging, rows::money};
use crate::{
    grpc::{ReadSide, convert, proto, status::CallError},
    projections::{catalog, orders},
    reports::{GoodsQuery, GoodsTotal, OfferFigures, PriceFigures},
};

impl ReadSide {
    pub(in crate::grpc) async fn price_figures(
        &self,
        request: proto::GetPriceFiguresRequest,
    ) -> Result<proto::GetPriceFiguresResponse, CallError> {
        let query = GoodsQuery {
            whose: whose(&request.sale_id, &request.item_id)?,
            paging: paging(request.page_size, request.page_token),
        };
        self.reach_also(&[catalog::NAME], request.min_position, &request.as_of).await?;
        let found = self
            .ask_as_of(orders::NAME, request.min_position, request.as_of, move |reports| {
                reports.price_figures(&query)
            })
            .await?;
        Ok(proto::GetPriceFiguresResponse {
            total: Some(total(found.total, &found.currency)),
            prices: found.lines.into_iter().map(price).collect(),
            next_page_token: found.next_page_token,
            freshness: Some(self.freshness(orders::NAME, found.checkpoint)),
        })
    }

    pub(in crate::grpc) async fn offer_figures(
        &self,
        request: proto::GetOfferFiguresRequest,
    ) -> Result<proto::GetOfferFiguresResponse, CallError> {
        let query = GoodsQuery {
            whose: whose(&request.sale_id, &request.item_id)?,
            paging: paging(request.page_size, request.page_token),
        };
        self.reach_also(&[catalog::NAME], request.min_position, &request.as_of).await?;
        let found = self
            .ask_as_of(orders::NAME, request.min_position, request.as_of, move |reports| {
                reports.offer_figures(&query)
            })
            .await?;
        Ok(proto::GetOfferFiguresResponse {
            offers: found.lines.into_iter().map(offer).collect(),
            next_page_token: found.next_page_token,
            freshness: Some(self.freshness(orders::NAME, found.checkpoint)),
        })
    }
}

fn total(total: GoodsTotal, currency: &str) -> proto::PriceFigures {
    proto::PriceFigures {
        units_placed: total.units_placed,
        units_paid: total.units_paid,
        amount: Some(money(currency, total.amount_minor)),
        discount: Some(money(currency, total.discount_minor)),
        revenue: Some(money(currency, total.revenue_minor)),
        ..Default::default()
    }
}

fn price(figures: PriceFigures) -> proto::PriceFigures {
    let (sold, currency) = (figures.sold, &figures.currency);
    // People count steps from one.
    let number = |index: u8| i32::from(index) + 1;
    proto::PriceFigures {
        item_id: figures.item_id.to_string(),
        sku: figures.sku,
        ladder: i32::from(sold.ladder),
        step: sold.step.map(number),
        time_price: sold.time_price.map(number),
        unit_price: Some(money(currency, sold.unit_price_minor)),
        orders_placed: sold.orders_placed,
        units_placed: sold.units_placed,
        units_paid: sold.units_paid,
        amount: Some(money(currency, sold.amount_minor)),
        step_units: figures.step_units,
        step_left_units: figures.step_left_units,
        filled_time: figures.step_filled_at.map(convert::timestamp),
        discount: None,
        revenue: None,
    }
}

fn offer(figures: OfferFigures) -> proto::OfferFigures {
    let (offer, currency) = (figures.offer, &figures.currency);
    proto::OfferFigures {
        item_id: figures.item_id.to_string(),
        sku: figures.sku,
        gift_left_units: offer.gift_left(),
        offer: offer.name,
        in_force: offer.listed,
        orders_placed: offer.orders_placed,
        orders_paid: offer.orders_paid,
        discount: Some(money(currency, offer.discount_minor)),
        revenue: Some(money(currency, offer.revenue_minor)),
        average_with: figures.average_with_minor.map(|minor| money(currency, minor)),
        average_without: figures.average_without_minor.map(|minor| money(currency, minor)),
        gift_sku: offer.gift_sku.unwrap_or_default(),
        gift_units: offer.gift_units,
        gift_held_units: offer.gift_held,
        gift_given_units: offer.gift_given,
        gift_gone_orders: offer.gift_gone,
    }
}
