//! `doorbuster report`: figures from the read models of a server or of a data directory.
//!
//! One verb per file. Each queries over gRPC, page by page, and prints the answer as a table, as
//! JSON or as CSV.

mod acts;
mod attribution;
mod compare;
mod coupons;
mod curve;
mod demand;
mod export;
mod funnel;
mod goals;
mod holds;
mod offers;
mod paths;
mod portrait;
mod post_mortem;
mod prices;
mod refunds;
mod refusals;
mod retention;
mod sales;
mod sql;
mod stock;
mod timeline;
mod traffic;

use super::{Common, order_list::OrderList, question::CsvArgs};

/// Arguments of `report`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    csv: CsvArgs,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Units allocated, available, held and sold, by item
    #[command(before_help = "Examples:
  doorbuster report stock
  doorbuster report stock --data doorbuster-data --csv
  doorbuster report stock --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --json")]
    Stock(stock::Stock),
    /// Orders, oldest first
    #[command(before_help = "Examples:
  doorbuster report orders --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --state paid --limit 1000")]
    Orders(OrderList),
    /// Summary of a sale: orders, units, revenue
    #[command(before_help = "Examples:
  doorbuster report sales 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10
  doorbuster report sales 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --as-of 2026-11-11T00:00:10+08:00")]
    Sales(sales::Sales),
    /// Timeline of a sale, second by second
    #[command(before_help = "Examples:
  doorbuster report timeline --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77
  doorbuster report timeline --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 \\
    --from 2026-11-11T00:00:00+08:00 --until 2026-11-11T00:01:00+08:00 --json")]
    Timeline(timeline::Timeline),
    /// SQL queries over the read models of a data directory, read-only
    #[command(before_help = "Examples:
  doorbuster report sql \"SELECT state, count(*) FROM orders.orders GROUP BY state\"
  doorbuster report sql --csv < questions.sql
  doorbuster report sql

docs/read-models.md explains the tables. uuid('...') makes an id to compare with.")]
    Sql(sql::Sql),
    /// Every table of the read models of a data directory as a CSV or Parquet file
    #[command(before_help = "Examples:
  doorbuster report export --csv --out tables
  doorbuster report export --parquet --out tables --data /var/lib/doorbuster
  doorbuster report export --bi --parquet --out analysis")]
    Export(export::Export),
    /// Funnel of shoppers: steps in order and within a window
    #[command(before_help = "Examples:
  doorbuster report funnel --data doorbuster-data
  doorbuster report funnel --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --by channel --window 30m")]
    Funnel(funnel::Funnel),
    /// Beacons and exact distinct visitors, by item, channel or minute
    #[command(before_help = "Examples:
  doorbuster report traffic --by minute
  doorbuster report traffic --by item --csv")]
    Traffic(traffic::Traffic),
    /// Channels of buyers, by first and last touch
    #[command(before_help = "Examples:
  doorbuster report attribution --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --window 7d")]
    Attribution(attribution::Attribution),
    /// Shoppers and buyers by age, gender, region and spending
    #[command(before_help = "Examples:
  doorbuster report portrait --by region")]
    Portrait(portrait::Portrait),
    /// The most common paths of shoppers
    #[command(before_help = "Examples:
  doorbuster report paths --top 10 --steps 5")]
    Paths(paths::Paths),
    /// New, returning and repeat buyers, and their other sales
    #[command(before_help = "Examples:
  doorbuster report retention 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Retention(retention::Retention),
    /// Stock second by second, sell-through, and sold-out times
    #[command(before_help = "Examples:
  doorbuster report curve --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Curve(curve::Curve),
    /// Demand second by second, met and unmet
    #[command(before_help = "Examples:
  doorbuster report demand --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --csv")]
    Demand(demand::Demand),
    /// Refused attempts by reason and item
    #[command(before_help = "Examples:
  doorbuster report refusals --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Refusals(refusals::Refusals),
    /// Claims, uses, discounts and budgets of coupons, by batch
    #[command(before_help = "Examples:
  doorbuster report coupons 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10
  doorbuster report coupons 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --csv")]
    Coupons(coupons::Coupons),
    /// Money due back to buyers, settled and open, by cause and age
    #[command(before_help = "Examples:
  doorbuster report refunds
  doorbuster report refunds 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --csv")]
    Refunds(refunds::Refunds),
    /// Holds: expiries, time to pay, resold units
    #[command(before_help = "Examples:
  doorbuster report holds --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Holds(holds::Holds),
    /// Units and revenue by step and time price
    #[command(before_help = "Examples:
  doorbuster report prices 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10
  doorbuster report prices --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --csv")]
    Prices(prices::Prices),
    /// Orders, discounts and gifts by offer
    #[command(before_help = "Examples:
  doorbuster report offers 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Offers(offers::Offers),
    /// Acts of operators
    #[command(before_help = "Examples:
  doorbuster report acts --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Acts(acts::Acts),
    /// Goals of a sale and their attainment
    #[command(before_help = "Examples:
  doorbuster report goals 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Goals(goals::Goals),
    /// Comparison of two sales or periods
    #[command(before_help = "Examples:
  doorbuster report compare 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --baseline 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77")]
    Compare(compare::Compare),
    /// The post-mortem of a sale: main findings, figures, charts and the proof, as a page to share
    #[command(before_help = "Examples:
  doorbuster report post-mortem 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --out post-mortem
  doorbuster report post-mortem 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --out review \\
    --lang zh --utc-offset +08:00 --data /var/lib/doorbuster")]
    PostMortem(post_mortem::Args),
}

/// Runs `report`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let manner = args.csv.manner();
    let common = &match &args.verb {
        // Here CSV is what is written, not how it is told.
        Verb::Export(_) | Verb::PostMortem(_) => {
            Common { csv: args.csv.csv.then_some(manner), ..common.clone() }
        }
        _ => args.csv.with(common)?,
    };
    match args.verb {
        Verb::Stock(stock) => stock.run(common),
        Verb::Orders(orders) => orders.run(common),
        Verb::Sales(sales) => sales.run(common),
        Verb::Timeline(timeline) => timeline.run(common),
        Verb::Sql(sql) => sql.run(common),
        Verb::Export(export) => export.run(common, manner),
        Verb::Funnel(funnel) => funnel.run(common),
        Verb::Traffic(traffic) => traffic.run(common),
        Verb::Attribution(attribution) => attribution.run(common),
        Verb::Portrait(portrait) => portrait.run(common),
        Verb::Paths(paths) => paths.run(common),
        Verb::Retention(retention) => retention.run(common),
        Verb::Curve(curve) => curve.run(common),
        Verb::Demand(demand) => demand.run(common),
        Verb::Coupons(coupons) => coupons.run(common),
        Verb::Refunds(refunds) => refunds.run(common),
        Verb::Refusals(refusals) => refusals.run(common),
        Verb::Holds(holds) => holds.run(common),
        Verb::Prices(prices) => prices.run(common),
        Verb::Offers(offers) => offers.run(common),
        Verb::Acts(acts) => acts.run(common),
        Verb::Goals(goals) => goals.run(common),
        Verb::Compare(compare) => compare.run(common),
        Verb::PostMortem(post_mortem) => post_mortem.run(common, manner),
    }
}
