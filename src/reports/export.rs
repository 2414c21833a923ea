//! Every table of every read model as a file of its own, CSV or Parquet, for other programs.
//!
//! Rows are written in the order of their primary keys, so the same read models make the same
//! files, and in constant memory. What belongs to the machinery of a read model (checkpoint,
//! revisions of streams) is left out: it is no figure. Nothing here writes to a read model.

use std::{
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    ReportError, Reports,
    sql::SqlValue,
    table_file::{Column, ExportFormat, Kind, TableError, TableFile},
};
use crate::{
    projections::{self, read_checkpoint, view_path},
    whole_file::{self, Draft, Finished},
};

/// Tables that are not exported: of the bookkeeping, and by which orders are found.
const MACHINERY: [&str; 3] = ["checkpoint", "streams", "id_runs"];

/// One file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    pub path: PathBuf,
    pub read_model: &'static str,
    pub table: String,
    pub rows: u64,
}

/// Why an export ended early. Files of an earlier one are as they were, or new and whole.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("{} cannot be written: {error}", path.display())]
    File { path: PathBuf, error: TableError },
}

impl ExportError {
    pub(super) fn at(path: &Path, error: impl Into<TableError>) -> Self {
        Self::File { path: path.to_owned(), error: error.into() }
    }
}

impl Reports {
    /// Writes every table into the directory `out`, as `<read model>.<table>.csv` or `.parquet`.
    /// The files get their names when all of them are complete.
    pub fn export(&self, out: &Path, format: ExportFormat) -> Result<Vec<Exported>, ExportError> {
        let (mut exported, mut files) = (Vec::new(), Vec::new());
        for projection in projections::all() {
            let name = projection.name();
            let mut file = self.read(name).map_err(ReportError::from)?;
            // One moment of this read model in all its tables.
            let rows = file.transaction().map_err(ReportError::from)?;
            let current = read_checkpoint(&rows, name, projection.version());
            if current.map_err(ReportError::from)?.is_none() {
                return Err(ReportError::NotReady(name).into());
            }
            for table in tables(&rows).map_err(ReportError::from)? {
                let path = out.join(format!("{name}.{table}.{}", format.extension()));
                let (file, written) = write(&rows, &table, &path, format)?;
                files.push(file);
                exported.push(Exported { path, read_model: name, table, rows: written });
            }
        }
        whole_file::publish(files).map_err(|error| ExportError::at(out, error))?;
        Ok(exported)
    }

    fn read(&self, name: &'static str) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let file = Connection::open_with_flags(view_path(self.data(), name), flags)?;
        file.execute_batch("PRAGMA busy_timeout = 5000")?;
        Ok(file)
    }
}

fn tables(rows: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut query = rows.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
         ORDER BY name",
    )?;
    let names = query.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()?;
    Ok(names.into_iter().filter(|name| !MACHINERY.contains(&name.as_str())).collect())
}

/// Columns of a table and those of its primary key.
fn columns(rows: &Connection, table: &str) -> rusqlite::Result<(Vec<Column>, Vec<String>)> {
    let mut query = rows.prepare("SELECT name, type, pk FROM pragma_table_info(?)")?;
    let found = query.query_map([table], |row| {
        let (name, declared): (String, String) = (row.get(0)?, row.get(1)?);
        let kind = match declared.as_str() {
            "INTEGER" => Kind::Integer,
            "BLOB" if !name.ends_with("_id") => Kind::Bytes,
            _ => Kind::Text,
        };
        Ok((row.get::<_, i64>(2)?, Column { name: name.into(), kind, required: false }))
    })?;
    let found = found.collect::<Result<Vec<_>, _>>()?;
    let mut key: Vec<(i64, String)> = found
        .iter()
        .filter(|(place, _)| *place > 0)
        .map(|(place, column)| (*place, column.name.clone().into_owned()))
        .collect();
    key.sort();
    let key = key.into_iter().map(|(_, name)| name).collect();
    Ok((found.into_iter().map(|(_, column)| column).collect(), key))
}

/// Gives each row of a table to `take`, in the order of its primary key.
fn each_row<E: From<ReportError>>(
    rows: &Connection,
    table: &str,
    key: &[String],
    mut take: impl FnMut(Vec<SqlValue>) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |error: rusqlite::Error| E::from(ReportError::from(error));
    let order = key.join("\", \"");
    let mut query =
        rows.prepare(&format!("SELECT * FROM \"{table}\" ORDER BY \"{order}\"")).map_err(failed)?;
    let count = query.column_count();
    let mut found = query.query([]).map_err(failed)?;
    while let Some(row) = found.next().map_err(failed)? {
        let cells = (0..count).map(|column| row.get_ref(column).map(SqlValue::of));
        take(cells.collect::<Result<_, _>>().map_err(failed)?)?;
    }
    Ok(())
}

fn write(
    rows: &Connection,
    table: &str,
    path: &Path,
    format: ExportFormat,
) -> Result<(Finished, u64), ExportError> {
    let unwritten = |error: io::Error| ExportError::at(path, error);
    let failed = |error: TableError| ExportError::at(path, error);
    let (columns, key) = columns(rows, table).map_err(ReportError::from)?;
    let file = Draft::of(path).map_err(unwritten)?;
    let mut file = TableFile::begin(file, table, columns, format).map_err(failed)?;
    each_row(rows, table, &key, |cells| file.write(cells).map_err(failed))?;
    let (file, written) = file.finish().map_err(failed)?;
    Ok((file.finish().map_err(unwritten)?, written))
}
