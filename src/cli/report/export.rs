//! `report export`: every table of every read model as a file, or with `--bi` flat tables for analysts.

use std::{fs, io, path::PathBuf, thread, time::Duration};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
        models::{Models, Scratch},
        output::LogBar,
        rows::Column::{self, Number, Text},
        signals,
        source::{Data, OpenLog},
    },
    projections::catalog,
    reports::{Bi, BiFile, CsvManner, ExportFormat, Exported, ReportError, Reports},
    store::ReadError,
    values::count_of,
    whole_file::DirectoryDraft,
};

/// How often the read models of a running server are looked at until one has caught up with another,
/// and the pause between.
const LOOKS: usize = 250;
const PAUSE: Duration = Duration::from_millis(20);

/// Arguments of `report export`. Not `--csv` of the other reports: that is an answer on stdout.
#[derive(Debug, clap::Args)]
pub struct Export {
    /// Write Parquet files; without it CSV
    #[arg(long)]
    parquet: bool,
    /// Write flat tables for analysts, with names, timestamps and states as words, instead of the tables
    /// of the read models: docs/bi.md
    #[arg(long)]
    bi: bool,
    /// Directory to write into; it is made, and files of earlier exports are replaced. With --bi it must
    /// be new or empty
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

const BI_COLUMNS: &[Column<(PathBuf, BiFile)>] = &[
    Text("TABLE", |(_, file)| file.table.into()),
    Number("ROWS", |(_, file)| count_of(file.rows).into()),
    Number("POSITION", |(_, file)| count_of(file.position.0).into()),
    Text("FILE", |(path, _)| path.display().to_string().into()),
];

impl Export {
    /// Writes the files and says which.
    pub fn run(self, common: &Common, manner: CsvManner) -> anyhow::Result<()> {
        if self.parquet && (common.csv.is_some() || manner != CsvManner::default()) {
            let problem = "--parquet cannot be given beside --csv, --csv-raw or --bom";
            return Err(Failure::new(Code::Usage, problem).into());
        }
        let format = if self.parquet { ExportFormat::Parquet } else { ExportFormat::Csv(manner) };
        if self.bi {
            return self.run_bi(common, format);
        }
        let log = self.data.open()?;
        let models = Models::of(&log, &self.data.dir, &self.scratch, common)?;
        fs::create_dir_all(&self.out)
            .with_context(|| format!("--out {} cannot be made", self.out.display()))?;
        signals::leave_no_parts()?;
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

    fn run_bi(self, common: &Common, format: ExportFormat) -> anyhow::Result<()> {
        signals::leave_no_parts()?;
        let unwritten = |error: io::Error| {
            Failure::new(Code::Failed, format!("--out {}: {error}", self.out.display()))
        };
        // Before the read models are brought up to date, which may take a while.
        let into = DirectoryDraft::of(&self.out).map_err(unwritten)?;
        let log = self.data.open()?;
        let models = Models::of(&log, &self.data.dir, &self.scratch, common)?;
        let failed =
            |error: String| Failure::new(Code::Failed, format!("{error}; nothing was written"));
        let bi = moment(&models).map_err(|error| failed(error.to_string()))?;
        let files = export_bi(&bi, &into, format, &log, common).map_err(failed)?;
        into.publish().map_err(unwritten)?;
        let common = &Common { csv: None, ..common.clone() };
        let files: Vec<_> =
            files.into_iter().map(|file| (self.out.join(&file.file), file)).collect();
        common.show_rows(
            || json!({ "files": files.iter().map(bi_file).collect::<Value>() }),
            BI_COLUMNS,
            &files,
        )?;
        Ok(())
    }
}

/// A moment of the read models in which every name that rows are joined with is there.
fn moment(models: &Models) -> Result<Bi, ReportError> {
    let reports = Reports::open(models.directory());
    for _ in 0..LOOKS {
        let bi = reports.bi()?;
        if bi.is_joinable() {
            return Ok(bi);
        }
        thread::sleep(PAUSE);
    }
    Err(ReportError::NotReady(catalog::NAME))
}

fn export_bi(
    bi: &Bi,
    into: &DirectoryDraft,
    format: ExportFormat,
    log: &OpenLog,
    common: &Common,
) -> Result<Vec<BiFile>, String> {
    let head = log.head().map_err(|error| error.to_string())?;
    let bar = LogBar::new(common, head);
    let mut events = 0;
    let exported = bi.export(into, format, |after| {
        let page = log.page(after)?;
        events += page.len() as u64;
        bar.reached_by("order events: ", after, events);
        Ok::<_, ReadError>(page)
    });
    bar.finish();
    exported.map_err(|error| error.to_string())
}

fn bi_file((path, file): &(PathBuf, BiFile)) -> Value {
    let BiFile { table, rows, position, .. } = file;
    json!({ "table": table, "rows": rows, "position": position.0, "path": path.display().to_string() })
}

fn file(file: &Exported) -> Value {
    let Exported { path, read_model, table, rows } = file;
    json!({ "read_model": read_model, "table": table, "rows": rows, "path": path.display().to_string() })
}
