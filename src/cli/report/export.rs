//! `report export`: every table of every read model as a file, for other tools.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{
    cli::{
        Common, asked,
        failure::{Code, Failure},
        source::Data,
    },
    reports::{ExportError, ExportForm, Exported, Reports},
};

/// Arguments of `report export`.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// Write Parquet files; with --csv instead, CSV files
    #[arg(long, conflicts_with = "csv", required_unless_present = "csv")]
    parquet: bool,
    /// Directory for the files; made if it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    data: Data,
}

impl Export {
    /// Writes the files and lists them.
    pub fn run(self, common: &Common) -> anyhow::Result<()> {
        let form = if self.parquet { ExportForm::Parquet } else { ExportForm::Csv };
        let log = self.data.open()?;
        asked::bring_up(&log, &self.data.dir)?;
        let mut files: Vec<Exported> = Vec::new();
        let written = Reports::open(&self.data.dir).export(&self.out, form, |file| {
            files.push(file);
        });
        written.map_err(|error: ExportError| Failure::new(Code::Failed, error.to_string()))?;
        // The list is for people: with --csv it is the files that are CSV.
        let common = Common { csv: false, ..common.clone() };
        common.show_rows(
            || {
                let files =
                    files.iter().map(|file| json!({ "file": file.file, "rows": file.rows }));
                json!({ "out": self.out.display().to_string(), "files": files.collect::<Value>() })
            },
            ["FILE", "ROWS"],
            &["ROWS"],
            || files.iter().map(|file| [file.file.clone(), file.rows.to_string()]).collect(),
        )?;
        Ok(())
    }
}
