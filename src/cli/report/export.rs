//! `report export`: every table of every read model as a file.

use std::{fs, path::PathBuf};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
        models::{Models, Scratch},
        rows::Column::{self, Number, Text},
        signals,
        source::Data,
    },
    reports::{CsvManner, ExportFormat, Exported, Reports},
    values::count_of,
};

/// Arguments of `report export`. Not `--csv` of the other reports: that is an answer on stdout.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// Write Parquet files; without it CSV
    #[arg(long)]
    parquet: bool,
    /// Directory to write into; it is made, and files of earlier exports are replaced
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    scratch: Scratch,
}

const COLUMNS: &[Column<Exported>] = &[
    Text("READ MODEL", |file| file.read_model.into()),
    Text("TABLE", |file| (&file.table).into()),
    Number("ROWS", |file| count_of(file.rows).into()),
    Text("FILE", |file| file.path.display().to_string().into()),
];

impl Export {
    /// Writes the files and says which.
    pub fn run(self, common: &Common, manner: CsvManner) -> anyhow::Result<()> {
        if self.parquet && (common.csv.is_some() || manner != CsvManner::default()) {
            let problem = "--parquet cannot be given beside --csv, --csv-raw or --bom";
            return Err(Failure::new(Code::Usage, problem).into());
        }
        let log = self.data.open()?;
        let models = Models::of(&log, &self.data.dir, &self.scratch, common)?;
        fs::create_dir_all(&self.out)
            .with_context(|| format!("--out {} cannot be made", self.out.display()))?;
        signals::leave_no_parts()?;
        let format = if self.parquet { ExportFormat::Parquet } else { ExportFormat::Csv(manner) };
        let files = Reports::open(models.directory())
            .export(&self.out, format)
            .map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
        // Here --csv says what is written, not how it is told.
        let common = &Common { csv: None, ..common.clone() };
        common.show_rows(
            || json!({ "files": files.iter().map(file).collect::<Value>() }),
            COLUMNS,
            &files,
        )?;
        Ok(())
    }
}

fn file(file: &Exported) -> Value {
    let Exported { path, read_model, table, rows } = file;
    json!({ "read_model": read_model, "table": table, "rows": rows, "path": path.display().to_string() })
}
