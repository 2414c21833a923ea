//! The changes of the service level, newest first.

use rusqlite::{Row, types::Type};
use uuid::Uuid;

use crate::{
    projections::operations,
    reports::{Page, Paging, ReportError, Reports, filter::Filter, paging::Sizes},
    values::{AlertId, ServiceLevel, UnixMs},
};

const SIZES: Sizes = Sizes { default: 100, max: 1_000 };

/// Which changes of the level: all of them, in pages.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceLevelsQuery {
    /// Changes in the answer: 1 to 1,000; 0 means 100.
    pub paging: Paging,
}

/// One time that the level was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceLevelLine {
    pub level: ServiceLevel,
    pub before: ServiceLevel,
    /// The alert that asked for it; absent where a person did.
    pub alert_id: Option<AlertId>,
    pub operator: String,
    pub reason: String,
    pub from: UnixMs,
    /// When the next one was set; absent while it is in force.
    pub until: Option<UnixMs>,
    /// Of the event in the level's stream.
    pub revision: i64,
}

impl Reports {
    /// Changes of the level, newest first.
    pub fn levels(
        &self,
        query: &ServiceLevelsQuery,
    ) -> Result<Page<ServiceLevelLine>, ReportError> {
        let cut = query.paging.cut(SIZES, [b"levels".as_slice()])?;
        self.ask(operations::NAME, operations::VERSION, |rows, checkpoint| {
            let [before] = cut.after.unwrap_or([i64::MAX]);
            let mut filter = Filter::default();
            filter.and("revision < ?", before);
            let mut found = rows.prepare(&format!(
                "SELECT revision, level, before, alert_id, operator, reason, from_ms, until_ms
                 FROM levels WHERE {} ORDER BY revision DESC LIMIT {}",
                filter.condition(),
                cut.limit()
            ))?;
            let lines =
                found.query_map(filter.parameters(), |row| Ok(([row.get(0)?], line(row)?)))?;
            Ok(cut.page(lines.collect::<Result<_, _>>()?, checkpoint))
        })
    }
}

fn line(row: &Row<'_>) -> rusqlite::Result<ServiceLevelLine> {
    let alert: Option<[u8; 16]> = row.get(3)?;
    let until: Option<i64> = row.get(7)?;
    Ok(ServiceLevelLine {
        level: level_at(row, 1)?,
        before: level_at(row, 2)?,
        alert_id: alert.map(|id| AlertId(Uuid::from_bytes(id))),
        operator: row.get(4)?,
        reason: row.get(5)?,
        from: UnixMs(row.get(6)?),
        until: until.map(UnixMs),
        revision: row.get(0)?,
    })
}

fn level_at(row: &Row<'_>, column: usize) -> rusqlite::Result<ServiceLevel> {
    let name: String = row.get(column)?;
    ServiceLevel::parse("level", &name).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}
