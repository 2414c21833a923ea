//! What sales and items say besides units and windows, as rows of facts: goals and regions, who may buy,
//! where units come from, when the reserve is released, what units cost, and what comes with them.

use crate::{
    cli::{
        json::{milliseconds, time},
        output::facts,
        priced::money,
    },
    grpc::proto::{
        AlertRule, Audience, DrawOrder, ItemDraft, OfferDraft, PlannedUnits, PriceStep, Region,
        ReserveAction, ReserveStep, ReturnedUnits, Sale, SaleGoals, TimePrice, WarehouseSupplier,
        WarehouseUnits, WhenGone,
    },
};

type Rows = Vec<(&'static str, String)>;

/// Items whose terms are told one by one, and points of the curve.
const TOLD_MAX: usize = 20;

/// What was planned besides units, prices and windows: a paragraph for the sale and one for each item
/// that says more than the table; empty where none does.
pub(super) fn of_sale(sale: &Sale) -> String {
    let mut text = String::new();
    let rows = planned_sale(sale);
    if !rows.is_empty() {
        text.push_str(&format!("\n\nplanned:\n{}", facts(&rows)));
    }
    let drafts = sale.items.iter().filter_map(|item| item.draft.as_ref());
    let said = drafts.map(|draft| (&draft.sku, planned_item(draft, &sale.currency_code)));
    let said: Vec<_> = said.filter(|(_, rows)| !rows.is_empty()).collect();
    for (sku, rows) in said.iter().take(TOLD_MAX) {
        text.push_str(&format!("\n\nterms of {sku}:\n{}", facts(rows)));
    }
    if let Some(more) = said.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        text.push_str(&format!("\n\nterms of {more} more items: --json has them"));
    }
    text
}

fn planned_sale(sale: &Sale) -> Rows {
    let mut rows = Rows::new();
    if let Some(SaleGoals { units, revenue_minor, conversion_ppm, new_buyers }) = sale.goals {
        let goals = [
            units.map(|units| format!("{units} units")),
            revenue_minor.map(|minor| money(&sale.currency_code, minor)),
            conversion_ppm.map(|ppm| format!("{} conversion", percent(ppm))),
            new_buyers.map(|buyers| format!("{buyers} new buyers")),
        ];
        add(&mut rows, "goals", goals.into_iter().flatten());
    }
    let point = |point: &PlannedUnits| {
        format!("{} after {} s", point.units, milliseconds(point.after.as_ref()) / 1_000)
    };
    let more = sale.curve.len().checked_sub(TOLD_MAX).filter(|more| *more > 0);
    let more = more.map(|more| format!("{more} more points"));
    add(&mut rows, "curve", sale.curve.iter().take(TOLD_MAX).map(point).chain(more));
    let rule = |rule: &AlertRule| match rule.off {
        false => rule.name.clone(),
        true => format!("{} (off)", rule.name),
    };
    add(&mut rows, "alert rules", sale.alerts.iter().map(rule));
    regions(&mut rows, &sale.regions);
    rows
}

fn planned_item(draft: &ItemDraft, currency: &str) -> Rows {
    let mut rows = Rows::new();
    let limit = |limit: Option<i64>, of: &str| limit.map(|units| format!("{units} per {of}"));
    let limits = [limit(draft.limit_per_buyer, "buyer"), limit(draft.limit_per_order, "order")];
    add(&mut rows, "limits", limits.into_iter().flatten());
    let reserve = draft.reserve.iter().map(place);
    add(&mut rows, "in reserve", reserve);
    let supplier = |of: &WarehouseSupplier| format!("{} from {}", of.warehouse, of.supplier);
    add(&mut rows, "suppliers", draft.suppliers.iter().map(supplier));
    let step =
        |step: &PriceStep| format!("{} at {}", step.units, money(currency, step.unit_price_minor));
    add(&mut rows, "steps", draft.steps.iter().map(step));
    add(&mut rows, "floor", draft.floor_minor.map(|floor| money(currency, floor)));
    time_prices(&mut rows, &draft.time_prices, currency);
    returned_units(&mut rows, draft.returned_units());
    offers(&mut rows, draft.offers.iter(), currency);
    let late = draft.reinstate_within.as_ref().map(|within| milliseconds(Some(within)) / 1_000);
    let late = late.map(|seconds| format!("up to {seconds} s late bring the order back"));
    add(&mut rows, "late payments", late);
    buyers_and_places(&mut rows, draft.audience.as_ref(), draft.draw());
    reserve_plan(&mut rows, &draft.reserve_plan);
    rows
}

/// Units in a warehouse.
pub(super) fn place(at: &WarehouseUnits) -> String {
    format!("{} {}", at.warehouse, at.units)
}

