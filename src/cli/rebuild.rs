//! `doorbuster rebuild`: read models from zero, to replace those in use or to compare with them.

use std::{io::ErrorKind, path::Path};

use serde_json::{Value, json};

use super::{
    Common,
    failure::{Code, Failure},
    models::{Models, Scratch},
    output::{LogBar, table_of},
    rows::Column::{self, Text},
    source::{Data, OpenLog},
};
use crate::{
    projections::{self, Difference, RebuildError, Verdict},
    store::embedded::DirectoryLock,
};

/// Arguments of `rebuild`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only compare a rebuild with the read models in use; may run beside a server
    #[arg(long)]
    compare: bool,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    scratch: Scratch,
}

/// Runs `rebuild`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let log = args.data.open()?;
    log.whole()?;
    if args.compare {
        let verdicts = compare(&log, &args.data.dir, &args.scratch, common)?;
        return show_verdicts(common, &verdicts);
    }
    let head = log.head().map_err(|error| log.unreadable(&error))?;
    let bar = LogBar::new(common, head);
    let progress =
        |progress: projections::Progress| bar.reached(progress.position, progress.events);
    // Held so that no server uses the read models that are being replaced.
    let lock = DirectoryLock::of_directory(&args.data.dir).map_err(|error| {
        let message = format!("{error}\nto check the read models beside a server: --compare");
        Failure::new(Code::Failed, message)
    })?;
    log.mark_read_models(&args.data.dir)?;
    let reached = projections::rebuild(&args.data.dir, |after| log.page(after), progress);
    bar.finish();
    drop(lock);
    let reached = reached.map_err(|error| log.not_rebuilt(error))?;
    common.show(
        || json!({ "events": reached.events, "position": reached.position }),
        || format!("rebuilt from {} events up to position {}", reached.events, reached.position),
    )?;
    Ok(())
}

/// Compares the read models of a directory with their rebuild. Where nothing may be written into it,
/// a copy of them is compared.
pub fn compare(
    log: &OpenLog,
    data: &Path,
    scratch: &Scratch,
    common: &Common,
) -> Result<Vec<Verdict>, Failure> {
    if !data.join(projections::VIEWS).is_dir() {
        let message = format!("there are no read models in {}", data.display());
        return Err(Failure::new(Code::Failed, message));
    }
    let bar = LogBar::new(common, log.head().map_err(|error| log.unreadable(&error))?);
    let compare = |directory: &Path| {
        let progress = |at: projections::Progress| bar.reached(at.position, at.events);
        projections::compare_rows(directory, |after| log.page(after), progress)
    };
    let mut verdicts = compare(data);
    if let Err(RebuildError::Files(error)) = &verdicts
        && matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
    {
        let models = Models::copied(data, scratch, common)?;
        verdicts = compare(models.directory());
    }
    bar.finish();
    verdicts.map_err(|error| log.not_rebuilt(error))
}

/// Shows what a comparison found, and fails where something differs.
pub fn show_verdicts(common: &Common, verdicts: &[Verdict]) -> anyhow::Result<()> {
    common.show(|| verdicts.iter().map(verdict_json).collect(), || verdicts_text(verdicts))?;
    let different = verdicts.iter().filter(|verdict| !verdict.equal).count();
    if different == 0 {
        return Ok(());
    }
    let message = format!("{different} read models differ from their rebuild");
    Err(Failure::new(Code::Integrity, message).into())
}

fn verdict_json(verdict: &Verdict) -> Value {
    let mut json = json!({ "read_model": verdict.read_model, "equal": verdict.equal });
    if let Some(Difference { table, key, in_use, rebuilt }) = &verdict.difference {
        json["difference"] =
            json!({ "table": table, "key": key, "in_use": in_use, "rebuilt": rebuilt });
    }
    json
}

const VERDICTS: &[Column<Verdict>] = &[
    Text("READ MODEL", |verdict| (&verdict.read_model).into()),
    Text("REBUILD", |verdict| if verdict.equal { "equal" } else { "DIFFERS" }.into()),
];

fn verdicts_text(verdicts: &[Verdict]) -> String {
    let mut text = table_of(VERDICTS, verdicts);
    for verdict in verdicts {
        let Some(Difference { table, key, in_use, rebuilt }) = &verdict.difference else {
            continue;
        };
        let side = |row: &Option<String>| row.clone().unwrap_or_else(|| "no such row".to_owned());
        text.push_str(&format!(
            "\nfirst difference in {}: table {table}, {key}\n  in use   {}\n  rebuilt  {}",
            verdict.read_model,
            side(in_use),
            side(rebuilt)
        ));
    }
    text
}
