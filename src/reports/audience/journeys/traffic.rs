//! Traffic: how many beacons, and exactly how many visitors.
//!
//! Beacons are sums that were kept as they came. A set of visitors has its size beside it; only
//! where several sales are one question are sets united, a part at a time.

use roaring::RoaringBitmap;
use rusqlite::{OptionalExtension, Row, Transaction, types::Value};

use super::{
    answers::{Traffic, TrafficFigures, TrafficGrouping, TrafficRow},
    ground::{Channels, Ground, item_name},
    queries::{TRAFFIC_SIZES, TrafficQuery},
};
use crate::{
    projections::journeys::{NAME, PART_BITS, Scope, VERSION},
    reports::{ReportError, Reports, filter::Filter, paging::Cut},
    values::{ENDLESS, Invalid, UnixMs, count_of},
};

const SUMS: &str = "sum(views), sum(favourites), sum(carts), sum(shares), sum(buys)";

const MINUTE_MS: i64 = 60_000;

impl Reports {
    /// Beacons and distinct visitors.
    pub fn traffic(&self, query: &TrafficQuery) -> Result<Traffic, ReportError> {
        let cut = query.cut()?;
        self.ask(NAME, VERSION, |rows, checkpoint| {
            let ground = Ground::of(rows, query.sale_id)?;
            let asked = Asked { rows, ground: &ground, channels: Channels::read(rows)? };
            let visitors = asked.visitors(Scope::Sale, &[0])?;
            let sums = format!("SELECT {SUMS} FROM traffic_minutes WHERE {}", asked.of_sale());
            let sums = rows.query_row(&sums, [], |row| figures_at(row, 0))?;
            let total = TrafficFigures { visitors, ..sums };
            let page = cut.page(asked.page(query, &cut)?, checkpoint);
            let (rows, next_page_token) = (page.rows, page.next_page_token);
            Ok(Traffic { by: query.by, total, rows, next_page_token, checkpoint })
        })
    }
}

impl TrafficQuery {
    fn cut(&self) -> Result<Cut<1>, ReportError> {
        if self.by != TrafficGrouping::Minute && (self.from.is_some() || self.until.is_some()) {
            let field = if self.from.is_some() { "from_time" } else { "until_time" };
            return Err(Invalid::new(field, "is for traffic by minute").into());
        }
        if self.from.zip(self.until).is_some_and(|(from, until)| until < from) {
            return Err(Invalid::new("until_time", "must not be before from_time").into());
        }
        let sale = self.sale_id.map(|id| id.0.into_bytes()).unwrap_or_default();
        let (from, until) = self.minutes();
        let from = from.unwrap_or(i64::MIN).to_be_bytes();
        let until = until.unwrap_or(ENDLESS).to_be_bytes();
        let by = self.by.name().as_bytes();
        let question = [b"traffic".as_slice(), &sale, by, &from, &until];
        Ok(self.paging.cut(TRAFFIC_SIZES, question)?)
    }

    /// The first minute, and the first one after the last.
    fn minutes(&self) -> (Option<i64>, Option<i64>) {
        let until = self.until.map(|until| until.plus(MINUTE_MS - 1).0.div_euclid(MINUTE_MS));
        (self.from.map(|from| from.0.div_euclid(MINUTE_MS)), until)
    }
}

struct Asked<'a> {
    rows: &'a Transaction<'a>,
    ground: &'a Ground,
    channels: Channels,
}

