//! Flat tables for analysts: names joined in, times and flags with types of their own, states as words.
//!
//! Unlike the tables of read models, these are an interface: `docs/bi.md` documents each column. All
//! come from one moment of each read model; events of orders come from the log, as far as the read
//! model of orders has come. Rows are written as they are read, in constant memory. Nothing here
//! writes to a read model.

mod column;
mod error;
mod order_events;
mod tables;

use std::{collections::BTreeMap, fmt::Display, path::Path};

use rusqlite::{Connection, OpenFlags, functions::FunctionFlags};

use super::{
    ExportFormat, ReportError, Reports, bounded_sum,
    sql::{self, SqlValue},
    table_file::TableFile,
};
use crate::{
    events::{Position, Recorded},
    projections::{self, orders, read_checkpoint, view_path},
    whole_file::{self, DirectoryDraft, Draft, Finished},
};

pub use column::{BiColumn, BiKind};
pub use error::BiError;
pub use tables::{BI_TABLES, BiTable};

/// The read models that tables come from. Each that another is joined to stands behind it, because
/// their moments are fixed in this order.
const READ_MODELS: [&str; 8] =
    ["operations", "journeys", "timeline", "sales", "stock", "refunds", "orders", "catalog"];

/// The read models at one moment of each.
pub struct Bi {
    rows: Connection,
    positions: BTreeMap<&'static str, Position>,
}

/// One table that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BiFile {
    pub table: &'static str,
    /// Name of the file in the directory.
    pub file: String,
    pub rows: u64,
    /// Of the last event that its rows have seen.
    pub position: Position,
}

impl Reports {
    /// One moment of all read models that the tables come from.
    pub fn bi(&self) -> Result<Bi, ReportError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let rows = Connection::open_in_memory_with_flags(flags)?;
        rows.execute_batch("PRAGMA busy_timeout = 5000; PRAGMA temp_store = MEMORY;")?;
        for name in READ_MODELS {
            let path = view_path(self.data(), name);
            must_be_current(&path, name)?;
            rows.execute("ATTACH ? AS ?", [sql::read_only(&path), name.to_owned()])?;
        }
        sql::add_functions(&rows)?;
        bounded_sum::add_to(&rows)?;
        add_order_state(&rows)?;
        rows.execute_batch("BEGIN")?;
        let mut positions = BTreeMap::new();
        for name in READ_MODELS {
            // Reading it fixes the moment of that file.
            let position = format!("SELECT position FROM {name}.checkpoint");
            let position: i64 = rows.query_row(&position, [], |row| row.get(0))?;
            positions.insert(name, Position(position.try_into().unwrap_or(0)));
        }
        rows.execute_batch(tables::GOODS)?;
        Ok(Bi { rows, positions })
    }
}

impl Bi {
    /// Whether every order and every name that a row is joined with is there: beside a running server
    /// a read model may be ahead of another one for a moment.
    pub fn is_joinable(&self) -> bool {
        let at = |name| self.positions.get(name);
        let orders = at("refunds") <= at("orders");
        orders && self.positions.values().all(|position| Some(position) <= at("catalog"))
    }

    /// Writes all tables into a directory. `page` reads the log: the next events after a position.
    ///
    /// # Errors
    /// When a table cannot be read or written; the error names it.
    pub fn export<E: Display>(
        &self,
        into: &DirectoryDraft,
        format: ExportFormat,
        mut page: impl FnMut(Position) -> Result<Vec<Recorded>, E>,
    ) -> Result<Vec<BiFile>, BiError> {
        let mut exported = Vec::new();
        for table in &BI_TABLES {
            let file = format!("{}.{}", table.name, format.extension());
            let at = |error| BiError::At { table: table.name, file: file.clone(), error };
            let path = into.path().join(&file);
            let (whole, rows) =
                self.write(table, &path, format, &mut page).map_err(|e| at(Box::new(e)))?;
            whole_file::publish([whole]).map_err(|e| at(Box::new(e.into())))?;
            let position = self.positions.get(table.of).copied().unwrap_or_default();
            exported.push(BiFile { table: table.name, file, rows, position });
        }
        Ok(exported)
    }

    fn write<E: Display>(
        &self,
        table: &BiTable,
        path: &Path,
        format: ExportFormat,
        page: impl FnMut(Position) -> Result<Vec<Recorded>, E>,
    ) -> Result<(Finished, u64), BiError> {
        let columns = table.columns.iter().map(BiColumn::of_file).collect();
        let mut file = TableFile::begin(Draft::of(path)?, table.name, columns, format)?;
        let take = |cells| Ok(file.write(cells)?);
        match table.from {
            Some(from) => self.each_row(&table.question(from), take)?,
            None => {
                let until = self.positions.get(table.of).copied().unwrap_or_default();
                order_events::each_event(&self.rows, until, page, take)?;
            }
        }
        let (file, rows) = file.finish()?;
        Ok((file.finish()?, rows))
    }

    fn each_row(
        &self,
        question: &str,
        mut take: impl FnMut(Vec<SqlValue>) -> Result<(), BiError>,
    ) -> Result<(), BiError> {
        let mut query = self.rows.prepare(question)?;
        let count = query.column_count();
        let mut found = query.query([])?;
        while let Some(row) = found.next()? {
            let cells = (0..count).map(|column| row.get_ref(column).map(SqlValue::of));
            take(cells.collect::<Result<_, _>>()?)?;
        }
        Ok(())
    }

    /// How SQLite reads the tables, line by line: for those who check that nothing is sorted.
    pub fn plans(&self) -> rusqlite::Result<Vec<(&'static str, String)>> {
        let mut plans = Vec::new();
        for table in &BI_TABLES {
            let Some(from) = table.from else { continue };
            let plan = format!("EXPLAIN QUERY PLAN {}", table.question(from));
            let mut plan = self.rows.prepare(&plan)?;
            let steps = plan.query_map([], |row| Ok((table.name, row.get(3)?)))?;
            plans.extend(steps.collect::<Result<Vec<_>, _>>()?);
        }
        Ok(plans)
    }
}

impl BiTable {
    fn question(&self, from: &str) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|column| column.sql).collect();
        format!("SELECT {} FROM {from}", columns.join(", "))
    }
}

fn must_be_current(path: &Path, name: &'static str) -> Result<(), ReportError> {
    let known = projections::all().into_iter().find(|projection| projection.name() == name);
    let version = known.ok_or(ReportError::NotReady(name))?.version();
    if !path.exists() {
        return Err(ReportError::NotReady(name));
    }
    let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    read_checkpoint(&file, name, version)?.map(drop).ok_or(ReportError::NotReady(name))
}

/// `order_state(…)` is the word for the number of a state.
fn add_order_state(rows: &Connection) -> rusqlite::Result<()> {
    let pure = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    rows.create_scalar_function("order_state", 1, pure, |call| {
        let number: i64 = call.get(0)?;
        match number {
            orders::HELD => Ok("held"),
            orders::PAID => Ok("paid"),
            orders::CANCELLED => Ok("cancelled"),
            orders::EXPIRED => Ok("expired"),
            orders::REFUNDED => Ok("refunded"),
            other => Err(rusqlite::Error::IntegralValueOutOfRange(0, other)),
        }
    })
}
