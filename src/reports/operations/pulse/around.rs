//! Raised alerts and open incidents, for the pulse of the node.

use rusqlite::{Row, Transaction};

use super::{FiringAlert, OpenIncident, TOLD_MAX};
use crate::{
    projections::operations,
    reports::{ReportError, Reports, id_at},
    values::{AlertId, AlertSeverity, IncidentId, IncidentSeverity, Invalid, SaleId, UnixMs},
};

/// Alerts and incidents as they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Around {
    pub alerts_firing: i64,
    pub alerts: Vec<FiringAlert>,
    pub incidents_open: i64,
    pub incidents: Vec<OpenIncident>,
}

impl Reports {
    /// What goes on around the sales just now.
    pub fn around(&self) -> Result<Around, ReportError> {
        self.ask(operations::NAME, operations::VERSION, |rows, _| {
            let count = |condition: &str| {
                rows.query_row(&format!("SELECT count(*) FROM {condition}"), [], |row| row.get(0))
            };
            Ok(Around {
                alerts_firing: count("alerts WHERE cleared_at_ms IS NULL")?,
                alerts: alerts(rows)?,
                incidents_open: count("incidents WHERE resolved_at_ms IS NULL")?,
                incidents: incidents(rows)?,
            })
        })
    }
}

fn alerts(rows: &Transaction<'_>) -> rusqlite::Result<Vec<FiringAlert>> {
    let mut found = rows.prepare(&format!(
        "SELECT alert_id, rule, severity, sale_id, sku, condition, since_ms, raised_at_ms
         FROM alerts WHERE cleared_at_ms IS NULL ORDER BY position DESC LIMIT {TOLD_MAX}"
    ))?;
    let found = found.query_map([], |row| {
        let severity: String = row.get(2)?;
        let sale: Option<[u8; 16]> = row.get(3)?;
        Ok(FiringAlert {
            alert_id: AlertId(id_at(row, 0)?),
            rule: row.get(1)?,
            severity: AlertSeverity::parse("severity", &severity)
                .map_err(|invalid| unreadable(2, invalid))?,
            sale_id: sale.map(|id| SaleId(uuid::Uuid::from_bytes(id))),
            sku: row.get(4)?,
            condition: row.get(5)?,
            since: UnixMs(row.get(6)?),
            raised_at: UnixMs(row.get(7)?),
        })
    })?;
    found.collect()
}

fn incidents(rows: &Transaction<'_>) -> rusqlite::Result<Vec<OpenIncident>> {
    let mut found = rows.prepare(&format!(
        "SELECT incident_id, sale_id, title, severity, owner, began_at_ms, detected_at_ms, revision
         FROM incidents WHERE resolved_at_ms IS NULL ORDER BY position DESC LIMIT {TOLD_MAX}"
    ))?;
    let found = found.query_map([], incident)?;
    found.collect()
}

fn incident(row: &Row<'_>) -> rusqlite::Result<OpenIncident> {
    let severity: Option<String> = row.get(3)?;
    let severity = severity.map(|name| IncidentSeverity::parse("severity", &name)).transpose();
    Ok(OpenIncident {
        incident_id: IncidentId(id_at(row, 0)?),
        sale_id: SaleId(id_at(row, 1)?),
        title: row.get(2)?,
        severity: severity.map_err(|invalid| unreadable(3, invalid))?,
        owner: row.get(4)?,
        began_at: UnixMs(row.get(5)?),
        detected_at: UnixMs(row.get(6)?),
        revision: row.get(7)?,
    })
}

fn unreadable(column: usize, why: Invalid) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(why))
}
