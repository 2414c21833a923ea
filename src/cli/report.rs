//! `doorbuster report`: stock, orders, sales and the timeline, from the read models of a server.

use serde_json::{Value, json};

use super::{
    Common, json as shapes,
    order_list::{OrderList, item_id, sale_id},
    output::table,
    server::Server,
};
use crate::{
    cli::failure::{Code, Failure},
    grpc::proto::{
        Freshness, GetSalesSummaryRequest, GetStockLevelsRequest, GetTimelineRequest, SalesFigures,
        StockLevel, TimelineSecond, report_service_client::ReportServiceClient,
    },
    values::{SaleId, UnixMs},
};

/// Most lines asked for in one call.
const PAGE: i32 = 1000;

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Units allocated, available, held and sold, by item
    #[command(before_help = "Examples:
  doorbuster report stock
  doorbuster report stock --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --json")]
    Stock(Stock),
    /// Orders, oldest first
    #[command(before_help = "Examples:
  doorbuster report orders --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --state paid --limit 1000")]
    Orders(OrderList),
    /// What a sale sold: orders, units, revenue
    #[command(before_help = "Examples:
  doorbuster report sales 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Sales(Sales),
    /// What happened, second by second
    #[command(before_help = "Examples:
  doorbuster report timeline --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77
  doorbuster report timeline --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 \\
    --from 2026-11-11T00:00:00+08:00 --until 2026-11-11T00:01:00+08:00 --json")]
    Timeline(Timeline),
}

#[derive(Debug, clap::Args)]
struct Fresh {
    /// Wait until the read model has come to this position of the log
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    min_position: u64,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Stock {
    /// Of this sale only
    #[arg(long)]
    sale: Option<String>,
    /// Of this item only
    #[arg(long)]
    item: Option<String>,
    #[command(flatten)]
    fresh: Fresh,
}

#[derive(Debug, clap::Args)]
struct Sales {
    /// The sale
    #[arg(value_name = "SALE")]
    id: String,
    #[command(flatten)]
    fresh: Fresh,
}

#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("of").required(true).args(["sale", "item"])))]
struct Timeline {
    /// Of this sale
    #[arg(long)]
    sale: Option<String>,
    /// Of this item
    #[arg(long)]
    item: Option<String>,
    /// From this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    #[command(flatten)]
    fresh: Fresh,
}

/// Runs `report`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::Stock(stock) => stock.run(common),
        Verb::Orders(orders) => orders.run(common),
        Verb::Sales(sales) => sales.run(common),
        Verb::Timeline(timeline) => timeline.run(common),
    }
}

/// Asks for page after page until there is no more; each call gets the token of its page.
fn all_pages<T>(
    mut page: impl FnMut(String) -> Result<(Vec<T>, String, Option<Freshness>), Failure>,
) -> Result<(Vec<T>, Option<Freshness>), Failure> {
    let mut lines = Vec::new();
    let mut token = String::new();
    loop {
        let (more, next, freshness) = page(token)?;
        let stuck = more.is_empty() && !next.is_empty();
        lines.extend(more);
        if next.is_empty() {
            return Ok((lines, freshness));
        }
        if stuck {
            return Err(Failure::new(
                Code::Failed,
                "the server sent an empty page, but not the last",
            ));
        }
        token = next;
    }
}

