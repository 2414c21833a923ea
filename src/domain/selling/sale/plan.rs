//! From a draft of a sale to a valid plan, or its first error.
//!
//! Pure, and used by the server and by the command line, so that both give the same messages.
//! Fields are named as in `CreateSaleRequest`. What passes here is trusted afterwards, so every
//! bound that keeps arithmetic from overflowing stands here and nowhere later.

mod bounds;
mod coupons;
mod curve;
mod draft;
mod fields;
mod goods;
mod levers;
mod whole;

use std::collections::HashMap;

pub use self::draft::{Draft, DraftItem, DraftReward};
use self::{bounds::within_bounds, fields::Fields};
use crate::{
    domain::{
        alert,
        coupon::{SaleTerms, check_coupons},
    },
    events::{Act, AlertRule, Audience, Goals, ItemPlan, SaleCreated, WarehouseUnits},
    values::{
        Currency, Fingerprint, Invalid, RequestId, SaleId, UNIT_PRICE_MINOR_MAX, UnixMs,
        bounded_prose, bounded_text, looks,
    },
};

pub use crate::domain::limits::{
    ALLOCATED_UNITS_MAX, NAME_CHARS_MAX, WAREHOUSES_PER_ITEM_MAX, WORTH_MINOR_MAX,
};

/// Most items in one sale.
pub const ITEMS_PER_SALE_MAX: usize = 10_000;

/// Most bytes that a sale can take in the log. It is one event, and no store takes one of any size.
pub const SALE_BYTES_MAX: usize = 1_000_000;

/// Longest name of a sale and title of an item, in characters.
pub const TITLE_CHARS_MAX: usize = 200;

/// Shortest time an unpaid order holds its units.
pub const TIME_TO_PAY_MS_MIN: i64 = 1_000;

/// Longest time an unpaid order holds its units: 30 days.
pub const TIME_TO_PAY_MS_MAX: i64 = 30 * 24 * 3_600_000;

/// Checks a draft and derives the ids. `created_at_ms` is left for the decision to set.
///
/// # Errors
/// The first field that is wrong, by its path in `CreateSaleRequest`, for example
/// `sale.items[1].unit_price_minor`.
pub fn plan(request_id: RequestId, draft: Draft, operator: String) -> Result<SaleCreated, Invalid> {
    bounded_text("operator", &operator, NAME_CHARS_MAX)?;
    let fingerprint = fingerprint(&draft, &operator);
    let act = Act { request_id, fingerprint, operator, reason: "created".to_owned() };
    sale(SaleId::of_request(request_id), draft, act).map_err(|invalid| invalid.within("sale"))
}

fn sale(sale_id: SaleId, draft: Draft, act: Act) -> Result<SaleCreated, Invalid> {
    let Draft {
        name,
        currency_code,
        opens_at,
        closes_at,
        items,
        goals,
        curve,
        alerts,
        regions,
        audience,
        coupons,
        limit_per_buyer,
        rewards,
    } = draft;
    bounded_prose("name", &name, TITLE_CHARS_MAX)?;
    let currency = Currency::parse("currency_code", &currency_code)?;
    let opens_at_ms = required("open_time", opens_at)?;
    let closes_at_ms = required("close_time", closes_at)?;
    ends_after_start("close_time", opens_at_ms, closes_at_ms)?;
    if items.is_empty() {
        return Err(Invalid::new("items", "is missing: a sale needs at least one item"));
    }
    if items.len() > ITEMS_PER_SALE_MAX {
        let problem = format!("must have at most {ITEMS_PER_SALE_MAX} items");
        return Err(Invalid::new("items", problem));
    }
    if let Some(goals) = &goals {
        check_goals(goals).map_err(|invalid| invalid.within("goals"))?;
    }
    alert::check_all(&alerts)?;
    let audience = levers::audience(audience)?;
    let window = (opens_at_ms, closes_at_ms);
    let mut plans = item_plans(sale_id, items, window, audience.as_ref())?;
    levers::put_regions(&regions, &mut plans)?;
    curve::check(&curve, closes_at_ms.since(opens_at_ms), &plans)?;
    let coupons = check_coupons(coupons, SaleTerms { sale_id, currency, window, items: &plans })?;
    whole::check_limit(limit_per_buyer, &plans)?;
    let rewards = whole::check_rewards(&rewards, &coupons)?;
    fits_the_log(SaleCreated {
        name,
        currency,
        opens_at_ms,
        closes_at_ms,
        items: plans,
        goals,
        curve,
        alerts,
        coupons,
        limit_per_buyer,
        rewards,
        act,
        created_at_ms: UnixMs::default(),
    })
}

