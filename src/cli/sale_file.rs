//! The sale file: what an operator writes about a sale in TOML, checked before anything is sent.
//!
//! The rules are those of the server (`domain::sale::plan`); here they get the names of the file
//! and a line number. Documented in `docs/sale-file.md`.

mod alerts;

use toml::de::DeValue;

use crate::{
    config::document::{Complaint, Document, Section},
    domain::sale::{Draft, DraftItem, plan},
    events::Goals,
    values::{Invalid, RequestId, UnixMs},
};

const SALE_KEYS: &[&str] =
    &["name", "currency", "opens_at", "closes_at", "items", "goals", "curve", "alerts"];

const GOAL_KEYS: &[&str] =
    &["units", "revenue_minor", "conversion", "conversion_ppm", "new_buyers"];

const ITEM_KEYS: &[&str] = &[
    "sku",
    "title",
    "unit_price_minor",
    "opens_at",
    "closes_at",
    "limit_per_buyer",
    "limit_per_order",
    "time_to_pay_seconds",
    "units",
    "reserve",
];

/// Names of fields in the API and in the file, where they differ.
const RENAMED: [(&str, &str); 5] = [
    ("currency_code", "currency"),
    ("open_time", "opens_at"),
    ("close_time", "closes_at"),
    ("time_to_pay", "time_to_pay_seconds"),
    ("after", "after_seconds"),
];

/// A sale file that was read and found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleFile {
    pub draft: Draft,
    /// It says `now` or `+10m` somewhere: read at another moment it is another sale.
    pub relative: bool,
}

/// Reads the text of a sale file. `now` is what times such as `+10m` count from.
///
/// # Errors
/// The first thing that is wrong, with its line and its path in the file.
pub fn parse(file: &str, text: &str, now: UnixMs) -> Result<SaleFile, Complaint> {
    let document = Document::parse(file, text)?;
    let read = || {
        let mut times = Times { now, relative: false };
        let draft = sale(&document.root(), &mut times)?;
        // Neither the request id nor the operator is of the file, so any will do to judge it.
        plan(RequestId(uuid::Uuid::nil()), draft.clone(), "operator".to_owned())
            .map_err(|invalid| in_file(invalid, &draft))?;
        Ok(SaleFile { draft, relative: times.relative })
    };
    read().map_err(|invalid| document.complaint(invalid))
}

fn sale(section: &Section<'_>, times: &mut Times) -> Result<Draft, Invalid> {
    section.only(SALE_KEYS)?;
    let mut draft = Draft {
        name: required_text(section, "name")?,
        currency_code: required_text(section, "currency")?,
        opens_at: Some(required(section, "opens_at", times.read(section, "opens_at")?)?),
        closes_at: Some(required(section, "closes_at", times.read(section, "closes_at")?)?),
        items: Vec::new(),
        goals: section.section("goals")?.map(|goals| sale_goals(&goals)).transpose()?,
        curve: alerts::curve(section)?,
        alerts: alerts::rules(section)?,
    };
    for item in section.sections("items")? {
        draft.items.push(sale_item(&item, times)?);
    }
    Ok(draft)
}

fn sale_goals(section: &Section<'_>) -> Result<Goals, Invalid> {
    section.only(GOAL_KEYS)?;
    let ppm = section.integer("conversion_ppm")?;
    let percent = section.text("conversion")?.map(|text| {
        ppm_of(text).ok_or_else(|| {
            Invalid::new(section.path("conversion"), "must be a percentage such as \"12.5%\"")
        })
    });
    let percent = percent.transpose()?;
    if percent.is_some() && ppm.is_some() {
        let problem = "must not be given with conversion: both say the same";
        return Err(Invalid::new(section.path("conversion_ppm"), problem));
    }
    Ok(Goals {
        units: section.integer("units")?,
        revenue_minor: section.integer("revenue_minor")?,
        conversion_ppm: percent.or(ppm),
        new_buyers: section.integer("new_buyers")?,
    })
}

/// A percentage with at most four decimals, in parts per million.
fn ppm_of(text: &str) -> Option<i64> {
    let number = text.strip_suffix('%')?.trim_end();
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 4 || whole.len() > 3 {
        return None;
    }
    let part = format!("{part:0<4}").parse::<i64>().ok()?;
    Some(whole.parse::<i64>().ok()? * 10_000 + part)
}

