//! `report post-mortem`: the post-mortem of a sale as HTML, Markdown and CSV.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use audit::Proof;
use serde_json::{Value, json};

use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
        models::{Models, Scratch},
        signals,
        source::Data,
        verify,
        whose::TheSale,
    },
    clock::{Clock as _, WallClock},
    pages::{
        CHART_FILES, Clock, Lang, PageFile, PostMortem, ProofFacts, Style, files, findings,
        unfinished,
    },
    reports::{CsvManner, ReportError, Reports},
    whole_file::{self, Draft},
};

/// The file that says that a directory is one of ours.
const PAGE: &str = "post-mortem.html";

/// Arguments of `report post-mortem`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    sale: TheSale,
    /// Directory to write into: new, empty, or written by this command before
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Language of the page: en or zh
    #[arg(long, value_name = "LANG", default_value = "en")]
    lang: String,
    /// Show times with this offset from UTC, for example +08:00 [default: UTC]
    #[arg(long, value_name = "OFFSET", allow_hyphen_values = true)]
    utc_offset: Option<String>,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    scratch: Scratch,
}

impl Args {
    /// Asks, verifies and writes.
    pub fn run(self, common: &Common, manner: CsvManner) -> anyhow::Result<()> {
        let sale_id = self.sale.id()?;
        let lang = Lang::parse("--lang", &self.lang)?;
        let clock = match &self.utc_offset {
            Some(offset) => Clock::parse("--utc-offset", offset)?,
            None => Clock::default(),
        };
        check_free(&self.out)?;
        let log = self.data.open()?;
        let models = Models::of(&log, &self.data.dir, &self.scratch, common)?;
        if !models.alone {
            common.note(format_args!(
                "a server uses this directory: its read models are queried as they are"
            ));
        }
        drop(log);
        let proof = verify::verify(&self.data, common)?;
        signals::leave_no_parts()?;
        let reports = Reports::open(models.directory());
        let facts = PostMortem::of(&reports, sale_id, Some(proof_facts(&proof)), WallClock.now())
            .map_err(|error| unanswered(&error))?;
        let style = Style { lang, clock };
        let written = write(&self.out, &files(&facts, style, manner))?;
        let unfinished = unfinished(&facts, style);
        let mattered = findings(&facts, lang);
        common.show(
            || {
                let mattered = mattered.iter();
                json!({
                    "sale_id": sale_id.to_string(),
                    "position": facts.position,
                    "over": unfinished.is_none(),
                    "unfinished": unfinished,
                    "page": written.first(),
                    "files": written,
                    "mattered": mattered
                        .map(|(says, more)| json!({ "says": says, "more": more }))
                        .collect::<Value>(),
                    "ok": proof.ok(),
                })
            },
            || {
                let mattered = mattered.iter().enumerate();
                let lines = mattered
                    .map(|(place, (says, more))| format!("{}. {says}\n   {more}\n", place + 1));
                let page = written.first().cloned().unwrap_or_default();
                let top = unfinished.as_ref().map(|says| format!("{says}\n")).unwrap_or_default();
                format!("{top}{}\n{page}", lines.collect::<String>())
            },
        )?;
        if proof.ok() { Ok(()) } else { Err(verify::unsound().into()) }
    }
}

fn unanswered(error: &ReportError) -> Failure {
    let code = match error {
        ReportError::Invalid(_) | ReportError::NotFound(_) => Code::Usage,
        ReportError::NotReady(_) | ReportError::Unreadable(_) | ReportError::Stopped => {
            Code::Failed
        }
    };
    let message = match error {
        ReportError::NotFound(_) => "there is no such sale in this log".to_owned(),
        other => other.to_string(),
    };
    Failure::new(code, message)
}

fn proof_facts(proof: &Proof) -> ProofFacts {
    ProofFacts {
        events: proof.events,
        items: proof.items,
        orders: proof.orders,
        chained: proof.chained,
        chains: proof.chains,
        problems: proof.findings.iter().map(ToString::to_string).collect(),
        more_problems: proof.more_findings,
    }
}

/// Refuses a directory with foreign files.
fn check_free(out: &Path) -> anyhow::Result<()> {
    let wrong = |why: String| Failure::new(Code::Usage, format!("--out {}: {why}", out.display()));
    let mut entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(wrong(error.to_string()).into()),
    };
    if entries.next().is_some() && !out.join(PAGE).is_file() {
        let why = "has files in it, but no page of an earlier post-mortem";
        return Err(wrong(why.to_owned()).into());
    }
    Ok(())
}

/// Writes the files and gives their paths. Charts of an earlier page that this one does not have go.
fn write(out: &Path, files: &[PageFile]) -> anyhow::Result<Vec<String>> {
    let charts = out.join("charts");
    fs::create_dir_all(&charts).with_context(|| format!("{} cannot be made", charts.display()))?;
    let (mut written, mut drafts) = (Vec::new(), Vec::new());
    for PageFile { path, text } in files {
        let path = out.join(path);
        let draft = Draft::of(&path).and_then(|mut draft| {
            draft.write_all(text.as_bytes())?;
            draft.finish()
        });
        drafts.push(draft.with_context(|| format!("{} cannot be written", path.display()))?);
        written.push(path.display().to_string());
    }
    whole_file::publish(drafts).with_context(|| format!("{} cannot be written", out.display()))?;
    for name in CHART_FILES {
        let name = format!("charts/{name}.csv");
        let stale = out.join(&name);
        if stale.is_file() && !files.iter().any(|file| file.path == name) {
            fs::remove_file(&stale).with_context(|| stale.display().to_string())?;
        }
    }
    Ok(written)
}