/// The items of a sale, in their order. Those without an audience get that of the sale.
fn item_plans(
    sale_id: SaleId,
    items: Vec<DraftItem>,
    (opens_at, closes_at): (UnixMs, UnixMs),
    audience: Option<&Audience>,
) -> Result<Vec<ItemPlan>, Invalid> {
    let mut plans = Vec::with_capacity(items.len());
    let mut skus = HashMap::with_capacity(items.len());
    let mut worth: i128 = 0;
    for (index, item) in items.into_iter().enumerate() {
        let at = format!("items[{index}]");
        let takes_that_of_sale = item.audience.is_none();
        let mut plan =
            item_plan(sale_id, item, opens_at, closes_at).map_err(|invalid| invalid.within(&at))?;
        if let Some(earlier) = skus.insert(looks(&plan.sku), plan.sku.clone()) {
            let problem = alike(&plan.sku, &earlier, "as for an earlier item");
            return Err(Invalid::new("sku", problem).within(&at));
        }
        let units = plan.units.iter().chain(&plan.reserve);
        let units: i128 = units.map(|at| i128::from(at.units)).sum();
        worth += units * i128::from(plan.unit_price_minor);
        if worth > i128::from(WORTH_MINOR_MAX) {
            let problem = "makes all units of the sale together worth more than 10^18 minor units";
            return Err(Invalid::new("unit_price_minor", problem).within(&at));
        }
        if takes_that_of_sale {
            plan.audience = audience.cloned();
        }
        plans.push(plan);
    }
    Ok(plans)
}

fn fits_the_log(created: SaleCreated) -> Result<SaleCreated, Invalid> {
    let json = serde_json::to_vec(&created);
    let bytes =
        json.map_err(|why| Invalid::new("items", format!("cannot be stored: {why}")))?.len();
    if bytes > SALE_BYTES_MAX {
        let problem = format!(
            "make the sale {bytes} bytes long in the log, more than {SALE_BYTES_MAX}: split it"
        );
        return Err(Invalid::new("items", problem));
    }
    Ok(created)
}

fn item_plan(
    sale_id: SaleId,
    mut item: DraftItem,
    sale_opens_at: UnixMs,
    sale_closes_at: UnixMs,
) -> Result<ItemPlan, Invalid> {
    bounded_text("sku", &item.sku, NAME_CHARS_MAX)?;
    bounded_prose("title", &item.title, TITLE_CHARS_MAX)?;
    within_bounds("unit_price_minor", item.unit_price_minor, 1, UNIT_PRICE_MINOR_MAX)?;
    let opens_at_ms = item.opens_at.unwrap_or(sale_opens_at).checked("open_time")?;
    let closes_at_ms = item.closes_at.unwrap_or(sale_closes_at).checked("close_time")?;
    let end_field = if item.closes_at.is_some() { "close_time" } else { "open_time" };
    ends_after_start(end_field, opens_at_ms, closes_at_ms)?;
    within_sale((opens_at_ms, closes_at_ms), (sale_opens_at, sale_closes_at))?;
    if let Some(limit) = item.limit_per_buyer {
        within_bounds("limit_per_buyer", limit, 1, i64::MAX)?;
    }
    if let Some(limit) = item.limit_per_order {
        within_bounds("limit_per_order", limit, 1, i64::MAX)?;
    }
    let time_to_pay_ms = time_to_pay(item.time_to_pay_ms)?;
    let reinstate_within_ms = reinstate_within(item.reinstate_within_ms)?;
    let (units, reserve) =
        (units(std::mem::take(&mut item.units))?, reserve(std::mem::take(&mut item.reserve))?);
    same_warehouses(&units, &reserve)?;
    let suppliers = levers::suppliers(std::mem::take(&mut item.suppliers), &units)?;
    let reserve_plan =
        levers::reserve_plan(std::mem::take(&mut item.reserve_plan), &units, &reserve)?;
    let audience = levers::audience(item.audience.take())?;
    let (prices, offers) = goods::goods(&mut item, (opens_at_ms, closes_at_ms))?;
    Ok(ItemPlan {
        item_id: sale_id.item_id(&item.sku),
        time_to_pay_ms,
        units,
        reserve,
        sku: item.sku,
        title: item.title,
        unit_price_minor: item.unit_price_minor,
        opens_at_ms,
        closes_at_ms,
        limit_per_buyer: item.limit_per_buyer,
        limit_per_order: item.limit_per_order,
        prices,
        offers,
        audience,
        // Those of the sale, once all items are known.
        regions: Vec::new(),
        draw: item.draw,
        reinstate_within_ms,
        reserve_plan,
        suppliers,
    })
}

