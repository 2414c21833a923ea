//! The sale file: what an operator writes about a sale in TOML, checked before anything is sent.
//!
//! The rules are those of the server (`domain::sale::plan`); here they get the names of the file
//! and a line number, and all that is wrong is told at once. Documented in `docs/sale-file.md`.

mod alerts;
mod coupons;
mod item_rows;
mod levers;
mod mended;
mod prices;

use std::{collections::HashSet, fmt};

use toml::de::DeValue;

use self::item_rows::ItemRows;

use crate::{
    config::document::{Complaint, Document, Section, meant, unknown_key},
    domain::{
        price::DraftOffer,
        sale::{Draft, DraftItem},
    },
    events::Goals,
    values::{Invalid, UnixMs},
};

/// Problems of one file that are told.
const TOLD_MAX: usize = 20;

const SALE_KEYS: &[&str] = &[
    "name",
    "currency",
    "opens_at",
    "closes_at",
    "items",
    "goals",
    "curve",
    "alerts",
    "regions",
    "audience",
    "coupons",
    "limit_per_buyer",
    "rewards",
];

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
    "late_payments",
    "reinstate_within_seconds",
    "units",
    "reserve",
    "audience",
    "draw",
    "reserve_plan",
    "floor_minor",
    "returned_units",
    "steps",
    "time_prices",
    "offers",
];

/// Keys of a warehouse whose supplier is named.
const SUPPLIED_KEYS: &[&str] = &["units", "supplier"];

/// Names of fields in the API and in the file, where they differ.
const RENAMED: [(&str, &str); 9] = [
    ("currency_code", "currency"),
    ("open_time", "opens_at"),
    ("close_time", "closes_at"),
    ("time_to_pay", "time_to_pay_seconds"),
    ("reinstate_within", "reinstate_within_seconds"),
    ("after", "after_seconds"),
    ("from_time", "from"),
    ("until_time", "until"),
    ("percent_ppm", "percent"),
];

/// A sale file that was read and found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleFile {
    pub draft: Draft,
    /// It says `now` or `+10m` somewhere: read at another moment it is another sale.
    pub relative: bool,
}

/// All that is wrong with a sale file, in the order of its lines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Complaints {
    file: String,
    all: Vec<Complaint>,
}

impl fmt::Display for Complaints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.all.as_slice() {
            return only.fmt(f);
        }
        write!(f, "{} has {} problems:", self.file, self.all.len())?;
        for complaint in self.all.iter().take(TOLD_MAX) {
            match complaint {
                Complaint { file, .. } if *file != self.file => write!(f, "\n  {complaint}")?,
                Complaint { line: Some(line), invalid, .. } => {
                    write!(f, "\n  line {line}: {invalid}")?;
                }
                Complaint { invalid, .. } => write!(f, "\n  {invalid}")?,
            }
        }
        match self.all.len().checked_sub(TOLD_MAX) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, "\n  and {more} more"),
        }
    }
}

impl From<Complaint> for Complaints {
    fn from(complaint: Complaint) -> Self {
        Self { file: complaint.file.clone(), all: vec![complaint] }
    }
}

/// Reads the text of a sale file. `now` is what times such as `+10m` count from.
///
/// # Errors
/// All that is wrong, each with its line and its path in the file.
pub fn parse(file: &str, text: &str, now: UnixMs) -> Result<SaleFile, Complaints> {
    let document = Document::parse(file, text)?;
    let mut reader =
        Reader { now, relative: false, problems: Problems::default(), meant: HashSet::new() };
    let draft = reader.sale(&document.root());
    let Reader { relative, problems, meant, .. } = reader;
    // A key that was misspelt is not missing as well.
    let misspelt = |invalid: &Invalid| invalid.problem == MISSING && meant.contains(&invalid.field);
    let mut found: Vec<Invalid> = problems.0.into_iter().filter(|one| !misspelt(one)).collect();
    let shapes: HashSet<String> = found.iter().map(|one| one.field.clone()).chain(meant).collect();
    let rules = mended::all_problems(draft.clone(), in_file);
    // What could not even be read is not judged by the rules, too.
    found.extend(rules.into_iter().filter(|invalid| !is_within(&shapes, &invalid.field)));
    if found.is_empty() {
        return Ok(SaleFile { draft, relative });
    }
    let mut all: Vec<_> = found.into_iter().map(|invalid| document.complaint(invalid)).collect();
    all.sort_by_key(|complaint| complaint.line);
    Err(Complaints { file: file.to_owned(), all })
}