impl Stock {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetStockLevelsRequest {
            sale_id: sale_id(self.sale.as_deref())?,
            item_id: item_id(self.item.as_deref())?,
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position,
        };
        let (levels, freshness) = all_pages(|page_token| {
            let request = GetStockLevelsRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_stock_levels(request.clone()).await
            })?;
            Ok((page.levels, page.next_page_token, page.freshness))
        })?;
        common.show(
            || {
                json!({
                    "levels": levels.iter().map(shapes::stock_level).collect::<Value>(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            || {
                let header = ["ITEM", "SKU", "WAREHOUSE", "ALLOCATED", "AVAILABLE", "HELD", "SOLD"];
                let numbers = ["ALLOCATED", "AVAILABLE", "HELD", "SOLD"];
                table(header, &numbers, levels.iter().flat_map(stock_rows).collect())
            },
        )?;
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

impl Sales {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetSalesSummaryRequest {
            sale_id: SaleId::parse("SALE", &self.id)?.to_string(),
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position,
        };
        let mut total = None;
        let (items, freshness) = all_pages(|page_token| {
            let request = GetSalesSummaryRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_sales_summary(request.clone()).await
            })?;
            total = page.total;
            Ok((page.items, page.next_page_token, page.freshness))
        })?;
        common.show(
            || {
                json!({
                    "total": total.as_ref().map(shapes::sales_figures),
                    "items": items.iter().map(shapes::sales_figures).collect::<Value>(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            || {
                let header = [
                    "SKU",
                    "PLACED",
                    "PAID",
                    "CANCELLED",
                    "EXPIRED",
                    "SOLD",
                    "OF",
                    "PAID SHARE",
                    "REVENUE",
                    "REFUNDS DUE",
                    "SOLD OUT",
                ];
                let rows = items.iter().map(|item| sales_row(&item.sku, item));
                let total = total.iter().map(|total| sales_row("(all)", total));
                table(header, &header[1..10], rows.chain(total).collect())
            },
        )?;
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

impl Timeline {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let moment = |flag: &str, text: &Option<String>| {
            text.as_deref().map(|text| UnixMs::parse(flag, text)).transpose()
        };
        let request = GetTimelineRequest {
            sale_id: sale_id(self.sale.as_deref())?,
            item_id: item_id(self.item.as_deref())?,
            from_time: moment("--from", &self.from)?.map(shapes::timestamp),
            until_time: moment("--until", &self.until)?.map(shapes::timestamp),
            page_size: PAGE,
            page_token: String::new(),
            min_position: self.fresh.min_position,
        };
        let (seconds, freshness) = all_pages(|page_token| {
            let request = GetTimelineRequest { page_token, ..request.clone() };
            let page = self.fresh.server.call(async |channel| {
                ReportServiceClient::new(channel).get_timeline(request.clone()).await
            })?;
            Ok((page.seconds, page.next_page_token, page.freshness))
        })?;
        common.show(
            || {
                json!({
                    "seconds": seconds.iter().map(shapes::timeline_second).collect::<Value>(),
                    "freshness": shapes::freshness(freshness.as_ref()),
                })
            },
            || {
                let header = [
                    "SECOND",
                    "ATTEMPTS",
                    "PLACED",
                    "UNITS",
                    "PAID",
                    "CANCELLED",
                    "EXPIRED",
                    "REPEATS",
                    "REFUSED",
                ];
                table(header, &header[1..8], seconds.iter().map(second_row).collect())
            },
        )?;
        common.note_freshness(freshness.as_ref());
        Ok(())
    }
}

fn stock_rows(level: &StockLevel) -> Vec<[String; 7]> {
    let row = |warehouse: &str, counts: [i64; 4]| {
        let [allocated, available, held, sold] = counts.map(|count| count.to_string());
        let item = level.item_id.clone();
        [item, level.sku.clone(), warehouse.to_owned(), allocated, available, held, sold]
    };
    let mut rows = vec![row(
        "(all)",
        [level.allocated_units, level.available_units, level.held_units, level.sold_units],
    )];
    // One warehouse is all of them.
    if level.warehouses.len() > 1 {
        rows.extend(level.warehouses.iter().map(|at| {
            let counts = [at.allocated_units, at.available_units, at.held_units, at.sold_units];
            row(&at.warehouse, counts)
        }));
    }
    rows
}

fn sales_row(sku: &str, figures: &SalesFigures) -> [String; 11] {
    let ppm = figures.paid_share_ppm;
    [
        sku.to_owned(),
        figures.orders_placed.to_string(),
        figures.orders_paid.to_string(),
        figures.orders_cancelled.to_string(),
        figures.orders_expired.to_string(),
        figures.units_sold.to_string(),
        figures.allocated_units.to_string(),
        format!("{}.{} %", ppm / 10_000, ppm / 1_000 % 10),
        shapes::amount(figures.revenue.as_ref()),
        shapes::amount(figures.refunds_due.as_ref()),
        shapes::time(figures.sold_out_time.as_ref()),
    ]
}

fn second_row(second: &TimelineSecond) -> [String; 9] {
    let refusals = second.refusals.iter().map(|count| {
        let reason = super::failure::reason_name(count.reason());
        format!("{reason} {}", count.attempts)
    });
    [
        shapes::time(second.second.as_ref()),
        second.attempts.to_string(),
        second.orders_placed.to_string(),
        second.units_placed.to_string(),
        second.orders_paid.to_string(),
        second.orders_cancelled.to_string(),
        second.orders_expired.to_string(),
        second.repeats.to_string(),
        refusals.collect::<Vec<_>>().join(", "),
    ]
}