fn check_goals(goals: &Goals) -> Result<(), Invalid> {
    let Goals { units, revenue_minor, conversion_ppm, new_buyers } = *goals;
    let bounds = [
        ("units", units, i64::MAX),
        ("revenue_minor", revenue_minor, i64::MAX),
        ("conversion_ppm", conversion_ppm, 1_000_000),
        ("new_buyers", new_buyers, i64::MAX),
    ];
    for (field, target, max) in bounds {
        if let Some(target) = target {
            within_bounds(field, target, 1, max)?;
        }
    }
    if bounds.iter().all(|(_, target, _)| target.is_none()) {
        return Err(Invalid::new("units", "is missing, as is every other goal"));
    }
    Ok(())
}

fn time_to_pay(ms: Option<i64>) -> Result<i64, Invalid> {
    let ms = ms.ok_or_else(|| Invalid::new("time_to_pay", "is missing"))?;
    if !(TIME_TO_PAY_MS_MIN..=TIME_TO_PAY_MS_MAX).contains(&ms) {
        return Err(Invalid::new("time_to_pay", "must be 1 second to 30 days"));
    }
    Ok(ms)
}

fn reinstate_within(ms: Option<i64>) -> Result<Option<i64>, Invalid> {
    match ms {
        Some(ms) if !(TIME_TO_PAY_MS_MIN..=TIME_TO_PAY_MS_MAX).contains(&ms) => {
            let problem = format!("must be 1 second to 30 days, not {ms} ms");
            Err(Invalid::new("reinstate_within", problem))
        }
        ms => Ok(ms),
    }
}

fn units(units: Vec<(String, i64)>) -> Result<Vec<WarehouseUnits>, Invalid> {
    if units.is_empty() {
        return Err(Invalid::new("units", "is missing: an item needs units in some warehouse"));
    }
    by_warehouse("units", units)
}

/// None where there are none. A warehouse can have a reserve and no units on offer.
fn reserve(reserve: Vec<(String, i64)>) -> Result<Vec<WarehouseUnits>, Invalid> {
    by_warehouse("reserve", reserve)
}

fn by_warehouse(field: &str, units: Vec<(String, i64)>) -> Result<Vec<WarehouseUnits>, Invalid> {
    if units.len() > WAREHOUSES_PER_ITEM_MAX {
        let problem = format!("must name at most {WAREHOUSES_PER_ITEM_MAX} warehouses");
        return Err(Invalid::new(field, problem));
    }
    let mut checked: Vec<WarehouseUnits> = Vec::with_capacity(units.len());
    let mut named = HashMap::with_capacity(units.len());
    for (index, (warehouse, units)) in units.into_iter().enumerate() {
        let at = format!("{field}[{index}]");
        bounded_text("warehouse", &warehouse, NAME_CHARS_MAX)
            .and_then(|()| within_bounds("units", units, 1, ALLOCATED_UNITS_MAX))
            .map_err(|invalid| invalid.within(&at))?;
        if let Some(earlier) = named.insert(looks(&warehouse), warehouse.clone()) {
            let problem = alike(&warehouse, &earlier, "which was named before");
            return Err(Invalid::new("warehouse", problem).within(&at));
        }
        checked.push(WarehouseUnits { warehouse, units });
    }
    Ok(checked)
}

/// Units on offer and units in reserve lie in the same warehouses, or in others that look otherwise.
fn same_warehouses(units: &[WarehouseUnits], reserve: &[WarehouseUnits]) -> Result<(), Invalid> {
    let mut named: HashMap<_, _> =
        units.iter().map(|at| (looks(&at.warehouse), at.warehouse.as_str())).collect();
    for (index, WarehouseUnits { warehouse, .. }) in reserve.iter().enumerate() {
        let earlier = *named.entry(looks(warehouse)).or_insert(warehouse);
        if earlier != warehouse {
            let problem = alike(warehouse, earlier, "");
            return Err(Invalid::new("warehouse", problem).within(&format!("reserve[{index}]")));
        }
    }
    if named.len() > WAREHOUSES_PER_ITEM_MAX {
        let problem = format!(
            "and units together name {} warehouses, more than {WAREHOUSES_PER_ITEM_MAX}",
            named.len()
        );
        return Err(Invalid::new("reserve", problem));
    }
    Ok(())
}

