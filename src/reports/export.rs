//! Every table of every read model as a file, for other tools: CSV or Parquet.
//!
//! Rows stream, so memory does not grow with them. Ids are written as UUIDs, other blobs in
//! hexadecimal; everything else keeps its type. A file is written under another name first, so that
//! one with its own name is whole.

mod columns;

use std::{
    fs::{self, File},
    io::{self, BufWriter},
    path::Path,
};

use rusqlite::{Transaction, types::ValueRef};

use self::columns::ParquetFile;
use super::{Cell, ReportError, Reports, spreadsheet_safe};
use crate::projections;

/// Form of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    Csv,
    Parquet,
}

/// A file that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Its name in the directory, for example `orders.orders.csv`.
    pub file: String,
    pub rows: u64,
}

/// Why tables were not exported. Files that were finished before stay.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    #[error(transparent)]
    Report(#[from] ReportError),
    #[error("{file}: {source}")]
    File { file: String, source: io::Error },
    #[error("{file}: {problem}")]
    Form { file: String, problem: String },
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Column {
    name: String,
    whole: bool,
    /// Whether it can be null.
    optional: bool,
}

impl Reports {
    /// Writes every table of every read model that is there into a directory, each read model as it
    /// is at one moment. `told` hears of each file.
    ///
    /// # Errors
    /// When a read model cannot be read or a file not be written.
    pub fn export(
        &self,
        out: &Path,
        form: ExportForm,
        mut told: impl FnMut(Exported),
    ) -> Result<(), ExportError> {
        let failed = |source| ExportError::File { file: out.display().to_string(), source };
        fs::create_dir_all(out).map_err(failed)?;
        for projection in projections::all() {
            let name = projection.name();
            let written = self.ask(name, projection.version(), |rows, _| {
                Ok(export_model(rows, name, out, form, &mut told))
            });
            match written {
                Err(ReportError::NotReady(_)) => {}
                Err(error) => return Err(error.into()),
                Ok(written) => written?,
            }
        }
        Ok(())
    }
}

fn export_model(
    rows: &Transaction<'_>,
    model: &str,
    out: &Path,
    form: ExportForm,
    told: &mut impl FnMut(Exported),
) -> Result<(), ExportError> {
    let tables = (|| {
        let mut found = rows.prepare(
            "SELECT name FROM sqlite_schema
             WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )?;
        let tables = found.query_map([], |row| row.get::<_, String>(0))?;
        tables.collect::<Result<Vec<_>, _>>()
    })();
    for table in tables.map_err(ReportError::from)? {
        let columns = columns_of(rows, &table).map_err(ReportError::from)?;
        let ending = match form {
            ExportForm::Csv => "csv",
            ExportForm::Parquet => "parquet",
        };
        let file = format!("{model}.{table}.{ending}");
        let failed = |source| ExportError::File { file: file.clone(), source };
        let unfinished = out.join(format!("{file}.unfinished"));
        let target = File::create(&unfinished).map_err(failed)?;
        let count = match form {
            ExportForm::Csv => write_csv(rows, &table, &columns, target),
            ExportForm::Parquet => write_parquet(rows, &table, &columns, target),
        };
        let count = count.map_err(|why| match why {
            Why::Rows(error) => ExportError::Report(error.into()),
            Why::Form(problem) => ExportError::Form { file: file.clone(), problem },
        })?;
        fs::rename(&unfinished, out.join(&file)).map_err(failed)?;
        told(Exported { file, rows: count });
    }
    Ok(())
}

/// What went wrong with one table.
enum Why {
    Rows(rusqlite::Error),
    Form(String),
}

impl From<rusqlite::Error> for Why {
    fn from(error: rusqlite::Error) -> Self {
        Self::Rows(error)
    }
}

impl From<csv::Error> for Why {
    fn from(error: csv::Error) -> Self {
        Self::Form(error.to_string())
    }
}

fn columns_of(rows: &Transaction<'_>, table: &str) -> rusqlite::Result<Vec<Column>> {
    let mut found =
        rows.prepare("SELECT name, type, \"notnull\" OR pk > 0 FROM pragma_table_info(?)")?;
    let columns = found.query_map([table], |row| {
        let declared: String = row.get(1)?;
        Ok(Column {
            name: row.get(0)?,
            whole: declared == "INTEGER",
            optional: !row.get::<_, bool>(2)?,
        })
    })?;
    columns.collect()
}

/// The rows of a table in the order of its key.
fn each_row(
    rows: &Transaction<'_>,
    table: &str,
    columns: &[Column],
    mut row: impl FnMut(&[ValueRef<'_>]) -> Result<(), Why>,
) -> Result<u64, Why> {
    let names: Vec<String> = columns.iter().map(|column| format!("\"{}\"", column.name)).collect();
    let mut found = rows.prepare(&format!("SELECT {} FROM \"{table}\"", names.join(", ")))?;
    let mut found = found.query([])?;
    let mut count = 0;
    while let Some(line) = found.next()? {
        let cells: Vec<ValueRef<'_>> =
            (0..columns.len()).map(|column| line.get_ref(column)).collect::<Result<_, _>>()?;
        row(&cells)?;
        count += 1;
    }
    Ok(count)
}

fn write_csv(
    rows: &Transaction<'_>,
    table: &str,
    columns: &[Column],
    file: File,
) -> Result<u64, Why> {
    let mut csv = csv::Writer::from_writer(BufWriter::new(file));
    csv.write_record(columns.iter().map(|column| &column.name))?;
    let count = each_row(rows, table, columns, |cells| {
        for cell in cells {
            let text = Cell::of(*cell).into_text();
            csv.write_field(spreadsheet_safe(&text).as_bytes())?;
        }
        Ok(csv.write_record(None::<&[u8]>)?)
    })?;
    let file = csv.into_inner().map_err(|error| Why::Form(error.to_string()))?;
    file.into_inner().map_err(|error| Why::Form(error.to_string()))?;
    Ok(count)
}

fn write_parquet(
    rows: &Transaction<'_>,
    table: &str,
    columns: &[Column],
    file: File,
) -> Result<u64, Why> {
    let mut parquet = ParquetFile::create(file, table, columns).map_err(Why::Form)?;
    let count = each_row(rows, table, columns, |cells| parquet.push(cells).map_err(Why::Form))?;
    parquet.finish().map_err(Why::Form)?;
    Ok(count)
}
