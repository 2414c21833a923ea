//! Every table of every read model as a file of its own, CSV or Parquet, for other programs.
//!
//! Rows are written in the order of their primary keys, so the same read models make the same
//! files, and in constant memory. What belongs to the machinery of a read model (checkpoint,
//! revisions of streams) is left out: it is no figure. Nothing here writes to a read model.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use parquet::{
    basic::{LogicalType, Repetition, Type as Physical},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::Type,
};
use rusqlite::{Connection, OpenFlags};

use super::{CsvManner, ReportError, Reports, sql::SqlValue};
use crate::{
    projections::{self, read_checkpoint, view_path},
    whole_file::{self, Draft, Finished},
};

/// Tables that are not exported: of the bookkeeping, and by which orders are found.
const MACHINERY: [&str; 3] = ["checkpoint", "streams", "id_runs"];

/// Rows that are kept in memory on their way into a Parquet file, one row group, and their bytes.
const GROUP_ROWS: usize = 65_536;
const GROUP_BYTES: usize = 16 << 20;

/// What kind of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    Csv(CsvManner),
    Parquet,
}

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
    File { path: PathBuf, error: io::Error },
    #[error("{} cannot be written: {error}", path.display())]
    Parquet { path: PathBuf, error: ParquetError },
}

/// A column as the read model declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    kind: Kind,
}

/// What a column holds in a file. Ids are 16 bytes in a read model and text outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Text,
    Bytes,
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
                let extension = match format {
                    ExportFormat::Csv(_) => "csv",
                    ExportFormat::Parquet => "parquet",
                };
                let path = out.join(format!("{name}.{table}.{extension}"));
                let (file, written) = match format {
                    ExportFormat::Csv(manner) => write_csv(&rows, &table, &path, manner)?,
                    ExportFormat::Parquet => write_parquet(&rows, &table, &path)?,
                };
                files.push(file);
                exported.push(Exported { path, read_model: name, table, rows: written });
            }
        }
        whole_file::publish(files)
            .map_err(|error| ExportError::File { path: out.to_owned(), error })?;
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
        Ok((row.get::<_, i64>(2)?, Column { name, kind }))
    })?;
    let found = found.collect::<Result<Vec<_>, _>>()?;
    let mut key: Vec<(i64, String)> = found
        .iter()
        .filter(|(place, _)| *place > 0)
        .map(|(place, column)| (*place, column.name.clone()))
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
) -> Result<u64, E> {
    let failed = |error: rusqlite::Error| E::from(ReportError::from(error));
    let order = key.join("\", \"");
    let mut query =
        rows.prepare(&format!("SELECT * FROM \"{table}\" ORDER BY \"{order}\"")).map_err(failed)?;
    let count = query.column_count();
    let mut found = query.query([]).map_err(failed)?;
    let mut written = 0;
    while let Some(row) = found.next().map_err(failed)? {
        let cells = (0..count).map(|column| row.get_ref(column).map(SqlValue::of));
        take(cells.collect::<Result<_, _>>().map_err(failed)?)?;
        written += 1;
    }
    Ok(written)
}

fn write_csv(
    rows: &Connection,
    table: &str,
    path: &Path,
    manner: CsvManner,
) -> Result<(Finished, u64), ExportError> {
    let failed = |error| ExportError::File { path: path.to_owned(), error };
    let (columns, key) = columns(rows, table).map_err(ReportError::from)?;
    let mut file = Draft::of(path).map_err(failed)?;
    file.write_all(manner.mark().as_bytes()).map_err(failed)?;
    let mut csv = csv::Writer::from_writer(file);
    let header = csv.write_record(columns.iter().map(|column| &column.name));
    header.map_err(|error| failed(error.into()))?;
    let written = each_row(rows, table, &key, |cells| {
        let cells = cells.iter().map(|cell| match cell {
            SqlValue::Text(text) => manner.text(text).into_owned(),
            other => other.to_string(),
        });
        csv.write_record(cells).map_err(|error| failed(error.into()))
    })?;
    let file = csv.into_inner().map_err(|error| failed(error.into_error()))?;
    Ok((file.finish().map_err(failed)?, written))
}

