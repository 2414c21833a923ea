//! One table as a file, CSV or Parquet, written row by row and in constant memory.
//!
//! A Parquet file is written in row groups: the rows of one are kept in memory, column by column they
//! leave it. Nothing here knows where rows come from.

use std::{borrow::Cow, io, sync::Arc};

use parquet::{
    basic::{LogicalType, Repetition, TimeUnit, Type as Physical},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    errors::ParquetError,
    file::{properties::WriterProperties, writer::SerializedFileWriter},
    schema::types::Type,
};

use super::{CsvManner, sql::SqlValue};
use crate::values::UnixMs;

/// Rows that are kept in memory on their way into a Parquet file, one row group, and their bytes.
const GROUP_ROWS: usize = 65_536;
const GROUP_BYTES: usize = 16 << 20;

/// What kind of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    Csv(CsvManner),
    Parquet,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub name: Cow<'static, str>,
    pub kind: Kind,
    /// Whether every row has a value in it.
    pub required: bool,
}

/// What a column holds in a file. Ids are 16 bytes in a read model and text outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    Text,
    Bytes,
    /// Milliseconds since the Unix epoch, UTC.
    Time,
    /// 0 or 1.
    Flag,
}

/// Why a table was not written.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error("{}", said(.0))]
    Parquet(#[from] ParquetError),
    /// A row that the table cannot have.
    #[error("{0}")]
    Row(String),
}

/// A table on its way into a file.
pub(super) struct TableFile<W: io::Write + Send> {
    columns: Vec<Column>,
    form: Form<W>,
    rows: u64,
}

enum Form<W: io::Write + Send> {
    Csv { csv: csv::Writer<W>, manner: CsvManner },
    Parquet { file: SerializedFileWriter<W>, group: Vec<Vec<SqlValue>>, bytes: usize },
}

/// What went wrong in the file below, without the library's word for it.
fn said(error: &ParquetError) -> String {
    match error {
        ParquetError::External(error) => error.to_string(),
        other => other.to_string(),
    }
}

impl ExportFormat {
    /// How names of such files end.
    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::Parquet => "parquet",
        }
    }
}

impl<W: io::Write + Send> TableFile<W> {
    /// Begins the table of that name.
    pub fn begin(
        mut to: W,
        table: &str,
        columns: Vec<Column>,
        format: ExportFormat,
    ) -> Result<Self, TableError> {
        let form = match format {
            ExportFormat::Csv(manner) => {
                to.write_all(manner.mark().as_bytes())?;
                let mut csv = csv::Writer::from_writer(to);
                let header = csv.write_record(columns.iter().map(|column| &*column.name));
                header.map_err(io::Error::from)?;
                Form::Csv { csv, manner }
            }
            ExportFormat::Parquet => {
                let schema = Arc::new(schema(table, &columns)?);
                let properties = Arc::new(WriterProperties::builder().build());
                let file = SerializedFileWriter::new(to, schema, properties)?;
                Form::Parquet { file, group: Vec::new(), bytes: 0 }
            }
        };
        Ok(Self { columns, form, rows: 0 })
    }

    /// Adds a row: one cell for each column.
    pub fn write(&mut self, cells: Vec<SqlValue>) -> Result<(), TableError> {
        self.rows += 1;
        for (column, cell) in self.columns.iter().zip(&cells) {
            column.check(cell, self.rows)?;
        }
        match &mut self.form {
            Form::Csv { csv, manner } => {
                let cells = self.columns.iter().zip(&cells);
                let cells = cells.map(|(column, cell)| text_of(column.kind, cell, *manner));
                csv.write_record(cells.map(Cow::into_owned)).map_err(io::Error::from)?;
            }
            Form::Parquet { file, group, bytes } => {
                *bytes += cells.iter().map(SqlValue::bytes).sum::<usize>();
                group.push(cells);
                if group.len() == GROUP_ROWS || *bytes >= GROUP_BYTES {
                    write_group(file, &self.columns, group)?;
                    group.clear();
                    *bytes = 0;
                }
            }
        }
        Ok(())
    }