/// Rows of time prices.
pub(super) fn time_prices(rows: &mut Rows, prices: &[TimePrice], currency: &str) {
    let price = |price: &TimePrice| {
        let (from, until) = (time(price.from_time.as_ref()), time(price.until_time.as_ref()));
        format!("{} from {from} until {until}", money(currency, price.unit_price_minor))
    };
    add(rows, "time prices", prices.iter().map(price));
}

/// A row where returned units do not go back to their step.
pub(super) fn returned_units(rows: &mut Rows, returned: ReturnedUnits) {
    match returned {
        ReturnedUnits::Unspecified | ReturnedUnits::SamePrice => {}
        ReturnedUnits::NextPrice => {
            rows.push(("returned units", "sold at the next price".to_owned()));
        }
    }
}

/// Rows of offers, one each.
pub(super) fn offers<'a>(
    rows: &mut Rows,
    offers: impl Iterator<Item = &'a OfferDraft>,
    currency: &str,
) {
    rows.extend(offers.map(|draft| ("offer", offer(draft, currency))));
}

/// Rows of who may buy, and from where.
pub(super) fn buyers_and_places(rows: &mut Rows, audience: Option<&Audience>, draw: DrawOrder) {
    add(rows, "audience", audience.map(lists));
    match draw {
        DrawOrder::Unspecified | DrawOrder::Listed => {}
        DrawOrder::Fullest => rows.push(("drawn from", "the fullest warehouse first".to_owned())),
    }
}

/// Rows of regions, one each.
pub(super) fn regions(rows: &mut Rows, regions: &[Region]) {
    let region = |of: &Region| ("region", format!("{}: {}", of.name, of.warehouses.join(", ")));
    rows.extend(regions.iter().map(region));
}

/// Rows of the steps of a plan, one each.
pub(super) fn reserve_plan(rows: &mut Rows, steps: &[ReserveStep]) {
    let step = |(number, step): (usize, &ReserveStep)| {
        let does = match step.action() {
            ReserveAction::Unspecified | ReserveAction::Release => "release",
            ReserveAction::Propose => "propose to release",
        };
        let from = match step.from.as_slice() {
            [] => String::new(),
            from => format!(" in {}", from.join(", then ")),
        };
        let (below, units) = (step.below_units, step.release_units);
        ("reserve plan", format!("step {number}, below {below} available: {does} {units}{from}"))
    };
    rows.extend((1..).zip(steps).map(step));
}

fn add(rows: &mut Rows, name: &'static str, values: impl IntoIterator<Item = String>) {
    let values: Vec<_> = values.into_iter().collect();
    if !values.is_empty() {
        rows.push((name, values.join(", ")));
    }
}

fn lists(audience: &Audience) -> String {
    let Audience {
        age_bands,
        genders,
        regions,
        spending_tiers,
        member_tiers,
        new_buyers_only,
        needs: _,
    } = audience;
    let list = |name: &str, list: &[String]| {
        (!list.is_empty()).then(|| format!("{name} {}", list.join(" or ")))
    };
    let lists = [
        list("age band", age_bands),
        list("gender", genders),
        list("region", regions),
        list("spending tier", spending_tiers),
        list("member tier", member_tiers),
        new_buyers_only.then(|| "new buyers only".to_owned()),
    ];
    lists.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Parts per million as a percentage, as sale files write it.
fn percent(ppm: i64) -> String {
    let part = format!(".{:04}", ppm % 10_000);
    format!("{}{}%", ppm / 10_000, part.trim_end_matches('0').trim_end_matches('.'))
}

fn offer(draft: &OfferDraft, currency: &str) -> String {
    let money = |minor| money(currency, minor);
    let mut said = format!("{}: from ", draft.name);
    match (draft.from_units, draft.from_minor) {
        (Some(units), _) => said.push_str(&format!("{units} units ")),
        (None, minor) => said.push_str(&format!("{} ", money(minor.unwrap_or(0)))),
    }
    if let Some(amount) = draft.amount_minor {
        said.push_str(&format!("{} off", money(amount)));
        if draft.each {
            said.push_str(", for each full multiple");
        }
        said.push_str(&draft.times_max.map_or_else(String::new, |n| format!(" at most {n} times")));
    } else if let Some(ppm) = draft.percent_ppm {
        said.push_str(&format!("{} off", percent(ppm)));
        let most = draft.at_most_minor.map(money);
        said.push_str(&most.map_or_else(String::new, |most| format!(", at most {most}")));
    } else {
        let each = draft.gift_each.unwrap_or(1);
        let (sku, all) = (&draft.gift_sku, draft.gift_units.unwrap_or(0));
        said.push_str(&format!("{each} {sku} as a gift, {all} in all"));
        match draft.when_gone() {
            WhenGone::Unspecified | WhenGone::Without => {}
            WhenGone::Refuse => said.push_str(", orders are refused when they are gone"),
        }
    }
    for (word, moment) in [("from", &draft.from_time), ("until", &draft.until_time)] {
        if moment.is_some() {
            said.push_str(&format!(", {word} {}", time(moment.as_ref())));
        }
    }
    said
}
