//! Incidents: the list of them, and each with its steps.

mod impact;
mod loss;

use rusqlite::{Row, Transaction, params, types::Value};

use crate::{
    projections::{Checkpoint, operations},
    reports::{Page, Paging, ReportError, Reports, filter::Filter, id_at, paging::Sizes},
    values::{AlertId, IncidentId, IncidentSeverity, ItemId, SaleId, UnixMs},
};

pub use impact::{IMPACT_MINUTES_MAX, Impact, ImpactMinute, ImpactUntil};
pub use loss::{Basis, Loss, Plan, loss};

const SIZES: Sizes = Sizes { default: 50, max: 1_000 };

const COLUMNS: &str = "position, incident_id, sale_id, items, title, alert_id, rule, severity,
    impact, owner, cause, lessons, began_at_ms, detected_at_ms, ended_at_ms, resolved_at_ms,
    reviewed_at_ms, revision";

/// Which incidents.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IncidentsQuery {
    pub sale_id: Option<SaleId>,
    /// Only those that are not resolved.
    pub open: bool,
    /// Incidents in the answer: 1 to 1,000; 0 means 50.
    pub paging: Paging,
}

/// One incident as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentLine {
    pub incident_id: IncidentId,
    pub sale_id: SaleId,
    /// Empty where it is about the whole sale.
    pub items: Vec<ItemId>,
    pub title: String,
    /// The alert that noticed it, and its rule; absent where a person did.
    pub alert: Option<(AlertId, String)>,
    /// Absent until it was assessed, like impact and owner.
    pub severity: Option<IncidentSeverity>,
    pub impact: String,
    pub owner: String,
    /// Absent until it was looked back on.
    pub cause: String,
    pub lessons: String,
    pub began_at: UnixMs,
    pub detected_at: UnixMs,
    pub ended_at: Option<UnixMs>,
    pub resolved_at: Option<UnixMs>,
    pub reviewed_at: Option<UnixMs>,
    pub revision: i64,
}

/// One step of an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentStepLine {
    /// Stored name of the event, for example `IncidentAssessed`.
    pub kind: String,
    pub at: UnixMs,
    pub operator: String,
    pub reason: String,
    /// What it says, as a JSON object.
    pub details: String,
    pub revision: i64,
}

/// An incident with everything about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentRecord {
    pub incident: IncidentLine,
    pub steps: Vec<IncidentStepLine>,
    pub checkpoint: Checkpoint,
}

impl Reports {
    /// Incidents, newest first.
    pub fn incidents(&self, query: &IncidentsQuery) -> Result<Page<IncidentLine>, ReportError> {
        let sale = query.sale_id.map(|sale| sale.0.as_bytes().to_vec());
        let question =
            [b"incidents".as_slice(), sale.as_deref().unwrap_or_default(), &[query.open.into()]];
        let cut = query.paging.cut(SIZES, question)?;
        self.ask(operations::NAME, operations::VERSION, |rows, checkpoint| {
            let mut filter = Filter::default();
            filter.and_given("sale_id = ?", sale.map(Value::Blob));
            filter.and_given("position < ?", cut.after.map(|[position]| position));
            let open = if query.open { "AND ended_at_ms IS NULL" } else { "" };
            let mut found = rows.prepare(&format!(
                "SELECT {COLUMNS} FROM incidents WHERE {} {open}
                 ORDER BY position DESC LIMIT {}",
                filter.condition(),
                cut.limit()
            ))?;
            let lines =
                found.query_map(filter.parameters(), |row| Ok(([row.get(0)?], line_at(row)?)))?;
            Ok(cut.page(lines.collect::<Result<_, _>>()?, checkpoint))
        })
    }

    /// One incident and its steps.
    pub fn incident(&self, incident_id: IncidentId) -> Result<IncidentRecord, ReportError> {
        self.ask(operations::NAME, operations::VERSION, |rows, checkpoint| {
            let key = incident_id.0.as_bytes().as_slice();
            let mut found =
                rows.prepare(&format!("SELECT {COLUMNS} FROM incidents WHERE incident_id = ?"))?;
            let mut found = found.query_map([key], line_at)?;
            let incident = found.next().ok_or(ReportError::NotFound("incident_id"))??;
            Ok(IncidentRecord { incident, steps: steps(rows, incident_id)?, checkpoint })
        })
    }

    /// Incidents of a sale that are open and concern an item, oldest first, of many the last hundred.
    pub fn open_incidents_of(
        &self,
        sale_id: SaleId,
        item_id: ItemId,
    ) -> Result<Vec<IncidentLine>, ReportError> {
        self.ask(operations::NAME, operations::VERSION, |rows, _| {
            let mut found = rows.prepare(&format!(
                "SELECT {COLUMNS} FROM incidents
                 WHERE sale_id = ?1 AND ended_at_ms IS NULL AND (items = '[]' OR EXISTS (
                     SELECT 1 FROM json_each(items) AS item WHERE item.value = ?2))
                 ORDER BY position DESC LIMIT 100"
            ))?;
            let bounds = params![sale_id.0.as_bytes().as_slice(), item_id.to_string()];
            let mut lines: Vec<IncidentLine> =
                found.query_map(bounds, line_at)?.collect::<Result<_, _>>()?;
            lines.reverse();
            Ok(lines)
        })
    }
}

fn steps(
    rows: &Transaction<'_>,
    incident_id: IncidentId,
) -> Result<Vec<IncidentStepLine>, ReportError> {
    let mut found = rows.prepare(
        "SELECT kind, at_ms, operator, reason, details, revision FROM incident_steps
         WHERE incident_id = ? ORDER BY revision",
    )?;
    let steps = found.query_map([incident_id.0.as_bytes().as_slice()], |row| {
        Ok(IncidentStepLine {
            kind: row.get(0)?,
            at: UnixMs(row.get(1)?),
            operator: row.get(2)?,
            reason: row.get(3)?,
            details: row.get(4)?,
            revision: row.get(5)?,
        })
    })?;
    Ok(steps.collect::<Result<_, _>>()?)
}

fn line_at(row: &Row<'_>) -> rusqlite::Result<IncidentLine> {
    let items: String = row.get(3)?;
    let alert: Option<[u8; 16]> = row.get(5)?;
    let rule: Option<String> = row.get(6)?;
    let alert = alert.map(|id| AlertId(uuid::Uuid::from_bytes(id)));
    let severity: Option<String> = row.get(7)?;
    let text = |column| row.get::<_, Option<String>>(column);
    let moment = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(column)?.map(UnixMs));
    Ok(IncidentLine {
        incident_id: IncidentId(id_at(row, 1)?),
        sale_id: SaleId(id_at(row, 2)?),
        // The projection wrote it from ids.
        items: serde_json::from_str(&items).unwrap_or_default(),
        title: row.get(4)?,
        alert: alert.zip(rule),
        severity: severity.and_then(|name| IncidentSeverity::parse("severity", &name).ok()),
        impact: text(8)?.unwrap_or_default(),
        owner: text(9)?.unwrap_or_default(),
        cause: text(10)?.unwrap_or_default(),
        lessons: text(11)?.unwrap_or_default(),
        began_at: UnixMs(row.get(12)?),
        detected_at: UnixMs(row.get(13)?),
        ended_at: moment(14)?,
        resolved_at: moment(15)?,
        reviewed_at: moment(16)?,
        revision: row.get(17)?,
    })
}