    /// Ends the table; gives the file and the number of its rows.
    pub fn finish(self) -> Result<(W, u64), TableError> {
        let file = match self.form {
            Form::Csv { csv, .. } => csv.into_inner().map_err(csv::IntoInnerError::into_error)?,
            Form::Parquet { mut file, group, .. } => {
                if !group.is_empty() {
                    write_group(&mut file, &self.columns, &group)?;
                }
                file.into_inner()?
            }
        };
        Ok((file, self.rows))
    }
}

impl Column {
    /// Refuses what the column does not hold.
    fn check(&self, cell: &SqlValue, row: u64) -> Result<(), TableError> {
        let problem = match (self.kind, cell) {
            (_, SqlValue::Null) if self.required => "has no value".to_owned(),
            (_, SqlValue::Null) | (Kind::Time, SqlValue::Integer(_)) => return Ok(()),
            (Kind::Time, other) => format!("holds {other}, which is no time"),
            (Kind::Flag, SqlValue::Integer(0 | 1)) => return Ok(()),
            (Kind::Flag, other) => format!("holds {other}, which is neither 0 nor 1"),
            (Kind::Integer | Kind::Text | Kind::Bytes, _) => return Ok(()),
        };
        Err(TableError::Row(format!("column {} of row {row} {problem}", self.name)))
    }
}

/// A cell as it stands in CSV.
fn text_of(kind: Kind, cell: &SqlValue, manner: CsvManner) -> Cow<'_, str> {
    match (kind, cell) {
        (_, SqlValue::Text(text)) => manner.text(text),
        (Kind::Time, SqlValue::Integer(ms)) => UnixMs(*ms).to_string().into(),
        (Kind::Flag, SqlValue::Integer(flag)) => (if *flag == 1 { "true" } else { "false" }).into(),
        (_, other) => other.to_string().into(),
    }
}

fn schema(table: &str, columns: &[Column]) -> Result<Type, ParquetError> {
    let fields = columns.iter().map(|Column { name, kind, required }| {
        let (physical, logical) = match kind {
            Kind::Integer => (Physical::INT64, None),
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Bytes => (Physical::BYTE_ARRAY, None),
            Kind::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
            Kind::Flag => (Physical::BOOLEAN, None),
        };
        let repetition = if *required { Repetition::REQUIRED } else { Repetition::OPTIONAL };
        Type::primitive_type_builder(name, physical)
            .with_logical_type(logical)
            .with_repetition(repetition)
            .build()
            .map(Arc::new)
    });
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder(table).with_fields(fields).build()
}

fn write_group<W: io::Write + Send>(
    file: &mut SerializedFileWriter<W>,
    columns: &[Column],
    rows: &[Vec<SqlValue>],
) -> Result<(), ParquetError> {
    let mut group = file.next_row_group()?;
    for (index, column) in columns.iter().enumerate() {
        let Some(mut into) = group.next_column()? else { break };
        let cells = rows.iter().filter_map(|row| row.get(index));
        // 1 where there is a value, 0 where there is none.
        let levels = cells.clone().map(|cell| i16::from(*cell != SqlValue::Null));
        let levels: Option<Vec<i16>> = (!column.required).then(|| levels.collect());
        let levels = levels.as_deref();
        let cells = cells.filter(|cell| **cell != SqlValue::Null);
        match into.untyped() {
            ColumnWriter::Int64ColumnWriter(typed) => {
                let numbers = cells.map(|cell| integer(cell, column));
                let numbers = numbers.collect::<Result<Vec<i64>, _>>()?;
                typed.write_batch(&numbers, levels, None)?;
            }
            ColumnWriter::BoolColumnWriter(typed) => {
                let flags = cells.map(|cell| integer(cell, column).map(|flag| flag == 1));
                let flags = flags.collect::<Result<Vec<bool>, _>>()?;
                typed.write_batch(&flags, levels, None)?;
            }
            ColumnWriter::ByteArrayColumnWriter(typed) => {
                let values: Vec<ByteArray> = cells.map(bytes).collect();
                typed.write_batch(&values, levels, None)?;
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