fn sale_item(section: &Section<'_>, times: &mut Times) -> Result<DraftItem, Invalid> {
    section.only(ITEM_KEYS)?;
    let seconds = section.integer("time_to_pay_seconds")?;
    let seconds = required(section, "time_to_pay_seconds", seconds)?;
    // The order in the file is the order in which orders draw from them.
    let units = by_warehouse(section, "units")?;
    let reserve = by_warehouse(section, "reserve")?;
    Ok(DraftItem {
        sku: required_text(section, "sku")?,
        title: required_text(section, "title")?,
        unit_price_minor: required(
            section,
            "unit_price_minor",
            section.integer("unit_price_minor")?,
        )?,
        opens_at: times.read(section, "opens_at")?,
        closes_at: times.read(section, "closes_at")?,
        limit_per_buyer: section.integer("limit_per_buyer")?,
        limit_per_order: section.integer("limit_per_order")?,
        time_to_pay_ms: Some(seconds.saturating_mul(1000)),
        units,
        reserve,
    })
}

fn required<T>(section: &Section<'_>, key: &str, value: Option<T>) -> Result<T, Invalid> {
    value.ok_or_else(|| Invalid::new(section.path(key), "is missing"))
}

fn required_text(section: &Section<'_>, key: &str) -> Result<String, Invalid> {
    required(section, key, section.text(key)?).map(str::to_owned)
}

/// Reads times and remembers whether one of them counts from now.
struct Times {
    now: UnixMs,
    relative: bool,
}

impl Times {
    fn read(&mut self, section: &Section<'_>, key: &str) -> Result<Option<UnixMs>, Invalid> {
        let path = section.path(key);
        let text = match section.get(key) {
            None => return Ok(None),
            Some(DeValue::Datetime(time)) if time.offset.is_none() => {
                let problem = "has no offset from UTC: write for example 2026-11-11T00:00:00+08:00";
                return Err(Invalid::new(path, problem));
            }
            Some(DeValue::Datetime(time)) => time.to_string(),
            Some(DeValue::String(text)) => text.to_string(),
            Some(other) => return Err(section.wrong_type(key, "a time", other)),
        };
        let ahead_ms = match text.strip_prefix('+') {
            Some(span) => Some(span_ms(span).ok_or_else(|| {
                Invalid::new(&path, "must be a span such as +30s, +10m, +2h or +1d")
            })?),
            None => (text == "now").then_some(0),
        };
        let Some(ahead_ms) = ahead_ms else {
            return UnixMs::parse(&path, &text).map(Some);
        };
        self.relative = true;
        self.now.plus(ahead_ms).checked(&path).map(Some)
    }
}

fn span_ms(text: &str) -> Option<i64> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    i64::from(count.parse::<u32>().ok()?).checked_mul(unit_ms)
}

fn by_warehouse(section: &Section<'_>, key: &str) -> Result<Vec<(String, i64)>, Invalid> {
    let Some(warehouses) = section.section(key)? else { return Ok(Vec::new()) };
    let mut units = Vec::new();
    for warehouse in warehouses.keys() {
        let count = required(&warehouses, warehouse, warehouses.integer(warehouse)?)?;
        units.push((warehouse.to_owned(), count));
    }
    Ok(units)
}

/// The same problem under the names that the author of the file knows.
fn in_file(invalid: Invalid, draft: &Draft) -> Invalid {
    let Invalid { field, problem } = invalid;
    let path = field.strip_prefix("sale.").unwrap_or(&field);
    let (outer, last) = path.rsplit_once('.').unwrap_or(("", path));
    // `items[1].units[0].units` of the API is `items[1].units.hangzhou` of the file.
    type Listed = fn(&DraftItem) -> &[(String, i64)];
    let lists: [(&str, Listed); 2] =
        [("units", |item| &item.units), ("reserve", |item| &item.reserve)];
    for (key, listed) in lists {
        let Some((item, warehouse)) = outer.split_once(&format!(".{key}[")) else { continue };
        let name = index_in(item)
            .and_then(|index| draft.items.get(index))
            .zip(warehouse.trim_end_matches(']').parse::<usize>().ok())
            .and_then(|(item, index)| listed(item).get(index))
            .map_or("", |(name, _)| name);
        return Invalid::new(format!("{item}.{key}.{name}"), problem);
    }
    let last = RENAMED.iter().find(|(api, _)| *api == last).map_or(last, |(_, file)| file);
    let field = if outer.is_empty() { last.to_owned() } else { format!("{outer}.{last}") };
    Invalid::new(field, problem)
}

fn index_in(path: &str) -> Option<usize> {
    path.split_once('[')?.1.split_once(']')?.0.parse().ok()
}
