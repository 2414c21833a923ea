//! Recorded traffic in either of its forms, read one row at a time as what a visitor was seen doing.
//!
//! The short form is that of [`super::traffic`]: no header, numbers, four actions. The long one
//! begins with a header that names its columns, and can say more: `docs/traffic.md`. Which it is
//! is seen from the first line. A bad row is an error with its line number.

use std::path::Path;

use super::{
    encoding,
    headers::{COLUMNS, FirstLine, REQUIRED, first_line, form_of},
    lines::Lines,
    traffic::{self, Row, TrafficError},
};
use crate::values::{
    BEACON_CHANNEL_CHARS_MAX, GOODS_CHARS_MAX, Invalid, PAGE_CHARS_MAX, REGION_CHARS_MAX, SaleId,
    ShopperAttributes, UnixMs, VISITOR_CHARS_MAX, bounded_prose, bounded_text,
};

/// Longest line in bytes: every column at its longest.
pub const LINE_BYTES_MAX: usize = 8_192;

/// What a visitor was seen doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    View,
    Favourite,
    Cart,
    Share,
    Buy,
}

/// One row, whichever form it was in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    pub visitor: String,
    /// The shop's id of the goods; empty where a row is about a sale as a whole.
    pub item: String,
    /// Empty where unknown, like the channel and the page.
    pub category: String,
    pub action: Seen,
    pub at: UnixMs,
    pub channel: String,
    pub page: String,
    pub shopper: ShopperAttributes,
    pub sale: Option<SaleId>,
}

/// Is shown each line.
type OnLine = Box<dyn FnMut(&[u8])>;

/// Says what is wrong with a row beside its form.
type Judge = Box<dyn Fn(&Sighting) -> Result<(), Invalid>>;

/// Reads the rows of a file in their order. Blank lines are passed over.
pub struct Sightings {
    lines: Lines,
    /// Places of the [`COLUMNS`] in a row; none in the short form.
    columns: Option<[Option<usize>; COLUMNS.len()]>,
    first: Option<Result<(u64, Vec<u8>), TrafficError>>,
    /// Of the first line, where that is a header that is not understood: a bad row.
    problem: Option<Invalid>,
    on_line: OnLine,
    judge: Judge,
}

impl Sightings {
    /// Opens a file, plain or gzipped.
    ///
    /// # Errors
    /// When it cannot be opened, or its header names unknown columns or lacks required ones.
    pub fn open(path: &Path) -> Result<Self, TrafficError> {
        Self::open_seeing(path, |_| {})
    }

    /// The same; `on_line` is shown every line that has something in it, without its end.
    pub fn open_seeing(
        path: &Path,
        mut on_line: impl FnMut(&[u8]) + 'static,
    ) -> Result<Self, TrafficError> {
        let mut lines = Lines::open(path, LINE_BYTES_MAX)?;
        let mut first = first_line(&mut lines);
        let (mut columns, mut problem) = (None, None);
        if let Some(Ok((line, bytes))) = &first {
            match form_of(bytes) {
                FirstLine::Row => {}
                FirstLine::Unknown(unknown) => problem = Some(unknown),
                FirstLine::Header(names) => {
                    on_line(bytes);
                    let (line, found) = (*line, places(&names));
                    columns = Some(found.map_err(|problem| TrafficError::Row { line, problem })?);
                    first = None;
                }
            }
        }
        let judge = Box::new(|_: &Sighting| Ok(()));
        Ok(Self { lines, columns, first, problem, on_line: Box::new(on_line), judge })
    }

    /// The same rows, of which those are bad too that `judge` finds something wrong with.
    pub fn judged(self, judge: impl Fn(&Sighting) -> Result<(), Invalid> + 'static) -> Self {
        Self { judge: Box::new(judge), ..self }
    }

    fn read(&self, line: &[u8]) -> Result<Sighting, Invalid> {
        let Some(columns) = &self.columns else { return traffic::parse(line).map(from_short) };
        let fields = split(line)?;
        let mut found = [const { String::new() }; COLUMNS.len()];
        for ((text, place), name) in found.iter_mut().zip(columns).zip(COLUMNS) {
            if let Some(place) = place {
                let field = fields.get(*place);
                let field = field.ok_or_else(|| Invalid::new(name, "is missing in this row"))?;
                field.clone_into(text);
            }
        }
        let wide = columns.iter().flatten().count();
        if fields.len() != wide {
            let problem = format!("has {} fields, the header {wide}", fields.len());
            return Err(Invalid::new("row", problem));
        }
        from_long(found)
    }
}

impl Iterator for Sightings {
    type Item = Result<Sighting, TrafficError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.first.take().or_else(|| self.lines.next_full())? {
            Err(error) => Some(Err(error)),
            Ok((line, bytes)) => {
                (self.on_line)(&bytes);
                if let Some(problem) = self.problem.take() {
                    return Some(Err(TrafficError::Row { line, problem }));
                }
                let row = self.read(&bytes).and_then(|row| (self.judge)(&row).map(|()| row));
                Some(row.map_err(|problem| TrafficError::Row { line, problem }))
            }
        }
    }
}

