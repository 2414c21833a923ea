//! `doorbuster report`: figures from the read models of a server or of a data directory.
//!
//! One verb a file. Each asks over gRPC, page by page, and shows the answer as a table, as JSON or
//! as CSV.

mod acts;
mod attribution;
mod compare;
mod curve;
mod demand;
mod export;
mod funnel;
mod goals;
mod holds;
mod paths;
mod portrait;
mod post_mortem;
mod refusals;
mod retention;
mod sales;
mod sql;
mod stock;
mod timeline;
mod traffic;

use prost_types::Timestamp;

use super::{
    Common,
    asked::Asked,
    failure::{Code, Failure},
    json as shapes,
    order_list::OrderList,
    since::Since,
};
use crate::{
    grpc::proto::{AsOf, Freshness, as_of::Moment},
    reports::CsvManner,
    values::{Invalid, UnixMs},
};

/// Most lines asked for in one call.
const PAGE: i32 = 1000;

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
    /// What a sale sold: orders, units, revenue
    #[command(before_help = "Examples:
  doorbuster report sales 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10
  doorbuster report sales 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --as-of 2026-11-11T00:00:10+08:00")]
    Sales(sales::Sales),
    /// What happened, second by second
    #[command(before_help = "Examples:
  doorbuster report timeline --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77
  doorbuster report timeline --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 \\
    --from 2026-11-11T00:00:00+08:00 --until 2026-11-11T00:01:00+08:00 --json")]
    Timeline(timeline::Timeline),
    /// Any other question: SQL over the read models of a data directory, read-only
    #[command(before_help = "Examples:
  doorbuster report sql \"SELECT state, count(*) FROM orders.orders GROUP BY state\"
  doorbuster report sql --csv < questions.sql
  doorbuster report sql

docs/read-models.md explains the tables. uuid('...') makes an id to compare with.")]
    Sql(sql::Sql),
    /// Every table of the read models of a data directory as a CSV or Parquet file
    #[command(before_help = "Examples:
  doorbuster report export --csv --out tables
  doorbuster report export --parquet --out tables --data /var/lib/doorbuster")]
    Export(export::Export),
    /// How many shoppers came how far, in order and within a window
    #[command(before_help = "Examples:
  doorbuster report funnel --data doorbuster-data
  doorbuster report funnel --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --by channel --window 30m")]
    Funnel(funnel::Funnel),
    /// Beacons and exact distinct visitors, by item, channel or minute
    #[command(before_help = "Examples:
  doorbuster report traffic --by minute
  doorbuster report traffic --by item --csv")]
    Traffic(traffic::Traffic),
    /// Through which channels buyers came, first and last
    #[command(before_help = "Examples:
  doorbuster report attribution --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --window 7d")]
    Attribution(attribution::Attribution),
    /// Who came and who bought, by age, gender, region and spending
    #[command(before_help = "Examples:
  doorbuster report portrait --by region")]
    Portrait(portrait::Portrait),
    /// The most common ways of shoppers
    #[command(before_help = "Examples:
  doorbuster report paths --top 10 --steps 5")]
    Paths(paths::Paths),
    /// Who bought before, and who came back to other sales
    #[command(before_help = "Examples:
  doorbuster report retention 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Retention(retention::Retention),
    /// Stock second by second, sell-through, and when nothing was left
    #[command(before_help = "Examples:
  doorbuster report curve --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Curve(curve::Curve),
    /// What was asked for, second by second, and what of it was met
    #[command(before_help = "Examples:
  doorbuster report demand --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --csv")]
    Demand(demand::Demand),
    /// Who was told no, and why, by item
    #[command(before_help = "Examples:
  doorbuster report refusals --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Refusals(refusals::Refusals),
    /// What holding units for buyers came to: expiries, time to pay, units sold again
    #[command(before_help = "Examples:
  doorbuster report holds --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Holds(holds::Holds),
    /// What operators did, when and why
    #[command(before_help = "Examples:
  doorbuster report acts --sale 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Acts(acts::Acts),
    /// What was wanted of a sale, and what came of it
    #[command(before_help = "Examples:
  doorbuster report goals 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Goals(goals::Goals),
    /// A sale, or a part of it, beside another
    #[command(before_help = "Examples:
  doorbuster report compare 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --baseline 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77")]
    Compare(compare::Compare),
    /// One sale afterwards: what mattered, figures, charts and the proof, as a page to share
    #[command(before_help = "Examples:
  doorbuster report post-mortem 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --out post-mortem
  doorbuster report post-mortem 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --out review \\
    --lang zh --utc-offset +08:00 --data /var/lib/doorbuster")]
    PostMortem(post_mortem::Args),
}