/// The same of a sale file and a file with further items, a row of CSV each.
///
/// # Errors
/// All that is wrong in both, each with its file, its line and its key or column.
pub fn parse_with_rows(
    file: &str,
    text: &str,
    (rows_file, csv): (&str, &str),
    now: UnixMs,
) -> Result<SaleFile, Complaints> {
    let rows = ItemRows::read(rows_file, csv)
        .map_err(|all| Complaints { file: rows_file.to_owned(), all })?;
    // The sale file alone first: what follows it must not be taken for a part of its last line.
    let alone = Document::parse(file, text)?;
    if alone.root().get("items").is_some() && !text.contains("[[items]]") {
        let problem = "must be written as [[items]] where rows follow them";
        return Err(alone.complaint(Invalid::new("items", problem)).into());
    }
    let lines = text.lines().count();
    let ends = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    parse(file, &format!("{text}{ends}{}", rows.text), now).map_err(|mut complaints| {
        let all = complaints.all.into_iter();
        complaints.all = all.map(|complaint| rows.placed(lines, complaint)).collect();
        complaints
    })
}

/// Reads offers written as `[[offers]]`, with the keys of an item's offers in the sale file.
///
/// # Errors
/// All that is wrong, each with its line and its path in the file.
pub fn parse_offers(file: &str, text: &str, now: UnixMs) -> Result<Vec<DraftOffer>, Complaints> {
    let document = Document::parse(file, text)?;
    let mut reader =
        Reader { now, relative: false, problems: Problems::default(), meant: HashSet::new() };
    let root = document.root();
    reader.only(&root, &["offers"]);
    let offers = reader.offers(&root);
    if reader.problems.0.is_empty() {
        return Ok(offers);
    }
    let found = reader.problems.0.into_iter();
    let mut all: Vec<_> = found.map(|invalid| document.complaint(invalid)).collect();
    all.sort_by_key(|complaint| complaint.line);
    Err(Complaints { file: file.to_owned(), all })
}

/// What is wrong with a key that must be there.
const MISSING: &str = "is missing";

/// Whether a field, or what it is a part of, is among those.
fn is_within(fields: &HashSet<String>, field: &str) -> bool {
    let mut path = field;
    loop {
        if fields.contains(path) {
            return true;
        }
        match path.rfind(['.', '[']) {
            Some(end) => path = &path[..end],
            None => return false,
        }
    }
}

/// What was found wrong so far.
#[derive(Debug, Default)]
struct Problems(Vec<Invalid>);

impl Problems {
    /// The value, or nothing and one more problem.
    fn take<T>(&mut self, read: Result<T, Invalid>) -> Option<T> {
        read.map_err(|invalid| self.note(invalid)).ok()
    }

    fn note(&mut self, invalid: Invalid) {
        self.0.push(invalid);
    }
}

/// Units by warehouse, and the suppliers of those that name one.
type Supplied = (Vec<(String, i64)>, Vec<(String, String)>);

/// Reads a file to its end, whatever it meets on the way.
struct Reader {
    now: UnixMs,
    /// A time counts from now.
    relative: bool,
    problems: Problems,
    /// The likely intended keys of unknown ones, by their paths.
    meant: HashSet<String>,
}

impl Reader {
    fn sale(&mut self, section: &Section<'_>) -> Draft {
        self.only(section, SALE_KEYS);
        let goals = self.problems.take(section.section("goals")).flatten();
        Draft {
            name: self.text(section, "name"),
            currency_code: self.text(section, "currency"),
            opens_at: self.required_time(section, "opens_at"),
            closes_at: self.required_time(section, "closes_at"),
            goals: goals.map(|goals| self.goals(&goals)),
            curve: self.curve(section),
            alerts: self.rules(section),
            regions: self.regions(section),
            audience: self.audience(section),
            coupons: self.coupons(section),
            limit_per_buyer: self.integer(section, "limit_per_buyer"),
            rewards: self.rewards(section),
            items: self.tables(section, "items").iter().map(|item| self.item(item)).collect(),
        }
    }

    fn goals(&mut self, section: &Section<'_>) -> Goals {
        self.only(section, GOAL_KEYS);
        let ppm = self.integer(section, "conversion_ppm");
        let percent = self.problems.take(section.text("conversion")).flatten();
        let percent = percent.and_then(|text| {
            let wrong = || {
                let problem = "must be a percentage such as \"12.5%\"";
                Invalid::new(section.path("conversion"), problem)
            };
            self.problems.take(ppm_of(text).ok_or_else(wrong))
        });
        if percent.is_some() && ppm.is_some() {
            let problem = "must not be given with conversion: both say the same";
            self.problems.note(Invalid::new(section.path("conversion_ppm"), problem));
        }
        Goals {
            units: self.integer(section, "units"),
            revenue_minor: self.integer(section, "revenue_minor"),
            conversion_ppm: percent.or(ppm),
            new_buyers: self.integer(section, "new_buyers"),
        }
    }

