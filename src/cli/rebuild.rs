//! `doorbuster rebuild`: read models from zero, to replace those in use or to compare with them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Common,
    failure::{Code, Failure},
    log::{Data, unreadable},
    output::{progress_bar, table},
};
use crate::{
    clock::WallClock,
    events::{Position, Recorded},
    projections::{self, RebuildError},
    store::{
        EventStore, ReadError,
        embedded::{EmbeddedStore, LogReader},
    },
};

/// Events read at once.
const PAGE: usize = 1_000;

/// Arguments of `rebuild`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only compare a rebuild with the read models in use; may run beside a server
    #[arg(long)]
    compare: bool,
    #[command(flatten)]
    data: Data,
}

/// Runs `rebuild`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let reader = args.data.open()?;
    let bar = progress_bar(common);
    bar.set_length(reader.head().map_err(|error| unreadable(&error))?.0);
    let page = |after: Position| page(&reader, after);
    if args.compare {
        let verdicts = projections::compare(&args.data.dir, page, |progress| {
            bar.set_position(progress.position.0);
        });
        bar.finish_and_clear();
        return show_verdicts(common, &verdicts.map_err(failed)?);
    }
    // Held open so that no server uses the read models that are being replaced.
    let store = EmbeddedStore::open(&args.data.dir, Arc::new(WallClock)).map_err(|error| {
        let message = format!("{error}\nto check the read models beside a server: --compare");
        Failure::new(Code::Failed, message)
    })?;
    let reached = projections::rebuild(&args.data.dir, page, |progress| {
        bar.set_position(progress.position.0);
    });
    bar.finish_and_clear();
    store.close();
    let reached = reached.map_err(failed)?;
    common.show(
        || json!({ "events": reached.events, "position": reached.position }),
        || format!("rebuilt from {} events up to position {}", reached.events, reached.position),
    )?;
    Ok(())
}

fn page(reader: &LogReader, after: Position) -> Result<Vec<Recorded>, ReadError> {
    reader.read_all(after, PAGE)
}

fn failed(error: RebuildError<ReadError>) -> Failure {
    match error {
        RebuildError::Log(error) => unreadable(&error),
        RebuildError::Decode(error) => Failure::new(Code::Integrity, error.to_string()),
        RebuildError::Projection(_) | RebuildError::Files(_) => {
            Failure::new(Code::Failed, error.to_string())
        }
    }
}

fn show_verdicts(common: &Common, verdicts: &[(&'static str, bool)]) -> anyhow::Result<()> {
    common.show(
        || {
            let each = verdicts.iter();
            each.map(|(name, equal)| json!({ "read_model": name, "equal": equal }))
                .collect::<Value>()
        },
        || {
            let word = |equal| if equal { "equal" } else { "DIFFERS" };
            let rows =
                verdicts.iter().map(|(name, equal)| [(*name).to_owned(), word(*equal).to_owned()]);
            table(["READ MODEL", "REBUILD"], &[], rows.collect())
        },
    )?;
    let different = verdicts.iter().filter(|(_, equal)| !equal).count();
    if different == 0 {
        return Ok(());
    }
    let message = format!("{different} read models differ from their rebuild");
    Err(Failure::new(Code::Integrity, message).into())
}
