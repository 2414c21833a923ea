//! The results of a what-if run, as a table and as JSON.

use super::super::{
    Common,
    failure::reason_name,
    json::{amount, shape, time},
    output::table_of,
    rows::Column::{self, Money, Number, Text},
    server::Server,
    source::Data,
};
use crate::{
    grpc::{
        AT_HEAD,
        proto::{
            OutcomeCount, RefusalReason, RunWhatIfRequest, RunWhatIfResponse, WhatIfComparison,
            WhatIfFigures, WhatIfPrice, replay_service_client::ReplayServiceClient,
        },
        replay::answers,
    },
    replay::what_if::{Rules, run},
    values::{Invalid, ItemId, SaleId},
};

/// The flag, in complaints.
const FLAG: &str = "--what-if";

/// What is asked.
pub(super) struct Question {
    pub sale: Option<SaleId>,
    pub item: Option<ItemId>,
    pub rules: Vec<String>,
}

impl Question {
    /// Asks a server.
    pub(super) fn ask(self, server: &Server, common: &Common) -> anyhow::Result<()> {
        self.rules()?;
        if self.sale.is_none() && self.item.is_none() {
            return Err(Invalid::new("SALE", "or --item is needed with --server").into());
        }
        let text = |id: Option<String>| id.unwrap_or_default();
        let request = RunWhatIfRequest {
            sale_id: text(self.sale.map(|sale| sale.to_string())),
            item_id: text(self.item.map(|item| item.to_string())),
            rules: self.rules,
            min_position: AT_HEAD,
        };
        let found = server.call(async |channel| {
            ReplayServiceClient::new(channel).run_what_if(request.clone()).await
        })?;
        show(&found, common)
    }

    /// Answers from a log.
    pub(super) fn answer(self, data: &Data, common: &Common) -> anyhow::Result<()> {
        let rules = self.rules()?;
        let log = data.open()?;
        let past = log.past();
        let items = match self.item {
            Some(item) => vec![item],
            None => {
                let sale = super::sale::the_sale(&log, self.sale)?;
                past.items_of(sale).map_err(|error| log.not_replayed(error))?.1
            }
        };
        let head = past.head().map_err(|error| log.not_replayed(error))?;
        let found = run(&past, &items, rules, FLAG).map_err(|error| log.not_replayed(error))?;
        show(&answers::what_if(found, head), common)
    }

    fn rules(&self) -> Result<Rules, Invalid> {
        Rules::parse(FLAG, self.rules.iter().map(String::as_str))
    }
}

fn show(found: &RunWhatIfResponse, common: &Common) -> anyhow::Result<()> {
    common.show(|| shape(found), || found_text(found))?;
    common.note_freshness(found.freshness.as_ref());
    Ok(())
}

/// The name of a refusal; attempts without one repeated a request.
fn outcome_name(count: &OutcomeCount) -> &'static str {
    match count.reason() {
        RefusalReason::Unspecified => "REPEATED",
        reason => reason_name(reason),
    }
}

fn found_text(found: &RunWhatIfResponse) -> String {
    let mut text = String::new();
    if let Some(total) = &found.total {
        text.push_str(&total_text(total));
    }
    if found.items.len() > 1 {
        text.push_str("\n\n");
        text.push_str(&table_of(ITEMS, &found.items));
    }
    text.push_str("\n\n");
    if found.baseline_matches {
        text.push_str("Under its own rules the replay comes to exactly what is recorded.");
    } else {
        text.push_str("Under its own rules the replay does NOT come to what is recorded:");
        for difference in &found.baseline_differences {
            text.push_str(&format!("\n  {difference}"));
        }
    }
    text.push_str("\n\nAssumed:");
    for assumption in &found.assumptions {
        text.push_str(&format!("\n  {assumption}"));
    }
    text
}

fn total_text(total: &WhatIfComparison) -> String {
    let (Some(was), Some(played)) = (&total.recorded, &total.played) else { return String::new() };
    let mut rows: Vec<[String; 4]> = Vec::new();
    for (name, count) in FIGURES {
        rows.push(counted((*name).to_owned(), count(was), count(played)));
    }
    let revenue = |figures: &WhatIfFigures| amount(figures.revenue.as_ref());
    let counts = rows.split_off(5);
    rows.push(["revenue".to_owned(), revenue(was), revenue(played), String::new()]);
    rows.extend(life_rows(was, played));
    rows.extend(goods_rows(was, played));
    rows.extend(counts);
    for reason in reasons(was, played) {
        let count = |figures: &WhatIfFigures| {
            let same = figures.refusals.iter().find(|count| count.reason == reason.reason);
            same.map_or(0, |count| count.attempts)
        };
        let name = format!("attempts {}", outcome_name(&reason));
        rows.push(counted(name, count(was), count(played)));
    }
    let sold_out = |figures: &WhatIfFigures| match figures.first_sold_out_time.as_ref() {
        None => "never".to_owned(),
        at => time(at),
    };
    rows.push(["first sold out".to_owned(), sold_out(was), sold_out(played), String::new()]);
    let gained = format!(
        "\n{} shoppers gain, {} lose, {} keep theirs",
        total.shoppers_gained, total.shoppers_lost, total.shoppers_kept
    );
    table_of(TOTAL, rows) + &gained
}