fn write_parquet(
    rows: &Connection,
    table: &str,
    path: &Path,
) -> Result<(Finished, u64), ExportError> {
    let unwritten = |error| ExportError::File { path: path.to_owned(), error };
    let failed = |error| ExportError::Parquet { path: path.to_owned(), error };
    let (columns, key) = columns(rows, table).map_err(ReportError::from)?;
    let file = Draft::of(path).map_err(unwritten)?;
    let schema = Arc::new(schema(table, &columns).map_err(failed)?);
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(file, schema, properties).map_err(failed)?;
    let (mut group, mut bytes): (Vec<Vec<SqlValue>>, usize) = (Vec::new(), 0);
    let written = each_row::<ExportError>(rows, table, &key, |cells| {
        bytes += cells.iter().map(SqlValue::bytes).sum::<usize>();
        group.push(cells);
        if group.len() == GROUP_ROWS || bytes >= GROUP_BYTES {
            write_group(&mut writer, &columns, &group).map_err(failed)?;
            (group, bytes) = (Vec::new(), 0);
        }
        Ok(())
    })?;
    if !group.is_empty() {
        write_group(&mut writer, &columns, &group).map_err(failed)?;
    }
    let file = writer.into_inner().map_err(failed)?;
    Ok((file.finish().map_err(unwritten)?, written))
}

fn schema(table: &str, columns: &[Column]) -> Result<Type, ParquetError> {
    let fields = columns.iter().map(|Column { name, kind }| {
        let (physical, logical) = match kind {
            Kind::Integer => (Physical::INT64, None),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Bytes => (Physical::BYTE_ARRAY, None),
        };
        Type::primitive_type_builder(name, physical)
            .with_logical_type(logical)
            .with_repetition(Repetition::OPTIONAL)
            .build()
            .map(Arc::new)
    });
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder(table).with_fields(fields).build()
}

fn write_group(
    writer: &mut SerializedFileWriter<Draft>,
    columns: &[Column],
    rows: &[Vec<SqlValue>],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    for (index, column) in columns.iter().enumerate() {
        let Some(mut into) = group.next_column()? else { break };
        let cells = rows.iter().filter_map(|row| row.get(index));
        // 1 where there is a value, 0 where there is none.
        let levels: Vec<i16> =
            cells.clone().map(|cell| i16::from(*cell != SqlValue::Null)).collect();
        let cells = cells.filter(|cell| **cell != SqlValue::Null);
        match into.untyped() {
            ColumnWriter::Int64ColumnWriter(typed) => {
                let numbers = cells.map(|cell| integer(cell, column));
                let numbers = numbers.collect::<Result<Vec<i64>, _>>()?;
                typed.write_batch(&numbers, Some(&levels), None)?;
            }
            ColumnWriter::ByteArrayColumnWriter(typed) => {
                let values: Vec<ByteArray> = cells.map(bytes).collect();
                typed.write_batch(&values, Some(&levels), None)?;
            }
            // The schema names no other type.
            _ => return Err(ParquetError::General(format!("{} has no type", column.name))),
        }
        into.close()?;
    }
    group.close()?;
    Ok(())
}

fn integer(cell: &SqlValue, column: &Column) -> Result<i64, ParquetError> {
    match cell {
        SqlValue::Integer(number) => Ok(*number),
        // SQLite lets a column hold anything; our projections do not.
        other => Err(ParquetError::General(format!("{} holds {other}", column.name))),
    }
}

fn bytes(cell: &SqlValue) -> ByteArray {
    match cell {
        SqlValue::Bytes(bytes) => ByteArray::from(bytes.clone()),
        other => ByteArray::from(other.to_string().into_bytes()),
    }
}
