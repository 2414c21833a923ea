//! `doorbuster sale`: create a sale from a file, show, reschedule, pause, resume and close it.

mod alerts;
mod levers;
mod reschedule;
mod windows;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use prost_types::Duration;
use serde_json::json;
use tonic::{Request, Response, Status};

use super::{
    terms,
    written::{coupon_draft, offer_draft, price_step, returned_units, reward_draft, time_price},
};
use windows::Windows;

use crate::{
    cli::{
        Common,
        decided::Decided,
        failure::{Code, Failure},
        json::{shape, time, timestamp},
        output::{facts, table_of},
        priced::money,
        rows::Column::{self, Number, Text},
        sale_file,
        server::Server,
        since::Since,
        whose::TheSale,
        write::{Signed, Steering},
    },
    clock::{Clock, WallClock},
    crowd::channel::Channel,
    domain::sale::Draft,
    grpc::proto::{
        CancelSaleRequest, CloseSaleRequest, CouponDraft, CreateSaleRequest, GetSaleRequest,
        ItemDraft, ListSalesRequest, PauseSaleRequest, Refusal, ResumeSaleRequest, Sale,
        SaleCoupons, SaleDraft, SaleGoals, SaleItem, SaleLine, WarehouseSupplier, WarehouseUnits,
        WriteRequest, sale_service_client::SaleServiceClient,
    },
    values::UnixMs,
};

/// Arguments of `sale`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Create a sale with all its items
    #[command(before_help = "Examples:
  doorbuster sale create -f sale.toml
  doorbuster sale create -f sale.toml --check
  doorbuster sale create -f sale.toml --items items.csv
  doorbuster sale create -f - --json < sale.toml")]
    Create(Create),
    /// List the sales, newest first
    #[command(before_help = "Examples:
  doorbuster sale list
  doorbuster sale list --limit 5 --json")]
    List(List),
    /// Show a sale and its items
    #[command(before_help = "Examples:
  doorbuster sale show 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10
  doorbuster sale show 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --json")]
    Show(Show),
    /// Move the window of a sale: postpone it, extend it or end it earlier
    #[command(before_help = "Examples:
  doorbuster sale reschedule 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --open-time 2026-11-11T01:00:00+08:00 --reason \"the bank is late\"
  doorbuster sale reschedule 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --close-time 2026-11-12T00:00:00+08:00 --reason \"units are left\"")]
    Reschedule(reschedule::Reschedule),
    /// Cancel a sale that has not opened yet: all of its items are closed
    #[command(before_help = "Examples:
  doorbuster sale cancel 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --reason \"the goods did not come\"")]
    Cancel(Steer),
    /// Refuse new orders for all items until resumed; held orders can be paid and still expire
    #[command(before_help = "Examples:
  doorbuster sale pause 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --reason \"the bank is down\"")]
    Pause(Steer),
    /// Take new orders again, except for items that were paused themselves
    #[command(before_help = "Examples:
  doorbuster sale resume 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --reason \"the bank is back\"")]
    Resume(Steer),
    /// Close every item of a sale permanently; held orders can still be paid
    #[command(before_help = "Examples:
  doorbuster sale close 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --reason \"wrong price\"")]
    Close(Steer),
}

#[derive(Debug, clap::Args)]
struct Create {
    /// The sale file (docs/sale-file.md); - reads it from stdin
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// A file with further items, a row of CSV each (docs/sale-file.md)
    #[arg(long, value_name = "FILE")]
    items: Option<PathBuf>,
    /// Only check the file; nothing is sent
    #[arg(long)]
    check: bool,
    /// Create a sale whose windows are already over: its items are closed at once, permanently
    #[arg(long)]
    past: bool,
    /// The moment that "now" and "+10m" in the file count from, in RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    #[command(flatten)]
    steering: Steering,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Sales in the answer, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(i32).range(1..=1000))]
    limit: i32,
    #[command(flatten)]
    since: Since,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    sale: TheSale,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Steer {
    #[command(flatten)]
    sale: TheSale,
    /// Why, for the record, 1 to 500 characters
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    steering: Steering,
}