impl Asked<'_> {
    /// A number of our own, so it may stand in the text.
    fn of_sale(&self) -> String {
        self.ground.sale.map_or_else(|| "true".to_owned(), |sale| format!("sale = {sale}"))
    }

    /// The rows of one page, and one more if there is one.
    fn page(
        &self,
        query: &TrafficQuery,
        cut: &Cut<1>,
    ) -> Result<Vec<([i64; 1], TrafficRow)>, ReportError> {
        let (column, scope) = match query.by {
            TrafficGrouping::None => return Ok(Vec::new()),
            TrafficGrouping::Item => ("item", Scope::Item),
            TrafficGrouping::Channel => ("channel", Scope::Channel),
            TrafficGrouping::Minute => ("minute", Scope::Minute),
        };
        let mut filter = Filter::default();
        let (from, until) = query.minutes();
        filter.and_given("minute >= ?", from.map(Value::from));
        filter.and_given("minute < ?", until.map(Value::from));
        let found = self.sums(column, query.by, &filter)?;
        let after = cut.after.map_or(i64::MIN, |[key]| key);
        let limit = cut.rows();
        let rest = found.into_iter().filter(|(key, _)| *key > after).take(limit);
        let rows = rest.map(|(key, sums)| {
            let number = u32::try_from(key).unwrap_or(0);
            let of: Vec<i64> = match query.by {
                TrafficGrouping::Channel => {
                    self.channels.numbers(number).into_iter().map(i64::from).collect()
                }
                TrafficGrouping::None | TrafficGrouping::Item | TrafficGrouping::Minute => {
                    vec![key]
                }
            };
            let (name, item_id) = match query.by {
                TrafficGrouping::None | TrafficGrouping::Minute => (String::new(), None),
                TrafficGrouping::Item => item_name(self.rows, number)?,
                TrafficGrouping::Channel => (self.channels.name(number), None),
            };
            let minute = (scope == Scope::Minute).then(|| UnixMs(key.saturating_mul(MINUTE_MS)));
            let figures = TrafficFigures { visitors: self.visitors(scope, &of)?, ..sums };
            Ok(([key], TrafficRow { name, item_id, minute, figures }))
        });
        rows.collect()
    }

    /// Sums by item, channel or minute, in the order of their numbers.
    fn sums(
        &self,
        column: &str,
        by: TrafficGrouping,
        filter: &Filter,
    ) -> Result<Vec<(i64, TrafficFigures)>, ReportError> {
        let mut found = self.rows.prepare(&format!(
            "SELECT {column}, {SUMS} FROM traffic_minutes WHERE {} AND {}
             GROUP BY {column} ORDER BY {column}",
            self.of_sale(),
            filter.condition(),
        ))?;
        let found =
            found.query_map(filter.parameters(), |row| Ok((row.get(0)?, figures_at(row, 1)?)))?;
        let mut sums: Vec<(i64, TrafficFigures)> = found.collect::<Result<_, _>>()?;
        if by == TrafficGrouping::Channel {
            for (channel, _) in &mut sums {
                let number = u32::try_from(*channel).unwrap_or(0);
                *channel = i64::from(self.channels.first(number));
            }
            sums.sort_by_key(|(channel, _)| *channel);
            sums.dedup_by(|next, sum| {
                let same = next.0 == sum.0;
                if same {
                    add(&mut sum.1, &next.1);
                }
                same
            });
        }
        Ok(sums)
    }

    /// Distinct visitors of all sets of that kind, of those numbers, of the sales in question.
    fn visitors(&self, scope: Scope, of: &[i64]) -> Result<i64, ReportError> {
        let mut sets = Vec::new();
        for of in of {
            let found = match self.ground.sale {
                Some(sale) => set_of(self.rows, sale, scope, *of)?.into_iter().collect(),
                None => sets_of(self.rows, scope, *of)?,
            };
            sets.extend(found);
        }
        match sets.as_slice() {
            [] => Ok(0),
            [(_, visitors)] => Ok(*visitors),
            many => united(self.rows, many),
        }
    }
}

fn set_of(
    rows: &Transaction<'_>,
    sale: i64,
    scope: Scope,
    of: i64,
) -> Result<Option<(i64, i64)>, ReportError> {
    let found = rows
        .prepare_cached("SELECT number, visitors FROM uv WHERE sale = ? AND scope = ? AND of = ?")?
        .query_row([sale, scope as i64, of], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(found)
}

fn sets_of(rows: &Transaction<'_>, scope: Scope, of: i64) -> Result<Vec<(i64, i64)>, ReportError> {
    let mut found = rows.prepare_cached(
        "SELECT uv.number, uv.visitors FROM sales CROSS JOIN uv
         ON uv.sale = sales.number AND uv.scope = ? AND uv.of = ?",
    )?;
    let found = found.query_map([scope as i64, of], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Members of all sets together, one part of them in memory at a time.
fn united(rows: &Transaction<'_>, sets: &[(i64, i64)]) -> Result<i64, ReportError> {
    let last = rows.query_row("SELECT coalesce(max(number), 0) FROM shoppers", [], |row| {
        row.get::<_, i64>(0)
    })?;
    let mut visitors = 0;
    for place in 0..=last >> PART_BITS {
        let mut all = RoaringBitmap::new();
        for (set, _) in sets {
            all |= part(rows, *set, place)?;
        }
        visitors += count_of(all.len());
    }
    Ok(visitors)
}

/// One part of a set: the shoppers with the same number but for the low bits, as those bits.
pub(super) fn part(
    rows: &Transaction<'_>,
    set: i64,
    place: i64,
) -> Result<RoaringBitmap, ReportError> {
    let found = rows
        .prepare_cached("SELECT shoppers FROM uv_parts WHERE part = ?")?
        .query_row([(set << PART_BITS) | place], |row| row.get::<_, Vec<u8>>(0))
        .optional()?;
    let Some(bytes) = found else { return Ok(RoaringBitmap::new()) };
    RoaringBitmap::deserialize_from(bytes.as_slice()).map_err(|error| {
        let kind = rusqlite::types::Type::Blob;
        rusqlite::Error::FromSqlConversionFailure(0, kind, Box::new(error)).into()
    })
}

/// The set of all visitors of a sale, if it had one.
pub(super) fn visitors_of_sale(
    rows: &Transaction<'_>,
    sale: i64,
) -> Result<Option<i64>, ReportError> {
    Ok(set_of(rows, sale, Scope::Sale, 0)?.map(|(set, _)| set))
}

fn figures_at(row: &Row<'_>, first: usize) -> rusqlite::Result<TrafficFigures> {
    // A sum over nothing is null.
    let sum = |column: usize| -> rusqlite::Result<i64> {
        Ok(row.get::<_, Option<i64>>(first + column)?.unwrap_or(0))
    };
    Ok(TrafficFigures {
        views: sum(0)?,
        favourites: sum(1)?,
        carts: sum(2)?,
        shares: sum(3)?,
        buys: sum(4)?,
        visitors: 0,
    })
}

fn add(sum: &mut TrafficFigures, more: &TrafficFigures) {
    sum.views += more.views;
    sum.favourites += more.favourites;
    sum.carts += more.carts;
    sum.shares += more.shares;
    sum.buys += more.buys;
}
