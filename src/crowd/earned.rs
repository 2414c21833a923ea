//! What the server's reports say that sales earned, each report by its own way to the figure.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tonic::Status;

use super::{
    channel::Channel,
    figures::{PAGE_SIZE, POLL, count, every_page, passing},
    sale::{ANSWER_BYTES_MAX, PutUp},
};
use crate::grpc::proto::{
    GetGoalAttainmentRequest, GetOfferFiguresRequest, GetPriceFiguresRequest,
    GetSalesSummaryRequest, GetStateAtRequest, GoalKind, ListOrdersRequest, Money, OfferFigures,
    OrderState, PriceFigures, replay_service_client::ReplayServiceClient,
    report_service_client::ReportServiceClient,
};

/// What prices, offers and gifts did, and what each report says was earned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Earned {
    /// Steps of ladders of which every unit was taken.
    pub tiers_reached: u64,
    /// Paid orders with money off.
    pub offers_applied: u64,
    pub discount_minor: u64,
    /// Units of gifts that came with paid orders.
    pub gifts_given: u64,
    /// Revenue in minor units by the name of the report.
    pub revenue_minor: BTreeMap<&'static str, u64>,
}

/// Asks each report about some sales, as of `min_position` or later. Waits up to `at_most` for
/// read models that lag.
pub async fn earned(
    channel: Channel,
    sales: &PutUp,
    min_position: u64,
    at_most: Duration,
) -> Result<Earned, Status> {
    let until = Instant::now() + at_most;
    loop {
        match asked(channel.clone(), sales, min_position).await {
            Err(status) if passing(&status) && Instant::now() < until => sleep(POLL).await,
            answer => return answer,
        }
    }
}

async fn asked(channel: Channel, sales: &PutUp, min_position: u64) -> Result<Earned, Status> {
    let client = ReportServiceClient::new(channel.clone());
    let mut asked = Asked {
        reports: client.max_decoding_message_size(ANSWER_BYTES_MAX),
        replay: ReplayServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX),
        min_position,
    };
    let mut earned = Earned::default();
    // With several sales it is not known which of them has which items.
    let of_items = if sales.sale_ids.len() == 1 { sales.items.len() } else { 0 };
    for sale_id in &sales.sale_ids {
        for row in asked.prices(sale_id, of_items, &mut earned.revenue_minor).await? {
            earned.tiers_reached += u64::from(row.filled_time.is_some());
        }
        for offer in asked.offers(sale_id).await? {
            if amount(offer.discount.as_ref()) > 0 {
                earned.offers_applied += count(offer.orders_paid);
            }
            earned.discount_minor += amount(offer.discount.as_ref());
            earned.gifts_given += count(offer.gift_given_units);
        }
        asked.summaries(sale_id, &mut earned.revenue_minor).await?;
        *earned.revenue_minor.entry("orders").or_default() += asked.orders(sale_id).await?;
    }
    Ok(earned)
}

/// The reports, asked as of one position.
struct Asked {
    reports: ReportServiceClient<Channel>,
    replay: ReplayServiceClient<Channel>,
    min_position: u64,
}

impl Asked {
    /// The rows of the ladders' steps, one a step.
    async fn prices(
        &mut self,
        sale_id: &str,
        of_items: usize,
        revenue: &mut BTreeMap<&'static str, u64>,
    ) -> Result<Vec<PriceFigures>, Status> {
        let (mut steps, mut items, mut total) = (Vec::new(), HashSet::new(), None);
        every_page(async |page_token| {
            let request = GetPriceFiguresRequest {
                sale_id: sale_id.to_owned(),
                page_size: PAGE_SIZE,
                page_token,
                min_position: self.min_position,
                ..Default::default()
            };
            let page = self.reports.get_price_figures(request).await?.into_inner();
            if page.total.is_some() {
                total = page.total;
            }
            items.extend(page.prices.iter().map(|row| row.item_id.clone()));
            // A step has a row for each price at which its units went.
            steps.extend(page.prices.into_iter().filter(|row| row.step.is_some()));
            Ok(page.next_page_token)
        })
        .await?;
        steps.dedup_by_key(|row| (row.item_id.clone(), row.ladder, row.step));
        // The report leaves out items that never had other prices than the base price.
        if items.len() == of_items {
            let revenue_minor = amount(total.unwrap_or_default().revenue.as_ref());
            *revenue.entry("prices").or_default() += revenue_minor;
        }
        Ok(steps)
    }

    async fn offers(&mut self, sale_id: &str) -> Result<Vec<OfferFigures>, Status> {
        let mut offers = Vec::new();
        every_page(async |page_token| {
            let request = GetOfferFiguresRequest {
                sale_id: sale_id.to_owned(),
                page_size: PAGE_SIZE,
                page_token,
                min_position: self.min_position,
                ..Default::default()
            };
            let page = self.reports.get_offer_figures(request).await?.into_inner();
            offers.extend(page.offers);
            Ok(page.next_page_token)
        })
        .await?;
        Ok(offers)
    }

    /// Reports that have one figure for the sale.
    async fn summaries(
        &mut self,
        sale_id: &str,
        revenue: &mut BTreeMap<&'static str, u64>,
    ) -> Result<(), Status> {
        let (sale_id, min_position) = (sale_id.to_owned(), self.min_position);
        let request = GetSalesSummaryRequest {
            sale_id: sale_id.clone(),
            page_size: 1,
            min_position,
            ..Default::default()
        };
        let total = self.reports.get_sales_summary(request).await?.into_inner().total;
        let total = total.unwrap_or_default();
        *revenue.entry("sales").or_default() += amount(total.revenue.as_ref());
        let request =
            GetGoalAttainmentRequest { sale_id: sale_id.clone(), min_position, as_of: None };
        let goals = self.reports.get_goal_attainment(request).await?.into_inner().goals;
        for goal in goals.iter().filter(|goal| goal.kind() == GoalKind::Revenue) {
            *revenue.entry("goals").or_default() += count(goal.result.unwrap_or(0));
        }
        let request =
            GetStateAtRequest { sale_id, page_size: 1, min_position, ..Default::default() };
        let state = self.replay.get_state_at(request).await?.into_inner().sale;
        let state = state.unwrap_or_default();
        *revenue.entry("replay").or_default() += amount(state.revenue.as_ref());
        Ok(())
    }

    /// The totals of all paid orders together, less what was refunded of each.
    async fn orders(&mut self, sale_id: &str) -> Result<u64, Status> {
        let mut minor = 0;
        every_page(async |page_token| {
            let request = ListOrdersRequest {
                sale_id: sale_id.to_owned(),
                page_size: PAGE_SIZE,
                page_token,
                min_position: self.min_position,
                ..Default::default()
            };
            let page = self.reports.list_orders(request).await?.into_inner();
            let orders = page.orders.iter().filter_map(|record| record.order.as_ref());
            let paid = orders
                .filter(|order| matches!(order.state(), OrderState::Paid | OrderState::Refunded));
            let kept = paid.map(|order| amount(order.total.as_ref()) - count(order.refunded_minor));
            minor += kept.sum::<u64>();
            Ok(page.next_page_token)
        })
        .await?;
        Ok(minor)
    }
}

fn amount(money: Option<&Money>) -> u64 {
    money.map_or(0, |money| count(money.amount_minor))
}