    fn item(&mut self, section: &Section<'_>) -> DraftItem {
        self.only(section, ITEM_KEYS);
        let seconds = self.required_integer(section, "time_to_pay_seconds");
        let (units, suppliers) = self.supplied(section, "units");
        let mut item = DraftItem {
            sku: self.text(section, "sku"),
            title: self.text(section, "title"),
            unit_price_minor: self.required_integer(section, "unit_price_minor").unwrap_or(0),
            opens_at: self.time(section, "opens_at"),
            closes_at: self.time(section, "closes_at"),
            limit_per_buyer: self.integer(section, "limit_per_buyer"),
            limit_per_order: self.integer(section, "limit_per_order"),
            time_to_pay_ms: seconds.map(|seconds| seconds.saturating_mul(1000)),
            // The order in the file is the order in which orders draw from them.
            units,
            reserve: self.by_warehouse(section, "reserve"),
            suppliers,
            ..DraftItem::default()
        };
        self.prices(section, &mut item);
        self.levers(section, &mut item);
        item
    }

    /// Units by warehouse, each a number, or a table of units and supplier.
    fn supplied(&mut self, section: &Section<'_>, key: &str) -> Supplied {
        let (mut units, mut suppliers) = (Vec::new(), Vec::new());
        let warehouses = self.problems.take(section.section(key)).flatten();
        let Some(warehouses) = warehouses else { return (units, suppliers) };
        for warehouse in warehouses.keys() {
            if !matches!(warehouses.get(warehouse), Some(DeValue::Table(_))) {
                let count = self.required_integer(&warehouses, warehouse).unwrap_or(0);
                units.push((warehouse.to_owned(), count));
                continue;
            }
            let Some(of) = self.problems.take(warehouses.section(warehouse)).flatten() else {
                continue;
            };
            self.only(&of, SUPPLIED_KEYS);
            let count = self.required_integer(&of, "units").unwrap_or(0);
            units.push((warehouse.to_owned(), count));
            if let Some(supplier) = self.problems.take(of.text("supplier")).flatten() {
                suppliers.push((warehouse.to_owned(), supplier.to_owned()));
            }
        }
        (units, suppliers)
    }

    fn by_warehouse(&mut self, section: &Section<'_>, key: &str) -> Vec<(String, i64)> {
        let warehouses = self.problems.take(section.section(key)).flatten();
        let Some(warehouses) = warehouses else { return Vec::new() };
        let mut units = Vec::new();
        for warehouse in warehouses.keys() {
            let count = self.required_integer(&warehouses, warehouse).unwrap_or(0);
            units.push((warehouse.to_owned(), count));
        }
        units
    }

    /// Complains of keys that are not among the known ones.
    fn only(&mut self, section: &Section<'_>, known: &[&str]) {
        for key in section.unknown(known) {
            self.problems.note(Invalid::new(section.path(key), unknown_key(key, known)));
            self.meant.extend(meant(key, known).map(|meant| section.path(meant)));
        }
    }

    /// The tables written as `[[key]]`.
    fn tables<'a>(&mut self, section: &Section<'a>, key: &str) -> Vec<Section<'a>> {
        self.problems.take(section.sections(key)).unwrap_or_default()
    }

    /// A text that must be there; empty where it is not good.
    fn text(&mut self, section: &Section<'_>, key: &str) -> String {
        let text = section.text(key).and_then(|text| required(section, key, text));
        self.problems.take(text).unwrap_or_default().to_owned()
    }

    fn integer(&mut self, section: &Section<'_>, key: &str) -> Option<i64> {
        self.problems.take(section.integer(key)).flatten()
    }

    fn required_integer(&mut self, section: &Section<'_>, key: &str) -> Option<i64> {
        let number = section.integer(key).and_then(|number| required(section, key, number));
        self.problems.take(number)
    }

    fn required_time(&mut self, section: &Section<'_>, key: &str) -> Option<UnixMs> {
        let time = self.read_time(section, key).and_then(|time| required(section, key, time));
        self.problems.take(time)
    }

    fn time(&mut self, section: &Section<'_>, key: &str) -> Option<UnixMs> {
        let time = self.read_time(section, key);
        self.problems.take(time).flatten()
    }

    fn read_time(&mut self, section: &Section<'_>, key: &str) -> Result<Option<UnixMs>, Invalid> {
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

fn required<T>(section: &Section<'_>, key: &str, value: Option<T>) -> Result<T, Invalid> {
    value.ok_or_else(|| Invalid::new(section.path(key), MISSING))
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
    // `items[1].suppliers[0].supplier` is `items[1].units.hangzhou.supplier` of the file.
    if let Some((item, place)) = outer.split_once(".suppliers[") {
        let name = index_in(item)
            .and_then(|index| draft.items.get(index))
            .zip(place.trim_end_matches(']').parse::<usize>().ok())
            .and_then(|(item, index)| item.suppliers.get(index))
            .map_or("", |(name, _)| name);
        return Invalid::new(format!("{item}.units.{name}.supplier"), problem);
    }
    let last = RENAMED.iter().find(|(api, _)| *api == last).map_or(last, |(_, file)| file);
    let field = if outer.is_empty() { last.to_owned() } else { format!("{outer}.{last}") };
    Invalid::new(field, problem)
}

fn index_in(path: &str) -> Option<usize> {
    path.split_once('[')?.1.split_once(']')?.0.parse().ok()
}