/// Runs `sale`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::Create(create) => create.run(common),
        Verb::List(list) => list.run(common),
        Verb::Show(show) => show.run(common),
        Verb::Reschedule(to) => {
            let (decided, notices) = to.send()?;
            show_steered(common, decided)?;
            for notice in &notices {
                common.note(format_args!("warning: {}", notice.message));
            }
            Ok(())
        }
        Verb::Cancel(steer) => steer.cancel(common),
        Verb::Pause(steer) => steer.pause(common),
        Verb::Resume(steer) => steer.resume(common),
        Verb::Close(steer) => steer.close(common),
    }
}

impl Create {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let now = match &self.as_of {
            Some(text) => UnixMs::parse("--as-of", text)?,
            None => WallClock.now(),
        };
        let name = self.file.display().to_string();
        let text = read(&self.file)?;
        let file = match &self.items {
            None => sale_file::parse(&name, &text, now)?,
            Some(items) if items.as_os_str() == "-" && self.file == *items => {
                let why = "--items and --file cannot both be read from stdin";
                return Err(Failure::new(Code::Usage, why).into());
            }
            Some(items) => {
                let rows = (&*items.display().to_string(), &*read(items)?);
                sale_file::parse_with_rows(&name, &text, rows, now)?
            }
        };
        let windows = Windows::of_draft(&file.draft);
        if self.check {
            show_check(common, &file.draft, &windows, now)?;
        }
        if windows.closes() <= now && !self.past {
            let message = format!(
                "{name}: the sale is over already: its last window closed {} ({}). Is the year or the \
                 offset wrong? Its items would be closed at once and for good; --past puts it up all \
                 the same",
                windows.closes(),
                windows.sale.told(now)
            );
            return Err(Failure::new(Code::Usage, message).into());
        }
        if self.check {
            let items = file.draft.items.len();
            common.note(format_args!("{name} is a good sale file with {items} items"));
            return Ok(());
        }
        let draft = sale_draft(file.draft);
        let created = self.steering.send(async |channel, signed| {
            let Signed { request_id, operator } = signed;
            let request = CreateSaleRequest { request_id, sale: Some(draft.clone()), operator };
            SaleServiceClient::new(channel).create_sale(request).await
        });
        let created = created.map_err(|mut failure| {
            // Read a second time, such a file would be another sale under the same request id.
            if file.relative && failure.message.contains("--request-id") {
                failure.message.push_str(&format!(" --as-of {now}"));
            }
            failure
        })?;
        let sale = created.sale.as_ref().ok_or_else(no_sale)?;
        common.show(|| shape(&created), || sale_text(sale, Some(created.position)))?;
        for notice in &created.notices {
            common.note(format_args!("warning: {}", notice.message));
        }
        if let Some(item) = sale.items.first().filter(|_| windows.closes() > WallClock.now()) {
            let id = &item.item_id;
            common.note(format_args!(
                "try: doorbuster order place --item {id} --buyer alice --units 1"
            ));
        }
        Ok(())
    }
}

/// The text of a file, or of stdin.
fn read(file: &Path) -> Result<String, Failure> {
    let text = if file.as_os_str() == "-" {
        io::read_to_string(io::stdin())
    } else {
        fs::read_to_string(file)
    };
    text.map_err(|error| {
        Failure::new(Code::Usage, format!("{} cannot be read: {error}", file.display()))
    })
}

const SALES: &[Column<SaleLine>] = &[
    Text("SALE", |line| (&line.sale_id).into()),
    Text("NAME", |line| (&line.name).into()),
    Number("ITEMS", |line| line.items.into()),
    Text("OPENS", |line| (&line.open_time).into()),
    Text("CLOSES", |line| (&line.close_time).into()),
    Text("", |line| if line.closed { "closed" } else { "" }.into()),
];

impl List {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = ListSalesRequest {
            page_size: self.limit,
            page_token: String::new(),
            min_position: self.since.min_position(),
        };
        let list = self.server.call(async |channel| {
            SaleServiceClient::new(channel).list_sales(request.clone()).await
        })?;
        common.show_rows(|| shape(&list), SALES, &list.sales)?;
        if !list.next_page_token.is_empty() {
            common.warn("there are more sales: ask for them with --limit");
        }
        common.note_freshness(list.freshness.as_ref());
        Ok(())
    }
}

impl Show {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetSaleRequest { sale_id: self.sale.id()?.to_string() };
        let found = self.server.call(async |channel| {
            SaleServiceClient::new(channel).get_sale(request.clone()).await
        })?;
        show_sale(common, found.sale.as_ref(), found.revision, None)
    }
}