/// What came back, and late payments; nothing where neither side has any of it.
fn life_rows(was: &WhatIfFigures, played: &WhatIfFigures) -> Vec<[String; 4]> {
    let count = |(name, count): &(&str, Count)| {
        let (was, played) = (count(was), count(played));
        (was != 0 || played != 0).then(|| counted((*name).to_owned(), was, played))
    };
    let mut rows: Vec<[String; 4]> = LIFE.iter().filter_map(count).collect();
    if was.refunded.is_some() || played.refunded.is_some() {
        let refunded = |figures: &WhatIfFigures| amount(figures.refunded.as_ref());
        rows.push(["refunded".to_owned(), refunded(was), refunded(played), String::new()]);
    }
    rows
}

/// Discounts, gifts and units by price; nothing where no order had any of it.
fn goods_rows(was: &WhatIfFigures, played: &WhatIfFigures) -> Vec<[String; 4]> {
    if was.discount.is_none() && played.discount.is_none() {
        return Vec::new();
    }
    let discount = |figures: &WhatIfFigures| amount(figures.discount.as_ref());
    let gifts = |figures: &WhatIfFigures| figures.gift_units_given();
    let mut rows = vec![
        ["discount".to_owned(), discount(was), discount(played), String::new()],
        counted("gift units given".to_owned(), gifts(was), gifts(played)),
    ];
    let key = |price: &WhatIfPrice| {
        let unit_price = price.unit_price.as_ref().map_or(0, |price| price.amount_minor);
        (price.step.is_none(), price.step, unit_price)
    };
    let mut prices: Vec<&WhatIfPrice> = was.prices.iter().chain(&played.prices).collect();
    prices.sort_by_key(|price| key(price));
    prices.dedup_by_key(|price| key(price));
    for price in prices {
        let units = |figures: &WhatIfFigures| {
            let same = figures.prices.iter().find(|other| key(other) == key(price));
            same.map_or(0, |price| price.units_sold)
        };
        let at = amount(price.unit_price.as_ref());
        let name = match price.step {
            Some(step) => format!("units of step {step} at {at}"),
            None => format!("units at {at}"),
        };
        rows.push(counted(name, units(was), units(played)));
    }
    rows
}

/// A figure as it was, as it is under other rules, and the difference.
const TOTAL: &[Column<[String; 4]>] = &[
    Text("", |row| (&row[0]).into()),
    Number("RECORDED", |row| (&row[1]).into()),
    Number("WHAT IF", |row| (&row[2]).into()),
    Number("CHANGE", |row| (&row[3]).into()),
];

type Count = fn(&WhatIfFigures) -> i64;

const FIGURES: &[(&str, Count)] = &[
    ("units allocated", |figures| figures.allocated_units),
    ("orders placed", |figures| figures.orders_placed),
    ("orders paid", |figures| figures.orders_paid),
    ("units sold", |figures| figures.units_sold),
    ("distinct winners", |figures| figures.winners),
    ("orders cancelled", |figures| figures.orders_cancelled),
    ("orders expired", |figures| figures.orders_expired),
    ("orders still held", |figures| figures.orders_held),
    ("attempts", |figures| figures.attempts),
];

const LIFE: &[(&str, Count)] = &[
    ("orders refunded", |figures| figures.orders_refunded),
    ("units refunded", |figures| figures.units_refunded),
    ("orders brought back", |figures| figures.orders_reinstated),
    ("payments due back", |figures| figures.payments_due_back),
];

fn counted(name: String, was: i64, played: i64) -> [String; 4] {
    let change = played.saturating_sub(was);
    let change = if change == 0 { String::new() } else { format!("{change:+}") };
    [name, was.to_string(), played.to_string(), change]
}

/// Every outcome that either side has, once.
fn reasons(was: &WhatIfFigures, played: &WhatIfFigures) -> Vec<OutcomeCount> {
    let mut all: Vec<OutcomeCount> = was.refusals.iter().chain(&played.refusals).cloned().collect();
    all.sort_by_key(|count| count.reason);
    all.dedup_by_key(|count| count.reason);
    all
}

const ITEMS: &[Column<WhatIfComparison>] = &[
    Text("ITEM", |item| (&item.sku).into()),
    Number("SOLD", |item| side(&item.recorded).units_sold.into()),
    Number("SOLD IF", |item| side(&item.played).units_sold.into()),
    Money("REVENUE", |item| (&side(&item.recorded).revenue).into()),
    Money("REVENUE IF", |item| (&side(&item.played).revenue).into()),
    Number("WINNERS", |item| side(&item.recorded).winners.into()),
    Number("WINNERS IF", |item| side(&item.played).winners.into()),
    Number("GAIN", |item| item.shoppers_gained.into()),
    Number("LOSE", |item| item.shoppers_lost.into()),
];

fn side(figures: &Option<WhatIfFigures>) -> WhatIfFigures {
    figures.clone().unwrap_or_default()
}