fn places(names: &[String]) -> Result<[Option<usize>; COLUMNS.len()], Invalid> {
    let mut places = [None; COLUMNS.len()];
    for (place, name) in names.iter().enumerate() {
        let Some(column) = COLUMNS.iter().position(|known| known == name) else {
            let problem = format!("{name:?} is not one of {}", COLUMNS.join(", "));
            return Err(Invalid::new("header", problem));
        };
        if places[column].replace(place).is_some() {
            return Err(Invalid::new("header", format!("names {name} twice")));
        }
    }
    for name in REQUIRED {
        if COLUMNS.iter().zip(&places).any(|(known, place)| *known == name && place.is_none()) {
            return Err(Invalid::new("header", format!("does not name {name}")));
        }
    }
    Ok(places)
}

/// The fields of a line; those with commas or quotes in them stand in quotes.
fn split(line: &[u8]) -> Result<Vec<String>, Invalid> {
    let line = encoding::text(line)?;
    if !line.contains('"') {
        return Ok(line.split(',').map(str::to_owned).collect());
    }
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let (field, after) = match rest.strip_prefix('"') {
            None => {
                let end = rest.find(',').unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
            Some(quoted) => unquote(quoted)?,
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Ok(fields),
            None => return Err(Invalid::new("row", "has text behind a closing quote")),
        }
    }
}

/// The text up to the closing quote, and what comes behind that.
fn unquote(quoted: &str) -> Result<(String, &str), Invalid> {
    let mut text = String::new();
    let mut rest = quoted;
    loop {
        let Some((before, after)) = rest.split_once('"') else {
            return Err(Invalid::new("row", "has a quote that is not closed on its line"));
        };
        text.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                text.push('"');
                rest = next;
            }
            None => return Ok((text, after)),
        }
    }
}

fn from_short(row: Row) -> Sighting {
    Sighting {
        visitor: row.user.to_string(),
        item: row.item.to_string(),
        category: row.category.to_string(),
        action: match row.action {
            traffic::Action::View => Seen::View,
            traffic::Action::Favourite => Seen::Favourite,
            traffic::Action::Cart => Seen::Cart,
            traffic::Action::Buy => Seen::Buy,
        },
        at: UnixMs(row.at_seconds.saturating_mul(1_000)),
        channel: String::new(),
        page: String::new(),
        shopper: ShopperAttributes::default(),
        sale: None,
    }
}

fn from_long(found: [String; COLUMNS.len()]) -> Result<Sighting, Invalid> {
    let [visitor, item, category, action, time, channel, page, age, gender, region, tier, sale] =
        found;
    bounded_text("visitor", &visitor, VISITOR_CHARS_MAX)?;
    let optional = [
        ("item", &item, GOODS_CHARS_MAX),
        ("category", &category, GOODS_CHARS_MAX),
        ("channel", &channel, BEACON_CHANNEL_CHARS_MAX),
        ("region", &region, REGION_CHARS_MAX),
    ];
    for (field, text, max) in optional {
        if !text.is_empty() {
            bounded_text(field, text, max)?;
        }
    }
    if !page.is_empty() {
        bounded_prose("page", &page, PAGE_CHARS_MAX)?;
    }
    if item.is_empty() && !category.is_empty() {
        return Err(Invalid::new("item", "is missing beside its category"));
    }
    let known = |text: &str| !text.is_empty();
    Ok(Sighting {
        action: seen(&action)?,
        at: time_of(&time)?,
        shopper: ShopperAttributes {
            age_band: known(&age).then(|| age.parse()).transpose()?,
            gender: known(&gender).then(|| gender.parse()).transpose()?,
            region,
            spending_tier: known(&tier).then(|| tier.parse()).transpose()?,
        },
        sale: known(&sale).then(|| SaleId::parse("sale", &sale)).transpose()?,
        visitor,
        item,
        category,
        channel,
        page,
    })
}

fn seen(action: &str) -> Result<Seen, Invalid> {
    match action {
        "view" | "pv" => Ok(Seen::View),
        "favourite" | "fav" => Ok(Seen::Favourite),
        "cart" => Ok(Seen::Cart),
        "share" => Ok(Seen::Share),
        "buy" => Ok(Seen::Buy),
        other => {
            let problem = format!(
                "must be view (or pv), favourite (or fav), cart, share or buy, not {other:?}"
            );
            Err(Invalid::new("action", problem))
        }
    }
}

/// Unix seconds, or RFC 3339.
fn time_of(text: &str) -> Result<UnixMs, Invalid> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(UnixMs(traffic::parse_time(text)?.saturating_mul(1_000)));
    }
    UnixMs::parse("time", text).map_err(|problem| {
        // A date and a time that only look different are shown as they have to be.
        let (date, rest) = text.split_at_checked(10).unwrap_or((text, ""));
        let clock = rest.trim_start_matches([' ', 'T']).trim_end_matches(" UTC");
        let meant = format!("{}T{clock}Z", date.replace('/', "-"));
        match UnixMs::parse("time", &meant) {
            Ok(_) => {
                let hint = format!(
                    "must be RFC 3339: {text:?} is {meant} in UTC, else its offset stands behind it"
                );
                Invalid::new("time", hint)
            }
            Err(_) => problem,
        }
    })
}