impl Steer {
    fn pause(self, common: &Common) -> anyhow::Result<()> {
        let answer = self.act(PauseSaleRequest::default(), async |mut sales, request| {
            sales.pause_sale(request).await
        })?;
        show_steered(common, Decided::of(answer))
    }

    fn resume(self, common: &Common) -> anyhow::Result<()> {
        let answer = self.act(ResumeSaleRequest::default(), async |mut sales, request| {
            sales.resume_sale(request).await
        })?;
        show_steered(common, Decided::of(answer))
    }

    fn cancel(self, common: &Common) -> anyhow::Result<()> {
        let answer = self.act(CancelSaleRequest::default(), async |mut sales, request| {
            sales.cancel_sale(request).await
        })?;
        show_sale(common, answer.sale.as_ref(), answer.revision, Some(answer.position))
    }

    fn close(self, common: &Common) -> anyhow::Result<()> {
        let answer = self.act(CloseSaleRequest::default(), async |mut sales, request| {
            sales.close_sale(request).await
        })?;
        show_sale(common, answer.sale.as_ref(), answer.revision, Some(answer.position))
    }

    fn act<Q: WriteRequest + Clone, T>(
        &self,
        request: Q,
        call: impl AsyncFn(SaleServiceClient<Channel>, Request<Q>) -> Result<Response<T>, Status>,
    ) -> anyhow::Result<T> {
        let sale_id = self.sale.id()?.to_string();
        let send = async |channel, request| {
            call(SaleServiceClient::new(channel), Request::new(request)).await
        };
        Ok(self.steering.act(&sale_id, &self.reason, request, send)?)
    }
}

fn show_steered(common: &Common, decided: Decided<Sale, Refusal>) -> anyhow::Result<()> {
    let (revision, position) = (decided.revision, decided.position);
    let sale = decided.subject(common)?;
    show_sale(common, Some(&sale), revision, Some(position))
}

fn show_sale(
    common: &Common,
    sale: Option<&Sale>,
    revision: u64,
    position: Option<u64>,
) -> anyhow::Result<()> {
    let sale = sale.ok_or_else(no_sale)?;
    let json = || json!({ "sale": shape(sale), "revision": revision, "position": position });
    common.show(json, || sale_text(sale, position))?;
    Ok(())
}

fn no_sale() -> Failure {
    Failure::new(Code::Failed, "the server sent no sale")
}

/// What a sale file says, as it was understood.
fn show_check(
    common: &Common,
    draft: &Draft,
    windows: &Windows,
    now: UnixMs,
) -> anyhow::Result<()> {
    common.show(
        || json!({ "name": draft.name, "items": draft.items.len(), "windows": windows.json(now) }),
        || {
            let mut rows = vec![("name", draft.name.clone())];
            rows.extend(windows.facts(now));
            format!("{}{}", facts(&rows), windows.of_items(now))
        },
    )?;
    Ok(())
}

/// An item of a sale, and the currency of the sale.
const ITEMS: &[Column<(SaleItem, String)>] = &[
    Text("ITEM", |(item, _)| (&item.item_id).into()),
    Text("SKU", |(item, _)| draft(item).sku.into()),
    Text("TITLE", |(item, _)| draft(item).title.into()),
    Number("PRICE", |item| price(item).into()),
    Number("UNITS", |(item, _)| draft(item).units.iter().map(|at| at.units).sum::<i64>().into()),
];

/// A batch of coupons of a sale.
const COUPONS: &[Column<SaleCoupons>] = &[
    Text("BATCH", |coupons| (&coupons.batch_id).into()),
    Text("NAME", |coupons| terms(coupons).name.into()),
    Text("CODE", |coupons| terms(coupons).code.into()),
    Number("COUPONS", |coupons| terms(coupons).coupons.into()),
    Number("BUDGET_MINOR", |coupons| terms(coupons).budget_minor.into()),
];

fn terms(coupons: &SaleCoupons) -> CouponDraft {
    coupons.draft.clone().unwrap_or_default()
}