/// Whether and how to answer with CSV.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct CsvArgs {
    /// Answer with CSV (RFC 4180) on stdout; `export` writes CSV files
    #[arg(long, global = true)]
    csv: bool,
    /// CSV whose texts are as they are: without the apostrophe before =, +, - and @, by which a
    /// spreadsheet does not take a text for a formula
    #[arg(long, global = true)]
    csv_raw: bool,
    /// Begin CSV with a byte order mark, for spreadsheets that else garble what is not ASCII
    #[arg(long, global = true)]
    bom: bool,
}

impl CsvArgs {
    fn manner(self) -> CsvManner {
        CsvManner { raw: self.csv_raw, bom: self.bom }
    }

    /// What all verbs understand, and that.
    ///
    /// # Errors
    /// When the flags contradict each other.
    pub fn with(self, common: &Common) -> Result<Common, Failure> {
        let csv = (self.csv || self.csv_raw).then(|| self.manner());
        let wrong = |problem| Err(Failure::new(Code::Usage, problem));
        match csv {
            Some(_) if common.json => wrong("--csv and --json cannot both be given"),
            None if self.bom => wrong("--bom is for --csv"),
            Some(_) | None => Ok(Common { csv, ..common.clone() }),
        }
    }
}

/// Which state of the read models, and whose.
#[derive(Debug, clap::Args)]
pub struct Fresh {
    #[command(flatten)]
    since: Since,
    /// Answer as of this position of the log, or as of this time (RFC 3339)
    #[arg(long, value_name = "POSITION|TIME", allow_hyphen_values = true)]
    as_of: Option<String>,
    #[command(flatten)]
    pub server: Asked,
}

impl Fresh {
    /// What the answer waits for.
    pub fn min_position(&self) -> u64 {
        self.since.min_position()
    }

    /// The moment that is asked for, if one is.
    pub fn as_of(&self) -> Result<Option<AsOf>, Failure> {
        let moment = self.as_of.as_deref().map(|text| {
            // What looks like a number is a position, so that -1 is not called a bad time.
            if text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) {
                let position = text.parse().ok().filter(|position| *position > 0);
                return position.map(Moment::Position).ok_or_else(|| {
                    Invalid::new("--as-of", format!("must be at least position 1, not {text}"))
                });
            }
            UnixMs::parse("--as-of", text).map(|time| Moment::Time(shapes::timestamp(time)))
        });
        Ok(moment.transpose()?.map(|moment| AsOf { moment: Some(moment) }))
    }
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
        Verb::Refusals(refusals) => refusals.run(common),
        Verb::Holds(holds) => holds.run(common),
        Verb::Acts(acts) => acts.run(common),
        Verb::Goals(goals) => goals.run(common),
        Verb::Compare(compare) => compare.run(common),
        Verb::PostMortem(post_mortem) => post_mortem.run(common, manner),
    }
}

/// Asks for page after page until there is no more; each call gets the token of its page.
pub fn all_pages<T>(
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

/// A time that was given with that flag.
pub fn moment(flag: &str, text: Option<&str>) -> Result<Option<Timestamp>, Invalid> {
    let moment = text.map(|text| UnixMs::parse(flag, text)).transpose()?;
    Ok(moment.map(shapes::timestamp))
}

/// A span that was given with that flag: a whole number and ms, s, m, h or d.
pub fn window(flag: &str, text: &str) -> Result<prost_types::Duration, Invalid> {
    let wrong =
        || Invalid::new(flag, format!("must be a span such as 30m, 24h or 7d, not {text:?}"));
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (count, unit) = text.split_at(digits);
    let unit_ms: i64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let count: i64 = count.parse().map_err(|_| wrong())?;
    let ms = count.saturating_mul(unit_ms);
    if ms == 0 {
        return Err(Invalid::new(flag, "must be longer than nothing"));
    }
    let nanos = i32::try_from(ms % 1_000).unwrap_or(0) * 1_000_000;
    Ok(prost_types::Duration { seconds: ms / 1_000, nanos })
}

/// Parts per million as a percentage with one decimal.
pub fn percent(ppm: i64) -> String {
    let sign = if ppm < 0 { "-" } else { "" };
    let ppm = ppm.unsigned_abs();
    format!("{sign}{}.{} %", ppm / 10_000, ppm / 1_000 % 10)
}
