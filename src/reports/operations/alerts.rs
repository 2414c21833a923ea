//! Alerts in the read model: a list, and the changes after a position.

use rusqlite::{Row, params};

use crate::{
    events::{ClearedBecause, Position, Signal},
    projections::operations,
    reports::{Page, Paging, ReportError, Reports, filter::Filter, id_at, paging::Sizes},
    values::{AlertId, AlertSeverity, ItemId, SaleId, UnixMs, bound_of, number_of},
};

const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// A sale that ended so long ago and whose alerts are raised still is not watched any more.
const LEFT_BEHIND_MS: i64 = 60_000;

/// Which alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertsQuery {
    /// All sales and the service as a whole where absent.
    pub sale_id: Option<SaleId>,
    pub firing_only: bool,
    /// Alerts in the answer: 1 to 1,000; 0 means 100.
    pub paging: Paging,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertLine {
    pub alert_id: AlertId,
    /// Of the event that raised it.
    pub position: Position,
    pub rule: String,
    pub severity: AlertSeverity,
    pub sale_id: Option<SaleId>,
    pub item_id: Option<ItemId>,
    pub sku: String,
    pub when: String,
    pub signals: Vec<Signal>,
    pub since: UnixMs,
    pub raised_at: UnixMs,
    /// Absent while it is raised.
    pub cleared: Option<AlertEnd>,
}

/// How an alert ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertEnd {
    pub position: Position,
    pub at: UnixMs,
    pub because: ClearedBecause,
    pub signals: Vec<Signal>,
}

/// Something that happened to an alert: it was raised, or where `alert` says how it ended, cleared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertChanged {
    pub position: Position,
    /// As it stood after this.
    pub alert: AlertLine,
}

const COLUMNS: &str = "position, alert_id, rule, severity, sale_id, item_id, sku, condition,
    signals, since_ms, raised_at_ms, cleared_position, cleared_at_ms, cleared_because,
    coalesce(signals_cleared, '[]')";

impl Reports {
    /// Alerts, newest first.
    pub fn alerts(&self, query: &AlertsQuery) -> Result<Page<AlertLine>, ReportError> {
        let sale = query.sale_id.map_or([0; 16], |sale| sale.0.into_bytes());
        let question = [b"alerts".as_slice(), &sale, &[query.firing_only.into()]];
        let cut = query.paging.cut(SIZES, question)?;
        self.ask(operations::NAME, operations::VERSION, |rows, checkpoint| {
            let [before] = cut.after.unwrap_or([i64::MAX]);
            let mut filter = Filter::default();
            filter.and("position < ?", before);
            filter.and_given("sale_id = ?", query.sale_id.map(|sale| sale.0.as_bytes().to_vec()));
            if query.firing_only {
                filter.and("cleared_at_ms IS NULL AND ?", 1);
            }
            let mut found = rows.prepare(&format!(
                "SELECT {COLUMNS} FROM alerts WHERE {} ORDER BY position DESC LIMIT {}",
                filter.condition(),
                cut.limit()
            ))?;
            let alerts =
                found.query_map(filter.parameters(), |row| Ok(([row.get(0)?], line(row)?)))?;
            Ok(cut.page(alerts.collect::<Result<_, _>>()?, checkpoint))
        })
    }

    /// What happened to alerts after a position, in the order of the log, at most `max`; and how far
    /// the read model has come: where fewer are told, nothing else happened up to there.
    pub fn alert_changes(
        &self,
        sale: Option<SaleId>,
        after: Position,
        max: usize,
    ) -> Result<(Vec<AlertChanged>, Position), ReportError> {
        let sale = sale.map(|sale| sale.0.into_bytes());
        let after = bound_of(after.0);
        let max = number_of(max);
        self.ask(operations::NAME, operations::VERSION, |rows, checkpoint| {
            let mut found = rows.prepare(&format!(
                "SELECT {COLUMNS}, at FROM (
                     SELECT *, position AS at FROM alerts WHERE position > ?1
                     UNION ALL
                     SELECT *, cleared_position AS at FROM alerts WHERE cleared_position > ?1)
                 WHERE ?2 IS NULL OR sale_id = ?2 ORDER BY at LIMIT ?3"
            ))?;
            let changes = found.query_map(params![after, sale, max], |row| {
                let mut alert = line(row)?;
                let position = position(row.get(15)?);
                // The raising event does not contain how it ended.
                alert.cleared = alert.cleared.filter(|_| position != alert.position);
                Ok(AlertChanged { position, alert })
            })?;
            Ok((changes.collect::<Result<_, _>>()?, checkpoint.position))
        })
    }

    /// Sales with alerts that are still raised although their newest one is old: the node that
    /// followed them may be gone. The caller checks whether they are over.
    pub fn alerts_left_behind(&self, now: UnixMs) -> Result<Vec<SaleId>, ReportError> {
        let before = now.plus(-LEFT_BEHIND_MS).0;
        self.ask(operations::NAME, operations::VERSION, |rows, _| {
            let mut found = rows.prepare(
                "SELECT sale_id FROM alerts WHERE cleared_at_ms IS NULL AND sale_id IS NOT NULL
                 GROUP BY sale_id HAVING max(raised_at_ms) < ?",
            )?;
            let sales = found.query_map([before], |row| Ok(SaleId(id_at(row, 0)?)))?;
            Ok(sales.collect::<Result<_, _>>()?)
        })
    }
}

fn position(number: i64) -> Position {
    Position(u64::try_from(number).unwrap_or(0))
}

fn line(row: &Row<'_>) -> rusqlite::Result<AlertLine> {
    let id = |column| -> rusqlite::Result<Option<uuid::Uuid>> {
        let bytes: Option<[u8; 16]> = row.get(column)?;
        Ok(bytes.map(uuid::Uuid::from_bytes))
    };
    let cleared_position: Option<i64> = row.get(11)?;
    let cleared = match cleared_position {
        None => None,
        Some(cleared) => Some(AlertEnd {
            position: position(cleared),
            at: UnixMs(row.get(12)?),
            because: json(row, 13, |text| format!("\"{text}\""))?,
            signals: json(row, 14, str::to_owned)?,
        }),
    };
    Ok(AlertLine {
        position: position(row.get(0)?),
        alert_id: AlertId(id_at(row, 1)?),
        rule: row.get(2)?,
        severity: json(row, 3, |text| format!("\"{text}\""))?,
        sale_id: id(4)?.map(SaleId),
        item_id: id(5)?.map(ItemId),
        sku: row.get(6)?,
        when: row.get(7)?,
        signals: json(row, 8, str::to_owned)?,
        since: UnixMs(row.get(9)?),
        raised_at: UnixMs(row.get(10)?),
        cleared,
    })
}

/// Reads what is kept under its stored name or as JSON.
fn json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
    form: impl FnOnce(&str) -> String,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&form(&text)).map_err(|error| {
        let text = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, text, Box::new(error))
    })
}