fn sale_text(sale: &Sale, position: Option<u64>) -> String {
    let (windows, now) = (Windows::of_sale(sale), WallClock.now());
    let mut rows = vec![("sale", sale.sale_id.clone()), ("name", sale.name.clone())];
    rows.extend(windows.facts(now));
    if let Some(closed) = &sale.closed_time {
        let closed_as = if sale.cancelled { "cancelled" } else { "closed" };
        rows.push((closed_as, time(Some(closed))));
    }
    if let Some(moved) = &sale.reschedule_time {
        rows.push(("moved", time(Some(moved))));
    }
    if let Some(paused) = &sale.pause_time {
        rows.push(("paused", time(Some(paused))));
    }
    if let Some(limit) = sale.limit_per_buyer {
        rows.push(("limit", format!("{limit} units a buyer in all items")));
    }
    rows.extend(sale.rewards.iter().map(|reward| {
        let spend = money(&sale.currency_code, reward.spend_minor);
        ("reward", format!("{} from {spend} paid", reward.coupon))
    }));
    if let Some(position) = position {
        rows.push(("position", position.to_string()));
    }
    let items = sale.items.iter().map(|item| (item.clone(), sale.currency_code.clone()));
    let items = table_of(ITEMS, items);
    let (windows, planned) = (windows.of_items(now), terms::of_sale(sale));
    let coupons = match sale.coupons.as_slice() {
        [] => String::new(),
        coupons => format!("\n\n{}", table_of(COUPONS, coupons).trim_end()),
    };
    format!("{}\n\n{}{windows}{planned}{coupons}", facts(&rows), items.trim_end())
}

fn price((item, currency_code): &(SaleItem, String)) -> String {
    money(currency_code, draft(item).unit_price_minor)
}

fn draft(item: &SaleItem) -> ItemDraft {
    item.draft.clone().unwrap_or_default()
}

fn span(ms: i64) -> Duration {
    Duration { seconds: ms / 1000, nanos: 0 }
}

/// A draft as the API takes it.
fn sale_draft(draft: Draft) -> SaleDraft {
    let items = draft.items.into_iter().map(|item| ItemDraft {
        sku: item.sku,
        title: item.title,
        unit_price_minor: item.unit_price_minor,
        open_time: item.opens_at.map(timestamp),
        close_time: item.closes_at.map(timestamp),
        limit_per_buyer: item.limit_per_buyer,
        limit_per_order: item.limit_per_order,
        time_to_pay: item.time_to_pay_ms.map(span),
        units: item
            .units
            .into_iter()
            .map(|(warehouse, units)| WarehouseUnits { warehouse, units })
            .collect(),
        reserve: item
            .reserve
            .into_iter()
            .map(|(warehouse, units)| WarehouseUnits { warehouse, units })
            .collect(),
        floor_minor: item.floor_minor,
        steps: item.steps.iter().map(price_step).collect(),
        time_prices: item.time_prices.iter().map(time_price).collect(),
        returned_units: returned_units(item.returned_units).into(),
        offers: item.offers.into_iter().map(offer_draft).collect(),
        suppliers: item
            .suppliers
            .into_iter()
            .map(|(warehouse, supplier)| WarehouseSupplier { warehouse, supplier })
            .collect(),
        audience: item.audience.map(levers::audience),
        draw: levers::draw(item.draw).into(),
        reinstate_within: item.reinstate_within_ms.map(span),
        reserve_plan: item.reserve_plan.into_iter().map(levers::reserve_step).collect(),
    });
    SaleDraft {
        name: draft.name,
        currency_code: draft.currency_code,
        open_time: draft.opens_at.map(timestamp),
        close_time: draft.closes_at.map(timestamp),
        items: items.collect(),
        goals: draft.goals.map(|goals| SaleGoals {
            units: goals.units,
            revenue_minor: goals.revenue_minor,
            conversion_ppm: goals.conversion_ppm,
            new_buyers: goals.new_buyers,
        }),
        curve: draft.curve.into_iter().map(alerts::planned_units).collect(),
        alerts: draft.alerts.into_iter().map(alerts::written).collect(),
        regions: draft.regions.into_iter().map(levers::region).collect(),
        audience: draft.audience.map(levers::audience),
        coupons: draft.coupons.into_iter().map(coupon_draft).collect(),
        limit_per_buyer: draft.limit_per_buyer,
        rewards: draft.rewards.into_iter().map(reward_draft).collect(),
    }
}
