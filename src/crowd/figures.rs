//! The server's own figures about a sale, queried from its read models as by any client.

use std::time::Duration;

use tokio::time::Instant;
use tonic::Status;

use super::channel::Channel;
use super::sale::{ANSWER_BYTES_MAX, PutUp};
use crate::grpc::proto::{
    Freshness, GetSalesSummaryRequest, GetStockLevelsRequest, ListActsRequest, OperatorAct,
    StockLevel, report_service_client::ReportServiceClient,
};

/// Rows of a page.
pub(super) const PAGE_SIZE: i32 = 1_000;
pub(super) const POLL: Duration = Duration::from_millis(50);

/// Asks the read models.
#[derive(Debug, Clone)]
pub struct Figures {
    client: ReportServiceClient<Channel>,
}

/// What some sales came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    pub orders_placed: u64,
    pub orders_paid: u64,
    pub orders_expired: u64,
    pub units_placed: u64,
    pub units_sold: u64,
}

impl Figures {
    /// Asks over that connection.
    pub fn new(channel: Channel) -> Self {
        let client = ReportServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Self { client }
    }

    /// The stock of every item of some sales, as of `min_position` or later.
    pub async fn stock(
        &mut self,
        sales: &PutUp,
        min_position: u64,
    ) -> Result<Vec<StockLevel>, Status> {
        let mut levels = Vec::with_capacity(sales.items.len());
        for sale_id in &sales.sale_ids {
            every_page(async |page_token| {
                let request = GetStockLevelsRequest {
                    sale_id: sale_id.clone(),
                    page_size: PAGE_SIZE,
                    page_token,
                    min_position,
                    ..Default::default()
                };
                let page = self.client.get_stock_levels(request).await?.into_inner();
                levels.extend(page.levels);
                Ok(page.next_page_token)
            })
            .await?;
        }
        Ok(levels)
    }

    /// The totals of some sales, as of `min_position` or later.
    pub async fn totals(&mut self, sales: &PutUp, min_position: u64) -> Result<Totals, Status> {
        let mut totals = Totals::default();
        for sale_id in &sales.sale_ids {
            let request = GetSalesSummaryRequest {
                sale_id: sale_id.clone(),
                page_size: 1,
                page_token: String::new(),
                min_position,
                as_of: None,
            };
            let answer = self.client.get_sales_summary(request).await?.into_inner();
            let sale = answer.total.unwrap_or_default();
            totals.orders_placed += count(sale.orders_placed);
            totals.orders_paid += count(sale.orders_paid);
            totals.orders_expired += count(sale.orders_expired);
            totals.units_placed += count(sale.units_placed);
            totals.units_sold += count(sale.units_sold);
        }
        Ok(totals)
    }

    /// What operators did to some sales beside what was planned with them: the first thousand acts
    /// of each.
    pub async fn acts(
        &mut self,
        sales: &PutUp,
        min_position: u64,
    ) -> Result<Vec<OperatorAct>, Status> {
        let mut acts = Vec::new();
        for sale_id in &sales.sale_ids {
            let request = ListActsRequest {
                sale_id: sale_id.clone(),
                page_size: PAGE_SIZE,
                min_position,
                ..ListActsRequest::default()
            };
            acts.extend(self.client.list_acts(request).await?.into_inner().acts);
        }
        Ok(acts)
    }

    /// How far the sales summary has come.
    pub async fn freshness(&mut self, sale_id: &str) -> Result<Freshness, Status> {
        let request = GetSalesSummaryRequest {
            sale_id: sale_id.to_owned(),
            page_size: 1,
            page_token: String::new(),
            min_position: 0,
            as_of: None,
        };
        let answer = self.client.get_sales_summary(request).await?.into_inner();
        answer.freshness.ok_or_else(|| Status::internal("the answer does not say how fresh it is"))
    }

    /// Waits until no unit is held any more: each is sold or back on offer. Gives up after
    /// `at_most` and returns the stock as it is then.
    pub async fn settled(
        &mut self,
        sales: &PutUp,
        min_position: u64,
        at_most: Duration,
    ) -> Result<Vec<StockLevel>, Status> {
        let until = Instant::now() + at_most;
        loop {
            let levels = match self.stock(sales, min_position).await {
                Ok(levels) => levels,
                // The read model has not come to `min_position` yet.
                Err(status) if passing(&status) && Instant::now() < until => {
                    tokio::time::sleep(POLL).await;
                    continue;
                }
                Err(status) => return Err(status),
            };
            if levels.iter().all(|level| level.held_units == 0) || Instant::now() >= until {
                return Ok(levels);
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Units by which items were oversold: more held and sold than allocated, or more paid for by
/// buyers (`paid_by_item`, in the order of the sale's items) than were ever on offer.
pub fn oversold_units(levels: &[StockLevel], sales: &PutUp, paid_by_item: &[u64]) -> u64 {
    let by_server: u64 = levels
        .iter()
        .map(|level| count(level.held_units + level.sold_units - level.allocated_units))
        .sum();
    let by_buyers: u64 = sales
        .items
        .iter()
        .zip(paid_by_item)
        .map(|(item, paid)| paid.saturating_sub(item.units))
        .sum();
    by_server.max(by_buyers)
}

/// Asks for one page after the other. `page` asks for the one with a token, and gives the token of the
/// next, which the last one does not have.
pub(super) async fn every_page(
    mut page: impl AsyncFnMut(String) -> Result<String, Status>,
) -> Result<(), Status> {
    let mut token = String::new();
    loop {
        token = page(token).await?;
        if token.is_empty() {
            return Ok(());
        }
    }
}

/// Whether a call that failed like this may succeed when it is repeated.
pub fn passing(status: &Status) -> bool {
    matches!(status.code(), tonic::Code::DeadlineExceeded | tonic::Code::Unavailable)
}

/// A figure of the contract, none of which is negative.
pub fn count(figure: i64) -> u64 {
    u64::try_from(figure).unwrap_or(0)
}