/// What is wrong with a name that was given before, or is taken for one that was.
fn alike(name: &str, earlier: &str, same: &str) -> String {
    if name == earlier {
        return format!("is {name:?}, {same}");
    }
    format!("is {name:?}, which looks like {earlier:?}: under NFKC both are the same")
}

/// Nothing is on sale outside of its sale: boards and alerts go by the sale's window.
fn within_sale(item: (UnixMs, UnixMs), sale: (UnixMs, UnixMs)) -> Result<(), Invalid> {
    let ((opens, closes), (sale_opens, sale_closes)) = (item, sale);
    if opens < sale_opens {
        let problem = format!("is {opens}, before the sale opens ({sale_opens})");
        return Err(Invalid::new("open_time", problem));
    }
    if closes > sale_closes {
        let problem = format!("is {closes}, after the sale closes ({sale_closes})");
        return Err(Invalid::new("close_time", problem));
    }
    Ok(())
}

fn required(field: &str, moment: Option<UnixMs>) -> Result<UnixMs, Invalid> {
    moment.ok_or_else(|| Invalid::new(field, "is missing"))?.checked(field)
}

pub(super) fn ends_after_start(field: &str, opens: UnixMs, closes: UnixMs) -> Result<(), Invalid> {
    if closes > opens {
        return Ok(());
    }
    Err(Invalid::new(field, format!("makes the window end ({closes}) before it starts ({opens})")))
}

/// Over every field as it was sent. Lists are preceded by their length and an absent number is an
/// empty field, so no two different drafts have the same fields.
fn fingerprint(draft: &Draft, operator: &str) -> Fingerprint {
    // What is left out stands in files of their own.
    let Draft { name, currency_code, opens_at, closes_at, items, goals, curve, alerts, .. } = draft;
    let mut fields = Fields::default();
    fields.text("create");
    fields.text(operator);
    fields.text(name);
    fields.text(currency_code);
    fields.number(opens_at.map(|at| at.0));
    fields.number(closes_at.map(|at| at.0));
    fields.length(items.len());
    for item in items {
        let DraftItem {
            sku,
            title,
            unit_price_minor,
            opens_at,
            closes_at,
            limit_per_buyer,
            limit_per_order,
            time_to_pay_ms,
            units,
            ..
        } = item;
        fields.text(sku);
        fields.text(title);
        fields.number(Some(*unit_price_minor));
        fields.number(opens_at.map(|at| at.0));
        fields.number(closes_at.map(|at| at.0));
        fields.number(*limit_per_buyer);
        fields.number(*limit_per_order);
        fields.number(*time_to_pay_ms);
        fields.length(units.len());
        for (warehouse, units) in units {
            fields.text(warehouse);
            fields.number(Some(*units));
        }
    }
    // Nothing where there are none: sales of earlier versions keep their fingerprints.
    for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.reserve.is_empty()) {
        fields.text("reserve");
        fields.length(index);
        fields.length(item.reserve.len());
        for (warehouse, units) in &item.reserve {
            fields.text(warehouse);
            fields.number(Some(*units));
        }
    }
    for (index, item) in items.iter().enumerate() {
        goods::fingerprint(&mut fields, index, item);
    }
    levers::fingerprint(&mut fields, draft);
    if let Some(Goals { units, revenue_minor, conversion_ppm, new_buyers }) = goals {
        fields.text("goals");
        for target in [units, revenue_minor, conversion_ppm, new_buyers] {
            fields.number(*target);
        }
    }
    curve::fingerprint(&mut fields, curve);
    rules_fingerprint(&mut fields, alerts);
    coupons::fingerprint(&mut fields, &draft.coupons);
    whole::fingerprint(&mut fields, draft);
    fields.fingerprint()
}

/// Nothing where there are none, as for goals.
fn rules_fingerprint(fields: &mut Fields, rules: &[AlertRule]) {
    if rules.is_empty() {
        return;
    }
    fields.text("alerts");
    fields.length(rules.len());
    for rule in rules {
        let AlertRule {
            name,
            when,
            for_ms,
            clear_when,
            clear_for_ms,
            severity,
            each_item,
            opens_incident,
            sets_level,
            off,
        } = rule;
        fields.text(name);
        fields.text(when);
        fields.number(Some(*for_ms));
        fields.number(clear_when.as_ref().map(|_| 1));
        fields.text(clear_when.as_deref().unwrap_or_default());
        fields.number(Some(*clear_for_ms));
        fields.text(severity.name());
        fields.text(sets_level.map_or("", |level| level.name()));
        for flag in [each_item, opens_incident, off] {
            fields.number(Some(i64::from(*flag)));
        }
    }
}
